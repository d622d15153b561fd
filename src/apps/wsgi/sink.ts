/**
 * Brings a worker's frames from the link of one slot to the exchange that the worker answers: the oldest on the link. Runs in the
 * gateway. A bug on the way to a client fails that exchange only, not the link with all others.
 *
 * Invariant: each connection has a sink of its own, so that nothing half-done passes from one connection to the next.
 * Not here: checks of the bytes (`wire/decode.ts`), what a slow client does not take (`worker/relay.ts`).
 */
import { SMALL_PIECE } from '../../base/spool.ts'
import type { ResponseHead } from '../../http/exchange.ts'
import type { Call } from '../pool/call.ts'
import type { LinkOwner } from '../pool/link-owner.ts'
import { RawAnswer, type RawLink } from '../raw/answer.ts'
import type { FileOffer, WorkerHello, WorkerSink } from '../wire/decode.ts'
import { encodeFileOpened } from '../wire/encode.ts'
import { WireViolation } from '../wire/violation.ts'
import { checkHello, type LinkAddress } from '../worker/connection.ts'
import { readFailure } from '../worker/failure.ts'
import { openOffer } from '../worker/file-offer.ts'
import { Relay, type RelayLimits } from '../worker/relay.ts'

/** What the sink needs of its link. */
export interface SinkLink {
  readonly address: LinkAddress
  /** The oldest call on the link. */
  readonly oldest: Call | undefined
  /** The call whose answer comes next; undefined: none is due, because all are answered, or the oldest one's content is still being sent. */
  readonly answering: Call | undefined
  /** Content of the oldest call is still on the way to the worker. */
  readonly isSendingBody: boolean
  takesAhead: boolean
  /** The worker said hello. `thread` runs the slot. */
  opened(thread: string): void
  write(bytes: Buffer): void
  /** The worker gave a sign of life. */
  progressed(): void
  /** Reads nothing from the worker, and expects nothing, until `release`. */
  hold(): void
  release(): void
  /** The worker is done with the oldest call. */
  end(call: Call, runMicros: number): void
  /** Gives the connection up: nobody wants what the worker runs. */
  giveUp(): void
  /** The application has the link. Returns what `answer` needs of it. */
  taken(waits: boolean, answer: (link: RawLink) => RawAnswer): RawAnswer
}

export class SlotSink implements WorkerSink {
  readonly #link: SinkLink
  readonly #owner: LinkOwner
  readonly #limits: RelayLimits
  /** The relay of the response that streams. */
  #relay: Relay | null = null
  /** opening: the worker waits for FILE_OPENED. opened: the gateway holds the file, and only END may follow. */
  #file: 'none' | 'opening' | 'opened' = 'none'
  /** The application has the link. */
  #raw: RawAnswer | null = null

  constructor(link: SinkLink, owner: LinkOwner, limits: RelayLimits) {
    this.#link = link
    this.#owner = owner
    this.#limits = limits
  }

  onHello(hello: WorkerHello): void {
    checkHello(hello, this.#link.address)
    this.#link.opened(hello.thread ?? '')
  }

  onResponse(head: ResponseHead, body: Buffer, complete: boolean, runMicros: number): void {
    const link = this.#link
    const call = this.#answering()
    const wanted = call.phase === 'sent' && call.exchange.response.state === 'idle'
    if (!link.isSendingBody) call.releaseBody()
    if (complete) {
      if (wanted) call.phase = 'relaying'
      this.#end(call, runMicros)
      if (wanted) this.#guarded(call, () => this.#answer(call, head, body))
    } else if (wanted) {
      link.progressed()
      link.takesAhead = false
      call.phase = 'streaming'
      const relay = this.#makeRelay(call)
      this.#relay = call.relay = relay
      this.#guarded(call, () => relay.start(head, body))
    } else {
      link.giveUp()
    }
  }

  onChunk(chunk: Buffer): void {
    const call = this.#streaming()
    this.#link.progressed()
    this.#guarded(call, () => this.#relay!.chunk(chunk))
  }

  onEnd(runMicros: number): void {
    const call = this.#answering()
    const relay = this.#relay!
    call.phase = 'relaying'
    this.#end(call, runMicros)
    this.#guarded(call, () => relay.end())
  }

  onFile(offer: FileOffer): void {
    const link = this.#link
    const call = this.#streaming()
    const relay = this.#relay!
    link.progressed()
    this.#file = 'opening'
    openOffer(link.address, offer, this.#limits.space.files, fd => {
      // The relay closes the descriptor when the exchange is over meanwhile.
      if (fd !== null) relay.file(fd, offer.offset, offer.length)
      // The link may have given the call up meanwhile; `oldest` is another one then.
      if (call !== link.oldest) return
      this.#file = fd === null ? 'none' : 'opened'
      link.progressed()
      link.write(encodeFileOpened(fd !== null))
    })
  }

  onInform(head: ResponseHead): void {
    const call = this.#answering()
    const { response } = call.exchange
    if (call.phase === 'sent' && response.state === 'idle') this.#guarded(call, () => response.inform(head))
  }

  onFailed(reason: string, runMicros: number): void {
    const call = this.#answering()
    const wanted = call.phase !== 'done'
    if (wanted) call.phase = 'relaying'
    this.#end(call, runMicros)
    if (!wanted) return
    const { sentence, error } = readFailure(reason)
    this.#owner.warn(`${call.describe()} failed in worker ${this.#link.address.worker}: ${sentence}`, call.exchange.id)
    this.#owner.failed(call, error)
  }

  onTaken(waits: boolean): void {
    const link = this.#link
    const call = this.#answering()
    if (!call.isHandshake) throw new WireViolation('a link taken without a handshake')
    if (call.phase !== 'sent' || call.exchange.response.state !== 'idle') {
      link.giveUp()
      return
    }
    call.phase = 'streaming'
    call.releaseBody()
    this.#raw = link.taken(waits, raw => new RawAnswer(call, raw, this.#owner, () => this.#makeRelay(call)))
  }

  onRaw(bytes: Buffer): void {
    this.#raw?.receive(bytes)
  }

  /** The call that the worker answers. */
  #answering(): Call {
    const call = this.#link.answering
    if (call === undefined) throw new WireViolation('an answer without a request')
    if (this.#file === 'opening') throw new WireViolation('a frame before FILE_OPENED')
    return call
  }

  /** The same, for content: none may follow a file that the gateway holds. */
  #streaming(): Call {
    const call = this.#answering()
    if (this.#file !== 'none') throw new WireViolation('content after a file')
    return call
  }

  #end(call: Call, runMicros: number): void {
    this.#file = 'none'
    this.#relay = null
    this.#link.end(call, runMicros)
  }

  #guarded(call: Call, act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#owner.failed(call, error as Error)
    }
  }

  /** The whole response at once, or, while memory is short, by a relay. `body` may be a view of the shared read buffer. */
  #answer(call: Call, head: ResponseHead, body: Buffer): void {
    if (body.length <= SMALL_PIECE || !this.#limits.memory.isNear) {
      call.exchange.response.respond(head, body)
      call.phase = 'done'
      return
    }
    const relay = this.#makeRelay(call)
    call.relay = relay
    relay.start(head, body)
    relay.end()
  }

  #makeRelay(call: Call): Relay {
    const link = this.#link
    return new Relay(call.exchange, this.#limits, {
      hold: () => {
        if (call === link.oldest) link.hold()
      },
      release: () => {
        if (call === link.oldest) link.release()
      },
      failed: error => this.#owner.failed(call, error),
      warn: message => this.#owner.warn(message, call.exchange.id),
    })
  }
}
