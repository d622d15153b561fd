/**
 * Requests of FastCGI, sans-IO: records in, calls out. Runs in the gateway, for connections of a web server in front of us.
 *
 *     record:   header ⇄ content ⇄ padding                                            any ──▶ failed
 *     request:  none ──BEGIN_REQUEST──▶ parameters ──PARAMS ""──▶ content ──STDIN ""──▶ whole ──next──▶ none
 *
 * One request at a time is on a connection: another one that begins meanwhile is refused (CANT_MPX_CONN), as GET_VALUES says beforehand. Records of a
 * request that there is not are skipped (§3.3).
 *
 * Invariants: the same bytes make the same calls, however they are cut. What is kept is the parameters of one request, of `mostParameterBytes` at
 * most. The content has as many bytes as CONTENT_LENGTH says. Answers to what is no request have a bound: a server in front that asks on and on and
 * reads nothing would fill our memory.
 * Not here: what parameters mean (`parameters.ts`), responses (`fastcgi-output.ts`).
 */
import { contentTooLarge, FrontServerError } from '../../../http/errors.ts'
import type { LocalEnd } from '../../../http/exchange.ts'
import type { HeaderLines } from '../../../http/headers.ts'
import type { ParserLimits, RequestReader, RequestSink } from '../../../http1/wire.ts'
import {
  BODY,
  Ending,
  endRequest,
  HEADER,
  KEEP_CONN,
  pairs,
  RESPONDER,
  RecordType,
  readPairs,
  record,
  unknownType,
  VERSION,
} from '../fastcgi-records.ts'
import { ParameterBytes } from './parameter-bytes.ts'
import { type Arrived, mostParameterBytes, requestOf, tooManyBytes } from './parameters.ts'

/** Content of one GET_VALUES: the names that there are have sixty bytes. */
const MOST_VALUES = 1024
/** Answers to what is no request, until the next request begins. A server asks once in a connection. */
const MOST_ANSWERS = 32
/** Of the variables of §4.1 the one that servers need. */
const MULTIPLEXES = 'FCGI_MPXS_CONNS'
const NO_FIELDS: HeaderLines = []

/** The connection, as far as it is not a request's. */
export interface FastCgiOwner {
  /** These bytes go out now: whole records. */
  answer(records: Buffer): void
  /** The response to the last request has not ended. */
  readonly isAnswering: boolean
  /** A request has begun; its response has this id. */
  began(id: number): void
  /** The server in front does not want the response any more: the client has gone. */
  aborted(): void
}

export class FastCgiRequests implements RequestReader {
  readonly #limits: ParserLimits
  readonly #local: LocalEnd
  readonly #sink: RequestSink
  readonly #owner: FastCgiOwner
  #state: 'header' | 'content' | 'padding' | 'failed' = 'header'
  #request: 'none' | 'parameters' | 'content' | 'whole' = 'none'
  /** Of the record that is being read. */
  readonly #header = Buffer.alloc(HEADER)
  #headerLength = 0
  #type = 0
  #recordId = 0
  #remaining = 0
  #padding = 0
  /** Content of a record that must be whole: BEGIN_REQUEST, GET_VALUES. */
  readonly #whole = new ParameterBytes()
  // Of the request:
  #id = 0
  #keepsAlive = false
  readonly #parameters = new ParameterBytes()
  #headBytes = 0
  #isHead = false
  /** Its head waits for the first record of its content: without CONTENT_LENGTH only that says whether there is any. */
  #arrived: Arrived | null = null
  /** Bytes of content; undefined: nobody has said. */
  #declared: number | undefined
  #received = 0
  #limit = Number.POSITIVE_INFINITY
  #answers = 0

  constructor(limits: ParserLimits, local: LocalEnd, sink: RequestSink, owner: FastCgiOwner) {
    this.#limits = limits
    this.#local = local
    this.#sink = sink
    this.#owner = owner
  }

  get inRequest(): boolean {
    return this.#request === 'parameters' || this.#request === 'content' || this.#isWithinRecord
  }

