/**
 * Request parser (RFC9112), sans-IO: bytes in, calls on a sink out. Runs in the gateway, on the path of every request.
 *
 * Invariants: cutting the bytes differently changes neither the calls nor the error (`parser.property.test.ts`), since each check is made
 * in the order of the bytes. After `onEnd` it pauses and keeps what follows until `next()`: a pipelined request is not read before the
 * request in front of it is answered. After a ProtocolError it takes nothing more.
 *
 * Not here: what the lines of a head mean (`head.ts`), limits of content, time, sockets, responses.
 */
import { ProtocolError, TlsOnPlainError } from '../http/errors.ts'
import { type HeaderLines, NOT_IN_VALUE } from '../http/headers.ts'
import type { Scheme } from '../http/transport.ts'
import { ChunkedDecoder } from './chunked.ts'
import { HeadReader, type ParsedHead } from './head.ts'
import type { ParserLimits, RequestReader, RequestSink } from './wire.ts'

/** What it is given: its heads are those of HTTP/1. */
export interface ParserSink extends Omit<RequestSink, 'onHead'> {
  onHead(head: ParsedHead): void
}

/** Empty lines before a request line (RFC9112§2.2): some clients send one after a POST. */
const MAX_EMPTY_LINES = 4
const HEAD_END = Buffer.from('\r\n\r\n')
const NO_TRAILERS: HeaderLines = []

/** 1: a byte that a line may have. */
const IN_LINE = Uint8Array.from({ length: 256 }, (_, byte) => (NOT_IN_VALUE.test(String.fromCharCode(byte)) ? 0 : 1))
const [CR, LF] = [0x0d, 0x0a]
/** The first byte of a client that speaks TLS (RFC8446§5.1). */
const TLS_HANDSHAKE = 0x16
/** A chunk up to this size that ends in an empty line is nearly always one head, so the end of the head is not searched for. */
const SHORT_CHUNK = 2048

type State = 'head' | 'length' | 'chunked' | 'paused' | 'failed'

export class RequestParser implements RequestReader {
  readonly #limits: ParserLimits
  readonly #sink: ParserSink
  readonly #head: HeadReader
  readonly #scheme: Scheme
  /** Empty lines before the head that is being read. */
  #emptyLines = 0
  #state: State = 'head'
  /** Bytes behind the end of the request. */
  #held: Buffer | null = null
  /** The line that is not complete yet, when a head comes in pieces. */
  #partial = ''
  #remaining = 0
  /** The decoder of the last chunked content, kept until the next request: `limitContent` may be called after the content is complete. */
  #chunked: ChunkedDecoder | null = null

  constructor(limits: ParserLimits, scheme: Scheme, sink: ParserSink) {
    this.#limits = limits
    this.#sink = sink
    this.#scheme = scheme
    this.#head = new HeadReader(limits, scheme)
  }

  /** A part of a request has come: its head or its content is not complete. */
  get inRequest(): boolean {
    return this.#state === 'length' || this.#state === 'chunked' || this.#partial !== '' || this.#head.hasBegun
  }

  /** The headers of a head that was refused, or is not complete: they choose the form of the refusal. */
  get headersSoFar(): HeaderLines {
    return this.#head.headersSoFar
  }

  /** The method is HEAD, as far as it is known: then a refusal has no content. */
  get isHead(): boolean {
    return this.#head.isHead
  }

