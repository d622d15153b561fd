/** Processes that die, one kind after the other. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getOnce, RawClient } from '../../support/raw-client.ts'
import { until } from '../../support/server.ts'
import type { Report, Scenario } from '../scenario.ts'
import { type Interface, onStage, type Stage, settle } from '../stage.ts'

const INTERFACES: readonly Interface[] = ['wsgi', 'asgi']

export const CRASHES: readonly Scenario[] = [
  ...INTERFACES.map(kind => ({
    name: `worker-kill-${kind}`,
    fault: `a worker is killed (${kind.toUpperCase()})`,
    run: (report: Report) => onStage(report, { interface: kind, load: { mayFail: true } }, killWorkers),
  })),
  ...INTERFACES.map(kind => ({
    name: `worker-exit-${kind}`,
    fault: `a view ends its worker (${kind.toUpperCase()})`,
    run: (report: Report) => onStage(report, { interface: kind, load: { mayFail: true } }, exitInView),
  })),
  ...INTERFACES.map(kind => ({
    name: `gateway-kill-${kind}`,
    fault: `the gateway is killed (${kind.toUpperCase()})`,
    run: (report: Report) => onStage(report, { interface: kind }, killGateway),
  })),
  ...INTERFACES.map(kind => ({
    name: `preloader-kill-${kind}`,
    fault: `the preloader is killed (${kind.toUpperCase()})`,
    run: (report: Report) => onStage(report, { interface: kind }, killPreloader),
  })),
  { name: 'master-kill', fault: 'the master is killed; the next start is clean', run: killMaster },
  {
    name: 'stuck-wsgi',
    fault: 'a view never ends (WSGI, --timeout 1)',
    run: report => onStage(report, { interface: 'wsgi', args: ['--timeout', '1'] }, stage => stuck(stage, '/stuck')),
  },
  {
    name: 'stuck-asgi',
    fault: 'a view never ends (ASGI, --timeout 1)',
    run: report => onStage(report, { interface: 'asgi', args: ['--timeout', '1'] }, stage => stuck(stage, '/stuck')),
  },
  {
    name: 'blocked-asgi',
    fault: 'a view blocks the event loop (ASGI, --timeout 1)',
    run: report =>
      onStage(
        report,
        // Whatever is on that loop meets its deadline together with the view.
        {
          interface: 'asgi',
          args: ['--timeout', '1'],
          load: { mayFail: true, isFailure: ({ status }) => status === 504 },
        },
        blockEventLoop,
      ),
  },
]

async function killWorkers(stage: Stage): Promise<void> {
  const { server, report } = stage
  const times = 8
  for (let i = 1; i <= times; i++) {
    report.progress(`worker ${i} of ${times}`)
    const [victim] = server.workers()
    process.kill(victim!.pid, 'SIGKILL')
    await server.waitForLog(new RegExp(`\\(process ${victim!.pid}\\) was killed by SIGKILL`))
    await settle()
    await stage.untilServing()
  }
  report.injectedAs(stage.logged(/worker \d+ .*was killed by SIGKILL/), times, 'lines of the log')
}

async function exitInView(stage: Stage): Promise<void> {
  const { server, report } = stage
  // A GET is repeated once, so it costs two workers; the next one of its like is not, nor is a POST.
  const methods = ['GET', 'GET', 'POST', 'POST'] as const
  for (const method of methods) {
    report.progress(`${method} /exit`)
    const client = new RawClient(server.target)
    client.send(`${method} /exit/${method} HTTP/1.1\r\nHost: chaos\r\nContent-Length: 0\r\n\r\n`)
    const { status } = await client.response()
    client.close()
    report.expect(status === 502, `${method} /exit was answered ${status}, not 502`)
    await settle()
    await stage.untilServing()
  }
  const seen = stage.logged(/worker \d+ .*exited with code 17/)
  report.injectedAs(seen, 5, 'lines of the log')
  report.expect(seen === 5, `${seen} workers ended, not 5: a request was repeated too often, or not at all`)
  const named = stage.logged(/GET \/exit\/GET .*has cost 2 workers/)
  report.expect(named === 1, `the log names the culprit ${named} times, not once`)
}

async function killGateway(stage: Stage): Promise<void> {
  const { server, report, load } = stage
  const times = 3
  for (let i = 1; i <= times; i++) {
    report.progress(`gateway ${i} of ${times}`)
    const victim = server.gateway().pid
    // It tells the master twice a second how many requests it has.
    await settle()
    load.gatewayDies()
    process.kill(victim, 'SIGKILL')
    // Opened while nobody accepts: they wait in the kernel for the successor.
    const waiting = await Promise.all(Array.from({ length: 10 }, () => getOnce(server.target, '/get/waiting')))
    report.expect(
      waiting.every(({ status }) => status === 200),
      'a connection that waited in the kernel was not answered',
    )
    await stage.untilServing(500)
    report.expect(server.gateway().pid !== victim, 'the gateway is the same process')
  }
  report.injectedAs(stage.logged(/the gateway was killed by SIGKILL/), times, 'lines of the log')
  report.expect(
    stage.logged(/about \d+ requests? in flight are cut/) > 0,
    'the log does not say how many requests were cut',
  )
}

async function killPreloader(stage: Stage): Promise<void> {
  const { server, report } = stage
  const times = 3
  for (let i = 1; i <= times; i++) {
    report.progress(`preloader ${i} of ${times}`)
    process.kill(server.preloader().pid, 'SIGKILL')
    await server.waitForLog(new RegExp(`generation ${i + 1} serves`))
    await stage.untilServing()
    await until(
      () => server.workers().length === 2,
      () => `${server.workers().length} workers`,
    )
  }
  report.injectedAs(stage.logged(/the preloader of generation \d+ was killed by SIGKILL/), times, 'lines of the log')
}

/** What runs is answered, nothing stays behind, and another start in the same place sweeps what is left of the first. */
async function killMaster(report: Report): Promise<void> {
  const shared = mkdtempSync(join(tmpdir(), 'jt-shared-'))
  try {
    for (const kind of INTERFACES) {
      for (const round of [1, 2]) {
        report.progress(`${kind}, master ${round}`)
        const options = { interface: kind, env: { TMPDIR: shared } }
        await onStage(report, options, killMasterOnce)
      }
    }
    await onStage(report, { interface: 'wsgi', env: { TMPDIR: shared } }, stage => stage.untilServing())
    const left = readdirSync(shared).filter(name => name !== 'node-compile-cache')
    report.expect(left.length === 0, `left in the temporary directory: ${left.join(', ')}`)
  } finally {
    rmSync(shared, { recursive: true, force: true })
  }
}

