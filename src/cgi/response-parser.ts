/**
 * The output of one script, sans-IO: bytes in, calls out. Runs in the gateway, for each response by CGI, FastCGI, SCGI and uwsgi.
 *
 *     head ──▶ content ──▶ ended          any ──▶ failed
 *
 * Invariants: the same bytes make the same calls, however they are cut. `onHead` comes once at most, before content. What is kept is one head, of
 * MAX_HEAD bytes at most. Content beyond Content-Length is thrown away, less of it is a mistake.
 * Not here: what a head means (`response-head.ts`), records around the output (`upstream/protocols/`).
 */
import { mayHaveContent } from '../http/response-rules.ts'
import { type CgiHead, parseCgiHead } from './response-head.ts'

export interface CgiSink {
  onHead(head: CgiHead): void
  /** `chunk` is a view, valid during the call. */
  onBody(chunk: Buffer): void
}

/** Bytes of one head: as an upstream's response of HTTP may have. */
export const MAX_HEAD = 64 * 1024
const FIRST_BUFFER = 2 * 1024
const [CR, LF] = [0x0d, 0x0a]

export interface CgiExpected {
  readonly isHead: boolean
  /** See `parseCgiHead`. */
  readonly mayHaveStatusLine: boolean
}

export class CgiResponseParser {
  readonly #sink: CgiSink
  readonly #expected: CgiExpected
  #state: 'head' | 'content' | 'failed' = 'head'
  /** Of a head that comes in pieces. */
  #buffer: Buffer = Buffer.alloc(0)
  #length = 0
  /** Bytes of the line that is not complete, and the last of them. */
  #lineLength = 0
  #lastByte = 0
  /** Bytes of content that are still to come; -1: any number. */
  #remaining = -1
  /** Content is thrown away: the request or the status allows none. */
  #hasNone = false

  constructor(expected: CgiExpected, sink: CgiSink) {
    this.#expected = expected
    this.#sink = sink
  }

  get hasHead(): boolean {
    return this.#state === 'content'
  }

  /** A head with a length has come, and all of its content. */
  get isComplete(): boolean {
    return this.#state === 'content' && this.#remaining === 0
  }

  /** Throws for output that is no response; nothing more may be given then. */
  receive(chunk: Buffer): void {
    let at = 0
    if (this.#state === 'head') {
      try {
        at = this.#readHead(chunk)
      } catch (error) {
        this.#state = 'failed'
        this.#buffer = Buffer.alloc(0)
        throw error
      }
    }
    if (this.#state !== 'content' || at >= chunk.length) return
    const end = this.#remaining < 0 ? chunk.length : Math.min(chunk.length, at + this.#remaining)
    if (this.#remaining > 0) this.#remaining -= end - at
    if (end > at && !this.#hasNone) this.#sink.onBody(chunk.subarray(at, end))
  }

  /** The script has ended. Throws if that is too early. */
  end(): void {
    if (this.#state === 'head')
      throw new Error(this.#length === 0 ? 'ended without a response' : 'ended within the head of its response')
    if (this.#state === 'content' && this.#remaining > 0 && !this.#hasNone)
      throw new Error(`ended ${this.#remaining} bytes before its Content-Length`)
  }

  /** Where content begins. */
  #readHead(chunk: Buffer): number {
    const limit = Math.min(chunk.length, MAX_HEAD - this.#length)
    const end = this.#endOfHead(chunk, limit)
    if (end < 0) {
      if (limit < chunk.length || this.#length + limit === MAX_HEAD)
        throw new Error(`a head of more than ${MAX_HEAD} bytes`)
      this.#keep(chunk, limit)
      return limit
    }
    let text: string
    if (this.#length === 0) text = chunk.toString('latin1', 0, end)
    else {
      this.#keep(chunk, end)
      text = this.#buffer.toString('latin1', 0, this.#length)
      this.#buffer = Buffer.alloc(0)
    }
    const head = parseCgiHead(withoutEmptyLine(text), this.#expected.mayHaveStatusLine)
    this.#hasNone = !mayHaveContent(head.status, this.#expected.isHead)
    this.#remaining = this.#hasNone ? -1 : head.length
    this.#state = 'content'
    this.#sink.onHead(head)
    return end
  }

  /** Behind the empty line; -1: it is not there yet. Looks at each byte once. */
  #endOfHead(chunk: Buffer, limit: number): number {
    let from = 0
    for (;;) {
      const lf = chunk.indexOf(LF, from)
      if (lf < 0 || lf >= limit) {
        this.#lineLength += limit - from
        if (limit > from) this.#lastByte = chunk[limit - 1]!
        return -1
      }
      const lineLength = this.#lineLength + lf - from
      const before = lf > from ? chunk[lf - 1]! : this.#lastByte
      this.#lineLength = 0
      from = lf + 1
      if (lineLength === 0 || (lineLength === 1 && before === CR)) return from
    }
  }

  #keep(chunk: Buffer, to: number): void {
    const needed = this.#length + to
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BUFFER, needed, Math.min(MAX_HEAD, 2 * needed)))
      this.#buffer.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
    }
    chunk.copy(this.#buffer, this.#length, 0, to)
    this.#length = needed
  }
}

/** The lines of the head, without the empty one that ends it. */
function withoutEmptyLine(text: string): string {
  let end = text.length - 1
  if (text.charCodeAt(end - 1) === CR) end--
  // What is left ends in the line end of the last field, or is empty.
  return end === 0 ? '' : text.slice(0, end - 1)
}
