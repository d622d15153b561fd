/** New code, broken code, and planned replacement of workers. */
import { fdCount } from '../../support/processes.ts'
import { until } from '../../support/server.ts'
import { proportionalMegabytes } from '../memory.ts'
import type { Report, Scenario } from '../scenario.ts'
import { type Interface, KINDS_WITH_STREAMS, onStage, type Stage } from '../stage.ts'

export const RELOADS = Number(process.env['CHAOS_RELOADS'] ?? 50)
const UPGRADES = Number(process.env['CHAOS_UPGRADES'] ?? 20)
const RECYCLED = 20
/** Descriptors come and go with requests; a leak of one for each reload is more. */
const FD_SLACK = 8

const BROKEN = {
  ImportError: 'import nowhere_to_be_found\n',
  SyntaxError: 'def application(:\n',
  'os._exit': 'import os\nos._exit(9)\n',
} as const

const INTERFACES: readonly Interface[] = ['wsgi', 'asgi']
const load = { kinds: KINDS_WITH_STREAMS }

export const DEPLOYS: readonly Scenario[] = [
  ...INTERFACES.map(kind => ({
    name: `reload-${kind}`,
    fault: `reloads in a row (${kind.toUpperCase()})`,
    run: (report: Report) => onStage(report, { interface: kind, load }, reload),
  })),
  ...INTERFACES.map(kind => ({
    name: `broken-reload-${kind}`,
    fault: `reloads of code that does not load (${kind.toUpperCase()})`,
    run: (report: Report) => onStage(report, { interface: kind, load }, reloadBroken),
  })),
  {
    name: 'upgrade',
    fault: 'upgrades in a row (WSGI)',
    run: report => onStage(report, { interface: 'wsgi', load }, upgrade),
  },
  {
    name: 'broken-upgrade',
    fault: 'upgrades to a program that does not come up (ASGI)',
    run: report => onStage(report, { interface: 'asgi', load }, upgradeBroken),
  },
  ...INTERFACES.map(kind => ({
    name: `recycle-${kind}`,
    fault: `workers recycled by --max-requests (${kind.toUpperCase()})`,
    run: (report: Report) => onStage(report, { interface: kind, args: ['--max-requests', '100'], load }, recycle),
  })),
]

async function reload(stage: Stage): Promise<void> {
  const { server, report } = stage
  const fixed = [server.pid, server.gateway().pid]
  const fds = fixed.map(fdCount)
  const before = proportionalMegabytes(fixed)
  for (let i = 1; i <= RELOADS; i++) {
    report.progress(`reload ${i} of ${RELOADS}`)
    stage.writeApplication(source => source.replace('MARK = "first"', `MARK = "reload ${i}"`))
    server.signal('SIGHUP')
    await server.waitForLog(new RegExp(`generation ${i + 1} serves`))
    await untilCode(stage, `reload ${i}`)
  }
  await stage.untilServing()
  await until(
    () => server.workers().length === 2,
    () => `${server.workers().length} workers are left`,
  )
  const after = fixed.map(fdCount)
  for (const [index, name] of ['master', 'gateway'].entries())
    report.expect(
      after[index]! <= fds[index]! + FD_SLACK,
      `descriptors of the ${name} grew from ${fds[index]} to ${after[index]}`,
    )
  report.note(
    `master and gateway: ${fds.join(' and ')} descriptors before, ${after.join(' and ')} after;` +
      ` ${before.toFixed(0)} MB before, ${proportionalMegabytes(fixed).toFixed(0)} MB after`,
  )
  report.injectedAs(stage.logged(/generation \d+ serves; older workers/), RELOADS, 'lines of the log')
}

async function upgrade(stage: Stage): Promise<void> {
  const { server, report } = stage
  const fds = fdCount(server.pid) + fdCount(server.gateway().pid)
  for (let i = 1; i <= UPGRADES; i++) {
    report.progress(`upgrade ${i} of ${UPGRADES}`)
    stage.writeApplication(source => source.replace('MARK = "first"', `MARK = "upgrade ${i}"`))
    await upgradeTo(stage, `upgrade ${i}`)
  }
  await stage.untilServing()
  await until(
    () => server.workers().length === 2 && server.processes().length === 5,
    () => `processes of old programs are left: ${JSON.stringify(server.processes())}`,
  )
  const after = fdCount(server.pid) + fdCount(server.gateway().pid)
  report.expect(after <= fds + FD_SLACK, `descriptors of master and gateway grew from ${fds} to ${after}`)
  report.injectedAs(stage.logged(/ upgrade: process \d+ has taken over/), UPGRADES, 'lines of the log')
}

async function upgradeBroken(stage: Stage): Promise<void> {
  const { server, report } = stage
  for (const [name, source] of Object.entries(BROKEN)) {
    report.progress(name)
    stage.writeApplication(() => source)
    const from = server.log.length
    server.signal('SIGUSR2')
    await server.waitForLog(/the upgrade to process \d+ is given up/, from)
    await stage.untilServing()
  }
  report.injectedAs(
    stage.logged(/the upgrade to process \d+ is given up/),
    Object.keys(BROKEN).length,
    'lines of the log',
  )
  stage.writeApplication(source => source.replace('"first"', '"mended"'))
  await upgradeTo(stage, 'mended')
}

/** The application has this mark by now. */
async function upgradeTo(stage: Stage, mark: string): Promise<void> {
  const { server } = stage
  const from = server.log.length
  server.signal('SIGUSR2')
  await server.upgraded(from)
  await untilCode(stage, mark)
}

async function reloadBroken(stage: Stage): Promise<void> {
  const { server, report } = stage
  for (const [name, source] of Object.entries(BROKEN)) {
    report.progress(name)
    stage.writeApplication(() => source)
    const from = server.log.length
    server.signal('SIGHUP')
    await server.waitForLog(/is given up, generation 1 serves on/, from)
    const said = server.log.slice(from).join('\n')
    const reason = name === 'os._exit' ? 'exited with code 9' : name
    report.expect(
      said.includes(reason) || said.includes('ModuleNotFoundError'),
      `the log does not say ${reason}:\n${said}`,
    )
    await stage.untilServing()
  }
  const broken = Object.keys(BROKEN).length
  report.injectedAs(stage.logged(/is given up, generation 1 serves on/), broken, 'lines of the log')
  stage.writeApplication(source => source.replace('"first"', '"mended"'))
  server.signal('SIGHUP')
  await server.waitForLog(new RegExp(`generation ${broken + 2} serves`))
  await untilCode(stage, 'mended')
}

/** While all slots of the new workers are busy, old ones that have not been told to leave yet may still answer. */
async function untilCode(stage: Stage, wanted: string): Promise<void> {
  let mark = ''
  for (let i = 0; i < 100 && mark !== wanted; i++) mark = await stage.get('/mark')
  stage.report.expect(mark === wanted, `the code '${wanted}' does not answer, but '${mark}'`)
}

async function recycle(stage: Stage): Promise<void> {
  const { server, report } = stage
  let fewest = server.workers().length
  await until(
    () => {
      const recycled = stage.logged(/is recycled/)
      report.progress(`${recycled} of ${RECYCLED}`)
      fewest = Math.min(fewest, server.workers().length)
      return recycled >= RECYCLED
    },
    () => `only ${stage.logged(/is recycled/)} workers were recycled`,
    60_000,
  )
  report.expect(fewest >= 2, `there were ${fewest} workers at a time, and 2 are wanted`)
  report.injectedAs(stage.logged(/is recycled/), RECYCLED, 'lines of the log')
}