async function killMasterOnce({ server, load, report }: Stage): Promise<void> {
  const finished = load.finish()
  server.signal('SIGKILL')
  await server.waitForExit()
  await finished
  await until(
    () => server.processes().length === 0,
    () => `left running: ${JSON.stringify(server.processes())}`,
    30_000,
  )
  report.injectedAs(server.process.signalCode === 'SIGKILL' ? 1 : 0, 1, 'how the process ended')
}

async function stuck(stage: Stage, path: string): Promise<void> {
  const { server, report } = stage
  const times = 4
  let late = 0
  for (let i = 1; i <= times; i++) {
    report.progress(`view ${i} of ${times}`)
    const { status } = await getOnce(server.target, path)
    if (status === 504) late++
    else report.expect(false, `${path} was answered ${status}, not 504`)
    await settle()
    await stage.untilServing()
  }
  report.injectedAs(late, times, 'answers 504')
  // A task of an event loop can be cancelled; a thread ends with its worker only.
  const wanted = stage.interface === 'wsgi' ? times : 0
  const replaced = stage.logged(/worker \d+ is replaced/)
  report.expect(replaced === wanted, `${replaced} workers were replaced, not ${wanted}`)
}

/** Nothing on that loop can be cancelled or go on: the worker is replaced. */
async function blockEventLoop(stage: Stage): Promise<void> {
  const { server, report } = stage
  const times = 2
  for (let i = 1; i <= times; i++) {
    report.progress(`event loop ${i} of ${times}`)
    const from = server.log.length
    const { status } = await getOnce(server.target, '/block')
    report.expect(status === 504, `/block was answered ${status}, not 504`)
    await server.waitForLog(/worker \d+ is replaced/, from)
    await stage.untilServing()
  }
  report.injectedAs(stage.logged(/worker \d+ is replaced/), times, 'lines of the log')
}
