/** The calls of a parser of responses, as text. For tests and fuzzing. */
import type { ResponseReader } from '../protocols/dialect.ts'
import { type Expected, ResponseParser, type ResponseSink } from '../response-parser.ts'
import { UpstreamViolation } from '../violation.ts'

/**
 * The calls in order; pieces of one content are joined. A request is begun for each of `expected` as soon as the response before it has ended.
 * `ends`: the other end has closed after the last piece. `reader`: of another protocol than HTTP.
 */
export function recordResponses(
  pieces: readonly Buffer[],
  expected: readonly Expected[],
  ends = true,
  reader: (sink: ResponseSink) => ResponseReader = sink => new ResponseParser(sink),
): string[] {
  const calls: string[] = []
  const left = [...expected]
  const pass = (kind: string) => (chunk: Buffer) => {
    const last = calls.at(-1) ?? ''
    if (last.startsWith(`${kind} `)) calls[calls.length - 1] = last + chunk.toString('latin1')
    else calls.push(`${kind} ${chunk.toString('latin1')}`)
  }
  const parser = reader({
    onInterim: ({ status, headers }) => calls.push(`interim ${JSON.stringify([status, headers])}`),
    onHead: head => calls.push(`head ${JSON.stringify({ ...head, comesAgain: false })}`),
    onBody: pass('body'),
    onEnd: trailers => calls.push(`end ${JSON.stringify(trailers)}`),
    onSwitch: ({ headers }) => calls.push(`switch ${JSON.stringify(headers)}`),
    onTunnel: pass('tunnel'),
    onNote: line => calls.push(`note ${line}`),
    onRefused: (status, retryAfter, why) => calls.push(`refused ${status} ${retryAfter} ${why}`),
  })
  try {
    const first = left.shift()
    if (first !== undefined) parser.begin(first)
    for (const piece of pieces) {
      // A connection is used again only between two reads: so one byte of the next response never comes before its request.
      if (parser.isIdle && left.length > 0) parser.begin(left.shift()!)
      parser.receive(piece)
    }
    if (ends) parser.end()
  } catch (error) {
    if (!(error instanceof UpstreamViolation)) throw error
    calls.push(`violation: ${error.message}`)
  }
  return calls
}
