/**
 * Request parser (RFC9112), sans-IO: bytes in, calls on a sink out. Runs in the gateway, on the path of every request.
 *
 * Invariants: cutting the bytes differently never changes the calls, nor the error (parser.property.test.ts): every check is
 * made in the order of the bytes. After `onEnd` it is paused and keeps what follows until `next()`: a pipelined request is not
 * looked at before the one in front of it is answered. After a ProtocolError it takes nothing more.
 *
 * Not here: time, sockets, and what a response is.
 */
import { isAuthority } from '../http/authority.ts'
import { ProtocolError } from '../http/errors.ts'
import type { RequestHead } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import { parseTarget } from '../http/target.ts'
import { ChunkedDecoder } from './chunked.ts'
import { colonOf, FieldKind, type FieldName, fieldNameBehind, fieldValue, listMembers, NO_FIELD } from './fields.ts'
import { contentLength } from './framing.ts'

export interface ParserLimits {
  readonly requestLine: number
  readonly headerBytes: number
  readonly headerCount: number
  readonly body: number
}

export interface ParsedHead extends RequestHead {
  readonly version: '1.0' | '1.1'
  /** Bytes of content; undefined for chunked. */
  readonly contentLength: number | undefined
  /** The client will take another response on this connection (RFC9112§9.3). */
  readonly keepAlive: boolean
  readonly expectsContinue: boolean
}

export interface RequestSink {
  onHead(head: ParsedHead): void
  /** A view of the bytes that were given: valid during the call. */
  onBody(chunk: Buffer): void
  onEnd(trailers: HeaderLines): void
}

/** Empty lines before a request line (RFC9112§2.2): some clients send one after a POST. */
const MAX_EMPTY_LINES = 4
const HEAD_END = Buffer.from('\r\n\r\n')
const NO_TRAILERS: HeaderLines = []

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/
/** What nearly all requests are: without the search for a method of a stranger, and as a string that is compared at no cost. */
const COMMON_METHODS = ['GET', 'POST'].map(method => ({ method, lead: `${method} ` }))
const COMMON_END = ' HTTP/1.1'
const TARGET = /^[\x21-\x7e]+$/
/** 1: a byte that a line may have, which is no control character but TAB. */
const IN_LINE = Uint8Array.from({ length: 256 }, (_, byte) => (byte === 9 || (byte >= 32 && byte !== 127) ? 1 : 0))
const [CR, LF] = [0x0d, 0x0a]
/** A chunk up to this size that ends as a head does is taken for one before its end is looked for: nearly always it is. */
const SHORT_CHUNK = 2048

type State = 'head' | 'length' | 'chunked' | 'paused' | 'failed'

export class RequestParser {
  readonly #limits: ParserLimits
  readonly #sink: RequestSink
  #state: State = 'head'
  /** Bytes after the end of the request. */
  #held: Buffer | null = null
  /** Of a head that comes in pieces: the line that is not complete yet. */
  #partial = ''
  #remaining = 0
  #chunked: ChunkedDecoder | null = null

  // The head that is being read.
  #emptyLines = 0
  #method = ''
  #target = ''
  #version: '1.0' | '1.1' = '1.1'
  #headerBytes = 0
  #headers: HeaderLines = []
  #field: FieldName = NO_FIELD
  #fieldCount = 0
  #host = ''
  #hostCount = 0
  #lengths: string[] = []
  #codings: string[] = []
  #connection = ''
  #expect = ''

  constructor(limits: ParserLimits, sink: RequestSink) {
    this.#limits = limits
    this.#sink = sink
  }

  /** Something of a request has arrived that is not complete: its head, or its content. */
  get inRequest(): boolean {
    return this.#state === 'length' || this.#state === 'chunked' || this.#partial !== '' || this.#method !== ''
  }

  get inBody(): boolean {
    return this.#state === 'length' || this.#state === 'chunked'
  }

  /** Of a head that was refused, or is not complete: for the form of the refusal. */
  get headersSoFar(): HeaderLines {
    return this.#headers
  }

  /** HEAD was asked for, as far as that is known: a refusal has no content then. */
  get isHead(): boolean {
    return this.#method === 'HEAD'
  }

  /** Bytes of the next request are kept: the transport should pause. */
  get holds(): boolean {
    return this.#held !== null
  }

  /** What follows the request is no HTTP: gives it back, and reads no more. */
  switchProtocols(): Buffer | null {
    const held = this.#held
    this.#held = null
    this.#state = 'failed'
    return held
  }

  /** Throws ProtocolError; the bytes after it are not looked at. `owned`: the bytes stay as they are after the call. */
  receive(chunk: Buffer, owned = false): void {
    try {
      this.#receive(chunk, owned)
    } catch (error) {
      this.#state = 'failed'
      throw error
    }
  }

