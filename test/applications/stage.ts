/**
 * What the visit to an application works with: a directory, the Python of its environment, commands, the running program. Runs in the process
 * of `main.ts`.
 *
 * Invariants: each command ends within `COMMAND_MS`; `end` leaves no process of the program, even where the visit has failed.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ROOT } from '../support/paths.ts'
import { type Server, startServer, until } from '../support/server.ts'
import type { Visited } from './application.ts'

/** The longest is a migration of Superset's database. */
const COMMAND_MS = 10 * 60_000
/** pgAdmin is imported three times, with line tracing once. */
const START_MS = 5 * 60_000
/** Lines of a command's output that a failure shows. */
const SHOWN_LINES = 15

type Variables = Readonly<Record<string, string>>

export class Stage implements Visited {
  /** Removed at the end. */
  readonly directory: string
  /** Of the application's environment. */
  readonly python: string
  readonly checked: string[] = []
  readonly gaps: string[] = []
  readonly #tell: (text: string) => void
  #server: Server | null = null

  constructor(python: string, tell: (text: string) => void) {
    this.directory = realpathSync(mkdtempSync(join(tmpdir(), 'jumak-applications-')))
    this.python = python
    this.#tell = tell
    // So that it is what its own documents call.
    symlinkSync(join(ROOT, 'bin/jumak'), this.path('gunicorn'))
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  save(name: string, text: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true })
    writeFileSync(this.path(name), text)
  }

  /** Where the packages of the environment are. */
  async packages(): Promise<string> {
    const code = 'import sysconfig; print(sysconfig.get_path("purelib"))'
    return (await this.run([this.python, '-c', code])).trim()
  }

  /** A command of the environment, or any program by its path. Returns what it printed; throws where it fails. */
  run([command, ...words]: readonly [string, ...string[]], env: Variables = {}): Promise<string> {
    const program = command.includes('/') ? command : join(dirname(this.python), command)
    const options = {
      cwd: this.directory,
      env: { ...process.env, ...env },
      timeout: COMMAND_MS,
      maxBuffer: 64 * 1024 ** 2,
    }
    return new Promise((resolve, reject) => {
      execFile(program, words, { ...options, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
        if (error === null) return resolve(stdout)
        const last = `${stdout}${stderr}`.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n')
        reject(new Error(`${command} ${words.join(' ')} failed (${error.code ?? error.signal}):\n${last}`))
      })
    })
  }

  /** `gunicorn WORDS` with the application's Python, until it is ready. */
  async start(words: readonly string[], env: Variables = {}, directory = this.directory): Promise<Server> {
    const program = this.path('gunicorn')
    this.#tell(`gunicorn ${words.join(' ')}`)
    const all = { JUMAK_PYTHON: this.python, ...env }
    const server = await startServer({ args: words, directory, program, env: all, waitReady: false })
    this.#server = server
    // What applications write to their logs is their affair; ours is judged by `stop`.
    server.acceptAnyLog()
    await until(
      () => server.exitCode !== null || server.log.some(line => / master +ready/.test(line)),
      () => `it was not ready in time; its log:\n${server.log.join('\n')}`,
      START_MS,
    )
    assert.equal(server.exitCode, null, `it ended; its log:\n${server.log.join('\n')}`)
    return server
  }

  /** Something is right. */
  check(what: string): void {
    this.checked.push(what)
    this.#tell(`  ok: ${what}`)
  }

  /** A part that cannot be visited here. */
  leaveOut(what: string): void {
    this.gaps.push(what)
    this.#tell(`  left out: ${what}`)
  }

  /** A clean stop: exit code 0, no process, no file, and no error of ours in the log. */
  async stop(): Promise<void> {
    const server = this.#server!
    await server.stop()
    this.#server = null
    const errors = server.log.filter(line => /^\S+ \S+ error +(?:master|gateway)/.test(line))
    assert.deepEqual(errors, [], server.log.join('\n'))
    const killed = server.log.filter(line => /did not leave in time|was cut at the end/.test(line))
    assert.deepEqual(killed, [], server.log.join('\n'))
    this.check('clean stop')
  }

  /** The last lines of the program that still runs: for a failure. */
  log(lines = 40): string {
    return this.#server?.log.slice(-lines).join('\n') ?? ''
  }

  async end(): Promise<void> {
    const server = this.#server
    if (server !== null) {
      for (const { pid } of server.processes())
        try {
          process.kill(pid, 'SIGKILL')
        } catch (error) {
          // It has ended by itself.
          assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH')
        }
      await server.waitForExit()
    }
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 })
  }
}
