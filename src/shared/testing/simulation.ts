/**
 * A simulation of gateway threads that share slots, by discrete events: requests come to threads, wait, run, end; messages take as long as
 * a recorded wake-up. The threads are `Player`s, so the real protocol decides. Beside it the two queues that it is compared with: one
 * ideal queue for all slots, and slots of its own for each thread. Used by tests and by the script that makes the figure.
 *
 * Each run of a scene is the same: nothing reads a clock. A thread takes no time for what it does, unless it is blocked (`Scene.blocks`).
 * Times are microseconds.
 */
import type { Cells } from '../cells.ts'
import { poolWords } from '../pool-waits.ts'
import { slotWords } from '../slot-table.ts'
import { type PlayedCall, Player } from './player.ts'

export type Random = () => number

/** From 0 to below 1, the same for each run of a seed. Mulberry32: the low bits are as random as the high ones. */
export function random(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** How long requests run. */
export interface Service {
  readonly name: string
  readonly mean: number
  draw(random: Random): number
}

export const fixed = (mean: number): Service => ({ name: `${mean / 1000} ms each`, mean, draw: () => mean })

/** At least 1 ms, and on average `mean`. */
export const exponential = (mean: number): Service => ({
  name: `1 ms and an exponential time, ${mean / 1000} ms on average`,
  mean,
  draw: random => 1000 - Math.log(1 - random()) * (mean - 1000),
})

export const twoPoint = (short: number, long: number, shareOfLong: number): Service => ({
  name: `${short / 1000} ms, and ${long / 1000} ms for ${shareOfLong * 100} %`,
  mean: short * (1 - shareOfLong) + long * shareOfLong,
  draw: random => (random() < shareOfLong ? long : short),
})

export interface Scene {
  /** The share of the requests that comes to each thread. */
  readonly shares: readonly number[]
  readonly workers: number
  /** Of each worker. */
  readonly places: number
  /** Of what the slots can do. */
  readonly load: number
  readonly service: Service
  readonly requests: number
  readonly seed: number
  /** By thousandths: how long a message takes. */
  readonly wakeUps: readonly number[]
  /** A thread does nothing for so long, so often on average. */
  readonly blocks?: { readonly thread: number; readonly every: number; readonly length: number }
}

export interface Outcome {
  readonly meanWait: number
  readonly longestWait: number
  /**
   * The longest time for which a slot was free while a request waited. A slot whose thread is blocked is not free: only that thread can read the
   * answer. What waits in a blocked thread does not count either.
   */
  readonly longestUnused: number
  /** How often a slot was free for longer than the longest wake-up while a request waited. */
  readonly timesUnused: number
  readonly messages: number
}

interface Request extends PlayedCall {
  readonly at: number
  readonly thread: number
  readonly runs: number
}

/** Half of the requests come to the first thread, the others get the rest in equal parts. */
export function halfOnOne(threads: number): number[] {
  return threads === 1 ? [1] : Array.from({ length: threads }, (_, i) => (i === 0 ? 0.5 : 0.5 / (threads - 1)))
}

export function equally(threads: number): number[] {
  return new Array<number>(threads).fill(1 / threads)
}

/** A tick of `clock.ts`, of the simulation's own time. It begins somewhere: 0 is nobody's tick. */
const tickOf = (at: number): number => (Math.floor(at / 100) + 1000) | 1

export function requestsOf({ shares, workers, places, load, service, requests, seed }: Scene): Request[] {
  const next = random(seed)
  const gap = service.mean / (workers * places * load)
  let at = 0
  return Array.from({ length: requests }, () => {
    at -= Math.log(1 - next()) * gap
    let share = next()
    let thread = 0
    while (thread < shares.length - 1 && share >= shares[thread]!) share -= shares[thread++]!
    return { at, thread, runs: service.draw(next), since: tickOf(at), home: -1 }
  })
}

/**
 * The mean wait where each request gets the first slot that is free, in the order in which they come. `wakeUp`: how long a slot is idle
 * before a request that has waited gets it.
 */
export function idealWait(requests: readonly Request[], slots: number, wakeUp = 0): number {
  const free = new Heap<number>(at => at)
  for (let i = 0; i < slots; i++) free.push(0)
  let sum = 0
  for (const { at, runs } of requests) {
    const since = free.pop()!
    const start = since > at ? since + wakeUp : at
    sum += start - at
    free.push(start + runs)
  }
  return sum / requests.length
}

/** The mean wait where each thread has its part of the slots, and no other ones. */
export function partedWait(requests: readonly Request[], slots: number, threads: number): number {
  let sum = 0
  for (let thread = 0; thread < threads; thread++) {
    const own = requests.filter(request => request.thread === thread)
    sum += own.length * idealWait(own, slots / threads)
  }
  return sum / requests.length
}

/** While calls of a thread wait. */
const LOOK_EVERY = 2000

class PlainCells implements Cells {
  readonly #words: Int32Array
  constructor(count: number) {
    this.#words = new Int32Array(count)
  }
  load(index: number): number {
    return this.#words[index]!
  }
  store(index: number, value: number): void {
    this.#words[index] = value
  }
  add(index: number, value: number): number {
    const before = this.#words[index]!
    this.#words[index] = before + value
    return before
  }
  compareExchange(index: number, expected: number, value: number): number {
    const before = this.#words[index]!
    if (before === expected) this.#words[index] = value
    return before
  }
}

interface Event {
  readonly at: number
  /** The thread that does something then. */
  readonly thread: number
  readonly run: (now: number) => void
}

export function simulate(scene: Scene): Outcome {
  const { shares, workers, places, seed, wakeUps, blocks } = scene
  const threads = shares.length
  const requests = requestsOf(scene)
  const events = new Heap<Event>(({ at }) => at)
  const next = random(seed + 1)
  const unused = new Unused(workers * places, Math.max(...wakeUps))
  const isLooking = new Array<boolean>(threads).fill(false)
  const blockedUntil = new Array<number>(threads).fill(0)
  let now = 0
  let messages = 0
  let [sum, longestWait] = [0, 0]

  const board = {
    pool: new PlainCells(poolWords(threads)),
    workers: Array.from({ length: workers }, () => new PlainCells(slotWords(threads, places))),
    threads,
    places,
  }
  const players = shares.map(
    (_, thread) =>
      new Player<Request>(board, thread, {
        run({ at, runs }, worker, place) {
          sum += now - at
          longestWait = Math.max(longestWait, now - at)
          unused.begin(worker * places + place, now)
          if (thread !== blocks?.thread) unused.waiting(-1, now)
          events.push({
            at: now + runs,
            thread,
            run: () => {
              unused.end(worker * places + place, now)
              players[thread]!.finish(worker, place, tickOf(now))
            },
          })
        },
        tell(other) {
          messages++
          const wakeUp = wakeUps[Math.floor(next() * wakeUps.length)]!
          events.push({ at: now + wakeUp, thread: other, run: () => players[other]!.wake(tickOf(now)) })
        },
      }),
  )

  const lookSoon = (thread: number): void => {
    if (isLooking[thread] === true || players[thread]!.waiting.length === 0) return
    isLooking[thread] = true
    events.push({
      at: now + LOOK_EVERY,
      thread,
      run: () => {
        isLooking[thread] = false
        players[thread]!.look(tickOf(now))
      },
    })
  }

  let arrived = 0
  /** The next request is under way, whether or not the thread of this one is blocked. */
  const send = (): void => {
    const request = requests[arrived++]!
    const arrive = (): void => {
      if (request.thread !== blocks?.thread) unused.waiting(1, now)
      players[request.thread]!.arrive(request, tickOf(now))
    }
    events.push({ at: now, thread: request.thread, run: arrive })
    if (arrived < requests.length) events.push({ at: requests[arrived]!.at, thread: -1, run: send })
  }
  events.push({ at: requests[0]!.at, thread: -1, run: send })
  if (blocks !== undefined) {
    const block = (): void => {
      blockedUntil[blocks.thread] = now + blocks.length
      if (arrived < requests.length)
        events.push({ at: now - Math.log(1 - next()) * blocks.every, thread: -1, run: block })
    }
    events.push({ at: blocks.every, thread: -1, run: block })
  }
  for (let event = events.pop(); event !== undefined; event = events.pop()) {
    now = event.at
    const until = event.thread === -1 ? 0 : blockedUntil[event.thread]!
    if (until > now) {
      events.push({ ...event, at: until })
      continue
    }
    event.run(now)
    if (event.thread !== -1) lookSoon(event.thread)
  }
  return {
    meanWait: sum / requests.length,
    longestWait,
    longestUnused: unused.longest,
    timesUnused: unused.times,
    messages,
  }
}

/** For how long a slot is free while a request waits. */
class Unused {
  longest = 0
  times = 0
  #waiting = 0
  readonly #limit: number
  readonly #busy: boolean[]
  /** By slot: since when it is free and a request waits; infinite: it is not so. */
  readonly #since: number[]

  constructor(slots: number, limit: number) {
    this.#limit = limit
    this.#busy = new Array<boolean>(slots).fill(false)
    this.#since = new Array<number>(slots).fill(Number.POSITIVE_INFINITY)
  }

  waiting(change: number, now: number): void {
    const before = this.#waiting
    this.#waiting += change
    if (before === 0) {
      for (const [slot, isBusy] of this.#busy.entries()) if (!isBusy) this.#since[slot] = now
    } else if (this.#waiting === 0) {
      for (const slot of this.#busy.keys()) this.#over(slot, now)
    }
  }

  begin(slot: number, now: number): void {
    this.#busy[slot] = true
    this.#over(slot, now)
  }

  end(slot: number, now: number): void {
    this.#busy[slot] = false
    if (this.#waiting > 0) this.#since[slot] = now
  }

  #over(slot: number, now: number): void {
    const time = now - this.#since[slot]!
    this.longest = Math.max(this.longest, time)
    // Sums of times are not exact.
    if (time > this.#limit + 0.001) this.times++
    this.#since[slot] = Number.POSITIVE_INFINITY
  }
}

/** The least first; among equals the one that was there first. */
class Heap<T> {
  readonly #keyOf: (item: T) => number
  readonly #items: T[] = []
  readonly #keys: number[] = []
  readonly #order: number[] = []
  #count = 0

  constructor(keyOf: (item: T) => number) {
    this.#keyOf = keyOf
  }

  push(item: T): void {
    let at = this.#items.length
    const [key, order] = [this.#keyOf(item), this.#count++]
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isBefore(key, order, parent)) break
      this.#set(at, this.#items[parent]!, this.#keys[parent]!, this.#order[parent]!)
      at = parent
    }
    this.#set(at, item, key, order)
  }

  pop(): T | undefined {
    const first = this.#items[0]
    const [item, key, order] = [this.#items.pop(), this.#keys.pop()!, this.#order.pop()!]
    const length = this.#items.length
    if (item === undefined || length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= length) break
      if (child + 1 < length && this.#isBefore(this.#keys[child + 1]!, this.#order[child + 1]!, child)) child++
      if (this.#isBefore(key, order, child)) break
      this.#set(at, this.#items[child]!, this.#keys[child]!, this.#order[child]!)
      at = child
    }
    this.#set(at, item, key, order)
    return first
  }

  #isBefore(key: number, order: number, at: number): boolean {
    const other = this.#keys[at]!
    return key < other || (key === other && order < this.#order[at]!)
  }

  #set(at: number, item: T, key: number, order: number): void {
    this.#items[at] = item
    this.#keys[at] = key
    this.#order[at] = order
  }
}
