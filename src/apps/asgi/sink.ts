/**
 * Brings the frames of an ASGI worker to their exchanges. Runs in the gateway. A bug on the way to a client fails that exchange only,
 * not the link with all others.
 *
 * Not here: checks of the bytes (`wire/multiplex-decode.ts`), what a slow client does not take (`stream-relay.ts`, `socket-relay.ts`).
 */
import { SMALL_PIECE } from '../../base/spool.ts'
import { HttpError } from '../../http/errors.ts'
import type { ResponseHead } from '../../http/exchange.ts'
import type { HeaderLines } from '../../http/headers.ts'
import { CloseCode } from '../../http/websocket.ts'
import type { Call } from '../pool/call.ts'
import type { LinkOwner } from '../pool/link-owner.ts'
import type { FileOffer, WorkerHello } from '../wire/decode.ts'
import type { MultiplexSink } from '../wire/multiplex-decode.ts'
import { writeFileOpened } from '../wire/multiplex-encode.ts'
import { offeredSubprotocols } from '../wire/scope.ts'
import { checkHello, type LinkAddress } from '../worker/connection.ts'
import { printable, readFailure } from '../worker/failure.ts'
import { openOffer } from '../worker/file-offer.ts'
import { Relay, type RelayLimits } from '../worker/relay.ts'
import type { MultiplexedCall } from './call.ts'
import { CreditReturn } from './credit.ts'
import type { Outbox } from './outbox.ts'
import { SocketRelay } from './socket-relay.ts'
import { StreamRelay } from './stream-relay.ts'

/** What the sink needs of its link. */
export interface SinkLink {
  readonly address: LinkAddress
  readonly outbox: Outbox
  /** Null: the exchange is over. Throws WireViolation for one that never was. */
  find(id: number): MultiplexedCall | null
  isCurrent(one: MultiplexedCall): boolean
  /** The worker said hello. */
  opened(): void
  /** The response has its head: others may have the call's slot. */
  becomeStream(one: MultiplexedCall): void
  /** From now on the worker's frames for this call are ignored. `release` must follow. */
  remove(one: MultiplexedCall): void
  /** Gives back what a removed call held. `runMicros`: its time in the application; null: not known. */
  release(one: MultiplexedCall, runMicros: number | null): void
  /** Tells the worker that the client has gone. */
  disconnect(one: MultiplexedCall, code: number, reason: string): void
  /** Makes the connection that the application of a handshake has asked for. Throws WireViolation where there are none. */
  attach(one: MultiplexedCall, token: number, waits: boolean): void
  /** The call's exchange is over, and the worker does not know it. */
  left(call: Call): void
}

export class MultiplexedSink implements MultiplexSink<MultiplexedCall> {
  readonly #link: SinkLink
  readonly #owner: LinkOwner
  readonly #limits: RelayLimits
  readonly #streamIdleMs: number

  constructor(link: SinkLink, owner: LinkOwner, limits: RelayLimits, streamIdleMs: number) {
    this.#link = link
    this.#owner = owner
    this.#limits = limits
    this.#streamIdleMs = streamIdleMs
  }

  find(id: number): MultiplexedCall | null {
    return this.#link.find(id)
  }

