/**
 * The open client connections of this gateway: takes accepted sockets, gives each to a protocol, counts them against
 * the limit, and ends them when the gateway drains.
 */
import { Http1Connection } from '../http1/connection.ts'
import type { Http1Context } from '../http1/context.ts'
import type { SocketTransport } from './transport.ts'

/** A refusal can be read (lingering close), but a refused connection holds a descriptor for no longer than this. */
const REFUSED_LINGER_MS = 2000
/** Refused connections that linger at a time; more are closed without a word. Within the descriptors kept in reserve. */
const MAX_REFUSED = 64

const FULL = Buffer.from(
  'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Type: text/plain\r\n' +
    'Content-Length: 44\r\n\r\n503 Service Unavailable\nToo many connections',
)

export class Connections {
  readonly #context: Http1Context
  readonly #limit: number
  readonly #open = new Set<Http1Connection>()
  readonly #onFull: () => void
  #refused = 0
  #onEmpty: (() => void) | null = null

  /** `onFull`: a connection is refused because `limit` are open. */
  constructor(context: Omit<Http1Context, 'onClose'>, limit: number, onFull: () => void) {
    this.#context = { ...context, onClose: connection => this.#closed(connection) }
    this.#limit = limit
    this.#onFull = onFull
  }

  accept(transport: SocketTransport): void {
    if (this.#open.size >= this.#limit) {
      this.#refuse(transport)
      return
    }
    this.#open.add(new Http1Connection(transport, this.#context))
  }

  #refuse(transport: SocketTransport): void {
    this.#onFull()
    if (this.#refused >= MAX_REFUSED) {
      transport.destroy()
      return
    }
    this.#refused++
    const timer = setTimeout(() => transport.destroy(), REFUSED_LINGER_MS)
    transport.handler = {
      onData() {},
      onDrain() {},
      onEnd: () => transport.destroy(),
      onClose: () => {
        clearTimeout(timer)
        this.#refused--
      },
    }
    transport.write(FULL)
    transport.end()
  }

  get active(): number {
    let count = 0
    for (const connection of this.#open) if (!connection.isIdle) count++
    return count
  }

  /**
   * Ends every connection after its next response, which says `Connection: close`. One that is idle stays for that: whoever
   * keeps it believes that it can be used, and a request on its way would be lost. At the deadline all are closed; resolves
   * with the number of those that were cut in an exchange.
   */
  async drain(deadlineMs: number): Promise<number> {
    const empty = new Promise<void>(resolve => (this.#onEmpty = resolve))
    for (const connection of this.#open) connection.startDrain()
    if (this.#open.size === 0) return 0
    const { promise: expired, resolve: expire } = Promise.withResolvers<void>()
    const deadline = setTimeout(expire, deadlineMs)
    await Promise.race([empty, expired])
    clearTimeout(deadline)
    const cut = this.active
    for (const connection of this.#open) connection.destroy()
    return cut
  }

  #closed(connection: Http1Connection): void {
    this.#open.delete(connection)
    if (this.#open.size === 0) this.#onEmpty?.()
  }
}
