/**
 * Hashes for `ip-hash` and `hash`: which server a key belongs to. Pure. `hash` without `consistent` moves nearly all keys when a server
 * comes; with it (rendezvous hashing: the highest of a score for each server wins) only those of the server that came or went move.
 */
import { crc32 } from 'node:zlib'
import type { Member } from './member.ts'

/** 32 bits, spread well enough to compare scores: crc32 alone is linear. */
function hashOf(text: string): number {
  let hash = crc32(text) >>> 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** By the member's weight. The order of `members` counts. */
export function byHash(members: readonly Member[], key: string): Member | null {
  const total = members.reduce((sum, { rules }) => sum + rules.weight, 0)
  if (total === 0) return null
  let left = hashOf(key) % total
  for (const member of members) {
    left -= member.rules.weight
    if (left < 0) return member
  }
  return null
}

/** Weighted rendezvous: each has `-weight / ln(score)`, the highest wins. */
export function byConsistentHash(members: readonly Member[], key: string): Member | null {
  let best: Member | null = null
  let bestScore = Number.NEGATIVE_INFINITY
  for (const member of members) {
    const unit = (hashOf(`${member.name}\0${key}`) + 1) / (2 ** 32 + 2)
    const score = -member.rules.weight / Math.log(unit)
    if (score <= bestScore) continue
    best = member
    bestScore = score
  }
  return best
}

/** nginx's `ip_hash`: the first three numbers of an IPv4 address, the whole of an IPv6 address. */
export function networkOf(address: string): string {
  return /^\d+\.\d+\.\d+\.\d+$/.test(address) ? address.slice(0, address.lastIndexOf('.')) : address
}
