/**
 * The content of one request on a stream of HTTP/2: its length, its limit, the stream's window, and the time in which it must come. Runs in the
 * gateway, for each request whose head does not end its stream.
 *
 * It is pulled: the client gets a larger window only while the handler takes what comes. What comes before waits, as much as the window allows.
 *
 * Invariant: content is never longer or shorter than Content-Length says without a reset of the stream (RFC9113§8.1.1).
 * Not here: how it waits (`protocols/body.ts`), how the window grows (`receive-window.ts`), the response (`stream.ts`).
 */
import type { MemoryBudget } from '../base/memory-budget.ts'
import { contentTooLarge, type LimitError, ProtocolError } from '../http/errors.ts'
import type { HeaderLines } from '../http/headers.ts'
import { type BodySource, PulledBody } from '../protocols/body.ts'
import type { Pace } from '../protocols/pace.ts'
import { ErrorCode } from './frames.ts'
import { ReceiveWindow } from './receive-window.ts'
import type { Receiver } from './receiver.ts'
import type { ReceivedHead } from './request-fields.ts'

/** What it asks of its stream. */
export interface ContentStream {
  readonly isClosed: boolean
  readonly isRemoteEnded: boolean
  /** Null: no time has begun to run. */
  readonly pace: Pace | null
  /** The same, made with the first call. */
  paced(): Pace
  /** Bytes that nobody has taken, for the memory budget. */
  waiting: number
  openReceiveWindow(bytes: number): void
  /** Sends 100 Continue, unless a response has begun. */
  inviteContent(): void
  /** The content is refused: for the log. */
  refused(error: ProtocolError): void
  reset(code: ErrorCode, why: Error): void
}

/** Of a request whose head ends its stream, and of an extended CONNECT. */
const NO_SOURCE: BodySource = {
  wantBody() {},
  pauseBody() {},
  bodyTaken() {},
  limitBody: () => true,
  refuseBody() {},
}

export function noContent(): PulledBody {
  return new PulledBody(0, NO_SOURCE)
}

export class RequestContent implements Receiver, BodySource {
  readonly body: PulledBody
  readonly #stream: ContentStream
  /** As Content-Length says. */
  readonly #length: number | undefined
  #received = 0
  #limit = Number.POSITIVE_INFINITY
  readonly #window: ReceiveWindow
  /** Somebody takes content as it comes. */
  #isFlowing = false
  #owesContinue: boolean
  /** What comes is thrown away: the content was refused, or the response has ended. */
  #isUnwanted = false

  constructor(stream: ContentStream, { contentLength, expectsContinue }: ReceivedHead, memory: MemoryBudget) {
    this.#stream = stream
    this.#length = contentLength
    this.#owesContinue = expectsContinue
    this.#window = new ReceiveWindow(memory, false)
    this.body = new PulledBody(contentLength, this)
  }

  // -- from the frames

  frameCame(bytes: number): boolean {
    return this.#window.receive(bytes)
  }

  content(piece: Buffer): void {
    const stream = this.#stream
    // It may have ended within the frame.
    if (stream.isClosed) return
    this.#received += piece.length
    if (this.#length !== undefined && this.#received > this.#length) {
      stream.reset(ErrorCode.PROTOCOL_ERROR, lengthDiffers())
      return
    }
    if (this.#isUnwanted) return
    if (this.#received > this.#limit) {
      this.#refuse(contentTooLarge(this.#limit))
      return
    }
    stream.pace?.contentCame(piece.length)
    this.body.push(piece)
    // The handler may have ended the response.
    if (!this.#isFlowing && !this.#isUnwanted && !stream.isClosed) stream.waiting += piece.length
  }

  frameEnded(): void {
    if (this.#isFlowing && !this.#stream.isRemoteEnded) this.#openWindow()
  }

  keep(): void {
    this.body.keep()
  }

  ended(trailers: HeaderLines): void {
    if (this.#length !== undefined && this.#received !== this.#length) {
      this.#stream.reset(ErrorCode.PROTOCOL_ERROR, lengthDiffers())
      return
    }
    this.#stream.pace?.awaitNothing()
    this.body.end(trailers)
  }

  discard(): void {
    this.#isUnwanted = true
    this.#stream.pace?.awaitNothing()
    this.#stream.waiting = 0
  }

  #openWindow(): void {
    const rest = this.#length === undefined ? undefined : this.#length - this.#received
    const growth = this.#window.growth(rest)
    if (growth > 0) this.#stream.openReceiveWindow(growth)
  }

  // -- from the body

  wantBody(): void {
    const stream = this.#stream
    if (stream.isRemoteEnded || this.#isUnwanted || stream.isClosed) return
    if (this.#owesContinue) stream.inviteContent()
    this.#owesContinue = false
    this.#isFlowing = true
    stream.waiting = 0
    this.#openWindow()
    stream.paced().awaitContent()
  }

  pauseBody(): void {
    this.#isFlowing = false
    this.#stream.pace?.pauseContent()
  }

  bodyTaken(): void {
    this.#stream.waiting = 0
  }

  limitBody(bytes: number): boolean {
    this.#limit = bytes
    return this.#received <= bytes
  }

  refuseBody(error: LimitError): void {
    this.#refuse(error)
  }

  // -- from the stream

  /** It did not come in time, or comes too slowly. */
  overdue(isTooSlow: boolean): void {
    const message = isTooSlow ? 'The content comes too slowly' : 'The content did not come in time'
    this.#refuse(new ProtocolError(408, message, isTooSlow ? 'min-body-rate' : 'RFC9110§15.5.9'))
  }

  /** The handler hears that its content is refused, and answers. */
  #refuse(error: ProtocolError): void {
    const stream = this.#stream
    if (this.#isUnwanted || stream.isClosed) return
    this.#isUnwanted = true
    this.#isFlowing = false
    stream.pace?.awaitNothing()
    stream.refused(error)
    this.body.fail(error)
    stream.waiting = 0
  }
}

function lengthDiffers(): ProtocolError {
  return new ProtocolError(400, 'The content is not as long as Content-Length says', 'RFC9113§8.1.1')
}