  /** The request in front is answered: goes on with what follows it. Throws ProtocolError. */
  next(): void {
    if (this.#state !== 'paused') return
    this.#state = 'head'
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

  /** Copies unless the bytes are ours: a thousand requests in one chunk would be copied a thousand times. */
  #hold(rest: Buffer, owned: boolean): void {
    if (this.#held !== null) this.#held = Buffer.concat([this.#held, rest])
    else this.#held = owned ? rest : Buffer.from(rest)
  }

  // -- head

  #readHead(chunk: Buffer, at: number): number {
    if (this.#partial === '' && this.#method === '' && chunk[at] !== CR) {
      const end = endsAsHead(chunk, at) ? chunk.length : chunk.indexOf(HEAD_END, at) + HEAD_END.length
      if (end >= HEAD_END.length) return this.#readLines(chunk, at, chunk.toString('latin1', at, end))
    }
    return this.#readLine(chunk, at)
  }

  /** `text`: what is in `chunk` from `start` to the end of a head at least. Returns where the head ends. */
  #readLines(chunk: Buffer, start: number, text: string): number {
    let from = 0
    for (;;) {
      let to = from
      while (IN_LINE[chunk[start + to]!] === 1) to++
      // Whatever is wrong with this line, the slow way says it.
      if (chunk[start + to] !== CR || chunk[start + to + 1] !== LF) return this.#readLine(chunk, start + from)
      if (to === from) {
        this.#endHead()
        return start + to + 2
      }
      this.#checkLineLength(to - from)
      if (from === 0) this.#requestLine(text.slice(0, to))
      else this.#fieldLine(text, from, to, true)
      from = to + 2
    }
  }

