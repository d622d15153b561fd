/**
 * What becomes of a worker's frames on the link of one slot. Runs in the gateway. The decoder has checked them; here they reach the
 * exchange that the worker answers, its first. A bug on the way to a client fails its exchange, and not the link with all others.
 *
 * Invariant: one for each connection, so nothing of what a connection left half-done is known to the next.
 */
import { SMALL_PIECE } from '../../base/spool.ts'
import type { ResponseHead } from '../../http/exchange.ts'
import type { Call } from '../pool/call.ts'
import type { FileOffer, WorkerHello, WorkerSink } from '../wire/decode.ts'
import { encodeFileOpened } from '../wire/encode.ts'
import { WireViolation } from '../wire/violation.ts'
import { checkHello } from '../worker/connection.ts'
import { readFailure } from '../worker/failure.ts'
import { openOffer } from '../worker/file-offer.ts'
import type { Link, LinkOwner } from './link.ts'
import { Relay, type RelayLimits } from './relay.ts'

export class LinkSink implements WorkerSink {
  readonly #link: Link
  readonly #owner: LinkOwner
  /** The worker waits for FILE_OPENED, and nothing but END may follow when the gateway holds the file. */
  #file: 'none' | 'opening' | 'opened' = 'none'

  constructor(link: Link, owner: LinkOwner) {
    this.#link = link
    this.#owner = owner
  }

  onHello(hello: WorkerHello): void {
    checkHello(hello, this.#link.address)
    this.#link.opened(hello.thread ?? '')
  }

  onResponse(head: ResponseHead, body: Buffer, complete: boolean, runMicros: number): void {
    const link = this.#link
    const call = this.#current()
    const wanted = call.phase === 'sent' && call.exchange.response.state === 'idle'
    if (!link.isSendingBody) call.releaseBody()
    if (complete) {
      if (wanted) call.phase = 'relaying'
      this.#end(call, runMicros)
      if (wanted) this.#guarded(call, () => answer(call, head, body, this.#owner))
    } else if (wanted) {
      link.progressed()
      link.takesAhead = false
      call.phase = 'streaming'
      const relay = this.#makeRelay(call)
      call.relay = relay
      this.#guarded(call, () => relay.start(head, body))
    } else {
      this.#owner.deserted(link)
    }
  }

  onChunk(chunk: Buffer): void {
    const call = this.#streaming()
    this.#link.progressed()
    this.#guarded(call, () => call.relay!.chunk(chunk))
  }

  onEnd(runMicros: number): void {
    const call = this.#current()
    call.phase = 'relaying'
    this.#end(call, runMicros)
    this.#guarded(call, () => call.relay!.end())
  }

  onFile(offer: FileOffer): void {
    const link = this.#link
    const call = this.#streaming()
    link.progressed()
    this.#file = 'opening'
    openOffer(link.address.pid, offer, this.#owner.files, fd => {
      // The relay closes the descriptor when the exchange is over meanwhile.
      if (fd !== null) call.relay!.file(fd, offer.offset, offer.length)
      // One that has its head comes never back to a link that it was taken from.
      if (call !== link.first) return
      this.#file = fd === null ? 'none' : 'opened'
      link.progressed()
      link.write(encodeFileOpened(fd !== null))
    })
  }

  onInform(head: ResponseHead): void {
    const call = this.#current()
    const { response } = call.exchange
    if (call.phase === 'sent' && response.state === 'idle') this.#guarded(call, () => response.inform(head))
  }

  onFailed(reason: string, runMicros: number): void {
    const call = this.#current()
    const wanted = call.phase !== 'done'
    if (wanted) call.phase = 'relaying'
    this.#end(call, runMicros)
    if (!wanted) return
    const { sentence, error } = readFailure(reason)
    this.#owner.warn(`${call.describe()} failed in worker ${this.#link.address.worker}: ${sentence}`, call.exchange.id)
    this.#owner.failed(call, error)
  }

  /** The call that the worker speaks of. */
  #current(): Call {
    const call = this.#link.current
    if (call === undefined) throw new WireViolation('it answered what nobody asked')
    if (this.#file === 'opening') throw new WireViolation('a frame before FILE_OPENED')
    return call
  }

  /** The same, for content: none may follow a file that the gateway has taken over. */
  #streaming(): Call {
    const call = this.#current()
    if (this.#file !== 'none') throw new WireViolation('content after a file')
    return call
  }

  #end(call: Call, runMicros: number): void {
    this.#file = 'none'
    this.#link.end(call, runMicros)
  }

  #guarded(call: Call, act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#owner.failed(call, error as Error)
    }
  }

  #makeRelay(call: Call): Relay {
    const link = this.#link
    return new Relay(call.exchange, this.#owner.relayLimits, {
      hold: () => {
        if (call === link.first) link.hold()
      },
      release: () => {
        if (call === link.first) link.release()
      },
      failed: error => this.#owner.failed(call, error),
      warn: message => this.#owner.warn(message, call.exchange.id),
    })
  }
}

interface AnswerOwner {
  readonly relayLimits: RelayLimits
  failed(call: Call, error: Error): void
  warn(message: string, request: string): void
}

/** The whole response at once: no relay, no buffering of ours. `body` may be a view of the shared read buffer. */
export function answer(call: Call, head: ResponseHead, body: Buffer, owner: AnswerOwner): void {
  if (body.length > SMALL_PIECE && owner.relayLimits.memory.isNear) {
    answerInPieces(call, head, Buffer.from(body), owner)
    return
  }
  call.exchange.response.respond(head, body)
  call.phase = 'done'
}

/** While memory is short: what the client does not take waits in a file. */
function answerInPieces(call: Call, head: ResponseHead, body: Buffer, owner: AnswerOwner): void {
  call.relay = new Relay(call.exchange, owner.relayLimits, {
    hold() {},
    release() {},
    failed: error => owner.failed(call, error),
    warn: message => owner.warn(message, call.exchange.id),
  })
  call.relay.start(head, body)
  call.relay.end()
}
