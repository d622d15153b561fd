/**
 * What is written down of a proxied request: a try for each server, with times and bytes. Only where a log or a text needs it. Runs in the
 * gateway, one for each request. As nginx counts: a connection that was kept and is found closed is a try, too.
 */
import type { HeaderLines } from '../http/headers.ts'
import type { PassedOn, UpstreamTry } from '../http/upstream-try.ts'

/** What counts bytes: a socket. Both counts are of all of its life. */
interface ByteCounts {
  readonly bytesRead: number
  readonly bytesWritten: number
}

const NOTHING_YET = { status: 0, connectMs: -1, headMs: -1, endMs: -1, sent: 0, received: 0, length: 0 }

export class CallRecord implements PassedOn {
  readonly tries: UpstreamTry[] = []
  trailers: HeaderLines = []
  #startedAt = 0
  #socket: ByteCounts | null = null
  /** It waits since then for a server with room; 0: it does not. */
  #queuedAt = 0
  /** Of the socket, before this request. */
  #readBefore = 0
  #writtenBefore = 0

  queued(): void {
    this.#queuedAt = performance.now()
  }

  begin(address: string, socket: ByteCounts): void {
    this.#startedAt = performance.now()
    this.#socket = socket
    this.#readBefore = socket.bytesRead
    this.#writtenBefore = socket.bytesWritten
    this.tries.push({ ...NOTHING_YET, address, queueMs: this.#queueMs() })
  }

  connected(): void {
    this.#last.connectMs = this.#passed
  }

  head(status: number): void {
    const last = this.#last
    last.status = status
    last.headMs = this.#passed
  }

  content(bytes: number): void {
    this.#last.length += bytes
  }

  /** `status`: what the client would get for it. */
  failed(status: number): void {
    if (this.#socket !== null) this.#last.status = status
  }

  /** The connection is given back or closed after this. */
  ended(): void {
    const socket = this.#socket
    if (socket === null) return
    this.#socket = null
    const last = this.#last
    last.endMs = this.#passed
    last.sent = socket.bytesWritten - this.#writtenBefore
    last.received = socket.bytesRead - this.#readBefore
  }

  /** No server could be asked, or no other one. */
  nobody(upstream: string, status: number): void {
    this.tries.push({ ...NOTHING_YET, address: upstream, status, endMs: 0, queueMs: this.#queueMs() })
  }

  /** Of the try that begins. */
  #queueMs(): number {
    const at = this.#queuedAt
    this.#queuedAt = 0
    return at === 0 ? 0 : performance.now() - at
  }

  get #last(): UpstreamTry {
    return this.tries.at(-1)!
  }

  get #passed(): number {
    return performance.now() - this.#startedAt
  }
}
