/** The real program in a real terminal, for an end-to-end test: types, and reads what is shown. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { ROOT } from './paths.ts'
import { markedProcesses, signalAll } from './processes.ts'
import { until } from './server.ts'

const WAIT_MS = 60_000
const AGAIN_MS = 1000

export class Terminal {
  /** All that was shown; without colours, unless the environment wants them. */
  shown = ''
  readonly #process: ChildProcess
  readonly #marker = randomUUID()
  readonly #closed: Promise<unknown>
  #port = 0

  /** `words`: the command line. The program is killed after the test if it still runs. */
  constructor(t: TestContext, directory: string, words: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const command = [join(ROOT, 'test/support/terminal.py'), join(ROOT, 'bin/jumak'), '-b', '127.0.0.1:0', ...words]
    this.#process = spawn('python3', command, {
      cwd: directory,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, PWD: directory, TERM: 'xterm', MARKER_OF_JUMAK_TEST: this.#marker, NO_COLOR: '1', ...env },
    })
    this.#closed = once(this.#process, 'close')
    this.#process.stdout!.setEncoding('utf8').on('data', (text: string) => (this.shown += text))
    t.after(() => signalAll(markedProcesses(this.#marker), 'SIGKILL'))
  }

  get port(): number {
    this.#port ||= Number(/http:\/\/127\.0\.0\.1:(\d+)/.exec(this.shown)?.[1])
    return this.#port
  }

  /** Waits until the text is shown, from index `from` on. Returns the index behind it. */
  async waitFor(text: string, from = 0): Promise<number> {
    await until(
      () => this.shown.includes(text, from) || this.#process.exitCode !== null,
      () => `${JSON.stringify(text)} was not shown:\n${this.shown}`,
      WAIT_MS,
    )
    const at = this.shown.indexOf(text, from)
    assert.ok(at >= 0, `the program ended before ${JSON.stringify(text)} was shown:\n${this.shown}`)
    return at + text.length
  }

  type(text: string): void {
    this.#process.stdin!.write(text)
  }

  /** Ends the program by Ctrl-C, and checks that nothing is left and that the terminal shows again what is typed. */
  async leave(keys = '\x03'): Promise<void> {
    this.type(keys)
    // The first Ctrl-C may go to a debugger that was left a moment ago.
    const again = setInterval(() => this.shown.includes('stopping') || this.type('\x03'), AGAIN_MS)
    await until(
      () => this.#process.exitCode !== null,
      () => `the program does not end:\n${this.shown}`,
      WAIT_MS,
    ).finally(() => clearInterval(again))
    await this.#closed
    assert.equal(this.#process.exitCode, 0, this.shown)
    assert.match(this.shown, /terminal: echo on\s*$/)
    await until(
      () => markedProcesses(this.#marker).length === 0,
      () => `stray processes: ${JSON.stringify(markedProcesses(this.#marker))}`,
    )
  }
}
