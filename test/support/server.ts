/**
 * Starts the real program for an end-to-end test and holds it to the invariants of its end: exit code, no stray
 * process, no fd growth, no left-over file or socket, no warning or error in the log that the test did not announce.
 *
 *     const server = await startServer({ app: 'plain:application', directory: APPS })
 *     ...
 *     await server.stop()      // asserts the invariants
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './paths.ts'
import { fdCount, markedProcesses, type ProcessInfo } from './processes.ts'

/** A start or a log line that takes longer is a failure: with the log in the message. Generous: machines are shared. */
const WAIT_MS = 60_000

/** Said at start to root. */
const RUNS_AS_ROOT = /warn +master +Jumak runs as root, and so does the application/

export interface ServerOptions {
  /** APP; left out: the program looks for itself. */
  readonly app?: string
  readonly directory: string
  /** More of the command line. `-b 127.0.0.1:0` is added unless a bind is given. */
  readonly args?: readonly string[]
  readonly python?: string
  readonly env?: Readonly<Record<string, string>>
  /** The program to run: the checkout's `bin/jumak` unless a test installs another. */
  readonly program?: string
  /** Wait for readiness (default) or only for the process. */
  readonly waitReady?: boolean
}

/** Servers that still run when the tests of a file are over: those of failed tests. */
const running = new Set<Server>()
process.on('exit', () => {
  for (const server of running) server.process.kill('SIGKILL')
})

export class Server {
  readonly process: ChildProcess
  readonly marker: string
  readonly temporaryDirectory: string
  readonly log: string[] = []
  readonly stdout: string[] = []
  port = 0
  exitCode: number | null = null
  readonly exited: Promise<number>
  #expected: RegExp[] = []
  #waiters: { pattern: RegExp; from: number; resolve: (line: string) => void }[] = []
  #fds = new Map<number, number>()

  constructor(options: ServerOptions) {
    this.marker = randomUUID()
    this.temporaryDirectory = mkdtempSync(join(tmpdir(), 'jt-'))
    const args = [...(options.args ?? [])]
    if (!args.some(arg => arg.startsWith('-b') || arg.startsWith('--bind'))) args.push('-b', '127.0.0.1:0')
    if (options.python) args.push('--python', options.python)
    if (options.app) args.push(options.app)
    this.process = spawn(options.program ?? join(ROOT, 'bin/jumak'), args, {
      cwd: options.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PWD: options.directory,
        MARKER_OF_JUMAK_TEST: this.marker,
        TMPDIR: this.temporaryDirectory,
        ...options.env,
      },
    })
    // Whoever waits for it holds a timer: a server alone keeps no test file from its end.
    this.process.unref()
    for (const stream of [this.process.stdout!, this.process.stderr!]) (stream as Socket).unref()
    splitLines(this.process.stdout!, line => this.stdout.push(line))
    splitLines(this.process.stderr!, line => this.#onLine(line))
    // 'close' and not 'exit': the last log lines have been read by then.
    running.add(this)
    this.exited = once(this.process, 'close').then(([code, signal]) => {
      running.delete(this)
      this.exitCode = code ?? (signal ? 128 : -1)
      return this.exitCode!
    })
  }

