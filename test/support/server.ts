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
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Certificate, localCertificate } from './certificates.ts'
import { ROOT } from './paths.ts'
import { fdCount, markedProcesses, type ProcessInfo } from './processes.ts'
import { getOnce } from './raw-client.ts'
import type { Target } from './target.ts'
import { HTTP, Translator } from './translator.ts'

/** A start or a log line that takes longer fails the test, with the log in the message. Generous, because machines are shared. */
const WAIT_MS = 60_000
/** What `until` waits at most. */
const UNTIL_MS = 60_000

/** The program says it at start when root runs it. */
const RUNS_AS_ROOT = /warn +master +Jumak runs as root, and so do/

/** No test can announce this line: a pattern that matches it says nothing. */
const UNHEARD_OF =
  '2026-01-01 00:00:00.000 error master   the gateway, the preloader and worker 1 have met an unheard-of failure'

export interface ServerOptions {
  /** The argument APP. Without it the program finds the application. */
  readonly app?: string
  readonly directory: string
  /** Further arguments. `-b 127.0.0.1:0` is added unless they name an address. */
  readonly args?: readonly string[]
  /** It speaks TLS, with this certificate. Then a client connects to `target`. With TEST_TLS=1 in the environment each program does. */
  readonly tls?: Certificate
  readonly python?: string
  readonly env?: Readonly<Record<string, string>>
  /** The program to run: the checkout's `bin/jumak` unless a test installs another. */
  readonly program?: string
  /** A file names the address: none is added. */
  readonly isBound?: boolean
  /** Wait for readiness (default) or only for the process. */
  readonly waitReady?: boolean
}

/** Lines of a traceback that the master logs for an application. The exception's own line is for the test to announce. */
export const TRACEBACK: RegExp =
  /(?:error|warn ) (?:master {4}(?! {5}[^\s^~])|[a-z0-9_-][a-z0-9_ -]{13} )(?:Traceback \(most recent call last\):$|During handling of .*:$|$| {2,}\S)/