  /** The slow way, for heads in pieces: line by line, each checked as it is complete. */
  #readLine(chunk: Buffer, at: number): number {
    const lf = chunk.indexOf(0x0a, at)
    const end = lf < 0 ? chunk.length : lf + 1
    this.#partial += chunk.toString('latin1', at, end)
    if (lf < 0) {
      // A CR at the end may be half a CRLF: it does not count yet.
      this.#checkLineLength(this.#partial.length - (this.#partial.endsWith('\r') ? 1 : 0))
      return end
    }
    const complete = this.#partial.endsWith('\r\n')
    const line = this.#partial.slice(0, complete ? -2 : -1)
    this.#partial = ''
    this.#checkLineLength(line.length)
    if (!complete) throw bareLineFeed()
    if (this.#method === '' && line !== '') this.#requestLine(line)
    else if (line !== '') this.#fieldLine(line, 0, line.length, false)
    else if (this.#method !== '') this.#endHead()
    else if (++this.#emptyLines > MAX_EMPTY_LINES)
      throw new ProtocolError(400, 'There are too many empty lines before the request', 'RFC9112§2.2')
    return end
  }

  #checkLineLength(length: number): void {
    if (this.#method === '') {
      if (length > this.#limits.requestLine)
        throw new ProtocolError(414, `The request line is longer than ${this.#limits.requestLine} bytes`, 'RFC9112§3')
    } else if (this.#headerBytes + length > this.#limits.headerBytes) {
      throw new ProtocolError(431, `The headers are longer than ${this.#limits.headerBytes} bytes`, 'RFC6585§5')
    }
  }

  #requestLine(line: string): void {
    for (const { method, lead } of COMMON_METHODS) {
      if (!line.startsWith(lead) || !line.endsWith(COMMON_END)) continue
      const target = line.slice(lead.length, -COMMON_END.length)
      if (!TARGET.test(target)) break
      this.#method = method
      this.#target = target
      this.#version = '1.1'
      return
    }
    const match = REQUEST_LINE.exec(line)
    if (match === null) throw requestLineError(line)
    const major = match[3]!
    if (major !== '1') throw new ProtocolError(505, `HTTP/${major} is not spoken here`, 'RFC9110§15.6.6')
    const method = match[1]!
    if (method === 'CONNECT') throw new ProtocolError(501, 'CONNECT is not implemented', 'RFC9110§9.3.6')
    this.#method = method
    this.#target = match[2]!
    // A higher minor version is treated as the highest one we know (RFC9110§2.5).
    this.#version = match[4] === '0' ? '1.0' : '1.1'
  }

  /** The line is a part of `text`. `clean`: it has no control character. */
  #fieldLine(text: string, from: number, to: number, clean: boolean): void {
    this.#headerBytes += to - from + 2
    if (++this.#fieldCount > this.#limits.headerCount)
      throw new ProtocolError(431, `There are more than ${this.#limits.headerCount} headers`, 'RFC6585§5')
    const field = fieldNameBehind(this.#field, text, from, to)
    this.#field = field
    const { name, kind, lead } = field
    const colon = lead === '' ? colonOf(text, from, to) : from + lead.length - 1
    const value = fieldValue(text, colon + 1, to, clean)
    switch (kind) {
      case FieldKind.DROPPED:
        return
      case FieldKind.HOST:
        this.#host = value
        this.#hostCount++
        break
      case FieldKind.CONTENT_LENGTH:
        this.#lengths.push(value)
        break
      case FieldKind.TRANSFER_ENCODING:
        this.#codings.push(value)
        break
      case FieldKind.CONNECTION:
        this.#connection += `,${value.toLowerCase()}`
        break
      case FieldKind.EXPECT:
        this.#expect = this.#expect === '' ? value.toLowerCase() : `${this.#expect},${value.toLowerCase()}`
        break
    }
    this.#headers.push(name, value)
  }

  #endHead(): void {
    const { path, query, authority } = parseTarget(this.#method, this.#target)
    const host = this.#checkHost()
    const length = contentLength(this.#version, this.#lengths, this.#codings, this.#limits.body)
    const expectsContinue = this.#checkExpect(length)
    const head: ParsedHead = {
      method: this.#method,
      target: this.#target,
      path,
      query,
      scheme: 'http',
      authority: authority ?? host,
      version: this.#version,
      headers: authority === null ? this.#headers : withHost(this.#headers, authority),
      contentLength: length,
      keepAlive: this.#keepsAlive(),
      expectsContinue,
    }
    this.#reset()
    if (length === undefined) {
      this.#state = 'chunked'
      this.#chunked = new ChunkedDecoder(this.#limits, {
        onBody: chunk => this.#sink.onBody(chunk),
        onEnd: trailers => {
          this.#chunked = null
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

  #reset(): void {
    this.#emptyLines = 0
    this.#method = ''
    // A part of the head's text, which would be kept as a whole by an idle connection.
    this.#target = ''
    this.#headerBytes = 0
    this.#fieldCount = 0
    this.#headers = []
    this.#field = NO_FIELD
    this.#host = ''
    this.#hostCount = 0
    if (this.#lengths.length > 0) this.#lengths = []
    if (this.#codings.length > 0) this.#codings = []
    this.#connection = ''
    this.#expect = ''
  }

  #checkHost(): string {
    if (this.#hostCount > 1) throw new ProtocolError(400, 'Host is given more than once', 'RFC9112§3.2')
    if (this.#hostCount === 0) {
      if (this.#version === '1.1') throw new ProtocolError(400, 'Host is missing', 'RFC9112§3.2')
    } else if (!isAuthority(this.#host)) throw new ProtocolError(400, 'Host is malformed', 'RFC9112§3.2')
    return this.#host
  }

  #checkExpect(length: number | undefined): boolean {
    if (this.#expect === '') return false
    if (this.#expect !== '100-continue')
      throw new ProtocolError(417, 'The only expectation that can be met is 100-continue', 'RFC9110§10.1.1')
    // HTTP/1.0 clients do not know 1xx, and without content there is nothing to continue with.
    return this.#version === '1.1' && length !== 0
  }

  #keepsAlive(): boolean {
    if (this.#connection === '') return this.#version === '1.1'
    const options = listMembers(this.#connection)
    if (options.includes('close')) return false
    return this.#version === '1.1' || options.includes('keep-alive')
  }

  // -- content

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

/** absolute-form: its authority replaces Host, so that nobody downstream sees two truths (RFC9112§3.2.2). */
function withHost(headers: HeaderLines, authority: string): HeaderLines {
  const at = headers.findIndex((name, i) => i % 2 === 0 && name === 'host')
  if (at >= 0) headers[at + 1] = authority
  else headers.push('host', authority)
  return headers
}

/** It may hold several heads, which costs looking at the last ones again: hence a bound. */
function endsAsHead(chunk: Buffer, at: number): boolean {
  const { length } = chunk
  if (length - at < HEAD_END.length || length - at > SHORT_CHUNK) return false
  return chunk[length - 1] === LF && chunk[length - 2] === CR && chunk[length - 3] === LF && chunk[length - 4] === CR
}

function bareLineFeed(): ProtocolError {
  return new ProtocolError(400, 'A line ends in a bare LF', 'RFC9112§2.2')
}

/** The slow way: what is wrong with it? */
function requestLineError(line: string): ProtocolError {
  const parts = line.split(' ')
  const version = parts.at(-1)!
  if (parts.length === 3 && !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(parts[0]!))
    return new ProtocolError(400, 'The method is invalid', 'RFC9110§9.1')
  if (parts.length === 3 && !/^HTTP\/\d\.\d$/.test(version))
    return new ProtocolError(400, 'The HTTP version is malformed', 'RFC9112§2.3')
  if (parts.length === 3) return new ProtocolError(400, 'The request target has an invalid character', 'RFC9112§3.2')
  return new ProtocolError(400, 'The request line is not "METHOD target HTTP/1.1"', 'RFC9112§3')
}