  /** Bytes of the present head, which stay until its request is answered, and of requests behind it. */
  get keptBytes(): number {
    const isNone = this.#state === 'head' && !this.#head.hasBegun
    return (isNone ? 0 : this.#head.bytes) + this.#partial.length + (this.#held?.length ?? 0)
  }

  /** It keeps bytes of the next request: the transport should pause. */
  get holds(): boolean {
    return this.#held !== null
  }

  /** What follows the request is not HTTP: returns what has come of it, and reads no more. */
  switchProtocols(): Buffer | null {
    const held = this.#held
    this.#held = null
    this.#state = 'failed'
    return held
  }

  /** From now on more than `bytes` of the present chunked content is an error. False: there is more already. */
  limitContent(bytes: number): boolean {
    return this.#chunked?.limitTo(bytes) ?? true
  }

  /** Throws ProtocolError, and does not look at the bytes behind the mistake. `owned`: the bytes do not change after the call. */
  receive(chunk: Buffer, owned = false): void {
    try {
      this.#receive(chunk, owned)
    } catch (error) {
      this.#state = 'failed'
      throw error
    }
  }

  /** The request in front is answered: reads what follows it. Throws ProtocolError. */
  next(): void {
    if (this.#state !== 'paused') return
    this.#state = 'head'
    if (this.#chunked !== null) this.#chunked = null
    const held = this.#held
    this.#held = null
    if (held !== null) this.receive(held, true)
  }

  #receive(chunk: Buffer, owned: boolean): void {
    let at = 0
    while (at < chunk.length) {
      switch (this.#state) {
        case 'head':
          at = this.#readHead(chunk, at)
          break
        case 'length':
          at = this.#readContent(chunk, at)
          break
        case 'chunked':
          at = this.#chunked!.receive(chunk, at)
          break
        case 'paused':
          this.#hold(chunk.subarray(at), owned)
          return
        case 'failed':
          return
      }
    }
  }

  /** Does not copy bytes that are ours: a thousand requests in one chunk would be copied a thousand times. */
  #hold(rest: Buffer, owned: boolean): void {
    if (this.#held !== null) this.#held = Buffer.concat([this.#held, rest])
    else this.#held = owned ? rest : Buffer.from(rest)
  }

  // -- head

  #readHead(chunk: Buffer, at: number): number {
    if (this.#partial === '' && !this.#head.hasBegun && chunk[at] !== CR) {
      const end = endsAsHead(chunk, at) ? chunk.length : chunk.indexOf(HEAD_END, at) + HEAD_END.length
      if (end >= HEAD_END.length) return this.#readLines(chunk, at, chunk.toString('latin1', at, end))
    }
    return this.#readLine(chunk, at)
  }

  /** `text`: the bytes of `chunk` from `start` on, at least to the end of the head. Returns where the head ends. */
  #readLines(chunk: Buffer, start: number, text: string): number {
    let from = 0
    for (;;) {
      let to = from
      while (IN_LINE[chunk[start + to]!] === 1) to++
      // Something is wrong with this line; the slow way finds out what.
      if (chunk[start + to] !== CR || chunk[start + to + 1] !== LF) return this.#readLine(chunk, start + from)
      if (to === from) {
        this.#endHead()
        return start + to + 2
      }
      this.#head.checkLineLength(to - from)
      if (from === 0) this.#head.requestLine(text.slice(0, to))
      else this.#head.fieldLine(text, from, to, true)
      from = to + 2
    }
  }

  #tlsError(): ProtocolError {
    return this.#scheme === 'http'
      ? new TlsOnPlainError()
      : new ProtocolError(400, 'The client speaks TLS within TLS', 'RFC8446§5.1')
  }

  /** The slow way, for a head in pieces: each line is checked when it is complete. */
  #readLine(chunk: Buffer, at: number): number {
    if (chunk[at] === TLS_HANDSHAKE && this.#partial === '' && !this.#head.hasBegun) throw this.#tlsError()
    const lf = chunk.indexOf(0x0a, at)
    const end = lf < 0 ? chunk.length : lf + 1
    this.#partial += chunk.toString('latin1', at, end)
    if (lf < 0) {
      // A CR at the end may be half of a CRLF: it does not count yet. It is looked for in `chunk`, since V8 would have to join `#partial`.
      this.#head.checkLineLength(this.#partial.length - (chunk[end - 1] === CR ? 1 : 0))
      return end
    }
    const complete = this.#partial.endsWith('\r\n')
    const line = this.#partial.slice(0, complete ? -2 : -1)
    this.#partial = ''
    this.#head.checkLineLength(line.length)
    if (!complete) throw bareLineFeed()
    if (!this.#head.hasBegun && line !== '') this.#head.requestLine(line)
    else if (line !== '') this.#head.fieldLine(line, 0, line.length, false)
    else if (this.#head.hasBegun) this.#endHead()
    else if (++this.#emptyLines > MAX_EMPTY_LINES)
      throw new ProtocolError(400, 'There are too many empty lines before the request', 'RFC9112§2.2')
    return end
  }

  #endHead(): void {
    const head = this.#head.finish()
    const length = head.contentLength
    this.#emptyLines = 0
    if (length === undefined) {
      this.#state = 'chunked'
      this.#chunked = new ChunkedDecoder(this.#limits, {
        onBody: chunk => this.#sink.onBody(chunk),
        onEnd: trailers => {
          this.#state = 'paused'
          this.#sink.onEnd(trailers)
        },
      })
      this.#sink.onHead(head)
    } else if (length > 0) {
      this.#state = 'length'
      this.#remaining = length
      this.#sink.onHead(head)
    } else {
      this.#state = 'paused'
      this.#sink.onHead(head)
      this.#sink.onEnd(NO_TRAILERS)
    }
  }

  // -- content

  /** Bytes that are still to come; of content in chunks nobody knows: 0. */
  get contentLeft(): number {
    return this.#remaining
  }

  #readContent(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#remaining)
    this.#remaining -= end - at
    this.#sink.onBody(chunk.subarray(at, end))
    if (this.#remaining === 0) {
      this.#state = 'paused'
      this.#sink.onEnd(NO_TRAILERS)
    }
    return end
  }
}

/** True also for a chunk of several heads. Those behind the first are then decoded a second time, so the size has a bound. */
function endsAsHead(chunk: Buffer, at: number): boolean {
  const { length } = chunk
  if (length - at < HEAD_END.length || length - at > SHORT_CHUNK) return false
  return chunk[length - 1] === LF && chunk[length - 2] === CR && chunk[length - 3] === LF && chunk[length - 4] === CR
}

function bareLineFeed(): ProtocolError {
  return new ProtocolError(400, 'A line ends in a bare LF', 'RFC9112§2.2')
}
