/**
 * Which of many networks an address belongs to, and what that one has: the longest prefix wins. Built once when sites are compiled; asked in
 * the gateway for each request that needs it. Pure.
 *
 * Networks contain each other or are apart, so they cut all addresses into at most 2n + 1 ranges with one value each. They are sorted, and a
 * look is a binary search: eighteen steps for 100,000 networks, and never more than an address has bits.
 * Invariants: IPv4 and IPv6 have tables of their own; an IPv4 address in IPv6's form (`::ffff:192.0.2.7`) is an IPv4 address.
 * Not here: where the address comes from (`routing/sites/computed.ts`).
 */
import { isIPv4, isIPv6 } from 'node:net'

/** Words of 32 bits: one of IPv4, four of IPv6. */
type Words = readonly number[]

interface Network<Value> {
  readonly first: Words
  /** Of its prefix. */
  readonly bits: number
  readonly value: Value
}

export class NetworkTable<Value> {
  readonly #v4: Ranges<Value>
  readonly #v6: Ranges<Value>

  /** `networks`: `10.0.0.0/8`, `2001:db8::/32`, addresses; of two that are the same the last one counts. `fallback`: of all others. */
  constructor(networks: Iterable<readonly [network: string, value: Value]>, fallback: Value) {
    const [v4, v6]: [Network<Value>[], Network<Value>[]] = [[], []]
    for (const [text, value] of networks) {
      const found = parseNetwork(text)
      if (found !== null) (found.first.length === 1 ? v4 : v6).push({ ...found, value })
    }
    this.#v4 = new Ranges(v4, fallback, 1)
    this.#v6 = new Ranges(v6, fallback, 4)
  }

  /** Null: the text is no address. */
  find(address: string): Value | null {
    const words = parseAddress(address)
    if (words === null) return null
    return (words.length === 1 ? this.#v4 : this.#v6).find(words)
  }
}

/** All addresses of a family, as ranges in their order. */
class Ranges<Value> {
  readonly #width: number
  /** The first address of each range. The first range begins at 0. */
  readonly #starts: Uint32Array
  readonly #values: readonly Value[]

  constructor(networks: Network<Value>[], fallback: Value, width: number) {
    this.#width = width
    // The outer one comes first. Sorting is stable, so of two that are the same the last one is the inner one.
    networks.sort((a, b) => compare(a.first, b.first) || a.bits - b.bits)
    const starts: Words[] = [new Array<number>(width).fill(0)]
    const values: Value[] = [fallback]
    const add = (start: Words, value: Value) => {
      if (compare(starts.at(-1)!, start) === 0) values[values.length - 1] = value
      else {
        starts.push(start)
        values.push(value)
      }
    }
    const around: Network<Value>[] = []
    const leave = () => {
      const end = addressBehind(around.pop()!)
      if (end !== null) add(end, around.at(-1)?.value ?? fallback)
    }
    for (const network of networks) {
      while (around.length > 0 && !contains(around.at(-1)!, network.first)) leave()
      add(network.first, network.value)
      around.push(network)
    }
    while (around.length > 0) leave()
    this.#values = values
    this.#starts = new Uint32Array(starts.flat())
  }

  find(address: Words): Value {
    const [width, starts] = [this.#width, this.#starts]
    let [low, high] = [0, this.#values.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      let word = 0
      while (word < width - 1 && starts[middle * width + word] === address[word]) word++
      if (starts[middle * width + word]! <= address[word]!) low = middle
      else high = middle - 1
    }
    return this.#values[low]!
  }
}

function compare(a: Words, b: Words): number {
  let word = 0
  while (word < a.length - 1 && a[word] === b[word]) word++
  return a[word]! - b[word]!
}

/** Bits of a prefix that are in this word, as a mask. */
function maskOf(bits: number, word: number): number {
  const own = Math.min(32, Math.max(0, bits - 32 * word))
  return own === 0 ? 0 : (0xffff_ffff << (32 - own)) >>> 0
}

function contains({ first, bits }: Network<unknown>, address: Words): boolean {
  return first.every((one, word) => (address[word]! & maskOf(bits, word)) >>> 0 === one)
}

/** The first address that is not in the network any more; null: it has the last one there is. */
function addressBehind({ first, bits }: Network<unknown>): Words | null {
  const address = [...first]
  let step = 2 ** ((32 - (bits % 32)) % 32)
  for (let word = Math.ceil(bits / 32) - 1; word >= 0; word--) {
    const sum = address[word]! + step
    address[word] = sum % 2 ** 32
    if (sum < 2 ** 32) return address
    step = 1
  }
  return null
}

function parseNetwork(text: string): Pick<Network<unknown>, 'first' | 'bits'> | null {
  const [written = '', given] = text.split('/')
  const address = parseAddress(written)
  if (address === null) return null
  // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
  const before = address.length === 1 && written.includes(':') ? 96 : 0
  const bits = given === undefined ? 32 * address.length : Math.max(0, Number(given) - before)
  return { first: address.map((one, word) => (one & maskOf(bits, word)) >>> 0), bits }
}

/** Null: it is none. A zone (`fe80::1%eth0`) is left out. */
function parseAddress(text: string): Words | null {
  if (isIPv4(text)) return [numberOfIPv4(text)]
  if (!isIPv6(text)) return null
  const [head = '', tail] = text.replace(/%.*$/s, '').split('::')
  const [left, right] = [groupsOf(head), groupsOf(tail ?? '')]
  const groups = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right]
  const words = [0, 2, 4, 6].map(i => groups[i]! * 65_536 + groups[i + 1]!)
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff ? [words[3]!] : words
}

function numberOfIPv4(text: string): number {
  return text.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}

/** Sixteen bits each. The last one may be an IPv4 address, which is two of them. */
function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap(group => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const number = numberOfIPv4(group)
    return [Math.floor(number / 65_536), number % 65_536]
  })
}
