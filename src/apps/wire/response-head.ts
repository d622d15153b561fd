/**
 * The head of a worker's response: `reason NUL name NUL value NUL name NUL value …` in latin-1. Checked here once and
 * for good: nothing that passes can split a response (RFC9110§5.5, RFC9112§11.1). Runs in the gateway, sans-IO.
 */
import { TOKEN } from '../../base/token.ts'
import type { ResponseHead } from '../../http/exchange.ts'
import { type HeaderLines, NOT_IN_VALUE } from '../../http/headers.ts'
import { WireViolation } from './violation.ts'

/** Bits of CLASS: the byte may be part of a header name (a token, RFC9110§5.6.2), of a value or a reason phrase. */
const NAME = 1
const VALUE = 2

/** Values and reasons are anything but control characters, TAB excepted; NUL separates and is looked at first. */
const CLASS = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  return (TOKEN.test(character) ? NAME : 0) | (NOT_IN_VALUE.test(character) ? 0 : VALUE)
})

/** Heads that came before, by their bytes: many responses have the same. Bounded: applications may invent headers. */
const MAX_KNOWN_HEADS = 256
/** Longer ones have cookies or the like, and do not come again. */
const MAX_KNOWN_LENGTH = 256
const knownHeads = new Map<string, KnownHead>()
/** Of each length the one that came again last: to compare bytes costs a third of making a string and looking it up (2 % of a hello). */
const lastHeads = new Array<SharedHead | undefined>(MAX_KNOWN_LENGTH + 1).fill(undefined)

interface KnownHead {
  readonly status: number
  readonly head: ResponseHead
  shared: SharedHead | null
}

interface SharedHead {
  readonly bytes: Uint8Array
  readonly head: ResponseHead
}

/** Throws WireViolation. */
export function decodeHead(status: number, buffer: Buffer, start: number, end: number): ResponseHead {
  const last = lastHeads[end - start]
  if (last?.head.status === status && stands(last.bytes, buffer, start)) return last.head
  const text = buffer.toString('latin1', start, end)
  if (text.length > MAX_KNOWN_LENGTH) return parse(status, text, buffer, start, end)
  const known = knownHeads.get(text)
  if (known?.status === status) {
    known.shared ??= { bytes: new Uint8Array(buffer.subarray(start, end)), head: shared(known.head) }
    lastHeads[text.length] = known.shared
    return known.shared.head
  }
  const head = parse(status, text, buffer, start, end)
  if (knownHeads.size >= MAX_KNOWN_HEADS) knownHeads.clear()
  knownHeads.set(text, { status, head, shared: null })
  return head
}

function stands(bytes: Uint8Array, buffer: Buffer, at: number): boolean {
  // Lengths of content are often last, and differ.
  for (let i = bytes.length - 1; i >= 0; i--) if (bytes[i] !== buffer[at + i]) return false
  return true
}

/** For several responses: none of them may change it. */
function shared({ status, reason, headers }: ResponseHead): ResponseHead {
  Object.freeze(headers)
  return Object.freeze({ status, reason, headers, comesAgain: true })
}

/** One pass over the bytes checks all of it: that costs less than looking at each string again. */
function parse(status: number, text: string, buffer: Buffer, start: number, end: number): ResponseHead {
  const headers: string[] = []
  let reason: string | null = null
  let allowed = VALUE
  let from = start
  for (let at = start; at <= end; at++) {
    const byte = at === end ? 0 : buffer[at]!
    if (byte !== 0) {
      if ((CLASS[byte]! & allowed) === 0) throw new WireViolation(`byte ${byte} in a response head at ${at - start}`)
      continue
    }
    if (allowed === NAME && from === at) throw new WireViolation('a header without a name')
    const part = text.substring(from - start, at - start)
    if (reason === null) reason = part
    else headers.push(part)
    allowed ^= NAME | VALUE
    from = at + 1
  }
  // The last part was a value, or the reason: a name would be next.
  if (allowed !== NAME) throw new WireViolation('a response head that ends with a name')
  return { status, reason: reason ?? '', headers }
}

/** Trailers: `name NUL value NUL name NUL value …`; empty for none. Throws WireViolation. */
export function decodeTrailers(buffer: Buffer, start: number, end: number): HeaderLines {
  if (start === end) return []
  // A head without a reason: rare enough for a copy.
  const head = Buffer.alloc(1 + end - start)
  buffer.copy(head, 1, start, end)
  return parse(200, head.toString('latin1'), head, 0, head.length).headers
}
