/**
 * A master as a process for its tests, with a gateway and workers that only speak the control messages (`../fixtures/`): starts it, reads
 * its log, asks its gateway, and checks at the end that nothing is left.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'node:test'
import { type AppChanges, type Changes, testApp, testConfig } from '../../config/testing/config.ts'
import type { Config } from '../../config/types.ts'
import { readLines } from '../output/output.ts'

export const WAIT_MS = 30_000

export const APP: AppChanges = {
  target: {
    module: 'x',
    file: null,
    attributes: ['application'],
    factory: false,
    paste: null,
    display: 'x:application',
    found: '',
  },
  workers: 2,
  asgiWorkers: null,
  workersReason: 'auto: 2 cores',
  threads: 2,
  python: 'python3',
  timeouts: { graceful: 10_000 },
  startTimeout: 0,
}

/** Masters of the present test: one that fails half-way must not leave processes that the runner waits for. */
const running = new Set<ChildProcess>()
afterEach(() => {
  for (const process of running) process.kill('SIGKILL')
})

/** The words of `fixtures/fake_worker.py` that this application obeys. */
export const mode = (words: string): AppChanges => ({ variables: { FAKE_MODE: words } })

/** By the names of applications. */
export interface GatewayState {
  readonly apps: readonly string[]
  readonly serving: Readonly<Record<string, number>>
  /** The one that it was told last. */
  readonly affinityKey: string
  /** Of the generation that serves. */
  readonly paths: Readonly<Record<string, string>>
  /** By the numbers of workers. */
  readonly workerPaths: Readonly<Record<string, string>>
  /** Numbers of linked workers. */
  readonly workers: Readonly<Record<string, readonly number[]>>
  readonly pools: Readonly<Record<string, string>>
  readonly pids: Readonly<Record<string, readonly number[]>>
}

export class TestMaster {
  readonly root: string = mkdtempSync(join(tmpdir(), 'jt-'))
  readonly process: ChildProcess
  readonly log: string[] = []
  readonly #changes: Changes
  readonly #ended: Promise<number>
  #onLine: (() => void) | null = null

  /** `variables`: of the master. `apps`: one without a name, whose directory is `app`, or several with names, each with a directory of its name. */
  constructor(
    mode = '',
    apps: AppChanges | readonly AppChanges[] = {},
    changes: Changes = {},
    flags: readonly string[] = ['--disable-sigusr1'],
    variables: NodeJS.ProcessEnv = {},
  ) {
    mkdirSync(join(this.root, 'tmp'))
    // As /tmp: open to every user that a test names.
    chmodSync(this.root, 0o755)
    chmodSync(this.path('tmp'), 0o1777)
    this.#changes = changes
    const config = this.#config([apps].flat())
    const script = join(import.meta.dirname, '../fixtures/run-master.mjs')
    this.process = spawn(process.execPath, [...flags, script, JSON.stringify(config), this.path('config')], {
      stdio: ['ignore', 'inherit', 'pipe'],
      env: { ...process.env, ...variables, FAKE_MODE: mode },
    })
    readLines(this.process.stderr!, line => {
      this.log.push(line)
      this.#onLine?.()
    })
    running.add(this.process)
    this.#ended = once(this.process, 'close').then(([code]) => {
      running.delete(this.process)
      return code as number
    })
  }

  #config(apps: readonly AppChanges[]): Config {
    return testConfig({
      apps: apps.map(app => {
        const directory = this.#directory(app.name ?? 'app')
        return testApp({ ...APP, directory, watch: this.#changes.isDevelopment ? [directory] : [], ...app })
      }),
      logLevel: 'debug',
      bind: [{ kind: 'unix', path: this.path('s') }],
      temporaryDirectory: this.path('tmp'),
      ...this.#changes,
    })
  }

  #directory(name: string): string {
    mkdirSync(this.path(name), { recursive: true })
    return this.path(name)
  }

  /** From the next reload on the configuration has these applications. */
  rewrite(...apps: readonly AppChanges[]): void {
    writeFileSync(this.path('config'), JSON.stringify(this.#config(apps)))
  }

  /** The same, and HUP. */
  reconfigure(...apps: readonly AppChanges[]): void {
    this.rewrite(...apps)
    this.signal('SIGHUP')
  }

  path(name: string): string {
    return join(this.root, name)
  }

  /** The first line from `from` on that matches. */
  async see(pattern: RegExp, from = 0): Promise<string> {
    // wait: at most; a master that never says it is killed
    const deadline = setTimeout(() => this.process.kill('SIGKILL'), WAIT_MS)
    try {
      for (;;) {
        const line = this.log.slice(from).find(one => pattern.test(one))
        if (line !== undefined) return line
        const next = new Promise<'line'>(resolve => {
          this.#onLine = () => resolve('line')
        })
        if ((await Promise.race([next, this.#ended])) === 'line') continue
        const late = this.log.slice(from).find(one => pattern.test(one))
        return late ?? assert.fail(`never came: ${pattern}; the log:\n${this.log.join('\n')}`)
      }
    } finally {
      clearTimeout(deadline)
    }
  }

  /** Asks the gateway; waits in the kernel's queue while there is none. */
  async ask(command: string): Promise<string> {
    const socket = connect(this.path('s'))
    socket.write(`${command}\n`)
    let answer = ''
    socket.on('error', () => {})
    socket.on('data', data => (answer += data))
    await once(socket, 'close')
    return answer.trim()
  }

  /** What the gateway knows. */
  async gateway(): Promise<GatewayState> {
    return JSON.parse(await this.ask('state'))
  }

  signal(name: NodeJS.Signals): void {
    this.process.kill(name)
  }

  childrenOf(parent: number = this.process.pid!): number[] {
    try {
      const listed = readFileSync(`/proc/${parent}/task/${parent}/children`, 'latin1')
      return listed.split(' ').filter(Boolean).map(Number)
    } catch {
      // It ended a moment ago: what it had is listed with its new parent, or with the next look.
      return []
    }
  }

  /** Process ids of all that descend from the master, by parenthood. */
  descendants(parent: number = this.process.pid!): number[] {
    const children = this.childrenOf(parent)
    return children.flatMap(child => [child, ...this.descendants(child)])
  }

  /** Waits for the end, and that nothing is left. */
  async ended(code: number, processes: readonly number[] = []): Promise<void> {
    // wait: at most; a master that never ends is killed
    const deadline = setTimeout(() => this.process.kill('SIGKILL'), WAIT_MS)
    assert.equal(await this.#ended, code, this.log.join('\n'))
    clearTimeout(deadline)
    assert.deepEqual(readdirSync(this.path('tmp')), [], 'runtime directory')
    assert.ok(!existsSync(this.path('s')), 'Unix socket')
    await untilGone(processes)
    rmSync(this.root, { recursive: true })
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const processes = this.descendants()
    this.signal(signal)
    await this.ended(0, processes)
  }
}

/** Reaped or a zombie of somebody else (orphans are reaped by whoever adopts them). */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

/** There is no event for the end of a process that is not our child. */
export async function untilGone(processes: readonly number[]): Promise<void> {
  const deadline = performance.now() + WAIT_MS
  while (processes.some(isAlive)) {
    assert.ok(performance.now() < deadline, `still there: ${processes.filter(isAlive)}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

export const linux = { skip: process.platform !== 'linux' && 'reads /proc' }
