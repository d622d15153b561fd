/**
 * Which server of a group gets the next request: smooth weighted round robin, least connections, ip hash, hash, random, each as nginx means
 * it. Pure but for the members' counters; time and chance are arguments. Runs in the gateway, once for each try of a proxied request.
 *
 * Order: the member that the client belongs to; members that are usable and were not tried; then backups; then, where all have failed, the one that failed longest ago: a group
 * that is out as a whole is asked, and not refused for ten seconds. One that a health check has found ill is asked only where all of them are.
 * Null: all are down, full, ill, or were tried.
 * Work: linear in the members, of which a group has MAX_SERVERS at most.
 */
import type { Balance } from '../../sites/upstream-model.ts'
import { byConsistentHash, byHash, networkOf } from './hashing.ts'
import type { Member } from './member.ts'

export interface Question {
  /** Of the client, for `ip-hash`. */
  readonly address: string
  /** For `hash`. */
  readonly key: string
  /** To which the client belongs, with a cookie (`sticky.ts`); null: to none. */
  readonly home: Member | null
}

/** `tried`: those that this request had already. `chance`: from 0 to below 1. */
export function choose(
  members: readonly Member[],
  method: Balance,
  question: Question,
  tried: ReadonlySet<Member>,
  now: number,
  chance: () => number,
): Member | null {
  // While the request waited for an answer of another one its own may have been removed.
  const home = question.home !== null && members.includes(question.home) ? question.home : null
  // A backup has its clients only while it is needed.
  if (home !== null && !home.rules.isBackup && !tried.has(home) && home.isUsableByOwn(now)) return home
  for (const isBackup of [false, true]) {
    const usable = members.filter(one => one.rules.isBackup === isBackup && !tried.has(one) && one.isUsable(now))
    if (usable.length === 0) continue
    if (home !== null && usable.includes(home)) return home
    // A backup is a substitute: it has no share to keep.
    const chosen = isBackup ? roundRobin(usable, now) : chosenOf(members, usable, method, question, now, chance)
    if (chosen !== null) return chosen
  }
  return longestOut(members, tried, now)
}

function chosenOf(
  members: readonly Member[],
  usable: readonly Member[],
  method: Balance,
  { address, key }: Question,
  now: number,
  chance: () => number,
): Member | null {
  switch (method) {
    case 'round-robin':
      return roundRobin(usable, now)
    case 'least-conn':
      return leastConnections(usable, now)
    case 'ip-hash':
      return hashed(members, usable, byHash, networkOf(address), now)
    case 'hash':
      return hashed(members, usable, byHash, key, now)
    case 'consistent-hash':
      return hashed(members, usable, byConsistentHash, key, now)
    case 'random':
      return atRandom(usable, now, chance)
    case 'random-two': {
      const first = atRandom(usable, now, chance)
      const others = usable.filter(one => one !== first)
      const second = others.length === 0 ? first : atRandom(others, now, chance)
      return first === null || second === null ? first : load(second, now) < load(first, now) ? second : first
    }
  }
}

/** Each gains its weight, the highest is taken and pays what all have gained. So 5:1:1 is a a b a c a a, not a a a a a b c. */
function roundRobin(usable: readonly Member[], now: number): Member | null {
  let best: Member | null = null
  let total = 0
  for (const member of usable) {
    const weight = member.weightAt(now)
    member.current += weight
    total += weight
    if (best === null || member.current > best.current) best = member
  }
  if (best !== null) best.current -= total
  return best
}

function load(member: Member, now: number): number {
  return member.active / member.weightAt(now)
}

/** Those with the same load take turns. */
function leastConnections(usable: readonly Member[], now: number): Member | null {
  let least = Number.POSITIVE_INFINITY
  for (const member of usable) least = Math.min(least, load(member, now))
  return roundRobin(
    usable.filter(member => load(member, now) === least),
    now,
  )
}

/** Among all that are not down, so that a failure of one moves only its own clients; they go to one of the usable. */
function hashed(
  members: readonly Member[],
  usable: readonly Member[],
  by: (members: readonly Member[], key: string) => Member | null,
  key: string,
  now: number,
): Member | null {
  const own = by(
    members.filter(({ rules }) => !rules.isBackup && !rules.isDown),
    key,
  )
  if (own !== null && usable.includes(own)) return own
  return by(usable, `${key}\0again`) ?? roundRobin(usable, now)
}

function atRandom(usable: readonly Member[], now: number, chance: () => number): Member | null {
  let left = chance() * usable.reduce((sum, member) => sum + member.weightAt(now), 0)
  for (const member of usable) {
    left -= member.weightAt(now)
    if (left < 0) return member
  }
  return usable.at(-1) ?? null
}

function longestOut(members: readonly Member[], tried: ReadonlySet<Member>, now: number): Member | null {
  let found: Member | null = null
  const areAllIll = members.every(member => member.isUnhealthy || member.rules.isDown)
  for (const member of members) {
    if (!member.mayBeAsked || tried.has(member) || (member.isUnhealthy && !areAllIll)) continue
    if (found === null || member.outSince(now) < found.outSince(now)) found = member
  }
  return found
}
