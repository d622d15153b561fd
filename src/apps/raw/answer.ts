/**
 * What an application writes on a connection that it has taken: the head of a response, and then the bytes of a WebSocket, or the content of an
 * ordinary response. Runs in the gateway.
 *
 *     head ── 101 that is right ──▶ tunnel
 *       ├── another status ──▶ content, until the worker ends the link
 *       └── no head of HTTP, a 101 that is wrong: 502, and the link is given up
 *
 * The client gets no byte of the application's head: the gateway writes one of its own, as for each response (response splitting).
 * Invariant: nothing is sent to the client before the head is whole and checked.
 * Not here: the syntax of a head (`../wire/raw-head.ts`), bytes of a tunnel (`tunnel.ts`), when the link is closed (`link.ts`).
 */
import { HttpError } from '../../http/errors.ts'
import type { ByteStream } from '../../http/transport.ts'
import type { Call } from '../pool/call.ts'
import type { LinkOwner } from '../pool/link-owner.ts'
import { LINK_STAYS } from '../wire/frames.ts'
import { type RawHead, RawHeadReader } from '../wire/raw-head.ts'
import type { WorkerConnection } from '../worker/connection.ts'
import { printable } from '../worker/failure.ts'
import type { Relay } from '../worker/relay.ts'
import { acceptedHeaders } from './handshake.ts'
import { passToWorker } from './passed-tunnel.ts'
import { Tunnel, type TunnelSettings } from './tunnel.ts'

/** Frames of the client may wait behind its handshake: they are no request (smuggling). */
const CLOSE: readonly string[] = ['Connection', 'close']

/** What the answer needs of its link. */
export interface RawLink {
  readonly connection: WorkerConnection
  /** Sec-WebSocket-Key, as the application got it. */
  readonly key: string
  readonly workerId: number
  readonly tunnels: TunnelSettings
  /** The worker waits for a byte behind its 101. */
  readonly waits: boolean
  /** The worker runs as our user, and may have a client's socket. */
  readonly isTrusted: boolean
  /** The application gives a sign of life. */
  progressed(): void
  /** From now on nothing is expected of the application. */
  becameTunnel(): void
  /** The client of the tunnel has gone. */
  tunnelOver(): void
}

export class RawAnswer {
  readonly #call: Call
  readonly #link: RawLink
  readonly #owner: LinkOwner
  readonly #makeRelay: () => Relay
  #reader: RawHeadReader | null = new RawHeadReader()
  #relay: Relay | null = null
  #tunnel: Tunnel | null = null

  constructor(call: Call, link: RawLink, owner: LinkOwner, makeRelay: () => Relay) {
    this.#call = call
    this.#link = link
    this.#owner = owner
    this.#makeRelay = makeRelay
  }

  get isTunnel(): boolean {
    return this.#tunnel !== null
  }

  /** The head was whole and right: the call has its answer, or gets the rest of it. */
  get isAnswered(): boolean {
    return this.#tunnel !== null || this.#relay !== null
  }

  /** `bytes` are valid during the call only. */
  receive(bytes: Buffer): void {
    if (this.#tunnel !== null) {
      this.#tunnel.fromWorker(bytes)
      return
    }
    // The call is over, and its link is about to be closed.
    if (this.#reader === null && this.#relay === null) return
    try {
      if (this.#relay !== null) this.#content(bytes)
      else this.#head(bytes)
    } catch (error) {
      this.#relay = null
      this.#owner.failed(this.#call, error as Error)
    }
  }

  /** The worker has ended the link. */
  workerEnded(): void {
    this.#tunnel?.end()
    if (this.#relay !== null) {
      this.#call.phase = 'relaying'
      this.#relay.end()
    } else if (this.#reader !== null) {
      this.#owner.failed(this.#call, this.#refused(new Error('no whole head')))
    }
  }

  /** The link is closed by us. */
  cut(): void {
    this.#tunnel?.end()
    this.#reader = this.#relay = null
  }

  #head(bytes: Buffer): void {
    let head: RawHead | null
    try {
      head = this.#reader!.push(bytes)
      if (head === null) return
      this.#reader = null
      if (head.status === 101) this.#accept(head)
      else this.#start(head)
    } catch (error) {
      this.#reader = null
      this.#tunnel = null
      throw this.#refused(error as Error)
    }
    if (head.rest.length > 0) this.receive(head.rest)
  }

  #accept({ headers }: RawHead): void {
    const call = this.#call
    const link = this.#link
    const accepted = acceptedHeaders(headers, link.key)
    const cookie = call.client?.setCookie?.() ?? null
    if (cookie !== null) accepted.push('Set-Cookie', cookie)
    call.exchange.acceptTunnel(accepted, (stream: ByteStream, first, onEnded) => {
      const over = () => link.tunnelOver()
      const { connection, tunnels, waits } = link
      if (waits && link.isTrusted) this.#tunnel = passToWorker(stream, first, connection, tunnels, over, onEnded)
      if (this.#tunnel !== null) return this.#tunnel
      if (waits) connection.socket.write(Buffer.of(LINK_STAYS))
      this.#tunnel = new Tunnel(stream, first, connection, tunnels, over, onEnded)
      return this.#tunnel
    })
    // From here on the tunnel has the exchange.
    call.phase = 'done'
    call.releaseBody()
    link.becameTunnel()
  }

  #start({ status, reason, headers }: RawHead): void {
    if (status < 200) throw new Error(`the status ${status}`)
    if (headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'transfer-encoding'))
      throw new Error('content with a Transfer-Encoding: it must have a Content-Length, or end with the socket')
    const relay = this.#makeRelay()
    relay.start({ status, reason, headers: [...headers, ...CLOSE] }, Buffer.alloc(0))
    this.#relay = this.#call.relay = relay
    this.#link.progressed()
  }

  #content(bytes: Buffer): void {
    this.#link.progressed()
    this.#relay!.chunk(Buffer.from(bytes))
  }

  #refused(error: Error): HttpError {
    const what = `${this.#call.describe()} failed in worker ${this.#link.workerId}: its application wrote`
    this.#owner.warn(`${what} ${printable(error.message)} on the socket of the WebSocket`, this.#call.exchange.id)
    const message = 'The application answered the handshake of the WebSocket wrongly'
    return new HttpError(502, message, 'application', undefined, CLOSE)
  }
}
