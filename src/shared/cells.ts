/**
 * Words of memory that threads share. The protocols of this folder are written on this interface, so a test can run the very same code in
 * every interleaving of several threads. Runs in the threads of the gateway.
 */

/** Words of 32 bits, with a sign. Each operation is atomic, and all threads see all of them in one order. */
export interface Cells {
  load(index: number): number
  store(index: number, value: number): void
  /** Returns the value before. */
  add(index: number, value: number): number
  /** Stores `value` if the word is `expected`. Returns the word as it was: the exchange has happened if that is `expected`. */
  compareExchange(index: number, expected: number, value: number): number
}

export class SharedCells implements Cells {
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
  }

  load(index: number): number {
    return Atomics.load(this.#words, index)
  }

  store(index: number, value: number): void {
    Atomics.store(this.#words, index, value)
  }

  add(index: number, value: number): number {
    return Atomics.add(this.#words, index, value)
  }

  compareExchange(index: number, expected: number, value: number): number {
    return Atomics.compareExchange(this.#words, index, expected, value)
  }
}

/** Memory for so many words, all 0. */
export function sharedWords(count: number): SharedArrayBuffer {
  return new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT)
}
