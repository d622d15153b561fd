/**
 * Messages to one server over TCP. Runs in the master, and in each event loop of the gateway.
 *
 * Invariants: nobody waits for it. At most `MAX_BUFFERED_BYTES` wait for a server that reads slowly; later messages are lost. A connection
 * that ends is made again with the next message, and not at once when that fails.
 */
import { connect, type Socket } from 'node:net'
import type { Sender } from './sender.ts'

/** As for a log file: a pause of a second at full speed. */
const MAX_BUFFERED_BYTES = 2 * 1024 * 1024
const RETRY_MS = 1000

export class TcpSender implements Sender {
  readonly #address: { readonly host: string; readonly port: number }
  readonly #tell: (problem: string) => void
  #socket: Socket | null = null
  #notBefore = 0

  constructor(address: { readonly host: string; readonly port: number }, tell: (problem: string) => void) {
    this.#address = address
    this.#tell = tell
  }

  send(payload: Buffer): void {
    if (this.#socket === null && performance.now() < this.#notBefore) return
    this.#socket ??= this.#connect()
    if (this.#socket.writableLength < MAX_BUFFERED_BYTES) this.#socket.write(payload)
    else this.#tell('the server reads too slowly')
  }

  async close(limitMs: number): Promise<void> {
    const socket = this.#socket
    this.#notBefore = Number.POSITIVE_INFINITY
    if (socket === null) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, limitMs)
    socket.end(() => resolve())
    await promise
    clearTimeout(timer)
    socket.destroy()
  }

  #connect(): Socket {
    const { host, port } = this.#address
    const socket = connect({ host, port, noDelay: true, keepAlive: true })
    socket.unref()
    // Servers of syslog answer nothing.
    socket.resume()
    socket.on('error', error => this.#tell(error.message))
    socket.on('close', () => {
      this.#socket = null
      this.#notBefore = Math.max(this.#notBefore, performance.now() + RETRY_MS)
    })
    return socket
  }
}
