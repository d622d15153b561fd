/** The calls of a frame reader, as text; and bytes cut into pieces. For tests. */
import { FrameReader } from '../frame-reader.ts'
import { ConnectionError, errorName } from '../frames.ts'

/** Pieces of one frame's content are joined. The last line may be `error CODE RULE`. */
export function recordFrames(cut: readonly Buffer[], maxFrameSize = 16_384): string[] {
  const calls: string[] = []
  const reader = new FrameReader(maxFrameSize, {
    onFrame: (type, flags, stream, payload) =>
      calls.push(`frame ${type} ${flags} ${stream} ${payload.toString('hex')}`),
    onDataFrame: (stream, flags, length) => calls.push(`data ${stream} ${flags} ${length}`),
    onContent(stream, piece) {
      if (piece.length === 0) return
      const last = calls.at(-1)!
      if (last.startsWith('content ')) calls[calls.length - 1] = last + piece.toString('latin1')
      else calls.push(`content ${stream} ${piece.toString('latin1')}`)
    },
    onDataEnd: (stream, flags) => calls.push(`data end ${stream} ${flags}`),
  })
  try {
    for (const piece of cut) reader.receive(piece)
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    calls.push(`error ${errorName(error.code)} ${error.rule}`)
  }
  return calls
}

export function pieces(bytes: Buffer, size: number): Buffer[] {
  const all: Buffer[] = []
  // Copies: a transport uses its buffer again.
  for (let at = 0; at < bytes.length; at += size) all.push(Buffer.from(bytes.subarray(at, at + size)))
  return all
}

/** Cut at `places`, each taken modulo the length. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map(place => place % (bytes.length + 1)))].sort((a, b) => a - b)
  const edges = [0, ...sorted, bytes.length]
  return edges.slice(1).map((end, i) => Buffer.from(bytes.subarray(edges[i]!, end)))
}
