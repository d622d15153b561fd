/**
 * Two applications behind one program: one of them crashes, hangs, leaks, is reloaded broken and loses its preloader, the other one is
 * under load. What becomes of each request of the load is counted, as everywhere; and its p99 is compared with that of quiet times in
 * between.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProcessInfo } from '../../support/processes.ts'
import { RawClient } from '../../support/raw-client.ts'
import { type Server, startServer, until } from '../../support/server.ts'
import { Load, percentile } from '../load.ts'
import type { Report, Scenario } from '../scenario.ts'
import type { Interface } from '../stage.ts'
import { waitedNanoseconds } from '../waiting.ts'

const INTERFACES: readonly Interface[] = ['wsgi', 'asgi']
/** Quiet and troubled in turn, because a machine changes over time. */
const ROUNDS = 3
/** Where times are not judged. */
const FEW_ROUNDS = 1
/** A quiet phase takes as long as a troubled one at least. */
const QUIET_MS = 6000
/** Where times are not judged. */
const SHORT_QUIET_MS = 500
const SETTLE_MS = 500
/** The promise: p99 beside trouble, of the quiet p99. */
const MAY_GROW_TO = 1.2
/** Share of the time in which the gateway, or a worker of the quiet application, had no core: from here on the machine decides, not we. */
const CALM = 0.03
/** A core each for the gateway, the worker, the load, and what the other application starts anew. */
const CORES = 4
const LEAK = '100M'
const BROKEN = 'def application(:\n'

export const NEIGHBOURS: readonly Scenario[] = INTERFACES.map(kind => ({
  name: `neighbours-${kind}`,
  fault: `a neighbour crashes, hangs, leaks … (${kind.toUpperCase()})`,
  run: (report: Report) => beside(report, kind),
}))

/** `calm` has the load. `wild` is reached by its host only. */
function tables(): string {
  const app = (name: string, more: string) =>
    `[[app]]\nname = "${name}"\nchdir = "${name}"\napp = "app:application"\nworkers = 2\n${more}\n`
  return app('calm', '') + app('wild', `hosts = ["wild"]\ntimeout = "1s"\nmax-memory = "${LEAK}"\n`)
}

async function beside(report: Report, kind: Interface): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-chaos-'))
  const source = join(import.meta.dirname, `../apps/${kind}.py`)
  try {
    for (const name of ['calm', 'wild']) {
      mkdirSync(join(directory, name))
      cpSync(source, join(directory, name, 'app.py'))
    }
    writeFileSync(join(directory, 'jumak.toml'), tables())
    const server = await startServer({ directory, args: ['--admin-socket', join(directory, 'admin.sock')] })
    try {
      await new Neighbours(directory, server, report).run(readFileSync(source, 'utf8'))
    } finally {
      if (server.exitCode === null) server.process.kill('SIGKILL')
    }
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}

interface Measured {
  /** 99 % of the requests took less, milliseconds. */
  readonly p99: number
  /** Share of the time that gateway and workers of `calm` had something to do and no core: the worst of them. */
  readonly waited: number
}

class Neighbours {
  readonly #directory: string
  readonly #server: Server
  readonly #report: Report
  readonly #load: Load
  readonly #rounds: number

