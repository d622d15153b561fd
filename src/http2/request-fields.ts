/**
 * The head of a request, from the fields of a header block (RFC9113§8.3): checked, and in the form that all versions of HTTP share. Sans-IO.
 * Runs in the gateway, for each request. One for each connection: `begin`, the decoder's calls of `field`, then `finishHead` or
 * `finishTrailers`.
 *
 * What a request may be in any version is `http/request-rules.ts`. Here is what only HTTP/2 asks: pseudo-headers, no fields of the connection,
 * no blanks around a value. A request that breaks this is malformed (RFC9113§8.1.1): its stream is reset, since a proxy in front may
 * have read another one (request smuggling).
 *
 * Invariant: fields behind the first mistake are not kept, and all of them are counted.
 */
import { LimitError, ProtocolError } from '../http/errors.ts'
import type { RequestHead } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import {
  checkContentLength,
  checkExpect,
  checkHost,
  checkIsImplemented,
  checkMethod,
  fieldKind,
  mayBeTrailer,
} from '../http/request-rules.ts'
import { parseTarget, withoutRawBytes } from '../http/target.ts'
import type { Scheme } from '../http/transport.ts'
import { FieldKind } from './field-kinds.ts'
import type { HpackSink } from './hpack/decoder.ts'
import type { FieldName } from './hpack/field-names.ts'
import { DEFAULT_PRIORITY, type Priority, parsePriority } from './priority.ts'

export interface FieldLimits {
  readonly requestLine: number
  readonly headerBytes: number
  readonly headerCount: number
}

/** The stream is reset with PROTOCOL_ERROR, and nobody answers. */
export class MalformedError extends ProtocolError {
  constructor(message: string, rule: string) {
    super(400, message, rule)
  }
}

export interface ReceivedHead extends RequestHead {
  readonly version: '2'
  /** As Content-Length says; undefined: there is none. */
  readonly contentLength: number | undefined
  readonly expectsContinue: boolean
  /** Extended CONNECT (RFC8441§4): `websocket`. Empty: an ordinary request. */
  readonly protocol: string
  readonly priority: Priority
  /** Of names and values. */
  readonly bytes: number
}

/** Stands for a head that cannot be used. Its stream has a response all the same. */
export function unreadableHead(scheme: Scheme, isHead: boolean): ReceivedHead {
  return {
    method: isHead ? 'HEAD' : '-',
    target: '-',
    path: '-',
    query: '',
    scheme,
    authority: '',
    version: '2',
    headers: [],
    contentLength: undefined,
    expectsContinue: false,
    protocol: '',
    priority: DEFAULT_PRIORITY,
    bytes: 0,
  }
}

const TARGET = /^[\x21-\x7e\x80-\xff]+$/
/** For extended CONNECT. */
const WEBSOCKET = 'websocket'
/** Of a field, in a head of HTTP/1.1: colon, blank, CR, LF. So a limit means the same in both versions. */
const FIELD_OVERHEAD = 4

export class RequestFields implements HpackSink {
  readonly #limits: FieldLimits
  readonly #scheme: Scheme
  #isTrailers = false
  #method: string | null = null
  #namesScheme = false
  #authority: string | null = null
  #path: string | null = null
  #protocol = ''
  #headers: HeaderLines = []
  /** An ordinary field has come: pseudo-headers must stand before it. */
  #hasFields = false
  #count = 0
  #bytes = 0
  /** Without pseudo-headers, but with the authority. */
  #headerBytes = 0
  #host = ''
  #hostCount = 0
  #cookie = ''
  #lengths: string[] = []
  #expect = ''
  #priority = DEFAULT_PRIORITY
  #error: ProtocolError | null = null

  constructor(limits: FieldLimits, scheme: Scheme) {
    this.#limits = limits
    this.#scheme = scheme
  }

