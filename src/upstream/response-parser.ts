/**
 * Parser of HTTP/1.1 responses in the role of a client (RFC9112), sans-IO: bytes in, calls on a sink out. One for each connection to an
 * upstream; runs in the gateway.
 *
 *     idle ── begin() ──▶ head ──▶ length · chunked · close ──▶ idle
 *                          ├─ 1xx: head again                     └─ a byte while idle: violation
 *                          └─ 101 that was asked for ──▶ tunnel: bytes pass
 *
 * Invariants: cutting the bytes differently changes neither the calls nor the error (`response-parser.property.test.ts`). No byte behind the
 * end of a response is ever read as part of another one: it is a violation, and the connection has to be closed. After one nothing more is
 * taken. What two readers could understand differently (two lengths, a length and chunks, bare LF, folded lines) is a violation.
 * Not here: what a head means (`response-head.ts`), time, sockets.
 */
import { LimitError } from '../http/errors.ts'
import type { HeaderLines } from '../http/headers.ts'
import { ChunkedDecoder } from '../http1/chunked.ts'
import { MAX_FIELDS, parseResponseHead, type UpstreamHead } from './response-head.ts'
import { UpstreamViolation } from './violation.ts'

export interface ResponseSink {
  /** 1xx, but 101. */
  onInterim(head: UpstreamHead): void
  onHead(head: UpstreamHead): void
  /** `chunk` is a view, valid during the call. */
  onBody(chunk: Buffer): void
  onEnd(trailers: HeaderLines): void
  /** 101 that was asked for. From now on bytes go to `onTunnel`. */
  onSwitch(head: UpstreamHead): void
  /** As `onBody`. */
  onTunnel(chunk: Buffer): void
  /** A line for the log, which the server sent beside its response. HTTP has none. */
  onNote(line: string): void
  /** In place of a response: the spawner of CGI programs has run none. `why`: for the log; empty: nothing is to be said. */
  onRefused(status: number, retryAfter: number, why: string): void
}

/** What the request on the connection says of its response. */
export interface Expected {
  readonly isHead: boolean
  /** The request asked for another protocol. */
  readonly maySwitch: boolean
}

/** Bytes of one head: larger than any server sends, small enough for a thousand of them. */
export const MAX_HEAD = 64 * 1024
/** Interim responses to one request: more do not bring the response nearer. */
const MAX_INTERIM = 16
const FIRST_BUFFER = 2 * 1024
const [CR, LF] = [0x0d, 0x0a]
/** Anything else is no HTTP/1: seen with its first bytes, not when a time-out has passed. */
const START = Buffer.from('HTTP/1.')
const TRAILER_LIMITS = { headerBytes: MAX_HEAD, headerCount: MAX_FIELDS }

type State = 'idle' | 'head' | 'length' | 'chunked' | 'close' | 'tunnel' | 'failed'

export class ResponseParser {
  readonly #sink: ResponseSink
  #state: State = 'idle'
  #expected: Expected = { isHead: false, maySwitch: false }
  /** Of a head that comes in pieces. */
  #buffer: Buffer = Buffer.alloc(0)
  #length = 0
  /** Bytes of the line that is not complete. */
  #lineLength = 0
  #lastByte = 0
  #interims = 0
  #remaining = 0
  #chunked: ChunkedDecoder | null = null
  #hasBegun = false

  constructor(sink: ResponseSink) {
    this.#sink = sink
  }

  /** No response is expected, and none has failed. */
  get isIdle(): boolean {
    return this.#state === 'idle'
  }

