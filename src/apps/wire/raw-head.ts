/**
 * Reads the head of the response that an application has written on a link that it has taken (`frames.ts`): HTTP/1.1, as it is meant for a
 * client. Runs in the gateway, once for each WebSocket, sans-IO.
 *
 * Invariants: cutting the bytes differently changes nothing. The head is bounded, and its bytes are looked at once. Syntax is strict: what
 * two readers may understand differently is refused (RFC9112§2.2, §5). Not here: what the head means (`../raw/answer.ts`).
 */
import { TOKEN } from '../../base/token.ts'
import { type HeaderLines, NOT_IN_VALUE, withoutBlanks } from '../../http/headers.ts'

/** Ten times what a library writes. */
export const MAX_RAW_HEAD = 64 * 1024
const FIRST_BUFFER = 2 * 1024
const END = '\r\n\r\n'
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: (.*))?$/

export interface RawHead {
  readonly status: number
  readonly reason: string
  /** Names are spelled as the application did. */
  readonly headers: HeaderLines
  /** What came behind the head. May be a view of the last chunk. */
  readonly rest: Buffer
}

export class RawHeadReader {
  #buffer: Buffer = Buffer.alloc(0)
  #length = 0

  /** Null: more must come. Throws an Error that says what is wrong. */
  push(chunk: Buffer): RawHead | null {
    const before = this.#length
    const taken = Math.min(chunk.length, MAX_RAW_HEAD - before)
    this.#append(chunk, taken)
    const at = this.#buffer.subarray(0, this.#length).indexOf(END, Math.max(0, before - END.length + 1), 'latin1')
    if (at < 0) {
      if (this.#length === MAX_RAW_HEAD) throw new Error(`a head of more than ${MAX_RAW_HEAD} bytes`)
      return null
    }
    return {
      ...parse(this.#buffer.toString('latin1', 0, at)),
      rest: chunk.subarray(at + END.length - before),
    }
  }

  #append(chunk: Buffer, bytes: number): void {
    const needed = this.#length + bytes
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BUFFER, needed, Math.min(MAX_RAW_HEAD, 2 * needed)))
      this.#buffer.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
    }
    chunk.copy(this.#buffer, this.#length, 0, bytes)
    this.#length = needed
  }
}

function parse(text: string): Omit<RawHead, 'rest'> {
  const [first = '', ...lines] = text.split('\r\n')
  const status = STATUS_LINE.exec(first)
  if (status === null) throw new Error(`no status line of HTTP/1.1: ${show(first)}`)
  const reason = status[2] ?? ''
  if (NOT_IN_VALUE.test(reason)) throw new Error(`a status line with a control character: ${show(first)}`)
  const headers: HeaderLines = []
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon))
    const value = withoutBlanks(line, colon + 1, line.length)
    if (!TOKEN.test(name) || NOT_IN_VALUE.test(value)) throw new Error(`a malformed header: ${show(line)}`)
    headers.push(name, value)
  }
  return { status: Number(status[1]), reason, headers }
}

function show(line: string): string {
  return JSON.stringify(line.slice(0, 100))
}
