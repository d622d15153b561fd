/**
 * How long a client's next password waits: longer after each wrong one that its network has sent lately. Time is an argument. Pure.
 *
 * Invariants: who has sent no wrong password never waits. The table is bounded: when it is full, the network that was wrong longest ago is
 * forgotten. What runs of it ends with the object that it began with, so no count becomes less than nothing.
 */
import { networkOf } from '../http/network.ts'

/** People mistype, and a browser asks for several files at once. */
const FREE = 5
const FIRST_MS = 250
/** Somebody who has found the right one still waits for it. One network tries about 30 passwords a minute then. */
const MOST_MS = 8000
/** Wrong ones are forgotten when none has come for so long. */
const FORGOTTEN_MS = 5 * 60_000
/** At most so many of one network wait or are checked: it cannot fill the queue of all. */
const MAX_AT_ONCE = 4
const MAX_NETWORKS = 4096

interface Network {
  wrong: number
  /** When the last wrong one came. */
  last: number
  /** That wait, or are checked. */
  running: number
}

/** A password that waits, or is checked. */
export interface Begun {
  readonly network: Network
  /** Milliseconds until it may be checked. */
  readonly delay: number
}

export class LoginDelays {
  /** In the order in which they were wrong. */
  readonly #networks = new Map<string, Network>()

  /** Null: too many passwords of the network wait. Call `ended` for each that may be checked. */
  begin(address: string, now: number): Begun | null {
    const key = networkOf(address)
    let network = this.#networks.get(key)
    if (network === undefined) {
      network = { wrong: 0, last: now, running: 0 }
      this.#put(key, network)
    } else if (now - network.last > FORGOTTEN_MS) network.wrong = 0
    if (network.running >= MAX_AT_ONCE) return null
    network.running++
    const delay = network.wrong < FREE ? 0 : Math.min(MOST_MS, FIRST_MS * 2 ** (network.wrong - FREE))
    return { network, delay }
  }

  /** `network`: of `begin`. */
  ended(network: Begun['network'], address: string, isRight: boolean, now: number): void {
    const key = networkOf(address)
    network.running--
    const known = this.#networks.get(key)
    // A right one takes nothing back: an attacker may have an account, too.
    if (!isRight) {
      // Forgotten meanwhile, and begun anew: the wrong one is that network's.
      const current = known ?? network
      current.wrong++
      current.last = now
      this.#put(key, current)
    } else if (known === network && network.wrong === 0 && network.running === 0) this.#networks.delete(key)
  }

  #put(key: string, network: Network): void {
    this.#networks.delete(key)
    if (this.#networks.size >= MAX_NETWORKS) this.#networks.delete(this.#networks.keys().next().value!)
    this.#networks.set(key, network)
  }
}
