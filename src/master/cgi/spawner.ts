/**
 * The spawner of CGI programs as the master has it: its socket, its process, its successors. Loaded only where the configuration has `cgi`. Runs in the
 * master; the process's own code is `python/jumak_worker/cgi/`.
 *
 * Invariants: it never runs as root, and in no application's Python. The master holds the socket, so requests that wait in its queue outlive a spawner
 * that dies; another one takes its place, with back-off. It hears of a new configuration before the gateway does. Its programs end with it: in order at a
 * stop, and by its successor after a SIGKILL.
 * Not here: what it is told (`table.ts`), which programs there are (`config/assemble-cgi.ts`).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import type { Socket } from 'node:net'
import { delimiter, join } from 'node:path'
import { CrashLoop } from '../../base/crash-loop.ts'
import type { Config } from '../../config/types.ts'
import type { Upstream } from '../../sites/upstream-model.ts'
import { OperatorError } from '../errors.ts'
import type { ApplicationDirectory } from '../host/application-directory.ts'
import type { Listener } from '../host/listener.ts'
import { bindListeners } from '../host/listeners.ts'
import { openProgram } from '../host/open-program.ts'
import type { RuntimeDirectory } from '../host/runtime-directory.ts'
import { BECOME, firstBytes, otherUser } from '../host/start-as.ts'
import { describeExit } from '../output/describe.ts'
import type { Narrator } from '../output/narrator.ts'
import type { Outputs } from '../output/output.ts'
import { cgiPrograms } from './table.ts'

/** Only the gateway connects. */
const SOCKET_MODE = 0o600
/** For the spawner to end its programs, and itself. */
const END_MS = 4000
/** Those of a system come first: one on PATH may be an application's environment. */
const PYTHONS = ['/usr/bin/python3', '/usr/local/bin/python3']

export interface CgiSpawnerOptions {
  readonly config: Config
  readonly runtime: RuntimeDirectory
  readonly narrator: Narrator
  readonly outputs: Outputs
  /** The package that Python runs. */
  readonly program: string
}

export class CgiSpawner {
  readonly #options: CgiSpawnerOptions
  readonly #directory: ApplicationDirectory
  readonly #python: string
  /** The package that Python runs, where its user can read it. */
  readonly #program: string
  readonly #token = randomBytes(8).toString('hex')
  readonly #crashes = new CrashLoop()
  #config: Config
  #listener: Listener | null = null
  #child: ChildProcess | null = null
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  /** Throws an OperatorError. `start` follows. */
  constructor(options: CgiSpawnerOptions) {
    const { gatewayIdentity } = options.config
    this.#options = options
    this.#config = options.config
    this.#python = findPython(process.env)
    this.#directory = options.runtime.add('cgi', { identity: gatewayIdentity, gatewayIdentity })
    const { identity } = options.config.cgi
    this.#program = openProgram(identity, options.program, this.#directory.path)
    // The copy is in the runtime directory.
    if (this.#program !== options.program && identity !== null) options.runtime.admit(identity)
  }

  /** Of the gateway's requests. */
  get socket(): string {
    return this.#directory.socketOf(0)
  }

  /** Throws an OperatorError. */
  async start(): Promise<void> {
    const { gatewayIdentity } = this.#config
    const [listener] = await bindListeners([{ kind: 'unix', path: this.socket }], {
      mode: SOCKET_MODE,
      identity: gatewayIdentity,
    })
    if (this.#isClosed) listener!.close()
    else {
      this.#listener = listener!
      this.#spawn()
    }
  }

  /** Programs that are gone from the configuration may still run. */
  configure(config: Config): void {
    this.#config = config
    this.#tell()
  }

  /** The group of this name has our socket. */
  locate(upstreams: readonly Upstream[]): readonly Upstream[] {
    const address = { kind: 'unix', path: this.socket } as const
    return upstreams.map(one =>
      one.protocol === 'cgi' ? { ...one, servers: one.servers.map(server => ({ ...server, address })) } : one,
    )
  }

  /** Resolves when the spawner and its programs have ended. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (child !== null) {
      const { promise, resolve } = Promise.withResolvers<void>()
      child.on('close', () => resolve())
      const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
      child.stdin?.end()
      await promise
      clearTimeout(timer)
    }
    this.#listener?.close()
    this.#options.runtime.remove(this.#directory)
  }

  #spawn(): void {
    const { outputs, narrator } = this.#options
    const { identity } = this.#config.cgi
    const user = otherUser(identity)
    const startedAt = performance.now()
    const command = [this.#python, '-I', '-S', this.#program, 'cgi'] as const
    const [file, ...words] = user === null ? command : BECOME
    const child = spawn(file, words, {
      cwd: '/',
      // Nothing of ours: programs get what the table says.
      env: {},
      stdio: ['pipe', this.#listener!.fd, 'pipe'],
      // A session of its own: Ctrl-C in a terminal reaches only the master.
      detached: true,
    })
    this.#child = child
    let how = ''
    child.stdin!.on('error', () => {})
    outputs.read(child.stderr as Socket, line => narrator.warn(`cgi: ${line}`))
    child.on('error', error => {
      how = `could not be started: ${error.message}`
      if (child.pid === undefined) this.#gone(startedAt, how)
    })
    child.on('exit', (code, signal) => this.#gone(startedAt, how || describeExit(code, signal)))
    if (user !== null) child.stdin!.write(firstBytes(user, command, {}))
    this.#tell()
  }

  #tell(): void {
    this.#child?.stdin?.write(`${JSON.stringify(cgiPrograms(this.#config, this.#token, process.env))}\n`)
  }

  #gone(startedAt: number, how: string): void {
    this.#child = null
    if (this.#isClosed) return
    const now = performance.now()
    this.#crashes.died(startedAt, startedAt, now)
    const wait = Math.max(0, this.#crashes.notBefore - now)
    const when = wait === 0 ? 'now' : `in ${Math.ceil(wait / 1000)} s`
    this.#options.narrator.warn(
      `the spawner of CGI programs ${how}: requests whose programs ran are cut, the others wait for another one, which starts ${when}`,
    )
    this.#timer = setTimeout(() => this.#spawn(), wait)
  }
}

function findPython({ PATH = '' }: Readonly<Record<string, string | undefined>>): string {
  const onPath = PATH.split(delimiter).flatMap(one => (one.startsWith('/') ? [join(one, 'python3')] : []))
  for (const path of [...PYTHONS, ...onPath]) {
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // The next one.
    }
  }
  throw new OperatorError(
    'CGI programs are started by a small Python process, and no python3 is on PATH: install Python 3.9 or newer',
  )
}
