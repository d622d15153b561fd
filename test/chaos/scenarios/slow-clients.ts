/** Thousands of connections that hardly move, beside a load that does. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectionLimit } from '../../../src/config/defaults.ts'
import { fdCount } from '../../support/processes.ts'
import { until } from '../../support/server.ts'
import type { Target } from '../../support/target.ts'
import { percentile } from '../load.ts'
import { proportionalMegabytes } from '../memory.ts'
import { type Scenario, Skip } from '../scenario.ts'
import { onStage, type Stage } from '../stage.ts'
import { waitedNanoseconds } from '../waiting.ts'

const EACH = Number(process.env['CHAOS_SLOW'] ?? 1250)
const TOTAL = EACH * 4
/** Quiet and attacked in turn, because a machine changes over time. */
const ROUNDS = 3
const MEASURED_MS = 5000
/** The gateway closes thousands of connections at once when an attack ends. */
const SETTLE_MS = 1000
/** Beside those of the slow clients. */
const OTHER_CONNECTIONS = 100

/** Share of the time. Where the gateway waits no longer for a core, the machine counts as free for it. */
const CALM = 0.05

/** Requests that cost little, so that the load itself makes nobody wait. */
const LOAD = { connections: 8, kinds: ['get', 'post', 'wait'], pauseMs: 20 } as const

export const SLOW_CLIENTS: readonly Scenario[] = [
  {
    name: 'slow-clients',
    fault: 'clients of a byte a second, or of nothing',
    async run(report) {
      const room = connectionLimit('/proc/self/limits', 4, 1)
      if (room < TOTAL + OTHER_CONNECTIONS)
        throw new Skip(`the limit on open files leaves room for ${room} connections, not for ${TOTAL} (ulimit -n)`)
      // All come from one address. A connection that sends its head too slowly is closed, and made anew.
      const perAddress = String(TOTAL + OTHER_CONNECTIONS)
      const args = ['--header-timeout', '5', '--limit-connections-per-address', perAddress]
      await onStage(report, { interface: 'wsgi', args, load: LOAD }, attacks)
    },
  },
]

interface Slow {
  readonly open: Readonly<Record<string, number>>
  readonly ended: number
  readonly refused: number
}

interface Measured {
  /** 99 % of the good clients' requests took less, milliseconds. */
  readonly p99: number
  /** Of the time, in which the gateway had something to do and no core to do it on. */
  readonly waited: number
  /** Of the gateway. */
  readonly megabytes: number
}

const median = (values: readonly number[]) => percentile(values, 0.5)

async function attacks(stage: Stage): Promise<void> {
  const { report } = stage
  const [quiet, attacked]: [Measured[], Measured[]] = [[], []]
  for (let round = 1; round <= ROUNDS; round++) {
    report.progress(`quiet ${round}`)
    // wait: what an attack leaves behind must not be measured
    await sleep(SETTLE_MS)
    quiet.push(await measure(stage))
    report.progress(`attack ${round}`)
    attacked.push(await attack(stage))
  }
  const p99 = (rounds: readonly Measured[]) => median(rounds.map(one => one.p99))
  const waited = median(quiet.map(one => one.waited))
  report.note(`good clients alone: ${describe(quiet)}; beside ${TOTAL} slow ones: ${describe(attacked)}`)
  const isJudged = waited < CALM
  const most = Math.max(...attacked.map(one => one.megabytes))
  report.note(`gateway ${quiet[0]!.megabytes.toFixed(0)} MB before, ${most.toFixed(0)} MB at most`)
  report.note(`medians of ${ROUNDS} rounds${isJudged ? '' : '; not judged, for others use the cores of this machine'}`)
  report.expect(!isJudged || p99(attacked) <= p99(quiet) * 2, 'p99 is more than twice the quiet one')
}

function describe(rounds: readonly Measured[]): string {
  const p99s = rounds.map(one => one.p99)
  const waited = median(rounds.map(one => one.waited)) * 100
  const all = p99s.map(one => one.toFixed(1)).join(', ')
  return `p99 ${median(p99s).toFixed(1)} ms (${all}), the gateway ${waited.toFixed(0)} % of the time without a core`
}

async function measure({ load, server }: Stage): Promise<Measured> {
  const { pid } = server.gateway()
  load.forgetTimes()
  const before = waitedNanoseconds(pid)
  // wait: the time in which is measured
  await sleep(MEASURED_MS)
  const p99 = percentile(load.times, 0.99)
  const waited = (waitedNanoseconds(pid) - before) / (MEASURED_MS * 1e6)
  return { p99, waited, megabytes: proportionalMegabytes([pid]) }
}

async function attack(stage: Stage): Promise<Measured> {
  const { server, report } = stage
  const slow = new SlowClients(server.target)
  try {
    await until(
      () => slow.total >= TOTAL * 0.9,
      () => `only ${JSON.stringify(slow.state)} slow clients are connected`,
      60_000,
    )
    const measured = await measure(stage)
    report.injectedAs(Math.min(fdCount(server.gateway().pid), slow.total), TOTAL * 0.9, 'descriptors of the gateway')
    report.expect(slow.state.ended > 0, 'no head of a byte a second was ended by --header-timeout')
    report.expect(slow.state.refused === 0, `${slow.state.refused} slow clients were refused`)
    return measured
  } finally {
    await slow.end()
  }
}

class SlowClients {
  state: Slow = { open: {}, ended: 0, refused: 0 }
  readonly #process: ChildProcess

  constructor(target: Target) {
    const program = join(import.meta.dirname, '../slow.ts')
    this.#process = spawn(process.execPath, [program, JSON.stringify(target), String(EACH)], {
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