  constructor(directory: string, server: Server, report: Report) {
    this.#directory = directory
    this.#server = server
    this.#report = report
    this.#rounds = report.judgesTimes ? ROUNDS : FEW_ROUNDS
    this.#load = new Load({
      target: server.target,
      connections: 8,
      kinds: ['get', 'post', 'wait', 'upload', 'wait', 'stream'],
      pauseMs: 20,
      keepsAlive: true,
      // Nothing that happens to the other application is a reason.
      mayFail: false,
    })
  }

  async run(source: string): Promise<void> {
    const server = this.#server
    server.acceptAnyLog()
    for (const name of ['calm', 'wild']) await server.waitForLog(new RegExp(`\\b${name}\\b.* ready`))
    const own = [server.gateway(), ...this.#workersOf('calm')].map(({ pid }) => pid)
    const [quiet, troubled]: [Measured[], Measured[]] = [[], []]
    this.#load.start()
    try {
      for (let round = 1; round <= this.#rounds; round++) {
        this.#report.progress(`quiet ${round} of ${this.#rounds}`)
        // wait: what trouble leaves behind must not be measured
        await sleep(SETTLE_MS)
        // wait: the time in which is measured
        quiet.push(await this.#measure(own, () => sleep(this.#report.judgesTimes ? QUIET_MS : SHORT_QUIET_MS)))
        this.#report.progress(`trouble ${round} of ${this.#rounds}`)
        troubled.push(await this.#measure(own, () => this.#makeTrouble(source)))
      }
    } finally {
      await this.#load.finish()
      this.#report.add(this.#load)
    }
    const still = [server.gateway(), ...this.#workersOf('calm')].map(({ pid }) => pid)
    this.#report.expect(String(still) === String(own), `the processes of calm were ${own} and are ${still}`)
    this.#count()
    this.#judge(quiet, troubled)
    await server.stop()
  }

  async #measure(pids: readonly number[], during: () => Promise<unknown>): Promise<Measured> {
    this.#load.forgetTimes()
    const began = performance.now()
    const before = pids.map(waitedNanoseconds)
    await during()
    const elapsed = performance.now() - began
    const waited = pids.map((pid, i) => (waitedNanoseconds(pid) - before[i]!) / (elapsed * 1e6))
    return { p99: percentile(this.#load.times, 0.99), waited: Math.max(...waited) }
  }

  async #makeTrouble(source: string): Promise<void> {
    await this.#crash()
    await this.#hang()
    await this.#leak()
    await this.#reloadBroken(source)
    await this.#losePreloader()
  }

  async #crash(): Promise<void> {
    const from = this.#server.log.length
    const status = await this.#ask('POST', '/exit/wild')
    this.#report.expect(status === 502, `POST /exit was answered ${status}, not 502`)
    process.kill(this.#workersOf('wild')[0]!.pid, 'SIGKILL')
    await this.#server.waitForLog(/wild.*was killed by SIGKILL/, from)
    await this.#untilWildServes()
  }

  async #hang(): Promise<void> {
    const status = await this.#ask('GET', '/stuck/wild')
    this.#report.expect(status === 504, `GET /stuck was answered ${status}, not 504`)
    await this.#untilWildServes()
  }

  /** Each request leaves so much behind that a few are over --max-memory. The master looks every five seconds. */
  async #leak(): Promise<void> {
    const from = this.#server.log.length
    for (let i = 0; i < 8; i++) await this.#ask('GET', '/leak/wild')
    await this.#server.waitForLog(/wild.*is recycled/, from)
    await this.#untilWildServes()
  }

  async #reloadBroken(source: string): Promise<void> {
    const from = this.#server.log.length
    writeFileSync(join(this.#directory, 'wild/app.py'), BROKEN)
    const answer = await this.#command({ command: 'reload', app: 'wild' })
    this.#report.expect(answer['ok'] === false, `a broken reload was answered ${JSON.stringify(answer)}`)
    await this.#server.waitForLog(/is given up, generation \d+ serves on/, from)
    writeFileSync(join(this.#directory, 'wild/app.py'), source)
    await this.#untilWildServes()
  }

  async #losePreloader(): Promise<void> {
    const from = this.#server.log.length
    process.kill(this.#preloaderOf('wild').pid, 'SIGKILL')
    await this.#server.waitForLog(/wild.*generation \d+ serves;/, from)
    await this.#untilWildServes()
  }

  #count(): void {
    const { log } = this.#server
    const logged = (pattern: RegExp) => log.filter(line => /wild/.test(line) && pattern.test(line)).length
    const faults = {
      'crashes of a view': logged(/exited with code 17/),
      'killed workers': Math.min(this.#rounds, logged(/worker \d+ .*was killed by SIGKILL/)),
      'requests past their time-out': Math.min(this.#rounds, logged(/GET \/stuck\/wild/)),
      'recycled for memory': Math.min(this.#rounds, logged(/is recycled/)),
      'broken reloads': log.filter(line => /is given up, generation \d+ serves on/.test(line)).length,
      'lost preloaders': logged(/the preloader of generation \d+ was killed by SIGKILL/),
    }
    for (const [what, seen] of Object.entries(faults)) this.#report.injectedAs(seen, this.#rounds, what)
    const innocent = log.filter(line => /\bcalm\b/.test(line) && /\b(warn|error)\b/.test(line))
    this.#report.expect(innocent.length === 0, `the log complains about calm: ${innocent.join('\n')}`)
  }

  #judge(quiet: readonly Measured[], troubled: readonly Measured[]): void {
    const median = (values: readonly number[]) => percentile(values, 0.5)
    const p99 = (rounds: readonly Measured[]) => median(rounds.map(one => one.p99))
    const waited = Math.max(median(quiet.map(one => one.waited)), median(troubled.map(one => one.waited)))
    const why =
      availableParallelism() < CORES
        ? `${availableParallelism()} cores are fewer than ${CORES}, and what is started anew takes one`
        : waited >= CALM
          ? `${(waited * 100).toFixed(0)} % of the time gateway or workers had no core`
          : !this.#report.judgesTimes
            ? 'the machine may be busy'
            : ''
    const factor = p99(troubled) / p99(quiet)
    const describe = (rounds: readonly Measured[]) =>
      `${p99(rounds).toFixed(1)} ms (${rounds.map(one => one.p99.toFixed(1)).join(', ')})`
    this.#report.note(
      `p99 quiet ${describe(quiet)}, beside trouble ${describe(troubled)}: ${factor.toFixed(2)} times` +
        `, ${why === '' ? `at most ${MAY_GROW_TO} are promised` : `not judged: ${why}`}`,
    )
    this.#report.expect(why !== '' || factor <= MAY_GROW_TO, `p99 is ${factor.toFixed(2)} times the quiet one`)
  }

  async #ask(method: string, target: string): Promise<number> {
    const client = new RawClient(this.#server.target)
    client.send(`${method} ${target} HTTP/1.1\r\nHost: wild\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
    const { status } = await client.response()
    client.close()
    return status
  }

  async #untilWildServes(): Promise<void> {
    await until(
      async () => (await this.#ask('GET', '/get/wild')) === 200 && this.#workersOf('wild').length >= 2,
      () => `wild does not serve again:\n${this.#server.log.slice(-30).join('\n')}`,
    )
  }

  /** The one that has workers: another one, of a generation that was given up, may not have gone yet. */
  #preloaderOf(name: string): ProcessInfo {
    const all = this.#server.processes()
    const own = all.filter(({ pid, parent }) => parent === this.#server.pid && this.#isIn(pid, name))
    return own.find(({ pid }) => all.some(({ parent }) => parent === pid))!
  }

  #workersOf(name: string): ProcessInfo[] {
    const all = this.#server.processes()
    const preloaders = new Set(all.filter(({ parent }) => parent === this.#server.pid).map(({ pid }) => pid))
    return all.filter(({ pid, parent }) => preloaders.has(parent) && this.#isIn(pid, name))
  }

  #isIn(pid: number, name: string): boolean {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === join(this.#directory, name)
    } catch {
      return false
    }
  }

  /** The last line of the answer. */
  async #command(question: object): Promise<Record<string, unknown>> {
    const socket = connect(join(this.#directory, 'admin.sock'))
    socket.setEncoding('utf8').write(`${JSON.stringify({ jumak: 1, ...question })}\n`)
    let text = ''
    for await (const chunk of socket) text += chunk
    return JSON.parse(text.trimEnd().split('\n').at(-1)!)
  }
}
