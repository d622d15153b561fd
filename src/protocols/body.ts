/**
 * The content of one request, between the protocol, which pushes, and the consumer, which pulls. Runs in the gateway.
 *
 * The client is not read before somebody asks. What came before that waits here: over HTTP/1.1 at most one read of the transport, which
 * is paused, and over HTTP/2 what the stream's window allows. Invariant: the consumer gets one `onEnd` or one `onError`, and nothing after it.
 */
import { contentTooLarge, type LimitError } from '../http/errors.ts'
import type { BodyConsumer, BodyReader } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'

/** Bytes. A smaller copy is put together with the next one: a client may send single bytes, and a Buffer costs a hundred. */
const SMALL = 1024

/** What the content asks of its connection or stream. */
export interface BodySource {
  /** The consumer wants more: read on, and send 100 Continue if the client waits for it. */
  wantBody(): void
  /** The consumer is busy: read no more. */
  pauseBody(): void
  /** The consumer has all of it. */
  bodyTaken(): void
  /** From now on content without a length of more than `bytes` is an error. False: it is larger already. */
  limitBody(bytes: number): boolean
  /** The content is too large: the body fails with the error, and nothing more is read. */
  refuseBody(error: LimitError): void
}

export class PulledBody implements BodyReader {
  readonly length: number | undefined
  isPulled = false
  readonly #source: BodySource
  #consumer: BodyConsumer | null = null
  #flowing = false
  #waiting: Buffer[] = []
  /** How many of `#waiting` the consumer has taken. Removing them one by one would be quadratic: one read may bring ten thousand chunks. */
  #given = 0
  /** How many of `#waiting` are our own copies, from earlier reads. The others are views of the transport's buffer. */
  #own = 0
  #trailers: HeaderLines | null = null
  #error: Error | null = null
  #delivering = false
  /** Nobody will pull any more: what comes is thrown away. */
  #discarding = false

  constructor(length: number | undefined, source: BodySource) {
    this.length = length
    this.#source = source
  }

  /** All of it has come, or it has failed. */
  get isComplete(): boolean {
    return this.#trailers !== null || this.#error !== null
  }

  limitTo(bytes: number): LimitError | null {
    if (this.length === undefined ? this.#source.limitBody(bytes) : this.length <= bytes) return null
    const error = contentTooLarge(bytes)
    this.#source.refuseBody(error)
    return error
  }

  pull(consumer: BodyConsumer): void {
    if (this.isPulled) throw new Error('the request content is pulled twice')
    this.isPulled = true
    this.#consumer = consumer
    this.resume()
  }

  resume(): void {
    // The exchange is over: what is read now is the rest of its request, or already the next one.
    if (this.#discarding) return
    this.#flowing = true
    this.#deliver()
    if (this.#flowing && !this.isComplete) this.#source.wantBody()
  }

  // -- from the connection

  /** `chunk` is a view that is valid until `keep`. */
  push(chunk: Buffer): void {
    if (this.#discarding || this.isComplete) return
    this.#waiting.push(chunk)
    this.#deliver()
    if (!this.#flowing) this.#source.pauseBody()
  }

  /** The pushed bytes are about to change: copies those that still wait. */
  keep(): void {
    const waiting = this.#waiting
    if (this.#own === waiting.length) return
    if (this.#given > 0) waiting.splice(0, this.#given)
    let from = Math.max(0, this.#own - this.#given)
    this.#given = 0
    if (from > 0 && waiting[from - 1]!.length < SMALL) from--
    waiting.push(Buffer.concat(waiting.splice(from)))
    this.#own = waiting.length
  }

  end(trailers: HeaderLines): void {
    this.#trailers = trailers
    this.#deliver()
  }

  fail(error: Error): void {
    if (this.isComplete) return
    this.#error = error
    this.#deliver()
  }

  discard(): void {
    this.#discarding = true
    this.#waiting = []
    this.#given = this.#own = 0
    this.#consumer = null
  }

  /** One loop, never nested: a consumer may call resume() from within onData(). */
  #deliver(): void {
    if (this.#delivering || this.#consumer === null) return
    this.#delivering = true
    while (this.#flowing && this.#given < this.#waiting.length && this.#consumer !== null)
      this.#flowing = this.#consumer.onData(this.#waiting[this.#given++]!)
    this.#delivering = false
    if (this.#given === this.#waiting.length) this.#waiting.length = this.#given = this.#own = 0
    // An end waits until the content before it is taken; an error does not.
    const consumer: BodyConsumer | null = this.#consumer
    if (consumer === null) return
    if (this.#error !== null) {
      this.#consumer = null
      consumer.onError(this.#error)
    } else if (this.#trailers !== null && this.#waiting.length === 0) {
      this.#consumer = null
      this.#source.bodyTaken()
      consumer.onEnd(this.#trailers)
    }
  }
}