  get pid(): number {
    return this.process.pid!
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  #onLine(line: string): void {
    this.log.push(line)
    if (this.port === 0) this.port = Number(/http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? 0)
    this.#waiters = this.#waiters.filter(waiter => {
      if (!waiter.pattern.test(line)) return true
      waiter.resolve(line)
      return false
    })
  }

  /** The first log line from index `from` on (default: any so far or to come) that matches; fails with the whole log. */
  async waitForLog(pattern: RegExp, from = 0): Promise<string> {
    const seen = this.log.slice(from).find(line => pattern.test(line))
    if (seen !== undefined) return seen
    const timeout = Promise.withResolvers<never>()
    const timer = setTimeout(() => timeout.reject(this.#failure(`no log line matches ${pattern}`)), WAIT_MS)
    const found = new Promise<string>(resolve => this.#waiters.push({ pattern, from, resolve }))
    const ended = this.exited.then(code => {
      const late = this.log.slice(from).find(line => pattern.test(line))
      if (late !== undefined) return late
      throw this.#failure(`the program ended with ${code} before a log line matched ${pattern}`)
    })
    ended.catch(() => {})
    try {
      return await Promise.race([found, timeout.promise, ended])
    } finally {
      clearTimeout(timer)
    }
  }

  #failure(what: string): Error {
    return new Error(`${what}; its log:\n${this.log.join('\n')}`)
  }

  /** Warnings and errors that this test provokes; any other fails `stop`. */
  expectLog(...patterns: RegExp[]): void {
    this.#expected.push(...patterns)
  }

  /** The program's processes: master, gateway, preloader, workers and what they started. */
  processes(): ProcessInfo[] {
    return markedProcesses(this.marker)
  }

  gateway(): ProcessInfo {
    const found = this.processes().find(one => /gateway\/main\.[tj]s/.test(one.command))
    assert.ok(found, 'a gateway runs')
    return found
  }

  preloader(): ProcessInfo {
    const found = this.processes().find(one => one.command.includes('jumak_worker') && one.parent === this.pid)
    assert.ok(found, 'a preloader runs')
    return found
  }

  workers(): ProcessInfo[] {
    const preloaders = this.processes().filter(one => one.command.includes('jumak_worker') && one.parent === this.pid)
    return this.processes().filter(one => preloaders.some(preloader => preloader.pid === one.parent))
  }

  /** Remembers how many descriptors each process holds; `stop` compares. Call when the server is warm and idle. */
  rememberFds(): void {
    this.#fds = new Map(this.processes().map(one => [one.pid, fdCount(one.pid)]))
  }

  signal(name: NodeJS.Signals): void {
    this.process.kill(name)
  }

  /** TERM, then every invariant. `code`: the exit code to expect. */
  async stop(code = 0): Promise<void> {
    await this.#checkFds()
    if (this.exitCode === null) this.signal('SIGTERM')
    await this.ended(code)
  }

  /** The exit code (128 for a signal). What does not end in time is killed. */
  async waitForExit(): Promise<number> {
    const timer = setTimeout(() => this.process.kill('SIGKILL'), WAIT_MS)
    try {
      return await this.exited
    } finally {
      clearTimeout(timer)
    }
  }

  /** For a server that ends by itself or was told to: waits, then every invariant of the end. */
  async ended(code: number): Promise<void> {
    assert.equal(await this.waitForExit(), code, this.#failure('wrong exit code').message)
    await this.checkNothingLeft()
    const unexpected = this.log.filter(
      line =>
        // What the application prints is its own affair, tracebacks included.
        /^\S+ \S+ (?:warn|error) +(?!worker|preloader)/.test(line) &&
        !this.#expected.some(pattern => pattern.test(line)) &&
        // Tests run as whoever started them.
        !(process.getuid?.() === 0 && RUNS_AS_ROOT.test(line)),
    )
    assert.deepEqual(unexpected, [], this.#failure('unexpected log lines').message)
    for (const pattern of this.#expected)
      assert.ok(
        this.log.some(line => pattern.test(line)),
        this.#failure(`the announced log line ${pattern} never came`).message,
      )
  }

  async checkNothingLeft(): Promise<void> {
    await until(
      () => this.processes().length === 0,
      () => `stray processes: ${JSON.stringify(this.processes())}`,
    )
    // Node's compile cache is no left-over of a run.
    const left = readdirSync(this.temporaryDirectory).filter(name => name !== 'node-compile-cache')
    assert.deepEqual(left, [], 'left-over files in the temporary directory')
    if (readdirSync(this.temporaryDirectory).length === 0) rmdirSync(this.temporaryDirectory)
  }

  async #checkFds(): Promise<void> {
    for (const [pid, before] of this.#fds) {
      // Closing is asynchronous on both sides; a leak stays.
      await until(
        () => fdCount(pid) <= before,
        () => `fds of ${pid} grew from ${before} to ${fdCount(pid)}`,
      )
    }
  }
}

/** Polls a condition of other processes (there is no event to wait for) and fails with `message` after a while. */
export async function until(condition: () => boolean, message: () => string, limitMs = 15_000): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!condition()) {
    if (performance.now() > deadline) assert.fail(message())
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

function splitLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) onLine(line)
  })
  stream.on('end', () => {
    if (rest) onLine(rest)
  })
}

export async function startServer(options: ServerOptions): Promise<Server> {
  const server = new Server(options)
  if (options.waitReady ?? true) {
    try {
      await server.waitForLog(/ ready/)
    } catch (error) {
      server.process.kill('SIGKILL')
      throw error
    }
  }
  return server
}
