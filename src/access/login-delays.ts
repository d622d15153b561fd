/**
 * How long a client's next password waits: longer after each wrong one that its network has sent lately. Time is an argument. Pure.
 *
 * An IPv6 client has more addresses than any table: 2^64 as a rule, 2^80 with a /48, 2^96 as a provider. So three networks count for it,
 * each with more room than the one within it. With IPv4 it is the address alone.
 *
 * Invariants: who has sent no wrong password, and whose networks have not, never waits. The table is bounded: when it is full, the network
 * that was wrong longest ago is forgotten, and when one /32 of IPv6 has its share of it, one of its own. What runs of a network ends with the
 * object that it began with, so no count becomes less than nothing.
 */
import { networkOf } from '../http/network.ts'

interface Level {
  /** Groups of an IPv6 address. */
  readonly groups: number
  /** Wrong ones that delay nobody. */
  readonly free: number
  /** At most so many wait or are checked: no network can fill the queue of all. */
  readonly mostAtOnce: number
}

const LEVELS: readonly Level[] = [
  // People mistype, and a browser asks for several files at once.
  { groups: 4, free: 5, mostAtOnce: 4 },
  // A site: a house, or a company. Nobody has 65,536 times five tries because the site has so many networks.
  { groups: 3, free: 50, mostAtOnce: 16 },
  // A provider, with strangers in it: they never wait for each other. Half of the queue is the others'.
  { groups: 2, free: Number.POSITIVE_INFINITY, mostAtOnce: 32 },
]
const LEVELS_OF_IPV4 = LEVELS.slice(0, 1)
const FIRST_MS = 250
/** Somebody who has found the right one still waits for it. One network tries about 30 passwords a minute then. */
const MOST_MS = 8000
/** Wrong ones are forgotten when none has come for so long. */
const FORGOTTEN_MS = 5 * 60_000
const MAX_NETWORKS = 4096
/** Of them, in one /32 of IPv6. Who has one has to own sixteen to push all others out. */
const MAX_OF_PROVIDER = 256

interface Network {
  wrong: number
  /** When the last wrong one came. */
  last: number
  /** That wait, or are checked. */
  running: number
}

/** A password that waits, or is checked. */
export interface Begun {
  /** The smallest first. */
  readonly networks: readonly Network[]
  /** Milliseconds until it may be checked. */
  readonly delay: number
}

export class LoginDelays {
  /** By the first groups of the address; in the order in which they were wrong. */
  readonly #networks = new Map<string, Network>()
  /** The same keys, of IPv6, by their /32. */
  readonly #ofProvider = new Map<string, Set<string>>()

  /** Null: too many passwords of the network wait. Call `ended` for each that may be checked. */
  begin(address: string, now: number): Begun | null {
    const own = networkOf(address)
    const networks: Network[] = []
    let delay = 0
    for (const { groups, free, mostAtOnce } of levelsOf(own)) {
      const key = prefixOf(own, groups)
      let network = this.#networks.get(key)
      if (network === undefined) network = { wrong: 0, last: now, running: 0 }
      else if (now - network.last > FORGOTTEN_MS) network.wrong = 0
      if (network.running >= mostAtOnce) return null
      if (network.wrong >= free) delay = Math.max(delay, Math.min(MOST_MS, FIRST_MS * 2 ** (network.wrong - free)))
      networks.push(network)
    }
    // The largest last: a flood from within pushes out what is in it, not the count of the flood.
    for (const [i, { groups }] of levelsOf(own).entries()) {
      networks[i]!.running++
      const key = prefixOf(own, groups)
      if (i > 0 || !this.#networks.has(key)) this.#put(key, networks[i]!)
    }
    return { networks, delay }
  }

  /** `begun`: of `begin`. */
  ended({ networks }: Begun, address: string, isRight: boolean, now: number): void {
    const own = networkOf(address)
    for (const [i, { groups, free }] of levelsOf(own).entries()) {
      const [key, network] = [prefixOf(own, groups), networks[i]!]
      network.running--
      const known = this.#networks.get(key)
      // A right one takes nothing back: an attacker may have an account, too.
      if (!isRight && free !== Number.POSITIVE_INFINITY) {
        // Forgotten meanwhile, and begun anew: the wrong one is that network's.
        const current = known ?? network
        current.wrong++
        current.last = now
        this.#put(key, current)
      } else if (known === network && network.wrong === 0 && network.running === 0) this.#delete(key)
    }
  }

  #put(key: string, network: Network): void {
    this.#delete(key)
    const provider = providerOf(key)
    const siblings = provider === null ? undefined : (this.#ofProvider.get(provider) ?? new Set())
    if (siblings !== undefined && siblings.size >= MAX_OF_PROVIDER) this.#delete(oldest(siblings))
    else if (this.#networks.size >= MAX_NETWORKS) this.#delete(oldest(this.#networks))
    this.#networks.set(key, network)
    if (siblings !== undefined) this.#ofProvider.set(provider!, siblings.add(key))
  }

  #delete(key: string): void {
    if (!this.#networks.delete(key)) return
    const provider = providerOf(key)
    if (provider === null) return
    const siblings = this.#ofProvider.get(provider)!
    siblings.delete(key)
    if (siblings.size === 0) this.#ofProvider.delete(provider)
  }
}

function levelsOf(network: string): readonly Level[] {
  return network.includes(':') ? LEVELS : LEVELS_OF_IPV4
}

/** `2001:db8:1:2`, 3 → `2001:db8:1`; an IPv4 address as it is. */
function prefixOf(network: string, groups: number): string {
  return network.split(':').slice(0, groups).join(':')
}

/** Null: IPv4. */
function providerOf(key: string): string | null {
  return key.includes(':') ? prefixOf(key, 2) : null
}

/** Of what is in order and not empty. */
function oldest(kept: ReadonlyMap<string, unknown> | ReadonlySet<string>): string {
  return kept.keys().next().value!
}
