/**
 * The head of a worker's response: `reason NUL name NUL value NUL name NUL value …` in latin-1. Checked here once and
 * for good: nothing that passes can split a response (RFC9110§5.5, RFC9112§11.1). Runs in the gateway, sans-IO.
 */
import type { ResponseHead } from '../../http/exchange.ts'
import type { HeaderLines } from '../../http/headers.ts'
import { WireViolation } from './violation.ts'

/** Bits of CLASS: the byte may be part of a header name (a token, RFC9110§5.6.2), of a value or a reason phrase. */
const NAME = 1
const VALUE = 2

/** Values and reasons are anything but control characters, TAB excepted; NUL separates and is looked at first. */
const CLASS = Uint8Array.from({ length: 256 }, (_, byte) => {
  const inName = /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(byte)) ? NAME : 0
  const inValue = byte === 9 || (byte >= 32 && byte !== 127) ? VALUE : 0
  return inName | inValue
})

/** Heads that came before, by their bytes: many responses have the same. Bounded: applications may invent headers. */
const MAX_KNOWN_HEADS = 256
/** Longer ones have cookies or the like, and do not come again. */
const MAX_KNOWN_LENGTH = 256
const knownHeads = new Map<string, { readonly status: number; head: ResponseHead }>()

/** Throws WireViolation. */
export function decodeHead(status: number, buffer: Buffer, start: number, end: number): ResponseHead {
  const text = buffer.toString('latin1', start, end)
  const known = text.length > MAX_KNOWN_LENGTH ? undefined : knownHeads.get(text)
  if (known?.status === status) {
    if (known.head.comesAgain !== true) known.head = shared(known.head)
    return known.head
  }
  const head = parse(status, text, buffer, start, end)
  if (text.length <= MAX_KNOWN_LENGTH) {
    if (knownHeads.size >= MAX_KNOWN_HEADS) knownHeads.clear()
    knownHeads.set(text, { status, head })
  }
  return head
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
