/**
 * Inputs made of other inputs: parts (frames, lines, records) are left out, doubled, exchanged and taken from other inputs, and bytes within them
 * change. `mend` writes the lengths anew in three of four, for a wrong length hides what is behind it.
 */
import type { Random } from './random.ts'

/** How one kind of input is made up. */
export interface Grammar {
  /** All bytes, in parts. */
  split(bytes: Buffer): Buffer[]
  /** A part with its length set right. */
  mend(part: Buffer): Buffer
}

const MAX_CHANGES = 5
/** Bytes and numbers at which something changes. */
const SPECIAL = [0, 1, 4, 5, 8, 9, 0x0a, 0x0d, 0x20, 0x3a, 0x3f, 0x40, 0x7e, 0x7f, 0x80, 0x81, 0xc0, 0xfe, 0xff]

export function mutate(corpus: readonly Buffer[], { split, mend }: Grammar, random: Random): Buffer {
  let parts = split(random.pick(corpus))
  for (let changes = 1 + random.below(MAX_CHANGES); changes > 0; changes--) {
    const at = random.below(parts.length + 1)
    switch (random.below(6)) {
      case 0:
        parts = parts.toSpliced(at, 1)
        break
      case 1:
        parts = parts.toSpliced(at, 0, ...parts.slice(at, at + 1))
        break
      case 2:
        parts = parts.toSpliced(at, 0, random.pick(split(random.pick(corpus))))
        break
      case 3:
        parts = [...parts.slice(at), ...parts.slice(0, at)]
        break
      default: {
        const part = parts[at]
        if (part === undefined || part.length === 0) break
        const changed = changeBytes(part, random)
        parts = parts.with(at, random.below(4) === 0 ? changed : mend(changed))
      }
    }
  }
  return Buffer.concat(parts)
}

function changeBytes(part: Buffer, random: Random): Buffer {
  const at = random.below(part.length)
  const bytes = Buffer.from(part)
  switch (random.below(5)) {
    case 0:
      bytes[at]! ^= 1 << random.below(8)
      return bytes
    case 1:
      bytes[at] = random.pick(SPECIAL)
      return bytes
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4))])
    case 3:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([random.pick(SPECIAL)]), bytes.subarray(at)])
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at >> 1)])
  }
}

/** Cut at a few places. */
export function cutSomewhere(bytes: Buffer, random: Random): Buffer[] {
  const places = Array.from({ length: random.below(6) }, () => random.below(bytes.length + 1)).sort((a, b) => a - b)
  const edges = [0, ...places, bytes.length]
  return edges.slice(1).map((end, i) => Buffer.from(bytes.subarray(edges[i]!, end)))
}
