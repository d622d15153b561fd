/** The calls of a parser of requests, as text; and bytes cut into pieces. For tests. */
import { ProtocolError } from '../../http/errors.ts'
import { RequestParser } from '../parser.ts'

const LIMITS = { requestLine: 60, headerBytes: 200, headerCount: 6 }
const BODY_LIMIT = 40

/** The calls in order; pieces of one content are joined. */
export function record(pieces: readonly Buffer[]): string[] {
  const calls: string[] = []
  const parser: RequestParser = new RequestParser(LIMITS, 'http', {
    onHead({ method, target, authority, version, headers, contentLength, keepAlive, expectsContinue }) {
      calls.push(
        `head ${JSON.stringify([method, target, authority, version, headers, contentLength, keepAlive, expectsContinue])}`,
      )
      parser.limitContent(BODY_LIMIT)
    },
    onBody: chunk => {
      const last = calls.at(-1)!
      if (last.startsWith('body ')) calls[calls.length - 1] = last + chunk.toString('latin1')
      else calls.push(`body ${chunk.toString('latin1')}`)
    },
    onEnd: trailers => calls.push(`end ${JSON.stringify(trailers)}`),
  })
  try {
    for (const piece of pieces) {
      parser.receive(piece)
      // Each request is answered as soon as it is complete, so the next one follows.
      for (let ended = -1; ended !== calls.length; ) {
        ended = calls.length
        if (calls.at(-1)?.startsWith('end')) parser.next()
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    calls.push(`error ${error.status} ${error.rule}`)
  }
  return calls
}

/** Cut at `places`, each taken modulo the length. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map(place => place % (bytes.length + 1)))].sort((a, b) => a - b)
  const edges = [0, ...sorted, bytes.length]
  return edges.slice(1).map((end, i) => bytes.subarray(edges[i]!, end))
}
