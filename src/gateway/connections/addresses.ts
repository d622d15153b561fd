import { networkOf } from '../../http/network.ts'

/** How many each client network has. */
export interface Counts {
  /** Counts one more. Returns how many there are then. */
  add(network: string): number
  remove(network: string): void
}

/**
 * Counts what each client address has open: connections, or requests that wait. A network of 64 bits of IPv6 counts as one address: any
 * client has one.
 */
export class Addresses {
  readonly #counts: Counts
  readonly #limit: number
  readonly #isExempt: (address: string) => boolean

  /** `limit` 0: there is none. `isExempt` is asked only about an address that has reached it. `counts`: of several threads. */
  constructor(limit: number, isExempt: (address: string) => boolean, counts: Counts = new OwnCounts()) {
    this.#limit = limit
    this.#isExempt = isExempt
    this.#counts = counts
  }

  /** Returns what to `remove` when it is over; null: the address has reached the limit. A Unix socket has no address. */
  add(address: string): string | null {
    if (this.#limit === 0 || address === '') return ''
    const network = networkOf(address)
    if (this.#counts.add(network) <= this.#limit || this.#isExempt(address)) return network
    this.#counts.remove(network)
    return null
  }

  remove(network: string): void {
    if (network !== '') this.#counts.remove(network)
  }
}

/** Of this thread. */
export class OwnCounts implements Counts {
  readonly #counts = new Map<string, number>()

  add(network: string): number {
    const count = (this.#counts.get(network) ?? 0) + 1
    this.#counts.set(network, count)
    return count
  }

  remove(network: string): void {
    const count = this.#counts.get(network)!
    if (count === 1) this.#counts.delete(network)
    else this.#counts.set(network, count - 1)
  }

  /** Networks that have something. */
  get size(): number {
    return this.#counts.size
  }
}
