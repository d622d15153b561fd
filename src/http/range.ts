/**
 * Which bytes of a representation a Range header asks for (RFC9110§14). Pure.
 *
 * Invariant: the result is at most MAX_RANGES parts that do not overlap and lie within the representation. So a response is longer than
 * the whole only by the heads of its parts (CVE-2011-3192). A header that is not understood is ignored (RFC9110§14.2): the whole
 * representation is a correct answer to every range request.
 */

/** Both ends count: `0-0` is the first byte. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/** Readers of PDF files and archives ask for a handful. More is an attack or a mistake, and gets the whole. */
const MAX_RANGES = 10
const SPEC = /^[ \t]*(\d*)-(\d*)[ \t]*$/

/** `null`: send the whole. `'unsatisfiable'`: 416. `length`: of the representation. */
export function parseRange(header: string, length: number): readonly ByteRange[] | 'unsatisfiable' | null {
  // No range fits into an empty file, but clients that always send `bytes=0-` want no error for it.
  if (length === 0 || !/^bytes=/i.test(header)) return null
  // Empty elements are allowed in lists (RFC9110§5.6.1); they count for the bound.
  const specs = header.slice(6).split(',', MAX_RANGES + 1)
  if (specs.length > MAX_RANGES) return null
  const ranges: ByteRange[] = []
  let isAnyValid = false
  for (const spec of specs) {
    if (/^[ \t]*$/.test(spec)) continue
    const range = parseSpec(spec, length)
    if (range === null) return null
    isAnyValid = true
    if (range !== 'unsatisfiable') ranges.push(range)
  }
  if (!isAnyValid) return null
  return ranges.length === 0 ? 'unsatisfiable' : withoutOverlap(ranges)
}

function parseSpec(spec: string, length: number): ByteRange | 'unsatisfiable' | null {
  const match = SPEC.exec(spec)
  if (match === null) return null
  const [, first, last] = match as unknown as [string, string, string]
  if (first === '') {
    if (last === '') return null
    const suffix = Number(last)
    return suffix === 0 ? 'unsatisfiable' : { first: Math.max(0, length - suffix), last: length - 1 }
  }
  // A number beyond 2^53 is not exact, but it is beyond any file.
  const from = Number(first)
  if (last !== '' && Number(last) < from) return null
  if (from >= length) return 'unsatisfiable'
  return { first: from, last: last === '' ? length - 1 : Math.min(Number(last), length - 1) }
}

/** In the order asked for. If any overlap or touch, they are joined and in ascending order (RFC9110§15.3.7.2 allows it). */
function withoutOverlap(ranges: ByteRange[]): readonly ByteRange[] {
  const sorted = ranges.toSorted((a, b) => a.first - b.first)
  const joined: ByteRange[] = []
  for (const range of sorted) {
    const before = joined.at(-1)
    if (before === undefined || range.first > before.last + 1) joined.push(range)
    else joined[joined.length - 1] = { first: before.first, last: Math.max(before.last, range.last) }
  }
  return joined.length === ranges.length ? ranges : joined
}
