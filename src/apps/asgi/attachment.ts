/**
 * A request of WSGI in a greenlet whose application has the socket of its handshake: a connection of its own to the worker, and what
 * comes on it. Runs in the gateway.
 *
 *     waits for its turn ── open() ──▶ ATTACH sent ── the worker's HELLO ──▶ head ──▶ as `../raw/answer.ts` says
 *
 * Invariants: the call is on the link until the connection has ended; then the link has room for another one. Nothing is sent to the
 * client before the head is whole. Not here: how many at a time (`attachments.ts`), bytes of a tunnel (`../raw/tunnel.ts`).
 */
import { HttpError } from '../../http/errors.ts'
import type { LinkOwner } from '../pool/link-owner.ts'
import { RawAnswer } from '../raw/answer.ts'
import type { TunnelSettings } from '../raw/tunnel.ts'
import { decodeHello, MAX_HELLO, type WorkerHello } from '../wire/decode.ts'
import { FrameReader } from '../wire/frame-reader.ts'
import { MULTIPLEX_HEADER, MultiplexType } from '../wire/multiplex.ts'
import { encodeAttach } from '../wire/multiplex-encode.ts'
import { WireViolation } from '../wire/violation.ts'
import { checkHello, type LinkAddress, WorkerConnection } from '../worker/connection.ts'
import { Relay, type RelayLimits } from '../worker/relay.ts'
import type { MultiplexedCall } from './call.ts'

/** What an attachment needs of its link. */
export interface AttachmentLink {
  readonly address: LinkAddress
  isCurrent(one: MultiplexedCall): boolean
  becomeStream(one: MultiplexedCall): void
  remove(one: MultiplexedCall): void
  release(one: MultiplexedCall, runMicros: number | null): void
}

export interface AttachmentTerms {
  /** Of TAKEN. */
  readonly token: number
  readonly waits: boolean
  readonly tunnels: TunnelSettings
  readonly limits: RelayLimits
  /** It is attached, or nobody wants it any more. */
  settled(attachment: Attachment): void
  /** Its connection has ended. */
  over(attachment: Attachment): void
}

export class Attachment {
  readonly #one: MultiplexedCall
  readonly #terms: AttachmentTerms
  readonly #link: AttachmentLink
  readonly #owner: LinkOwner
  #connection: WorkerConnection | null = null
  #answer: RawAnswer | null = null

  constructor(one: MultiplexedCall, terms: AttachmentTerms, link: AttachmentLink, owner: LinkOwner) {
    this.#one = one
    this.#terms = terms
    this.#link = link
    this.#owner = owner
  }

  get isTunnel(): boolean {
    return this.#answer?.isTunnel ?? false
  }

  open(): void {
    const reader = new AttachedReader(
      hello => this.#attached(hello),
      bytes => this.#answer!.receive(bytes),
    )
    this.#connection = new WorkerConnection(
      this.#link.address.socket,
      reader,
      chunk => reader.push(chunk),
      reason => this.#ended(reason),
    )
    this.#connection.socket.write(encodeAttach(this.#terms.token))
  }

  /** Nobody wants the connection any more. The link has forgotten the call. */
  giveUp(): void {
    this.#connection?.destroy()
    this.#answer?.cut()
    this.#over()
  }

  /** The client of the tunnel has gone, or is cut. The application reads what the client has sent, and then the end. */
  endTunnel(): void {
    this.#connection!.leave()
    this.#answer!.cut()
    this.#leaveLink()
  }

  #attached(hello: WorkerHello): void {
    const link = this.#link
    checkHello(hello, link.address)
    const one = this.#one
    this.#answer = new RawAnswer(
      one.call,
      {
        connection: this.#connection!,
        key: one.key,
        workerId: link.address.worker,
        tunnels: this.#terms.tunnels,
        waits: this.#terms.waits,
        isTrusted: !link.address.isApart,
        progressed: () => {
          one.hasProgressed = true
        },
        becameTunnel: () => link.becomeStream(one),
        tunnelOver: () => this.endTunnel(),
      },
      this.#owner,
      () => this.#makeRelay(),
    )
    this.#terms.settled(this)
  }

  /** By the worker: its application has returned, or it has died. */
  #ended(reason: string): void {
    const answer = this.#answer
    if (answer === null) {
      const { call } = this.#one
      this.#owner.warn(
        `${call.describe()} got no connection to worker ${this.#link.address.worker}: ${reason}`,
        call.exchange.id,
      )
      this.#owner.failed(call, new HttpError(502, 'The application ended without an answer', 'application'))
      return
    }
    if (answer.isAnswered) this.#leaveLink()
    // A call that fails leaves the link by itself.
    answer.workerEnded()
  }

  #over(): void {
    this.#terms.settled(this)
    this.#terms.over(this)
  }

  #leaveLink(): void {
    this.#over()
    if (!this.#link.isCurrent(this.#one)) return
    this.#link.remove(this.#one)
    this.#link.release(this.#one, null)
  }

  #makeRelay(): Relay {
    const { call } = this.#one
    const connection = this.#connection!
    return new Relay(call.exchange, this.#terms.limits, {
      hold: () => connection.hold(),
      release: () => connection.release(),
      failed: error => this.#owner.failed(call, error),
      warn: message => this.#owner.warn(message, call.exchange.id),
    })
  }
}

/** The worker's HELLO, and then bytes that are no frames. */
class AttachedReader extends FrameReader {
  readonly #onHello: (hello: WorkerHello) => void
  readonly #onBytes: (bytes: Buffer) => void

  constructor(onHello: (hello: WorkerHello) => void, onBytes: (bytes: Buffer) => void) {
    super(MULTIPLEX_HEADER)
    this.#onHello = onHello
    this.#onBytes = onBytes
  }

  protected header(buffer: Buffer, at: number): number {
    const length = buffer.readUInt32LE(at)
    if (buffer[at + 4] !== MultiplexType.HELLO || length > MAX_HELLO)
      throw new WireViolation('no hello on a connection of its own')
    return length
  }

  protected frame(buffer: Buffer, start: number, end: number): void {
    this.stop()
    this.#onHello(decodeHello(buffer.toString('utf8', start, end)))
  }

  protected content(): void {}

  protected override rest(bytes: Buffer): void {
    this.#onBytes(bytes)
  }
}