  onHello(hello: WorkerHello): void {
    checkHello(hello, this.#link.address)
    this.#link.opened()
  }

  /** Any frame is a sign of life. */
  onPong(): void {}

  onResponse(one: MultiplexedCall, head: ResponseHead, body: Buffer, complete: boolean, runMicros: number): void {
    const { call } = one
    const link = this.#link
    if (call.exchange.response.state !== 'idle') {
      link.left(call)
      call.releaseBody()
    } else if (complete) {
      call.phase = 'relaying'
      link.remove(one)
      call.releaseBody()
      link.release(one, runMicros)
      // The same as `#guarded`, without a closure for each response.
      try {
        this.#answer(call, head, body)
      } catch (error) {
        this.#owner.failed(call, error as Error)
      }
    } else {
      this.#startStream(one, head, body)
    }
  }

  /** The whole response at once, or, while memory is short, by a relay. `body` may be a view of the shared read buffer. */
  #answer(call: Call, head: ResponseHead, body: Buffer): void {
    if (body.length <= SMALL_PIECE || !this.#limits.memory.isNear) {
      call.exchange.response.respond(head, body)
      call.phase = 'done'
      return
    }
    const relay = new Relay(call.exchange, this.#limits, {
      // The link is never held: other exchanges need it.
      hold() {},
      release() {},
      failed: error => this.#owner.failed(call, error),
      warn: message => this.#owner.warn(message, call.exchange.id),
    })
    call.relay = relay
    relay.start(head, body)
    relay.end()
  }

  #startStream(one: MultiplexedCall, head: ResponseHead, body: Buffer): void {
    const { call } = one
    const link = this.#link
    one.hasProgressed = true
    one.streams(head.headers, this.#streamIdleMs)
    call.phase = 'streaming'
    const credit = new CreditReturn(link.outbox, one)
    one.relay = call.relay = new StreamRelay(call.exchange, credit, this.#limits, {
      failed: error => this.#owner.failed(call, error),
      warn: message => this.#owner.warn(message, call.exchange.id),
    })
    link.becomeStream(one)
    this.#guarded(one, () => one.relay!.start(head, body))
  }

  onChunk(one: MultiplexedCall, chunk: Buffer): void {
    one.hasProgressed = true
    this.#guarded(one, () => one.relay!.chunk(chunk))
  }

  onEnd(one: MultiplexedCall, _runMicros: number, trailers: HeaderLines): void {
    const { call } = one
    call.phase = 'relaying'
    this.#link.remove(one)
    call.releaseBody()
    // The time of a stream says nothing about how long other requests wait.
    this.#link.release(one, null)
    this.#guarded(one, () => one.relay!.end(trailers))
  }

  onFile(one: MultiplexedCall, offer: FileOffer): void {
    const link = this.#link
    const { files } = this.#limits.space
    one.hasProgressed = true
    one.relay!.whenFileSent(() => {
      if (!link.isCurrent(one)) return
      openOffer(link.address, offer, files, fd => {
        if (!link.isCurrent(one)) {
          if (fd !== null) files.close(fd)
          return
        }
        one.stage = 'content'
        one.hasProgressed = true
        writeFileOpened(link.outbox.begin(), one.id, fd !== null)
        if (fd !== null) this.#guarded(one, () => one.relay!.file({ fd, offset: offer.offset, length: offer.length }))
      })
    })
  }

  onInform(one: MultiplexedCall, head: ResponseHead): void {
    const { response } = one.call.exchange
    if (response.state === 'idle') this.#guarded(one, () => response.inform(head))
  }

  onFailed(one: MultiplexedCall, reason: string, runMicros: number): void {
    const { call, socket } = one
    this.#link.remove(one)
    this.#link.release(one, one.stage === 'head' ? runMicros : null)
    const { sentence, error } = readFailure(reason)
    this.#owner.warn(`${call.describe()} failed in worker ${this.#link.address.worker}: ${sentence}`, call.exchange.id)
    if (socket === null) this.#owner.failed(call, error)
    else socket.end(CloseCode.INTERNAL_ERROR, '')
  }

  onCredit(one: MultiplexedCall, bytes: number): void {
    one.hasProgressed = true
    if (one.socket !== null) one.socket.credit(bytes)
    else one.feed?.credit(bytes)
  }

  onAccept(one: MultiplexedCall, subprotocol: string, headers: HeaderLines): void {
    const { call } = one
    const { exchange } = call
    const link = this.#link
    if (subprotocol !== '' && !offeredSubprotocols(exchange.request).includes(subprotocol)) {
      this.#owner.warn(
        `${call.describe()} failed: the client did not offer subprotocol ${printable(subprotocol)}`,
        call.exchange.id,
      )
      this.#owner.failed(call, new HttpError(500, 'The application failed', 'application'))
      return
    }
    const { memory } = this.#limits
    const socket = new SocketRelay(one.id, link.outbox, new CreditReturn(link.outbox, one), memory, {
      onGone: (code, reason) => {
        if (link.isCurrent(one)) this.#endSocket(one, code, reason)
      },
      onTooLong: () => {
        this.#owner.warn(
          `${call.describe()} sent a message that is too long: its WebSocket is closed`,
          call.exchange.id,
        )
        this.#endSocket(one, CloseCode.INTERNAL_ERROR, '')
        socket.end(CloseCode.INTERNAL_ERROR, '')
      },
      onEvicted: () => {
        if (link.isCurrent(one)) this.#endSocket(one, CloseCode.TRY_AGAIN_LATER, '')
        socket.end(CloseCode.TRY_AGAIN_LATER, 'too much waits in memory')
      },
    })
    one.socket = socket
    try {
      const cookie = call.client?.setCookie?.() ?? null
      socket.accept(exchange, {
        subprotocol,
        headers: cookie === null ? headers : [...headers, 'Set-Cookie', cookie],
      })
    } catch (error) {
      // The handshake was wrong: an ordinary response says so.
      one.socket = null
      this.#owner.failed(call, error as Error)
      return
    }
    // From here on the channel has the exchange, and the relay tells of its end.
    call.phase = 'done'
    call.releaseBody()
    if (link.isCurrent(one)) link.becomeStream(one)
  }

  onMessage(one: MultiplexedCall, data: Buffer, flags: number): void {
    try {
      one.socket!.message(data, flags)
    } catch (error) {
      this.#owner.warn(`${one.call.describe()}: ${(error as Error).stack}`, one.call.exchange.id)
      if (this.#link.isCurrent(one)) this.#endSocket(one, CloseCode.INTERNAL_ERROR, '')
      one.socket!.end(CloseCode.INTERNAL_ERROR, '')
    }
  }

  onClose(one: MultiplexedCall, code: number, reason: string): void {
    this.#link.remove(one)
    this.#link.release(one, null)
    one.socket!.end(code, reason)
  }

  onTaken(one: MultiplexedCall, token: number, waits: boolean): void {
    const { call } = one
    call.phase = 'streaming'
    call.releaseBody()
    one.hasProgressed = true
    this.#link.attach(one, token, waits)
  }

  #endSocket(one: MultiplexedCall, code: number, reason: string): void {
    this.#link.remove(one)
    this.#link.disconnect(one, code, reason)
    this.#link.release(one, null)
  }

  #guarded(one: MultiplexedCall, act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#owner.failed(one.call, error as Error)
    }
  }
}