  get #isWithinRecord(): boolean {
    return this.#state !== 'header' || this.#headerLength > 0
  }

  get keptBytes(): number {
    return this.#parameters.length + this.#headBytes
  }

  get holds(): boolean {
    return false
  }

  get headersSoFar(): HeaderLines {
    return NO_FIELDS
  }

  get contentLeft(): number {
    return this.#declared === undefined ? 0 : this.#declared - this.#received
  }

  get isHead(): boolean {
    return this.#isHead
  }

  next(): void {
    if (this.#request !== 'whole') return
    this.#request = 'none'
    this.#id = this.#headBytes = 0
    this.#isHead = false
  }

  limitContent(bytes: number): boolean {
    if (this.#declared !== undefined) return true
    this.#limit = bytes
    return this.#received <= bytes
  }

  switchProtocols(): null {
    return null
  }

  receive(chunk: Buffer): void {
    try {
      this.#receive(chunk)
    } catch (error) {
      this.#stop()
      throw error
    }
  }

  #stop(): void {
    this.#state = 'failed'
    this.#parameters.take()
    this.#whole.take()
    this.#arrived = null
  }

  #receive(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      switch (this.#state) {
        case 'header':
          at = this.#readHeader(chunk, at)
          break
        case 'content':
          at = this.#readContent(chunk, at)
          break
        case 'padding': {
          const end = Math.min(chunk.length, at + this.#padding)
          this.#padding -= end - at
          at = end
          if (this.#padding === 0) this.#nextRecord()
          break
        }
        case 'failed':
          return
      }
    }
  }

  #readHeader(chunk: Buffer, at: number): number {
    const header = this.#header
    const end = Math.min(chunk.length, at + HEADER - this.#headerLength)
    chunk.copy(header, this.#headerLength, at, end)
    this.#headerLength += end - at
    if (header[0] !== VERSION) throw bad('What it sent is no FastCGI')
    if (this.#headerLength < HEADER) return end
    this.#type = header[1]!
    this.#recordId = header.readUInt16BE(2)
    this.#remaining = header.readUInt16BE(4)
    this.#padding = header[6]!
    this.#begin()
    if (this.#remaining === 0) this.#endContent()
    else this.#state = 'content'
    return end
  }

  #nextRecord(): void {
    this.#headerLength = 0
    this.#state = 'header'
  }

  /** Its header has come. */
  #begin(): void {
    const size = this.#remaining
    if (this.#type === RecordType.BEGIN_REQUEST && size !== BODY)
      throw bad(`A BEGIN_REQUEST has ${BODY} bytes, not ${size}`)
    if (this.#type === RecordType.GET_VALUES && size > MOST_VALUES)
      throw bad(`A GET_VALUES has more than ${MOST_VALUES} bytes`)
    if (!this.#isOurs) return
    if (this.#type === RecordType.PARAMS && this.#request === 'parameters') {
      const most = mostParameterBytes(this.#limits)
      if (this.#parameters.length + size > most) throw tooManyBytes(most)
    } else if (this.#type === RecordType.STDIN && this.#request === 'content') this.#contentComes(size)
  }

  /** The record is one of the request that there is. */
  get #isOurs(): boolean {
    return this.#recordId !== 0 && this.#recordId === this.#id
  }

  #contentComes(size: number): void {
    if (this.#arrived !== null) {
      const { head, origin } = this.#arrived
      this.#arrived = null
      if (size === 0) this.#declared = 0
      this.#sink.onHead({ ...head, contentLength: this.#declared }, origin)
    }
    this.#received += size
    if (this.#declared !== undefined && this.#received > this.#declared)
      throw new FrontServerError('There is more than CONTENT_LENGTH says', 'RFC3875§4.1.2')
    if (this.#received > this.#limit) throw contentTooLarge(this.#limit)
  }

  #readContent(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#remaining)
    this.#remaining -= end - at
    if (this.#type === RecordType.BEGIN_REQUEST || this.#type === RecordType.GET_VALUES) this.#whole.add(chunk, at, end)
    else if (!this.#isOurs) {
      // Of no request that there is.
    } else if (this.#type === RecordType.PARAMS && this.#request === 'parameters') this.#parameters.add(chunk, at, end)
    else if (this.#type === RecordType.STDIN && this.#request === 'content') this.#sink.onBody(chunk.subarray(at, end))
    // A call may have stopped it.
    if (this.#remaining === 0 && this.#state === 'content') this.#endContent()
    return end
  }

  /** Its content has come. */
  #endContent(): void {
    if (this.#padding > 0) this.#state = 'padding'
    else this.#nextRecord()
    const size = this.#header.readUInt16BE(4)
    switch (this.#type) {
      case RecordType.BEGIN_REQUEST:
        this.#beginRequest(this.#whole.take())
        break
      case RecordType.ABORT_REQUEST:
        if (!this.#isOurs) break
        this.#stop()
        this.#owner.aborted()
        break
      case RecordType.PARAMS:
        if (size === 0 && this.#isOurs && this.#request === 'parameters') this.#endParameters()
        break
      case RecordType.STDIN:
        if (size === 0 && this.#isOurs && this.#request === 'content') this.#endRequest()
        break
      case RecordType.GET_VALUES:
        this.#getValues(this.#whole.take())
        break
      default:
        if (this.#recordId === 0) this.#answer(unknownType(this.#type))
    }
  }

  #beginRequest(body: Buffer): void {
    const id = this.#recordId
    if (id === 0) throw bad('A request has the id 0')
    // Its response had ended before its content.
    if (this.#request === 'whole' && !this.#owner.isAnswering) this.next()
    if (this.#request !== 'none') {
      if (id === this.#id) throw bad(`The request ${id} begins twice`)
      this.#answer(endRequest(id, Ending.CANT_MPX_CONN))
      return
    }
    const role = body.readUInt16BE(0)
    this.#keepsAlive = (body[2]! & KEEP_CONN) !== 0
    if (role !== RESPONDER) {
      this.#answer(endRequest(id, Ending.UNKNOWN_ROLE))
      if (!this.#keepsAlive) throw bad(`The role ${role} is not played here, only that of a responder`)
      return
    }
    this.#id = id
    this.#request = 'parameters'
    this.#declared = undefined
    this.#received = this.#answers = 0
    this.#limit = Number.POSITIVE_INFINITY
    this.#owner.began(id)
  }

  #endParameters(): void {
    const bytes = this.#parameters.take()
    this.#headBytes = bytes.length
    const parameters = readPairs(bytes)
    if (parameters === null) throw bad('A parameter is longer than PARAMS')
    for (let i = 0; i < parameters.length; i += 2)
      if (parameters[i] === 'REQUEST_METHOD') this.#isHead = parameters[i + 1] === 'HEAD'
    const arrived = requestOf(parameters, this.#limits, this.#local, this.#keepsAlive)
    this.#request = 'content'
    this.#declared = arrived.head.contentLength
    if (this.#declared === undefined) this.#arrived = arrived
    else this.#sink.onHead(arrived.head, arrived.origin)
  }

  #endRequest(): void {
    if (this.#declared !== undefined && this.#received < this.#declared)
      throw new FrontServerError('There is less than CONTENT_LENGTH says', 'RFC3875§4.1.2')
    this.#request = 'whole'
    this.#sink.onEnd(NO_FIELDS)
  }

  #getValues(content: Buffer): void {
    const asked = readPairs(content)
    if (asked === null) throw bad('A name of GET_VALUES is longer than its record')
    const known = asked.some((name, i) => i % 2 === 0 && name === MULTIPLEXES)
    this.#answer(record(RecordType.GET_VALUES_RESULT, pairs(known ? [MULTIPLEXES, '0'] : []), 0))
  }

  #answer(records: Buffer): void {
    if (++this.#answers > MOST_ANSWERS) throw bad(`It asks more than ${MOST_ANSWERS} times beside its requests`)
    this.#owner.answer(records)
  }
}

function bad(message: string): FrontServerError {
  return new FrontServerError(message, 'FastCGI')
}
