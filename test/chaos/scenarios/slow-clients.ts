/** Thousands of connections that hardly move, beside a load that does. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fdCount } from '../../support/processes.ts'
import { until } from '../../support/server.ts'
import { percentile } from '../load.ts'
import { proportionalMegabytes } from '../memory.ts'
import type { Scenario } from '../scenario.ts'
import { onStage, type Stage } from '../stage.ts'

const EACH = Number(process.env['CHAOS_SLOW'] ?? 1000)
const KINDS = 4
const QUIET_MS = 4000
/** Longer than --header-timeout: who sends a head too slowly is ended, and comes again. */
const ATTACK_MS = 12_000

export const SLOW_CLIENTS: readonly Scenario[] = [
  {
    name: 'slow-clients',
    fault: 'clients of a byte a second, or of nothing',
    run: report => onStage(report, { interface: 'wsgi', args: ['--header-timeout', '5'] }, attack),
  },
]

interface Slow {
  readonly open: Readonly<Record<string, number>>
  readonly ended: number
  readonly refused: number
}

const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

async function attack(stage: Stage): Promise<void> {
  const { server, load, report } = stage
  const gateway = server.gateway().pid
  load.forgetTimes()
  report.progress('quiet')
  await sleep(QUIET_MS)
  const quiet = percentile(load.times, 0.99)
  const memory = proportionalMegabytes([gateway])
  const slow = new SlowClients(server.port)
  try {
    await until(
      () => slow.total >= EACH * KINDS * 0.9,
      () => `only ${JSON.stringify(slow.state)} slow clients are connected`,
      30_000,
    )
    load.forgetTimes()
    report.progress('under attack')
    await sleep(ATTACK_MS / 2)
    const held = fdCount(gateway)
    await sleep(ATTACK_MS / 2)
    report.injectedAs(Math.min(held, slow.total), EACH * KINDS * 0.9, 'descriptors of the gateway')
    const p99 = percentile(load.times, 0.99)
    report.note(
      `good clients' p99 ${quiet.toFixed(1)} ms before, ${p99.toFixed(1)} ms with ${slow.total} slow clients;` +
        ` gateway ${memory.toFixed(0)} MB before, ${proportionalMegabytes([gateway]).toFixed(0)} MB;` +
        ` ${slow.state.ended} slow connections were ended meanwhile`,
    )
    report.expect(slow.state.ended > 0, 'no head of a byte a second was ended by --header-timeout')
  } finally {
    await slow.end()
  }
}

class SlowClients {
  state: Slow = { open: {}, ended: 0, refused: 0 }
  readonly #process: ChildProcess

  constructor(port: number) {
    const program = join(import.meta.dirname, '../slow.ts')
    this.#process = spawn(process.execPath, [program, String(port), String(EACH)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    createInterface(this.#process.stdout!).on('line', line => {
      this.state = JSON.parse(line) as Slow
    })
  }

  get total(): number {
    return Object.values(this.state.open).reduce((sum, one) => sum + one, 0)
  }

  async end(): Promise<void> {
    const gone = new Promise(resolve => this.#process.once('exit', resolve))
    this.#process.stdin!.end()
    await gone
  }
}
