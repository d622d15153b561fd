/** What `gateway/connections/addresses.ts` does, for tests of pools and handlers: each address may have `limit` requests. */
import type { AddressLimit } from '../pool/address-limit.ts'

export class AddressCount implements AddressLimit {
  readonly #limit: number
  readonly #counts = new Map<string, number>()
  /** How often a request was counted. */
  added = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  add(address: string): string | null {
    const count = this.of(address)
    if (count >= this.#limit) return null
    this.added++
    this.#counts.set(address, count + 1)
    return address
  }

  remove(address: string): void {
    if (this.of(address) === 0) throw new Error(`nothing counts for ${address}`)
    this.#counts.set(address, this.of(address) - 1)
  }

  get total(): number {
    return this.#counts.values().reduce((sum, count) => sum + count, 0)
  }

  of(address: string): number {
    return this.#counts.get(address) ?? 0
  }
}
