/**
 * A response on its way through a filter. Runs in the gateway.
 *
 *     handler ──▶ FilteredResponse ──▶ FilteredResponse ──▶ Http1Response
 *                   filter A             filter B            framing, bytes
 *
 * Invariants:
 * - Content that no filter needs is passed on untouched: `sendFile` stays `sendFile`, `respond` stays `respond`.
 * - Back-pressure goes through both ways: the source waits while the client is slow or the filter has paused it.
 * - The promise of the source is kept here: too little content for its Content-Length cuts the response, too much is dropped.
 * - A response without content (HEAD, 204, 205, 304) has a changed head, and its content goes through no filter.
 * - Each content filter is closed exactly once, at the end of its exchange, whatever the end.
 *
 * Not here: what a filter is (`response-filter.ts`).
 */
import { read } from 'node:fs'
import type { Exchange, ResponseHead, ResponseState, ResponseWriter } from './exchange.ts'
import { fileCut } from './file-cut.ts'
import type { HeaderLines } from './headers.ts'
import type {
  ContentFilter,
  ContentOutput,
  FilteredExchange,
  FilteredHead,
  ResponseFilter,
  WholeResponse,
} from './response-filter.ts'

/** Puts the filter in front of the present writer, for whoever answers from here on. The filter that is added last sees a response first. */
export function addFilter(exchange: FilteredExchange & Pick<Exchange, 'response'>, filter: ResponseFilter): void {
  exchange.response = new FilteredResponse(exchange, filter)
}

class FilteredResponse implements ResponseWriter {
  readonly #exchange: FilteredExchange
  readonly #next: ResponseWriter
  readonly #filter: ResponseFilter
  /** Null before `start`, and for content that goes on as it is. */
  #content: FilteredContent | null = null
  #onDrain: (() => void) | null = null

  constructor(exchange: FilteredExchange & Pick<Exchange, 'response'>, filter: ResponseFilter) {
    this.#exchange = exchange
    this.#next = exchange.response
    this.#filter = filter
  }

  /** As the source left it: a content filter may still have something to write. */
  get state(): ResponseState {
    const { state } = this.#next
    return state === 'started' && this.#content?.isEnded ? 'ended' : state
  }

  /** As it goes on. */
  get head(): ResponseHead | null {
    return this.#next.head
  }
  get status(): number {
    return this.#next.status
  }
  get bytesWritten(): number {
    return this.#next.bytesWritten
  }

  inform(head: ResponseHead): void {
    this.#next.inform(head)
  }

  start(head: ResponseHead): void {
    const { head: changed, content } = this.#filter(head, this.#exchange)
    // It throws for a head that cannot be sent. Then nothing has begun, and an error can still be answered.
    this.#next.start(changed)
    this.#begin(head, changed, content)
  }

  respond(head: ResponseHead, content: Buffer): void {
    const filtered = this.#filter(head, this.#exchange)
    if (filtered.content === null) {
      this.#next.respond(filtered.head, content)
      return
    }
    const whole = filtered.whole === undefined ? null : this.#whole(head, filtered, content)
    if (whole !== null) {
      this.#next.respond(whole.head, whole.content)
      return
    }
    this.#next.start(filtered.head)
    this.#begin(head, filtered.head, filtered.content)
    // Lent for this call; a filter owns what it gets.
    if (content.length > 0) this.write(Buffer.from(content))
    this.end()
  }

  #whole(given: ResponseHead, { head, whole }: FilteredHead, content: Buffer): WholeResponse | null {
    const { length } = content
    if (length === 0 || this.#isWithout(head.status) || isWithoutContent(given.status)) return null
    const promised = lengthOf(given.headers)
    // What breaks its promise is cut or shortened on the long way.
    return promised < 0 || promised === length ? whole!(content) : null
  }

  #begin(given: ResponseHead, changed: ResponseHead, content: FilteredHead['content']): void {
    if (content === null || this.#isWithout(changed.status)) {
      if (this.#onDrain !== null) this.#next.onDrain(this.#onDrain)
      return
    }
    this.#content = new FilteredContent(this.#next, content, given, () => this.#onDrain?.())
    this.#exchange.onClosed(() => this.#content!.close())
  }

