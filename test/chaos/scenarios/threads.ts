/** Threads of the gateway that die, in each of the ways that leave the process alive. Only with `--gateway-threads`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ThreadFaults } from '../../support/faults.ts'
import { type Report, type Scenario, Skip } from '../scenario.ts'
import { gatewayThreads, type Interface, onStage, type Stage, settle } from '../stage.ts'

const INTERFACES: readonly Interface[] = ['wsgi', 'asgi']
const KINDS = ['error', 'exit', 'heap'] as const
/** Each thread, by each kind, twice. */
const TIMES = 2

export const THREADS: readonly Scenario[] = INTERFACES.map(kind => ({
  name: `threads-${kind}`,
  fault: `a thread of the gateway dies (${kind.toUpperCase()})`,
  run: (report: Report) => withFaults(report, kind),
}))

async function withFaults(report: Report, kind: Interface): Promise<void> {
  const threads = gatewayThreads()
  if (threads < 2) throw new Skip('the gateway has one thread: give --gateway-threads 2')
  const directory = mkdtempSync(join(tmpdir(), 'jumak-chaos-faults-'))
  try {
    const faults = new ThreadFaults(directory)
    await onStage(report, { interface: kind, env: faults.env }, stage => killThreads(stage, faults, threads))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function killThreads(stage: Stage, faults: ThreadFaults, threads: number): Promise<void> {
  const { server, report, load } = stage
  const { pid } = server.gateway()
  const wanted = KINDS.length * TIMES * threads
  let cut = 0
  let injected = 0
  for (const kind of KINDS) {
    for (let i = 0; i < TIMES * threads; i++) {
      report.progress(`thread ${++injected} of ${wanted}`)
      const index = i % threads
      const [ups, before, from] = [faults.ups(index), load.counts.cut, server.log.length]
      load.gatewayDies()
      await faults.inject(index, kind)
      const death = await server.waitForLog(/thread \d+ of the gateway has died, and another takes its place/, from)
      await stage.untilServing()
      load.gatewayLives()
      const ofThread = Number(/; (\d+) connections were cut/.exec(death)?.[1])
      const seen = load.counts.cut - before
      report.expect(seen <= ofThread, `${seen} requests were cut, and the thread had ${ofThread} connections`)
      cut += ofThread
      // Deaths that come faster than the back-off make the successor late.
      await faults.up(index, ups + 1)
      await settle()
    }
  }
  const deaths = stage.logged(/thread \d+ of the gateway has died/)
  report.injectedAs(deaths, wanted, 'lines of the log')
  report.expect(deaths === wanted, `${deaths} threads have died, not ${wanted}`)
  report.expect(cut > 0, 'no thread had a connection')
  report.expect(server.gateway().pid === pid, 'the process died with a thread')
}
