/**
 * The response of an application, which may turn out to be an order: X-Accel-Redirect, X-Sendfile, or an error that its site has a page for. Then
 * its content is thrown away, and when the application is done something else answers. Runs in the gateway.
 *
 * Invariant: until the application is done nothing is sent; from then on it is not asked any more. What is no order passes untouched.
 */
import { ClientGoneError } from '../http/errors.ts'
import type { Exchange, ResponseHead, ResponseState, ResponseWriter } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'

/** What the head of the application's response means: the head to send, or what to do in its place. */
export type Decision = ResponseHead | (() => void)

export class ApplicationResponse implements ResponseWriter {
  readonly #exchange: Exchange
  /** Where the client's response goes. */
  next: ResponseWriter
  readonly #decide: (head: ResponseHead, response: ApplicationResponse) => Decision
  /** Null: it is the client's response. */
  #order: (() => void) | null = null
  #isDone = false
  #onDrain: (() => void) | null = null

  constructor(exchange: Exchange, decide: (head: ResponseHead, response: ApplicationResponse) => Decision) {
    this.#exchange = exchange
    this.next = exchange.response
    this.#decide = decide
  }

  get state(): ResponseState {
    const { state } = this.next
    if (this.#order === null || state !== 'idle') return state
    return this.#isDone ? 'ended' : 'started'
  }
  get head(): ResponseHead | null {
    return this.next.head
  }
  get status(): number {
    return this.next.status
  }
  get bytesWritten(): number {
    return this.next.bytesWritten
  }

  /** Puts a filter between this and the client, before the head has gone on. `add`: adds it to the exchange's response. */
  addBehind(add: () => void): void {
    const { response } = this.#exchange
    this.#exchange.response = this.next
    add()
    this.next = this.#exchange.response
    this.#exchange.response = response
  }

  inform(head: ResponseHead): void {
    this.next.inform(head)
  }

  start(head: ResponseHead): void {
    const decision = this.#decide(head, this)
    if (typeof decision === 'function') {
      this.#order = decision
      return
    }
    if (this.#onDrain !== null) this.next.onDrain(this.#onDrain)
    this.next.start(decision)
  }

  respond(head: ResponseHead, content: Buffer): void {
    const decision = this.#decide(head, this)
    if (typeof decision !== 'function') {
      this.next.respond(decision, content)
      return
    }
    this.#order = decision
    this.#done()
  }

  write(chunk: Buffer): boolean {
    return this.#order !== null || this.next.write(chunk)
  }

  writeView(chunk: Buffer): boolean {
    return this.#order !== null || this.next.writeView(chunk)
  }

  onDrain(callback: () => void): void {
    this.#onDrain = callback
    if (this.#order === null && this.next.state === 'started') this.next.onDrain(callback)
  }

  sendFile(fd: number, offset: number, length: number, done: (error: Error | null) => void): void {
    if (this.#order === null) this.next.sendFile(fd, offset, length, done)
    else queueMicrotask(() => done(null))
  }

  end(trailers?: HeaderLines): void {
    if (this.#order === null) this.next.end(trailers)
    else this.#done()
  }

  /** What comes behind an order is thrown away, so its failure matters to nobody but the log. */
  abort(cause: Error): void {
    if (this.#order === null || cause instanceof ClientGoneError) this.next.abort(cause)
    else this.#done()
  }

  /** After the call in which the application's side has ended, so that it finds its response ended. */
  #done(): void {
    if (this.#isDone) return
    this.#isDone = true
    queueMicrotask(() => {
      // The client may have gone, and an error page may be under way.
      if (this.next.state !== 'idle' || this.#exchange.response !== this) return
      this.#exchange.response = this.next
      this.#order!()
    })
  }
}