  begin(isTrailers: boolean): void {
    this.#isTrailers = isTrailers
    this.#method = this.#authority = this.#path = null
    this.#namesScheme = this.#hasFields = false
    this.#protocol = this.#host = this.#cookie = this.#expect = ''
    // The authority will stand here, where a reader of the headers looks for it first.
    this.#headers = isTrailers ? [] : ['host', '']
    this.#count = this.#bytes = this.#headerBytes = this.#hostCount = 0
    if (this.#lengths.length > 0) this.#lengths = []
    this.#priority = DEFAULT_PRIORITY
    this.#error = null
  }

  /** Of a head that was refused. */
  get headersSoFar(): HeaderLines {
    return this.#headers
  }

  /** The method is HEAD, as far as it is known. */
  get isHead(): boolean {
    return this.#method === 'HEAD'
  }

  field(name: FieldName, value: string, isValid: boolean): void {
    const isPseudo = name.isPseudo
    this.#bytes += name.name.length + value.length + FIELD_OVERHEAD
    if (!isPseudo) this.#headerBytes += name.name.length + value.length + FIELD_OVERHEAD
    // The pieces of a cookie are one field, as over HTTP/1.1.
    if (!isPseudo && (this.#cookie === '' || name.kind !== FieldKind.COOKIE)) this.#count++
    if (this.#error !== null) return
    if (!isValid) {
      this.#malformed('A header has an invalid name or value', 'RFC9113§8.2.1')
      return
    }
    if (isPseudo) this.#pseudo(name, value)
    else this.#ordinary(name, value)
  }

  #pseudo(name: FieldName, value: string): void {
    if (this.#isTrailers || this.#hasFields) {
      this.#malformed('A pseudo-header comes behind a header', 'RFC9113§8.3')
      return
    }
    let isFirst = true
    switch (name.kind) {
      case FieldKind.METHOD:
        isFirst = this.#method === null
        this.#method = value
        break
      case FieldKind.SCHEME:
        isFirst = !this.#namesScheme
        this.#namesScheme = true
        // It says what the client believes. What counts is the connection's, or what a trusted proxy says.
        if (value !== 'http' && value !== 'https')
          this.#malformed('The scheme is neither http nor https', 'RFC9113§8.3.1')
        break
      case FieldKind.AUTHORITY:
        isFirst = this.#authority === null
        this.#authority = value
        // It goes on as Host, and has that header's part of the limit.
        this.#headerBytes += 'host'.length + value.length + FIELD_OVERHEAD
        this.#isTooLarge()
        break
      case FieldKind.PATH:
        isFirst = this.#path === null
        this.#path = value
        break
      case FieldKind.PROTOCOL:
        isFirst = this.#protocol === ''
        this.#protocol = value
        if (value === '') this.#malformed('The protocol is empty', 'RFC8441§4')
        break
      default:
        this.#malformed('A pseudo-header is unknown', 'RFC9113§8.3')
    }
    if (!isFirst) this.#malformed('A pseudo-header is given more than once', 'RFC9113§8.3')
  }

  #ordinary(name: FieldName, value: string): void {
    this.#hasFields = true
    if (this.#isTooLarge()) return
    switch (name.kind) {
      case FieldKind.DROPPED:
        return
      case FieldKind.FORBIDDEN:
        this.#malformed(`The header ${name.name} is for other versions of HTTP`, 'RFC9113§8.2.2')
        return
      case FieldKind.TE:
        if (value.toLowerCase() !== 'trailers') this.#malformed('TE is not "trailers"', 'RFC9113§8.2.2')
        break
      case FieldKind.HOST:
        this.#host = value
        this.#hostCount++
        // It stands in front, as the authority.
        if (!this.#isTrailers) return
        break
      case FieldKind.COOKIE:
        // Clients cut it for the sake of compression. Applications get one (RFC9113§8.2.3).
        if (!this.#isTrailers) {
          this.#cookie = this.#cookie === '' ? value : `${this.#cookie}; ${value}`
          return
        }
        break
      case FieldKind.CONTENT_LENGTH:
        this.#lengths.push(value)
        break
      case FieldKind.EXPECT:
        this.#expect = this.#expect === '' ? value.toLowerCase() : `${this.#expect},${value.toLowerCase()}`
        break
      case FieldKind.PRIORITY:
        this.#priority = parsePriority(value)
        break
    }
    if (this.#isTrailers && !mayBeTrailer(name.name, fieldKind(name.name))) return
    this.#headers.push(name.name, value)
  }

  #isTooLarge(): boolean {
    const { headerBytes, headerCount } = this.#limits
    const what = this.#isTrailers ? 'trailers' : 'headers'
    if (this.#count > headerCount)
      this.#error = new LimitError(431, `There are more than ${headerCount} ${what}`, 'limit-request-fields')
    else if (this.#headerBytes > headerBytes)
      this.#error = new LimitError(431, `The ${what} are longer than ${headerBytes} bytes`, 'limit-request-header-size')
    return this.#error !== null
  }

  #malformed(message: string, rule: string): void {
    this.#error ??= new MalformedError(message, rule)
  }

  /** Throws MalformedError, or the ProtocolError that is answered. `hasEnded`: no content follows. */
  finishHead(hasEnded: boolean): ReceivedHead {
    if (this.#error !== null) throw this.#error
    const isConnect = this.#protocol !== ''
    const method = this.#method
    const path = this.#path
    if (method === null) throw new MalformedError('The method is missing', 'RFC9113§8.3.1')
    if (isConnect && method !== 'CONNECT') throw new MalformedError(':protocol is for CONNECT only', 'RFC8441§4')
    checkMethod(method)
    if (!isConnect) checkIsImplemented(method)
    else if (this.#protocol !== WEBSOCKET)
      throw new ProtocolError(501, 'The only protocol for CONNECT is websocket', 'RFC8441§4')
    if (!this.#namesScheme) throw new MalformedError('The scheme is missing', 'RFC9113§8.3.1')
    if (path === null || path === '') throw new MalformedError('The path is missing', 'RFC9113§8.3.1')
    const authority = this.#checkedAuthority()
    const contentLength = this.#lengths.length === 0 ? undefined : checkContentLength(this.#lengths)
    if (hasEnded && contentLength !== undefined && contentLength > 0)
      throw new MalformedError('There is less content than Content-Length says', 'RFC9113§8.1.1')
    if (this.#expect !== '') checkExpect(this.#expect)
    if (method.length + path.length > this.#limits.requestLine)
      throw new LimitError(
        414,
        `Method and path are longer than ${this.#limits.requestLine} bytes`,
        'limit-request-line',
      )
    const target = this.#checkedTarget(method, path)
    const parsed = parseTarget(method, target)
    this.#headers[1] = authority
    if (this.#cookie !== '') this.#headers.push('cookie', this.#cookie)
    return {
      // As over HTTP/1.1: the handshake of a WebSocket is a GET there.
      method: isConnect ? 'GET' : method,
      target,
      path: parsed.path,
      query: parsed.query,
      scheme: this.#scheme,
      authority,
      version: '2',
      headers: this.#headers,
      contentLength,
      expectsContinue: this.#expect !== '' && !hasEnded,
      protocol: this.#protocol,
      priority: this.#priority,
      bytes: this.#bytes,
    }
  }

  /** Throws MalformedError, or LimitError. */
  finishTrailers(): HeaderLines {
    if (this.#error !== null) throw this.#error
    return this.#headers
  }

  #checkedAuthority(): string {
    const authority = this.#authority
    const count = this.#hostCount
    if (authority !== null && count === 1 && authority.toLowerCase() !== this.#host.toLowerCase())
      throw new MalformedError('Host is not the authority', 'RFC9113§8.3.1')
    const host = authority ?? this.#host
    checkHost(host, authority === null ? count : Math.max(count, 1), true)
    return host
  }

  #checkedTarget(method: string, path: string): string {
    if (!TARGET.test(path)) throw new ProtocolError(400, 'The request target has an invalid character', 'RFC9113§8.3.1')
    if (!path.startsWith('/') && !(path === '*' && method === 'OPTIONS'))
      throw new MalformedError('The path does not begin with a slash', 'RFC9113§8.3.1')
    return withoutRawBytes(path)
  }
}
