/** The dynamic table (RFC7541§2.3.2, §4): a ring of entries, bounded by their size in octets. Of the decoder and of the encoder. */

/** What RFC7541§4.1 counts for each entry besides its name and value. */
export const ENTRY_OVERHEAD = 32

/** Octets. What the tables of both ends have at first (RFC9113§6.5.2). More would make heads hardly shorter. */
export const DEFAULT_TABLE_SIZE = 4096

export interface Sized {
  /** In octets: name, value and ENTRY_OVERHEAD. */
  readonly size: number
}

const FIRST_PLACES = 8

export class DynamicTable<Entry extends Sized> {
  /** In octets. */
  #maxSize: number
  #size = 0
  /** A power of two places. An entry has at least ENTRY_OVERHEAD octets, so `#maxSize` bounds them. */
  #ring: (Entry | undefined)[] = []
  #count = 0
  /** How many have ever entered. The last one has this number. */
  #entered = 0

  constructor(maxSize: number) {
    this.#maxSize = maxSize
  }

  get maxSize(): number {
    return this.#maxSize
  }

  get size(): number {
    return this.#size
  }

  get count(): number {
    return this.#count
  }

  get entered(): number {
    return this.#entered
  }

  /** `index`: 0 is the newest. */
  get(index: number): Entry | undefined {
    return index < this.#count ? this.#ring[(this.#entered - 1 - index) & (this.#ring.length - 1)] : undefined
  }

  /** An entry that is larger than the table empties it, and is not kept (RFC7541§4.4). */
  add(entry: Entry): void {
    this.#evict(this.#maxSize - entry.size)
    if (entry.size > this.#maxSize) return
    if (this.#count === this.#ring.length) this.#grow()
    this.#ring[this.#entered & (this.#ring.length - 1)] = entry
    this.#entered++
    this.#count++
    this.#size += entry.size
  }

  resize(maxSize: number): void {
    this.#maxSize = maxSize
    this.#evict(maxSize)
  }

  /** Until no more than `size` octets are left. */
  #evict(size: number): void {
    while (this.#size > size && this.#count > 0) {
      const place = (this.#entered - this.#count) & (this.#ring.length - 1)
      this.#size -= this.#ring[place]!.size
      this.#ring[place] = undefined
      this.#count--
    }
  }

  #grow(): void {
    const places = Math.max(FIRST_PLACES, this.#ring.length * 2)
    const ring = new Array<Entry | undefined>(places).fill(undefined)
    for (let index = 0; index < this.#count; index++) ring[(this.#entered - 1 - index) & (places - 1)] = this.get(index)
    this.#ring = ring
  }
}
