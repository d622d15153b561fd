/**
 * The head of an HTTP/1.1 request (RFC9112§2.1): lines in, a checked head out. Runs in the gateway, for each request. Invariant: checks
 * are made in the order of the lines, so that cutting the bytes differently changes no error. Not here: bytes (`parser.ts`), one line of
 * a header (`fields.ts`), and what a request may be in any version of HTTP (`http/request-rules.ts`).
 */
import { LimitError, ProtocolError } from '../http/errors.ts'
import { type HeaderLines, listMembers } from '../http/headers.ts'
import { checkExpect, checkHost, checkIsImplemented, checkMethod, FieldKind } from '../http/request-rules.ts'
import { parseTarget, withoutRawBytes } from '../http/target.ts'
import type { Scheme } from '../http/transport.ts'
import { colonOf, type FieldName, fieldNameBehind, fieldValue, NO_FIELD } from './fields.ts'
import { contentLength } from './framing.ts'
import type { ArrivedHead, ParserLimits } from './wire.ts'

export interface ParsedHead extends ArrivedHead {
  readonly version: '1.0' | '1.1'
}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP\/(\d)\.(\d)$/
/** Nearly all requests are of these methods. They need no groups of a regular expression, and their method is one shared string. */
const COMMON_METHODS = ['GET', 'POST'].map(method => ({ method, lead: `${method} ` }))
const COMMON_END = ' HTTP/1.1'
const TARGET = /^[\x21-\x7e]+$/

/** One for each connection. Takes a call for each line, then `finish`, and begins anew. After a ProtocolError it must not be used. */
export class HeadReader {
  readonly #limits: ParserLimits
  readonly #scheme: Scheme
  #method = ''
  #target = ''
  #version: '1.0' | '1.1' = '1.1'
  #lineBytes = 0
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

  constructor(limits: ParserLimits, scheme: Scheme) {
    this.#limits = limits
    this.#scheme = scheme
  }

  /** The request line was read. */
  get hasBegun(): boolean {
    return this.#method !== ''
  }

  /** Bytes of the head so far. When it is complete they stay until the next head begins. */
  get bytes(): number {
    return this.#lineBytes + this.#headerBytes
  }

  /** The headers of a head that was refused, or is not complete. */
  get headersSoFar(): HeaderLines {
    return this.#headers
  }

  /** The method is HEAD, as far as it is known. */
  get isHead(): boolean {
    return this.#method === 'HEAD'
  }

  /** `length`: of the line that is coming, as much as has come. The empty line at the end does not count. */
  checkLineLength(length: number): void {
    if (this.#method === '') {
      if (length > this.#limits.requestLine)
        throw new LimitError(
          414,
          `The request line is longer than ${this.#limits.requestLine} bytes`,
          'limit-request-line',
        )
    } else if (length > 0 && this.#headerBytes + length > this.#limits.headerBytes) {
      throw new LimitError(
        431,
        `The headers are longer than ${this.#limits.headerBytes} bytes`,
        'limit-request-header-size',
      )
    }
  }

  requestLine(line: string): void {
    this.#lineBytes = line.length
    this.#headerBytes = 0
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
    checkIsImplemented(method)
    this.#method = method
    this.#target = withoutRawBytes(match[2]!)
    // A higher minor version is treated as the highest one we know (RFC9110§2.5).
    this.#version = match[4] === '0' ? '1.0' : '1.1'
  }

  /** A header line: `text` from `from` to `to`. `clean`: it has no control character. */
  fieldLine(text: string, from: number, to: number, clean: boolean): void {
    this.#headerBytes += to - from + 2
    if (++this.#fieldCount > this.#limits.headerCount)
      throw new LimitError(431, `There are more than ${this.#limits.headerCount} headers`, 'limit-request-fields')
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

  /** After the last line. The next line begins another head. */
  finish(): ParsedHead {
    const { path, query, authority } = parseTarget(this.#method, this.#target)
    checkHost(this.#host, this.#hostCount, this.#version === '1.1')
    const length = contentLength(this.#version, this.#lengths, this.#codings)
    if (this.#expect !== '') checkExpect(this.#expect)
    const head: ParsedHead = {
      method: this.#method,
      target: this.#target,
      path,
      query,
      scheme: this.#scheme,
      authority: authority ?? this.#host,
      version: this.#version,
      headers: authority === null ? this.#headers : withHost(this.#headers, authority),
      contentLength: length,
      keepAlive: this.#keepsAlive(),
      // HTTP/1.0 clients do not know 1xx, and without content there is nothing to continue with.
      expectsContinue: this.#expect !== '' && this.#version === '1.1' && length !== 0,
    }
    this.#reset()
    return head
  }

  #reset(): void {
    this.#method = ''
    // It is a slice of the head's text, which an idle connection would keep as a whole.
    this.#target = ''
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

  #keepsAlive(): boolean {
    if (this.#connection === '') return this.#version === '1.1'
    const options = listMembers(this.#connection)
    if (options.includes('close')) return false
    return this.#version === '1.1' || options.includes('keep-alive')
  }
}

/** absolute-form: its authority replaces Host, so that readers of the headers see one truth (RFC9112§3.2.2). */
function withHost(headers: HeaderLines, authority: string): HeaderLines {
  const at = headers.findIndex((name, i) => i % 2 === 0 && name === 'host')
  if (at >= 0) headers[at + 1] = authority
  else headers.push('host', authority)
  return headers
}

/** Finds what is wrong with a request line. */
function requestLineError(line: string): ProtocolError {
  const parts = line.split(' ')
  const version = parts.at(-1)!
  if (parts.length === 3) checkMethod(parts[0]!)
  if (parts.length === 3 && !/^HTTP\/\d\.\d$/.test(version))
    return new ProtocolError(400, 'The HTTP version is malformed', 'RFC9112§2.3')
  if (parts.length === 3) return new ProtocolError(400, 'The request target has an invalid character', 'RFC9112§3.2')
  return new ProtocolError(400, 'The request line is not "METHOD target HTTP/1.1"', 'RFC9112§3')
}
