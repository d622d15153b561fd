/**
 * What the threads of a gateway tell one another and the main thread, in words of shared memory: the epoch, and for each thread whether it
 * still turns and how much it uses. Made by the main thread; runs in the main thread and in all threads.
 *
 *     line 0      epoch · of threads that have died: accepted connections, requests
 *     line 1 + t  of thread t: last turn · memory · disk · files · accepted connections, requests, connections by what they do
 *
 * Invariants:
 * - The main thread writes the epoch. Each thread writes the words of its own line only, while it lives; when it is dead the main thread
 *   clears them, before another thread gets its index.
 * - What only grows has words of 64 bits, at the end of a line: 32 bits are full after a day of 50,000 requests a second.
 * - A line is as long as a cache line, so that threads do not slow one another down.
 */
import { addTraffic, NO_TRAFFIC, type Traffic } from '../base/traffic.ts'
import { type Cells, SharedCells, sharedWords } from './cells.ts'

/** Words of a cache line of 64 bytes. */
const LINE = 16
const EPOCH = 0

const TURN = 0

/** Words of 64 bits in a line, and those for the numbers of `Traffic`. */
const LONG_LINE = LINE / 2
const TRAFFIC = 3
const NUMBERS = ['accepted', 'requests', 'reading', 'writing', 'waiting'] as const satisfies (keyof Traffic)[]

/** What a thread uses of something that all threads share. */
export const MEMORY = 1
export const DISK = 2
export const FILES = 3
export type SharedUse = typeof MEMORY | typeof DISK | typeof FILES

/** All 0. */
export function makeThreadCells(threads: number): SharedArrayBuffer {
  return sharedWords((1 + threads) * LINE)
}

export class ThreadCells {
  readonly threads: number
  readonly #cells: Cells
  readonly #long: BigInt64Array

  /** `memory`: of `makeThreadCells`, for as many threads. */
  constructor(memory: SharedArrayBuffer) {
    this.threads = memory.byteLength / Int32Array.BYTES_PER_ELEMENT / LINE - 1
    this.#cells = new SharedCells(memory)
    this.#long = new BigInt64Array(memory)
  }

  /** The number of the configuration that is in force. 0: that of the start. */
  get epoch(): number {
    return this.#cells.load(EPOCH)
  }

  set epoch(epoch: number) {
    this.#cells.store(EPOCH, epoch)
  }

  /** The event loop of the thread turns. `tick`: of `clock.ts`. To be called once a second. */
  turned(thread: number, tick: number): void {
    this.#cells.store(word(thread, TURN), tick)
  }

  /** The tick of its last turn; 0: none yet. */
  lastTurn(thread: number): number {
    return this.#cells.load(word(thread, TURN))
  }

  /** In units of the user of these words. */
  used(thread: number, what: SharedUse): number {
    return this.#cells.load(word(thread, what))
  }

  setUsed(thread: number, what: SharedUse, units: number): void {
    this.#cells.store(word(thread, what), units)
  }

  /** What the connections of the thread do. To be called once a second, where somebody asks for it. */
  tellTraffic(thread: number, traffic: Traffic): void {
    this.#storeTraffic(1 + thread, traffic)
  }

  /** Of all threads but one, as they have told it last, and of those that have died. */
  trafficOfOthers(thread: number): Traffic {
    let sum = this.#trafficAt(0)
    for (let other = 0; other < this.threads; other++)
      if (other !== thread) sum = addTraffic(sum, this.#trafficAt(1 + other))
    return sum
  }

  #trafficAt(line: number): Traffic {
    const [accepted, requests, reading, writing, waiting] = NUMBERS.map((_, i) =>
      Number(Atomics.load(this.#long, line * LONG_LINE + TRAFFIC + i)),
    ) as [number, number, number, number, number]
    return { accepted, requests, reading, writing, waiting }
  }

  #storeTraffic(line: number, traffic: Traffic): void {
    for (const [i, name] of NUMBERS.entries())
      Atomics.store(this.#long, line * LONG_LINE + TRAFFIC + i, BigInt(traffic[name]))
  }

  /** The thread is dead. What it had is free; what it has answered stays. */
  clear(thread: number): void {
    const { accepted, requests } = this.#trafficAt(1 + thread)
    this.#storeTraffic(0, addTraffic(this.#trafficAt(0), { ...NO_TRAFFIC, accepted, requests }))
    for (let at = 0; at < LINE; at++) this.#cells.store(word(thread, at), 0)
  }
}

function word(thread: number, at: number): number {
  return (1 + thread) * LINE + at
}