  /** A byte of the response has come. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** A request is being sent: its response is expected. Only while idle. */
  begin(expected: Expected): void {
    if (this.#state !== 'idle') throw new Error(`a request was begun while its connection was ${this.#state}`)
    this.#expected = expected
    this.#state = 'head'
    this.#interims = 0
    this.#hasBegun = false
  }

  /** Throws UpstreamViolation. */
  receive(chunk: Buffer): void {
    try {
      this.#receive(chunk)
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  /** The other end has sent FIN. Throws UpstreamViolation unless that ends a response, or nothing is expected. */
  end(): void {
    if (this.#state === 'close') this.#ended([])
    else if (this.#state !== 'idle' && this.#state !== 'tunnel' && this.#state !== 'failed')
      this.#fail(
        new UpstreamViolation(this.#state === 'head' ? 'closed before its response' : 'closed in mid-response'),
      )
  }

  #fail(error: Error): never {
    this.#state = 'failed'
    this.#buffer = Buffer.alloc(0)
    if (error instanceof UpstreamViolation) throw error
    // A limit of requests has the name of its setting, which means nothing here.
    throw new UpstreamViolation(error instanceof LimitError ? 'trailers that are too long' : error.message)
  }

  /** Its connection is closed: nothing more is wanted. */
  stop(): void {
    this.#state = 'failed'
  }

  #receive(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      switch (this.#state) {
        case 'head':
          this.#hasBegun = true
          at = this.#readHead(chunk, at)
          break
        case 'length':
          at = this.#readContent(chunk, at)
          break
        case 'chunked':
          at = this.#chunked!.receive(chunk, at)
          break
        case 'close':
          this.#sink.onBody(chunk.subarray(at))
          return
        case 'tunnel':
          this.#sink.onTunnel(chunk.subarray(at))
          return
        case 'idle':
          throw new UpstreamViolation('bytes behind the end of its response')
        case 'failed':
          return
      }
    }
  }

  // -- head

  #readHead(chunk: Buffer, at: number): number {
    const limit = Math.min(chunk.length, at + MAX_HEAD - this.#length)
    this.#checkStart(chunk, at, limit)
    const end = this.#endOfHead(chunk, at, limit)
    if (end < 0) {
      if (limit < chunk.length || this.#length + limit - at === MAX_HEAD)
        throw new UpstreamViolation(`a head of more than ${MAX_HEAD} bytes`)
      this.#keep(chunk, at, limit)
      return limit
    }
    // The line end before the empty line is none of its text.
    let text: string
    if (this.#length === 0) text = chunk.toString('latin1', at, end - 4)
    else {
      this.#keep(chunk, at, end)
      text = this.#buffer.toString('latin1', 0, this.#length - 4)
      this.#length = 0
      this.#buffer = Buffer.alloc(0)
    }
    this.#onHead(parseResponseHead(text))
    return end
  }

  #checkStart(chunk: Buffer, at: number, limit: number): void {
    const before = this.#length
    for (let i = before; i < START.length && at + i - before < limit; i++)
      if (chunk[at + i - before] !== START[i]) throw new UpstreamViolation('what it sent is no HTTP/1')
  }

  /** Behind the empty line; -1: it is not there yet. Looks at each byte once. */
  #endOfHead(chunk: Buffer, at: number, limit: number): number {
    let from = at
    for (;;) {
      const lf = chunk.indexOf(LF, from)
      if (lf < 0 || lf >= limit) {
        this.#lineLength += limit - from
        if (limit > from) this.#lastByte = chunk[limit - 1]!
        return -1
      }
      const lineLength = this.#lineLength + lf - from
      const before = lf > from ? chunk[lf - 1]! : this.#lastByte
      if (lineLength === 0 || before !== CR)
        throw new UpstreamViolation('a line of its head ends in a bare LF (RFC9112§2.2)')
      this.#lineLength = 0
      from = lf + 1
      if (lineLength === 1) return from
    }
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    const needed = this.#length + to - from
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BUFFER, needed, Math.min(MAX_HEAD, 2 * needed)))
      this.#buffer.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
    }
    chunk.copy(this.#buffer, this.#length, from, to)
    this.#length = needed
  }

  #onHead(head: UpstreamHead): void {
    const { status } = head
    const { isHead, maySwitch } = this.#expected
    if (status === 101) {
      if (!maySwitch) throw new UpstreamViolation('101 to a request that asked for no other protocol')
      this.#state = 'tunnel'
      this.#sink.onSwitch(head)
      return
    }
    if (status < 200) {
      if (++this.#interims > MAX_INTERIM) throw new UpstreamViolation(`more than ${MAX_INTERIM} interim responses`)
      this.#sink.onInterim(head)
      return
    }
    // RFC9112§6.3: these have no content, whatever their fields say.
    const framing = isHead || status === 204 || status === 304 ? 0 : head.framing
    if (framing === 'chunked') {
      this.#state = 'chunked'
      this.#chunked = new ChunkedDecoder(TRAILER_LIMITS, {
        onBody: chunk => this.#sink.onBody(chunk),
        onEnd: trailers => this.#ended(trailers),
      })
    } else if (framing === 'close') this.#state = 'close'
    else {
      this.#state = 'length'
      this.#remaining = framing
    }
    this.#sink.onHead(head)
    if (this.#state === 'length' && this.#remaining === 0) this.#ended([])
  }

  // -- content

  #readContent(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#remaining)
    this.#remaining -= end - at
    this.#sink.onBody(chunk.subarray(at, end))
    if (this.#remaining === 0 && this.#state === 'length') this.#ended([])
    return end
  }

  #ended(trailers: HeaderLines): void {
    this.#chunked = null
    this.#state = 'idle'
    this.#sink.onEnd(trailers)
  }
}