/** Servers that failed tests have left. They are killed when the tests of the file are over. */
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
  /** Where clients connect to. */
  port = 0
  /** Where the program listens: the same, unless a translator is between them. */
  programPort = 0
  exitCode: number | null = null
  readonly exited: Promise<number>
  #expected: RegExp[] = []
  #possible: RegExp[] = []
  #acceptsAnyLog = false
  #pid: number | null = null
  readonly #certificate: Certificate | null
  /** With TEST_HTTP=2 clients connect to it instead of the program. */
  readonly #translator: Translator | null
  #waiters: { pattern: RegExp; from: number; resolve: (line: string) => void }[] = []
  #fds = new Map<number, number>()

  constructor(options: ServerOptions, translator: Translator | null = null) {
    this.#translator = translator
    this.marker = randomUUID()
    this.temporaryDirectory = mkdtempSync(join(tmpdir(), 'jt-'))
    // As /tmp: other users, who run CGI programs, have a directory of their own in it.
    chmodSync(this.temporaryDirectory, 0o711)
    const args = [...(options.args ?? [])]
    const isAsked = process.env['TEST_TLS'] === '1' && !args.some(arg => arg.startsWith('--tls'))
    this.#certificate = options.tls ?? (isAsked ? localCertificate() : null)
    if (this.#certificate !== null)
      args.push('--tls-cert', this.#certificate.certificate, '--tls-key', this.#certificate.key)
    if (!options.isBound && !args.some(arg => arg.startsWith('-b') || arg.startsWith('--bind')))
      args.push('-b', '127.0.0.1:0')
    // So that a whole file of tests, or all of the chaos, can run with several threads of the gateway.
    const threads = process.env['TEST_GATEWAY_THREADS']
    if (threads && !args.some(arg => arg.startsWith('--gateway-threads') || arg === '--reload'))
      args.push('--gateway-threads', threads)
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
        // Servers of several tests may have one directory, and so one name for the socket.
        JUMAK_ADMIN_SOCKET: join(this.temporaryDirectory, 'admin.sock'),
        // Python takes a compiled file for good when its source has changed within the second and kept its size. With --reload we see to it.
        ...(!args.includes('--reload') && { PYTHONDONTWRITEBYTECODE: '1' }),
        ...options.env,
      },
    })
    // A test that waits for it holds a timer. The server alone does not keep the test file from ending.
    this.process.unref()
    for (const stream of [this.process.stdout!, this.process.stderr!]) (stream as Socket).unref()
    splitLines(this.process.stdout!, line => this.stdout.push(line))
    splitLines(this.process.stderr!, line => this.#onLine(line))
    // 'close' and not 'exit': the last log lines have been read by then.
    running.add(this)
    this.exited = once(this.process, 'close').then(([code, signal]) => {
      running.delete(this)
      translator?.close()
      this.exitCode = code ?? (signal ? 128 : -1)
      return this.exitCode!
    })
  }

  /** Of the master: after an upgrade another one. */
  get pid(): number {
    return this.#pid ?? this.process.pid!
  }

  /** Waits until an upgrade is over, by the log from line `from` on: the new master is the program from then on. Returns its process id. */
  async upgraded(from = 0): Promise<number> {
    const line = await this.waitForLog(/ upgrade: process \d+ has taken over from process \d+$/, from)
    this.#pid = Number(/ process (\d+) has/.exec(line)![1])
    return this.#pid
  }

  get url(): string {
    return `${this.#certificate === null || this.#translator !== null ? 'http' : 'https'}://127.0.0.1:${this.port}`
  }

  /** What a client connects to: the port, over TLS if the program speaks it. Such a client trusts the certificate's authority. */
  get target(): Target {
    return this.#translator === null ? this.programTarget : this.port
  }

  /** The same of a client that speaks HTTP/2 itself: the program, whatever TEST_HTTP says. */
  get programTarget(): Target {
    const tls = this.#clientTls()
    return tls === null ? this.programPort : { to: this.programPort, tls }
  }

  #clientTls(): { ca: string; servername: string } | null {
    if (this.#certificate === null) return null
    const { authority, name } = this.#certificate
    return { ca: readFileSync(authority, 'utf8'), servername: name }
  }

  #onLine(line: string): void {
    this.log.push(line)
    if (this.port === 0) this.#onPort(Number(/https?:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? 0))
    this.#waiters = this.#waiters.filter(waiter => {
      if (!waiter.pattern.test(line)) return true
      waiter.resolve(line)
      return false
    })
  }

  #onPort(port: number): void {
    this.port = this.programPort = port
    if (port === 0 || this.#translator === null) return
    this.#translator.lead(port, this.#clientTls())
    this.port = this.#translator.port
  }

  /** The first log line from index `from` on (default: any so far or to come) that matches; fails with the whole log. */
  async waitForLog(pattern: RegExp, from = 0): Promise<string> {
    const seen = this.log.slice(from).find(line => pattern.test(line))
    if (seen !== undefined) return seen
    const timeout = Promise.withResolvers<never>()
    // wait: at most; a line that never comes fails the test
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

  /** Warnings and errors that this test provokes: each must come, and any other fails `stop`. */
  expectLog(...patterns: RegExp[]): void {
    for (const pattern of patterns) assert.doesNotMatch(UNHEARD_OF, pattern, `${pattern} would hide any mistake`)
    this.#expected.push(...patterns)
  }

  /** Warnings and errors that come or do not, by the order of two events that nobody fixes. */
  mayLog(...patterns: RegExp[]): void {
    for (const pattern of patterns) assert.doesNotMatch(UNHEARD_OF, pattern, `${pattern} would hide any mistake`)
    this.#possible.push(...patterns)
  }

  /** For a test that counts for itself what the log may say: `stop` looks at none of its lines. */
  acceptAnyLog(): void {
    this.#acceptsAnyLog = true
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

  /** The same behind a WebSocket of WSGI: it takes its worker's link with it, and the next link comes a moment later. */
  async rememberSettledFds(): Promise<void> {
    let last = ''
    let polls = 0
    await until(
      () => {
        this.rememberFds()
        const now = JSON.stringify([...this.#fds])
        polls = now === last ? polls + 1 : 0
        last = now
        return polls >= SETTLED_POLLS
      },
      () => `the number of descriptors never settles: ${last}`,
    )
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name)
  }

  /** Sends TERM, then checks every invariant. `code`: the exit code to expect. */
  async stop(code = 0): Promise<void> {
    await this.#checkFds()
    if (this.exitCode === null) this.signal('SIGTERM')
    await this.ended(code)
  }

  /** The exit code (128 for a signal). What does not end in time is killed. */
  async waitForExit(): Promise<number> {
    // wait: at most; a program that hangs is killed, and fails the test
    const timer = setTimeout(() => this.process.kill('SIGKILL'), WAIT_MS)
    try {
      return await this.exited
    } finally {
      clearTimeout(timer)
    }
  }

  /** For a server that ends by itself or was told to end: waits, then checks every invariant of the end. */
  async ended(code: number): Promise<void> {
    assert.equal(await this.waitForExit(), code, this.#failure('wrong exit code').message)
    await this.checkNothingLeft()
    const unexpected = this.log.filter(
      line =>
        // What the application prints is its own affair, tracebacks included.
        !this.#acceptsAnyLog &&
        /^\S+ \S+ (?:warn|error) +(?!(?:[a-z0-9_-]+ )?(?:worker|preloader))/.test(line) &&
        ![...this.#expected, ...this.#possible].some(pattern => pattern.test(line)) &&
        // Root may have started the tests.
        !(process.getuid?.() === 0 && RUNS_AS_ROOT.test(line)),
    )
    assert.deepEqual(unexpected, [], this.#failure('unexpected log lines').message)
    for (const pattern of this.#expected)
      assert.ok(
        this.log.some(line => pattern.test(line)),
        this.#failure(`the announced log line ${pattern} never came`).message,
      )
  }

  /** Names in the temporary directory. */
  leftBehind(): string[] {
    return readdirSync(this.temporaryDirectory)
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
        () => `fds of ${pid} grew from ${before} to ${fdCount(pid)}: ${describeFds(pid)}`,
      )
    }
  }
}

/** As many polls in a row, a fifth of a second, find the same: nothing is opened or closed any more. */
const SETTLED_POLLS = 10

/** What a process is, and what it has open. */
function describeFds(pid: number): string {
  const names = readdirSync(`/proc/${pid}/fd`).map(fd => `${fd} ${readlinkSync(`/proc/${pid}/fd/${fd}`)}`)
  return `${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}: ${names.join(', ')}`
}

/** Polls a condition of other processes (there is no event to wait for) and fails with `message` after a while. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  message: () => string,
  limitMs = UNTIL_MS,
): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await condition())) {
    // wait: at most; it is no limit of what is tested
    if (performance.now() > deadline) assert.fail(message())
    // wait: the one poll of all end-to-end tests
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

/** Nobody accepts connections any more, or whoever has accepted this one resets it: no answer comes. */
export async function isRefused({ target }: Server, path = '/'): Promise<boolean> {
  try {
    await getOnce(target, path)
    return false
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | null
    if (cause?.code === 'ECONNREFUSED' || cause?.code === 'ECONNRESET') return true
    throw error
  }
}

/** For what holds a moment after the log says it: the log and the message to the gateway go different ways. */
export async function untilAnswered({ target }: Server, path: string, text: string): Promise<void> {
  let body = ''
  await until(
    async () => {
      body = (await getOnce(target, path)).body.toString()
      return body === text
    },
    () => `${path} is answered ${JSON.stringify(body)}, not ${JSON.stringify(text)}`,
  )
}

export async function startServer(options: ServerOptions): Promise<Server> {
  const server = new Server(options, HTTP === '2' ? await Translator.listen() : null)
  if (options.waitReady ?? true) {
    try {
      // With several applications each says it, and at last the program.
      await server.waitForLog(/ master +ready/)
    } catch (error) {
      server.process.kill('SIGKILL')
      throw error
    }
  }
  return server
}
