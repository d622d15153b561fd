/**
 * The response for one representation of a file: conditions (RFC9110§13), ranges (RFC9110§14), head, content. Runs in the gateway. Content
 * in memory is answered within the call.
 *
 * Not here: which representation, and where its bytes come from (`handler.ts`).
 */
import { randomBytes } from 'node:crypto'
import { type Conditions, evaluateConditions, isRangeWanted } from '../../http/conditional.ts'
import type { Exchange, ResponseWriter } from '../../http/exchange.ts'
import { fieldsWith } from '../../http/headers.ts'
import { type ByteRange, parseRange } from '../../http/range.ts'
import { MAX_CONTENT, type Variant } from './entry.ts'

/** Content in memory, the descriptor of an open file, or null where no content is needed (HEAD, 304). */
export type Source = Buffer | number | null

/** A piece of the file, with the head of a part before it. */
interface Part {
  readonly before: Buffer | null
  readonly first: number
  readonly length: number
}

/** `done` is called exactly once, when `source` is not read any more. It gets an error if promised content could not be read. */
export function answer(
  exchange: Exchange,
  contentType: string,
  variant: Variant,
  conditions: Conditions,
  source: Source,
  done: (error: Error | null) => void,
): void {
  const { response, request } = exchange
  const status = evaluateConditions(conditions, variant)
  if (status !== 200) {
    const headers = status === 304 ? variant.notModified : ['Content-Length', '0']
    response.start({ status, reason: '', headers })
    response.end()
    done(null)
    return
  }
  const isHead = request.method === 'HEAD'
  const ranges = isHead ? null : wantedRanges(conditions, variant)
  if (ranges === 'unsatisfiable') {
    const headers = ['Content-Range', `bytes */${variant.size}`, 'Content-Length', '0', 'Accept-Ranges', 'bytes']
    response.start({ status: 416, reason: '', headers })
    response.end()
    done(null)
  } else if (ranges === null) {
    response.start({ status: 200, reason: '', headers: variant.whole })
    send(response, isHead ? null : source, [{ before: null, first: 0, length: variant.size }], null, done)
  } else {
    sendRanges(response, contentType, variant, ranges, source, done)
  }
}

function wantedRanges(conditions: Conditions, variant: Variant): readonly ByteRange[] | 'unsatisfiable' | null {
  const { range, ifRange } = conditions
  if (range === undefined || !isRangeWanted(ifRange, variant, Date.now())) return null
  const ranges = parseRange(range, variant.size)
  // Content-Encoding of a multipart response would apply to the heads of its parts too. No field can say otherwise.
  return Array.isArray(ranges) && ranges.length > 1 && variant.coding !== null ? null : ranges
}

function sendRanges(
  response: ResponseWriter,
  contentType: string,
  variant: Variant,
  ranges: readonly ByteRange[],
  source: Source,
  done: (error: Error | null) => void,
): void {
  const { size, partial } = variant
  if (ranges.length === 1) {
    const { first, last } = ranges[0]!
    const length = last - first + 1
    const range = ['Content-Range', `bytes ${first}-${last}/${size}`, 'Content-Length', String(length)]
    response.start({ status: 206, reason: '', headers: [...partial, ...range] })
    send(response, source, [{ before: null, first, length }], null, done)
    return
  }
  // RFC9110§14.6. It is random, so nobody can have put it into the file.
  const boundary = randomBytes(16).toString('hex')
  const parts = ranges.map(({ first, last }, i) => ({
    before: Buffer.from(
      `${i === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${contentType}\r\n` +
        `Content-Range: bytes ${first}-${last}/${size}\r\n\r\n`,
      'latin1',
    ),
    first,
    length: last - first + 1,
  }))
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1')
  const length = parts.reduce((sum, part) => sum + part.before.length + part.length, tail.length)
  // Each part has the file's type in its head.
  const headers = [
    'Content-Type',
    `multipart/byteranges; boundary=${boundary}`,
    ...fieldsWith(partial, name => name !== 'Content-Type'),
  ]
  response.start({ status: 206, reason: '', headers: [...headers, 'Content-Length', String(length)] })
  send(response, source, parts, tail, done)
}

function send(
  response: ResponseWriter,
  source: Source,
  parts: readonly Part[],
  tail: Buffer | null,
  done: (error: Error | null) => void,
): void {
  if (source === null) {
    response.end()
    done(null)
  } else if (typeof source === 'number') sendFromFile(response, source, parts, tail, done)
  else sendFromMemory(response, source, parts, tail, done)
}

/** Of an entry at most MAX_CONTENT and eleven heads, so it need not wait for a slow client. */
function sendFromMemory(
  response: ResponseWriter,
  content: Buffer,
  parts: readonly Part[],
  tail: Buffer | null,
  done: (error: Error | null) => void,
): void {
  if (content.length > MAX_CONTENT) {
    // Nothing has to be closed.
    done(null)
    sendLarge(response, content)
    return
  }
  for (const { before, first, length } of parts) {
    if (before !== null) response.write(before)
    response.write(length === content.length ? content : content.subarray(first, first + length))
  }
  if (tail !== null) response.write(tail)
  response.end()
  done(null)
}

/** A large file in its compressed form, the whole of it. Only as much as the client takes is counted as held for it. */
function sendLarge(response: ResponseWriter, content: Buffer): void {
  let at = 0
  const go = () => {
    while (at < content.length) {
      const piece = content.subarray(at, at + MAX_CONTENT)
      at += piece.length
      if (!response.write(piece) && at < content.length) return
    }
    if (response.state === 'started') response.end()
  }
  response.onDrain(go)
  go()
}

/** Sends one part after the other; `sendFile` waits for a slow client. */
function sendFromFile(
  response: ResponseWriter,
  fd: number,
  parts: readonly Part[],
  tail: Buffer | null,
  done: (error: Error | null) => void,
): void {
  const [part, ...rest] = parts
  if (part === undefined) {
    if (tail !== null) response.write(tail)
    response.end()
    done(null)
    return
  }
  if (part.before !== null) response.write(part.before)
  response.sendFile(fd, part.first, part.length, error => {
    if (error !== null || response.state !== 'started') done(error)
    else sendFromFile(response, fd, rest, tail, done)
  })
}
