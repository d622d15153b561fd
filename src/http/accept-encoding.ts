/** Chooses the content coding of a response by the client's Accept-Encoding (RFC9110§12.5.3). */

/** The codings that we have. For files, which are compressed once, the best is first. */
export const CODINGS = ['br', 'zstd', 'gzip'] as const
export type Coding = (typeof CODINGS)[number]

/** The weight of each coding; 0: not acceptable. A coding is sent when it weighs at least as much as `identity`. */
type Weights = Readonly<Record<Coding | 'identity', number>>

const NOTHING_SAID: Weights = { br: 0, zstd: 0, gzip: 0, identity: 1 }
/** A browser sends the same text each time, and there are few browsers: each text is parsed once. Bounded: strangers send any text. */
const MAX_REMEMBERED = 64
const MAX_REMEMBERED_LENGTH = 128
const remembered = new Map<string, Weights>()

/**
 * The best of the `available` codings, or null: send the content as it is. That is also the answer when the client accepts none of
 * them: RFC9110§12.5.3 allows it, and a response is of more use than a refusal. Of codings that the client wants equally the first is best.
 */
export function preferCoding(acceptEncoding: string | undefined, available: readonly Coding[]): Coding | null {
  if (acceptEncoding === undefined || available.length === 0) return null
  const weights = weightsOf(acceptEncoding)
  let best: Coding | null = null
  for (const coding of available) {
    const weight = weights[coding]
    if (weight === 0 || weight < weights.identity) continue
    if (best === null || weight > weights[best]) best = coding
  }
  return best
}

function weightsOf(acceptEncoding: string): Weights {
  const known = remembered.get(acceptEncoding)
  if (known !== undefined) return known
  const weights = parse(acceptEncoding)
  if (remembered.size < MAX_REMEMBERED && acceptEncoding.length <= MAX_REMEMBERED_LENGTH)
    // A copy: a slice would keep the whole head in memory that it is cut from.
    remembered.set(Buffer.from(acceptEncoding, 'latin1').toString('latin1'), weights)
  return weights
}

/** Longer lists are cut: there are about ten codings in the registry. */
const MAX_LISTED = 32
const ELEMENT = /^\s*([\w*-]+)\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$/i

function parse(acceptEncoding: string): Weights {
  const said = new Map<string, number>()
  for (const element of acceptEncoding.split(',', MAX_LISTED)) {
    const match = ELEMENT.exec(element)
    if (match === null) continue
    const name = match[1]!.toLowerCase()
    said.set(name === 'x-gzip' ? 'gzip' : name, match[2] === undefined ? 1 : Number(match[2]))
  }
  if (said.size === 0) return NOTHING_SAID
  const others = said.get('*') ?? 0
  const weight = (name: string) => said.get(name) ?? others
  // A client that does not name `identity` prefers every coding that it names.
  return { br: weight('br'), zstd: weight('zstd'), gzip: weight('gzip'), identity: said.get('identity') ?? 0 }
}
