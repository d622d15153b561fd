/**
 * Content of one request, between the parser that pushes and the consumer that pulls. Nothing is read from the client that nobody
 * asked for: what came along with the head waits here (one read of the transport at most), the transport is paused.
 */
import { contentTooLarge, type LimitError } from '../http/errors.ts'
import type { BodyConsumer, BodyReader } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'

/** What the reader asks of its connection. */
export interface BodySource {
  /** The consumer wants more: read on, and say 100 Continue if the client waits for it. */
  wantBody(): void
  /** The consumer is busy: read no more. */
  pauseBody(): void
  /** Chunked content of more than `bytes` is an error from now on. False: it is larger already. */
  limitBody(bytes: number): boolean
  /** The content is not wanted, and nothing after it is read: the body fails with the error. */
  refuseBody(error: LimitError): void
}

export class Http1Body implements BodyReader {
  readonly length: number | undefined
  readonly #source: BodySource
  #consumer: BodyConsumer | null = null
  #flowing = false
  #waiting: Buffer[] = []
  /** How many of them the consumer has taken. They are not removed one by one, which would be quadratic: one read may bring ten thousand chunks. */
  #given = 0
  /** Some of what waits is a view of the transport's buffer. */
  #isBorrowed = false
  #trailers: HeaderLines | null = null
  #error: Error | null = null
  #delivering = false
  /** Nobody will pull any more: what arrives is thrown away. */
  #discarding = false

  constructor(length: number | undefined, source: BodySource) {
    this.length = length
    this.#source = source
  }

  /** All of it has arrived (or it failed). */
  get isComplete(): boolean {
    return this.#trailers !== null || this.#error !== null
  }

  get isPulled(): boolean {
    return this.#consumer !== null
  }

  limitTo(bytes: number): LimitError | null {
    if (this.length === undefined ? this.#source.limitBody(bytes) : this.length <= bytes) return null
    const error = contentTooLarge(bytes)
    this.#source.refuseBody(error)
    return error
  }

  pull(consumer: BodyConsumer): void {
    if (this.#consumer !== null) throw new Error('the request content is pulled twice')
    this.#consumer = consumer
    this.resume()
  }

  resume(): void {
    this.#flowing = true
    this.#deliver()
    if (this.#flowing && !this.isComplete) this.#source.wantBody()
  }

  // -- from the connection

  /** A view, valid until `keep`. */
  push(chunk: Buffer): void {
    if (this.#discarding || this.isComplete) return
    this.#waiting.push(chunk)
    this.#isBorrowed = true
    this.#deliver()
    if (!this.#flowing) this.#source.pauseBody()
  }

  /** The bytes that were pushed are about to change: copies what still waits. */
  keep(): void {
    if (!this.#isBorrowed) return
    this.#isBorrowed = false
    if (this.#waiting.length === 0) return
    this.#waiting = this.#waiting.slice(this.#given).map(chunk => Buffer.from(chunk))
    this.#given = 0
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
    this.#given = 0
    this.#consumer = null
  }

  /** One loop, never nested: a consumer may call resume() from within onData(). */
  #deliver(): void {
    if (this.#delivering || this.#consumer === null) return
    this.#delivering = true
    while (this.#flowing && this.#given < this.#waiting.length && this.#consumer !== null)
      this.#flowing = this.#consumer.onData(this.#waiting[this.#given++]!)
    this.#delivering = false
    if (this.#given === this.#waiting.length) this.#waiting.length = this.#given = 0
    // An error does not wait for what is before it; an end does.
    const consumer: BodyConsumer | null = this.#consumer
    if (consumer === null) return
    if (this.#error !== null) {
      this.#consumer = null
      consumer.onError(this.#error)
    } else if (this.#trailers !== null && this.#waiting.length === 0) {
      this.#consumer = null
      consumer.onEnd(this.#trailers)
    }
  }
}
