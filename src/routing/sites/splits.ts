/**
 * `split_clients`: a variable that divides clients into parts, by a hash of a text of theirs. Runs in the gateway; pure.
 *
 * Hash and bounds are nginx's to the last bit: who moves from it keeps each client in its part.
 */
import { bytesOf } from '../../base/bytes.ts'
import type { SplitMap } from '../../sites/model.ts'
import type { SiteCompiler } from './compiler.ts'
import type { Lookup } from './site-request.ts'

export function compileSplit(split: SplitMap, compiler: SiteCompiler): Lookup {
  let last = 0
  const parts = split.parts.map(({ share, value }) => {
    // Each part is cut to a whole number for itself.
    if (share !== null) last += Math.floor((share * 0xffff_ffff) / 10_000)
    return { end: share === null ? Number.POSITIVE_INFINITY : last, value: bytesOf(value) }
  })
  return {
    from: compiler.template(split.from),
    look: text => {
      const hash = murmurHash2(text)
      for (const { end, value } of parts) if (hash < end) return value
      return ''
    },
  }
}

const M = 0x5bd1e995

/** MurmurHash2 of Austin Appleby, 32 bits, with the seed 0. `bytes`: each character is one. */
export function murmurHash2(bytes: string): number {
  let hash = bytes.length
  let at = 0
  const byte = (offset: number) => bytes.charCodeAt(at + offset)
  for (; bytes.length - at >= 4; at += 4) {
    let k = byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)
    k = Math.imul(k, M)
    k ^= k >>> 24
    hash = Math.imul(hash, M) ^ Math.imul(k, M)
  }
  const rest = bytes.length - at
  if (rest > 2) hash ^= byte(2) << 16
  if (rest > 1) hash ^= byte(1) << 8
  if (rest > 0) hash = Math.imul(hash ^ byte(0), M)
  hash = Math.imul(hash ^ (hash >>> 13), M)
  return (hash ^ (hash >>> 15)) >>> 0
}
