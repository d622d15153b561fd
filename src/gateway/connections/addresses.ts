import { networkOf } from '../../http/network.ts'

/** Counts the open connections of each client address. A network of 64 bits of IPv6 counts as one address: any client has one. */
export class Addresses {
  readonly #open = new Map<string, number>()
  readonly #limit: number
  readonly #isExempt: (address: string) => boolean

  /** `limit` 0: there is none. `isExempt` is asked only about an address that has reached it. */
  constructor(limit: number, isExempt: (address: string) => boolean) {
    this.#limit = limit
    this.#isExempt = isExempt
  }

  /** Returns what to `remove` when the connection closes; null: the address has reached the limit. A Unix socket has no address. */
  add(address: string): string | null {
    if (this.#limit === 0 || address === '') return ''
    const network = networkOf(address)
    const count = this.#open.get(network) ?? 0
    if (count >= this.#limit && !this.#isExempt(address)) return null
    this.#open.set(network, count + 1)
    return network
  }

  remove(network: string): void {
    if (network === '') return
    const count = this.#open.get(network)!
    if (count === 1) this.#open.delete(network)
    else this.#open.set(network, count - 1)
  }

  /** Addresses that have a connection. */
  get size(): number {
    return this.#open.size
  }
}
