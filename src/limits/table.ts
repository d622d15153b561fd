/**
 * Where the entry of a key may be: sets of eight places, found by a hash with a secret. What both tables of this folder are built on. Runs in
 * each event loop of the gateway, on memory that its threads share.
 *
 *     word 0, 1        secrets, so that nobody knows which keys have one place
 *     from word 16     the sets, one cache line each: 8 places of two words
 *
 * Two keys that agree in 34 bits or more of their hashes have one entry. With 10,000 keys in use that happens to one new key in a million, and
 * nobody can bring it about.
 */
import { randomInt } from 'node:crypto'
import { hashOf } from '../base/hash.ts'

/** Places of a set. */
export const WAYS = 8
/** Words of 32 bits of a place. */
export const WORDS = 2
const FIRST = 16
const SECRET_OF_SET = 0
const SECRET_OF_TAG = 1

/** 131,072 places in 1 MiB: as many as nginx has in 8 MB. Pages of it that are never used take no memory. */
export const SETS = 16_384

/** `isShared`: several threads use it. Otherwise it is zero, but for the secrets. */
export function makeTable(isShared: boolean): ArrayBufferLike {
  const bytes = (FIRST + SETS * WAYS * WORDS) * Int32Array.BYTES_PER_ELEMENT
  const memory = isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)
  const words = new Int32Array(memory)
  words[SECRET_OF_SET] = randomInt(2 ** 31)
  words[SECRET_OF_TAG] = randomInt(2 ** 31)
  return memory
}

/** Finds the set of a key, and its tag. One object for each table and thread; `find` allocates nothing. */
export class Places {
  /** Word of the first place of all. */
  static readonly first = FIRST
  readonly #secretOfSet: number
  readonly #secretOfTag: number
  /** Word of the first place of the set, after `find`. */
  first = 0
  /** 32 bits of another hash, after `find`. */
  tag = 0

  /** `memory`: of `makeTable`. */
  constructor(memory: ArrayBufferLike) {
    const words = new Int32Array(memory)
    this.#secretOfSet = words[SECRET_OF_SET]!
    this.#secretOfTag = words[SECRET_OF_TAG]!
  }

  find(key: string): void {
    this.first = FIRST + (hashOf(key, this.#secretOfSet) & (SETS - 1)) * WAYS * WORDS
    this.tag = hashOf(key, this.#secretOfTag)
  }
}