  #isWithout(status: number): boolean {
    return this.#exchange.request.method === 'HEAD' || isWithoutContent(status)
  }

  write(chunk: Buffer): boolean {
    return this.#content === null ? this.#next.write(chunk) : this.#content.take(chunk)
  }

  writeView(chunk: Buffer): boolean {
    // A filter owns what it gets.
    return this.#content === null ? this.#next.writeView(chunk) : this.#content.take(Buffer.from(chunk))
  }

  onDrain(callback: () => void): void {
    this.#onDrain = callback
    // Before `start` it is not known whether the content goes through the filter: `start` passes the callback on.
    if (this.#content === null && this.#next.state === 'started') this.#next.onDrain(callback)
  }

  sendFile(fd: number, offset: number, length: number, done: (error: Error | null) => void): void {
    if (this.#content === null) this.#next.sendFile(fd, offset, length, done)
    else this.#content.takeFile(fd, offset, length, done)
  }

  end(trailers?: HeaderLines): void {
    if (this.#content === null) this.#next.end(trailers)
    else this.#content.finish(trailers)
  }

  abort(cause: Error): void {
    // To the source it is over; what its filter still writes goes on.
    if (this.state !== 'ended') this.#next.abort(cause)
  }
}

/** Piece of a file that is read for a filter: one at a time for each response. */
const FILE_PIECE = 64 * 1024

/** The content of one response on its way through a filter. */
class FilteredContent implements ContentOutput {
  /** The source has given everything. */
  isEnded = false
  readonly #next: ResponseWriter
  readonly #filter: ContentFilter
  readonly #onDrain: () => void
  /** The source's response has none (204, 205, 304), though the one that goes on has. */
  readonly #isWithoutInput: boolean
  /** What the source has promised by Content-Length; -1: nothing. */
  readonly #promised: number
  #taken = 0
  #trailers: HeaderLines | undefined
  /** By the filter. */
  #isPaused = false
  /** The client has not taken what was written last. */
  #isBlocked = false
  /** The source was told to wait. */
  #isWaitedFor = false
  #isClosed = false
  #fileDone: ((error: Error | null) => void) | null = null
  /** Set while a file waits for a slow client or filter. */
  #resumeFile: (() => void) | null = null

  constructor(
    next: ResponseWriter,
    makeFilter: (out: ContentOutput) => ContentFilter,
    given: ResponseHead,
    onDrain: () => void,
  ) {
    this.#next = next
    this.#onDrain = onDrain
    this.#isWithoutInput = isWithoutContent(given.status)
    this.#promised = given.hasTrailers === true ? -1 : lengthOf(given.headers)
    next.onDrain(() => this.#drained())
    this.#filter = makeFilter(this)
  }

  // -- from the source

  take(chunk: Buffer): boolean {
    if (this.isEnded || this.#isWithoutInput || this.#next.state !== 'started') return true
    const left = this.#promised < 0 ? chunk.length : this.#promised - this.#taken
    const data = chunk.length > left ? chunk.subarray(0, left) : chunk
    if (data.length === 0) return true
    this.#taken += data.length
    // Within the call the source is not waited for: the filter may pause and resume.
    this.#isWaitedFor = false
    this.#filter.data(data)
    this.#isWaitedFor = this.#isPaused || this.#isBlocked
    return !this.#isWaitedFor
  }

  takeFile(fd: number, offset: number, length: number, done: (error: Error | null) => void): void {
    this.#fileDone = done
    this.#readFile(fd, offset, offset + length)
  }

  #readFile(fd: number, position: number, end: number): void {
    if (position >= end || this.#isWithoutInput) {
      this.#endFile(null)
      return
    }
    const chunk = Buffer.allocUnsafe(Math.min(FILE_PIECE, end - position))
    read(fd, chunk, 0, chunk.length, position, (error, bytes) => {
      // Cut meanwhile: the source may close the file only now, when the read is over.
      if (this.#next.state !== 'started') this.#endFile(new Error('the client has gone'))
      else if (error !== null || bytes === 0) this.#endFile(fileCut(fd, position, end, error))
      else if (this.take(bytes === chunk.length ? chunk : chunk.subarray(0, bytes)))
        this.#readFile(fd, position + bytes, end)
      // The filter has cut the response within the call, so nobody will resume.
      else if (this.#isClosed) this.#endFile(new Error('the response was cut'))
      else this.#resumeFile = () => this.#readFile(fd, position + bytes, end)
    })
  }

  /** Exactly once, whatever the end: the caller closes its descriptor then. */
  #endFile(error: Error | null): void {
    const done = this.#fileDone
    this.#fileDone = this.#resumeFile = null
    done?.(error)
  }

  finish(trailers: HeaderLines | undefined): void {
    if (this.isEnded || this.#next.state !== 'started') return
    if (!this.#isWithoutInput && this.#taken < this.#promised) {
      this.#next.abort(new Error(`the response ended after ${this.#taken} of ${this.#promised} bytes`))
      return
    }
    this.isEnded = true
    this.#trailers = trailers
    this.#filter.end()
  }

  /** At the end of the exchange. */
  close(): void {
    this.#isClosed = true
    this.#filter.close()
    if (this.#resumeFile !== null) this.#endFile(new Error('the client has gone'))
  }

  // -- from the filter

  write(chunk: Buffer): boolean {
    const isTaken = this.#next.write(chunk)
    if (!isTaken) this.#isBlocked = true
    return isTaken
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#goOn()
  }

  end(): void {
    if (!this.isEnded) throw new Error('a filter ended a response before its source')
    this.#next.end(this.#trailers)
  }

  abort(cause: Error): void {
    this.#next.abort(cause)
  }

  // -- from the client

  #drained(): void {
    if (this.#isClosed) return
    this.#isBlocked = false
    this.#filter.onDrain()
    this.#goOn()
  }

  /** Lets the source go on, if nothing holds it back any more. */
  #goOn(): void {
    if (!this.#isWaitedFor || this.#isPaused || this.#isBlocked || this.#isClosed) return
    this.#isWaitedFor = false
    const resume = this.#resumeFile
    this.#resumeFile = null
    if (resume !== null) resume()
    else if (!this.isEnded) this.#onDrain()
  }
}

/** Content-Length; -1 where there is none, or one that the protocol refuses. */
function lengthOf(headers: HeaderLines): number {
  for (let i = 0; i < headers.length; i += 2)
    if (headers[i]!.toLowerCase() === 'content-length')
      return /^\d{1,15}$/.test(headers[i + 1]!) ? Number(headers[i + 1]) : -1
  return -1
}

/** RFC9110§15.3.5, §15.3.6, §15.4.5. */
function isWithoutContent(status: number): boolean {
  return status === 204 || status === 205 || status === 304
}
