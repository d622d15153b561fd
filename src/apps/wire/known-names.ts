/**
 * Names of headers joined by NUL, as a tree in which each name leads to those that came behind it: requests that are alike have
 * their names joined already (3 % of what a browser's request costs the gateway). Runs in the gateway, sans-IO.
 *
 * Invariants: names only, and copies of them, so nothing of one request is kept for another; bounded, for strangers choose names:
 * a full tree stays as it is, browsers came first.
 */

/** Browsers and the programs of one site have some dozens of orders, which begin alike. */
const MAX_NODES = 1024
/** Of one joined text: three times what browsers send. */
const MAX_LENGTH = 1024

export class KnownNames {
  /** All names up to this one. */
  readonly joined: string
  readonly #name: string
  readonly #nodes: { count: number }
  readonly #behind = new Map<string, KnownNames>()
  /** What came behind it the last time. */
  #guess: KnownNames | null = null

  /** `joined`: what stands before all names, and is no header's. */
  constructor(joined: string, name = '', nodes = { count: 0 }) {
    this.joined = joined
    this.#name = name
    this.#nodes = nodes
  }

  /** With one name more; null for one that is not kept. */
  behind(name: string): KnownNames | null {
    const guess = this.#guess
    if (guess !== null && guess.#name === name) return guess
    const found = this.#behind.get(name) ?? this.#add(name)
    if (found !== null) this.#guess = found
    return found
  }

  #add(given: string): KnownNames | null {
    if (this.#nodes.count >= MAX_NODES || this.joined.length + given.length >= MAX_LENGTH) return null
    this.#nodes.count++
    // Copies: a slice would keep the head that it was cut from, and parts are joined again whenever they are written.
    const joined = Buffer.from(`${this.joined}\0${given}`, 'latin1').toString('latin1')
    const name = Buffer.from(given, 'latin1').toString('latin1')
    const added = new KnownNames(joined, name, this.#nodes)
    this.#behind.set(name, added)
    return added
  }
}
