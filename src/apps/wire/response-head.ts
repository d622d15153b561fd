/**
 * Reads the head of a worker's response: `reason NUL name NUL value NUL name NUL value …` in latin-1. Runs in the gateway, sans-IO.
 *
 * Invariants: a head that passes cannot split a response (RFC9110§5.5, RFC9112§11.1). A head that many responses have is one frozen
 * object. Not here: the check of what is written to a client, whoever made it (`http/response-rules.ts`).
 */
import { TOKEN } from '../../base/token.ts'
import type { ResponseHead } from '../../http/exchange.ts'
import { type HeaderLines, NOT_IN_VALUE } from '../../http/headers.ts'
import { WireViolation } from './violation.ts'

/** Bits of CLASS. NAME: the byte may be in a header name (a token, RFC9110§5.6.2). VALUE: it may be in a value or a reason phrase. */
const NAME = 1
const VALUE = 2

/** Values and reasons may have any byte except control characters; TAB is allowed. NUL is the separator, which `parse` handles before. */
const CLASS = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  return (TOKEN.test(character) ? NAME : 0) | (NOT_IN_VALUE.test(character) ? 0 : VALUE)
})

/** Heads that came before, by their bytes, for many responses have the same head. Bounded, for applications may invent headers. */
const MAX_KNOWN_HEADS = 256
/** Longer heads have cookies or the like, and do not come again. */
const MAX_KNOWN_LENGTH = 256
const knownHeads = new Map<string, KnownHead>()
/** For each length the head that came again last. Comparing bytes costs a third of making a string and looking it up (2 % of a hello). */
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
  // Backwards: the content's length is often last, and differs.
  for (let i = bytes.length - 1; i >= 0; i--) if (bytes[i] !== buffer[at + i]) return false
  return true
}

/** Several responses get this head, so none may change it. */
function shared({ status, reason, headers }: ResponseHead): ResponseHead {
  Object.freeze(headers)
  return Object.freeze({ status, reason, headers, comesAgain: true })
}

/** One pass over the bytes checks everything, which costs less than a second look at each string. */
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
  // A head ends with a value or with the reason.
  if (allowed !== NAME) throw new WireViolation('a response head that ends with a name')
  return { status, reason: reason ?? '', headers }
}

/** Trailers: `name NUL value NUL name NUL value …`; empty for none. Throws WireViolation. */
export function decodeTrailers(buffer: Buffer, start: number, end: number): HeaderLines {
  if (start === end) return []
  // They are a head without a reason. Trailers are rare, so the copy does not matter.
  const head = Buffer.alloc(1 + end - start)
  buffer.copy(head, 1, start, end)
  return parse(200, head.toString('latin1'), head, 0, head.length).headers
}
