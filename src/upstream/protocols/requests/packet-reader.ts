/**
 * Requests of SCGI and uwsgi, sans-IO: both have all parameters in one packet whose length stands at its beginning, then the content, and one request
 * a connection. Runs in the gateway.
 *
 *     length ──▶ packet ──▶ content ──▶ whole          any ──▶ failed
 *
 * Invariants: the same bytes make the same calls, however they are cut. What is kept is one packet, of `mostParameterBytes` at most. A byte behind
 * the content is a mistake: nothing of it is taken for a second request.
 * Not here: how a protocol writes length and packet (`scgi.ts`, `uwsgi.ts`), what parameters mean (`parameters.ts`).
 */
import { FrontServerError } from '../../../http/errors.ts'
import type { LocalEnd } from '../../../http/exchange.ts'
import type { HeaderLines } from '../../../http/headers.ts'
import type { ParserLimits, RequestReader, RequestSink } from '../../../http1/wire.ts'
import { ParameterBytes } from './parameter-bytes.ts'
import { mostParameterBytes, requestOf, tooManyBytes } from './parameters.ts'

/** How a protocol writes its packet. Functions throw ProtocolError. */
export interface PacketForm {
  /** Bytes of the packet behind the beginning of `bytes`, and how many that beginning has; null: more of it must come. `bytes`: what has come. */
  measure(bytes: Buffer): { readonly before: number; readonly length: number } | null
  /** `[name, value, …]` of a whole packet. */
  parameters(packet: Buffer): string[]
  /** A request without CONTENT_LENGTH is a mistake; else it has no content. */
  readonly needsLength: boolean
}

/** The longest beginning of a packet: SCGI's digits and their colon. */
const MOST_BEFORE = 16
const NO_FIELDS: HeaderLines = []

export class PacketReader implements RequestReader {
  readonly #form: PacketForm
  readonly #limits: ParserLimits
  readonly #local: LocalEnd
  readonly #sink: RequestSink
  #state: 'length' | 'packet' | 'content' | 'whole' | 'failed' = 'length'
  readonly #kept = new ParameterBytes()
  /** Bytes of the packet. */
  #size = 0
  #remaining = 0
  #isHead = false

  constructor(form: PacketForm, limits: ParserLimits, local: LocalEnd, sink: RequestSink) {
    this.#form = form
    this.#limits = limits
    this.#local = local
    this.#sink = sink
  }

  get inRequest(): boolean {
    return this.#state === 'content' || this.#state === 'packet' || this.#kept.length > 0
  }

  get keptBytes(): number {
    return this.#state === 'length' ? this.#kept.length : this.#size
  }

  get holds(): boolean {
    return false
  }

  get headersSoFar(): HeaderLines {
    return NO_FIELDS
  }

  get contentLeft(): number {
    return this.#state === 'content' ? this.#remaining : 0
  }

  get isHead(): boolean {
    return this.#isHead
  }

  /** There is no second request. */
  next(): void {}

  /** Each content has a length. */
  limitContent(): boolean {
    return true
  }

  switchProtocols(): null {
    return null
  }

  receive(chunk: Buffer): void {
    try {
      this.#receive(chunk)
    } catch (error) {
      this.#state = 'failed'
      this.#kept.take()
      throw error
    }
  }

  #receive(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      switch (this.#state) {
        case 'length':
          at = this.#readLength(chunk)
          break
        case 'packet':
          at = this.#readPacket(chunk, at)
          break
        case 'content':
          at = this.#readContent(chunk, at)
          break
        case 'whole':
          throw new FrontServerError('There is more than CONTENT_LENGTH says', 'RFC3875§4.1.2')
        case 'failed':
          return
      }
    }
  }

  /** Bytes before the packet are few, and nearly always come together. Returns where the packet goes on. */
  #readLength(chunk: Buffer): number {
    const before = this.#kept.length
    const taken = Math.min(chunk.length, MOST_BEFORE - before)
    this.#kept.add(chunk, 0, taken)
    const bytes = this.#kept.take()
    const measured = this.#form.measure(bytes)
    if (measured === null) {
      this.#kept.add(bytes, 0, bytes.length)
      return taken
    }
    const most = mostParameterBytes(this.#limits)
    if (measured.length > most) throw tooManyBytes(most)
    this.#size = measured.length
    this.#state = 'packet'
    const at = measured.before - before
    if (this.#size === 0) this.#onPacket(bytes.subarray(0, 0))
    return at
  }

  #readPacket(chunk: Buffer, at: number): number {
    const missing = this.#size - this.#kept.length
    const end = Math.min(chunk.length, at + missing)
    if (end - at < missing) {
      this.#kept.add(chunk, at, end)
    } else if (this.#kept.length === 0) {
      this.#onPacket(chunk.subarray(at, end))
    } else {
      this.#kept.add(chunk, at, end)
      this.#onPacket(this.#kept.take())
    }
    return end
  }

  #onPacket(packet: Buffer): void {
    const parameters = this.#form.parameters(packet)
    for (let i = 0; i < parameters.length; i += 2)
      if (parameters[i] === 'REQUEST_METHOD') this.#isHead = parameters[i + 1] === 'HEAD'
    const { head, origin } = requestOf(parameters, this.#limits, this.#local, false)
    if (this.#form.needsLength && head.contentLength === undefined)
      throw new FrontServerError('CONTENT_LENGTH is missing', 'SCGI')
    const length = head.contentLength ?? 0
    this.#remaining = length
    this.#state = length === 0 ? 'whole' : 'content'
    this.#sink.onHead({ ...head, contentLength: length }, origin)
    if (length === 0) this.#sink.onEnd(NO_FIELDS)
  }

  #readContent(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#remaining)
    this.#remaining -= end - at
    this.#sink.onBody(chunk.subarray(at, end))
    if (this.#remaining === 0) {
      this.#state = 'whole'
      this.#sink.onEnd(NO_FIELDS)
    }
    return end
  }
}
