/**
 * Messages to a Unix socket such as `/dev/log`. Node has no Unix datagrams, so a small Python process sends them
 * (`python/jumak_worker/process/datagrams.py`), one for each event loop that has messages; the first message starts it. Runs in the master, and
 * in each event loop of the gateway.
 *
 * Invariants: nobody waits for it. At most `MAX_BUFFERED_BYTES` wait for the process; later messages are lost. It has the rights of the process
 * that starts it, and ends with it. One that has ended is started again with a later message.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Sender } from './sender.ts'

const PROGRAM = join(import.meta.dirname, '../../../python/jumak_worker/process/datagrams.py')
const MAX_BUFFERED_BYTES = 1024 * 1024
const RETRY_MS = 1000
/** Of a line that it writes. */
const MAX_PROBLEM = 500

export class UnixSender implements Sender {
  readonly #path: string
  readonly #tell: (problem: string) => void
  #helper: ChildProcess | null = null
  #notBefore = 0

  constructor(path: string, tell: (problem: string) => void) {
    this.#path = path
    this.#tell = tell
  }

  send(payload: Buffer): void {
    if (this.#helper === null && performance.now() < this.#notBefore) return
    this.#helper ??= this.#start()
    const stdin = this.#helper.stdin!
    if (stdin.writableLength >= MAX_BUFFERED_BYTES) {
      this.#tell('its reader is too slow')
      return
    }
    const length = Buffer.allocUnsafe(2)
    length.writeUInt16BE(payload.length)
    stdin.write(Buffer.concat([length, payload]))
  }

  async close(limitMs: number): Promise<void> {
    const helper = this.#helper
    this.#notBefore = Number.POSITIVE_INFINITY
    if (helper === null) return
    const { promise, resolve } = Promise.withResolvers<void>()
    helper.once('close', resolve)
    const timer = setTimeout(() => helper.kill('SIGKILL'), limitMs)
    helper.stdin!.end()
    await promise
    clearTimeout(timer)
  }

  #start(): ChildProcess {
    const helper = spawn('python3', ['-I', '-S', PROGRAM, this.#path], {
      stdio: ['pipe', 'ignore', 'pipe'],
      // A session of its own: Ctrl-C in a terminal reaches only the master.
      detached: true,
    })
    helper.unref()
    helper.stdin.on('error', () => {})
    helper.stderr.on('data', (text: Buffer) => this.#tell(text.toString('utf8').trim().slice(0, MAX_PROBLEM)))
    helper.on('error', error => this.#tell(`it needs a python3 on PATH: ${error.message}`))
    helper.on('close', () => {
      this.#helper = null
      this.#notBefore = Math.max(this.#notBefore, performance.now() + RETRY_MS)
    })
    return helper
  }
}
