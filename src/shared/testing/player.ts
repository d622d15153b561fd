/**
 * A thread of the gateway that does nothing but play by the rules of the slots: calls come, wait, run, end. The explorer, the test with
 * real threads and the simulation all move it, so all of them run the protocol of `pool-waits.ts` and `slot-table.ts` in the same way as
 * `apps/threads/` does, with neither links nor HTTP. Used by tests only.
 *
 *   arrive ──▶ a free place? ──yes──▶ run
 *                  │ no
 *                  ▼
 *              publish that a call waits ──▶ look again ──▶ wait for: a place of this thread that ends (`finish`), a message (`wake`),
 *                                                           the next look (`look`, every 2 ms while calls wait)
 *
 * Bound: what waits and what runs is bounded by the test.
 */
import type { QueueOrder } from '../../config/types.ts'
import type { Cells } from '../cells.ts'
import { PoolWaits } from '../pool-waits.ts'
import { KEPT, NONE, SlotTable } from '../slot-table.ts'

export interface PlayedCall {
  /** The tick of its arrival. */
  readonly since: number
  /** The only worker that may run it; -1: any. */
  readonly home: number
}

export interface Played<C extends PlayedCall> {
  /** The call runs from now on. */
  run(call: C, worker: number, place: number): void
  /** Sends a message to another thread, on which it calls `wake`. */
  tell(thread: number): void
}

export interface Board {
  readonly pool: Cells
  /** One for each worker. */
  readonly workers: readonly Cells[]
  readonly threads: number
  /** Of each worker. */
  readonly places: number
  readonly order?: QueueOrder
  /** No search in a worker that seems to be full, but when a thread looks on its own accord: as `apps/threads/` does. */
  readonly usesCounts?: boolean
}

export class Player<C extends PlayedCall> {
  /** The oldest first. */
  readonly waiting: C[] = []
  readonly #pool: PoolWaits
  readonly #tables: readonly SlotTable[]
  readonly #played: Played<C>
  readonly #usesCounts: boolean
  /** Where the search for a place begins: threads that all begin at the same one meet there. */
  #first: number

  constructor(
    { pool, workers, threads, places, order = 'fifo', usesCounts = false }: Board,
    thread: number,
    played: Played<C>,
  ) {
    this.#pool = new PoolWaits(pool, threads, thread, order)
    this.#tables = workers.map(cells => new SlotTable(cells, this.#pool, places))
    for (const table of this.#tables) table.publish(0)
    this.#played = played
    this.#usesCounts = usesCounts
    this.#first = thread
  }

  /** Places that a dead thread with this index has left, as `[worker, place]`: `finish` gives one back when nothing runs there any more. */
  get left(): [number, number][] {
    return this.#tables.flatMap((table, worker) =>
      Array.from({ length: table.places }, (_, place): [number, number] => [worker, place]).filter(([, place]) =>
        table.owns(place),
      ),
    )
  }

  /** What the thread remembers, as text. */
  get memory(): string {
    return `${this.#first % this.#tables.length} ${this.waiting.map(({ since, home }) => `${since}/${home}`)}`
  }

  arrive(call: C, now: number): void {
    // A free place would be for what waits already.
    const isBehind = this.waiting.some(other => other.home === -1 || call.home === -1 || other.home === call.home)
    if (!isBehind && this.#takeAndRun(call, now)) return
    this.waiting.push(call)
    this.#publish()
    if (!isBehind) this.#serve(now)
  }

  /** A call has ended, and nothing runs on this place of this thread. */
  finish(worker: number, place: number, now: number): void {
    const table = this.#tables[worker]!
    const wants = this.#next(worker, now) !== undefined
    const heir = table.release(place, now, wants)
    if (heir === KEPT) this.#runNext(this.#next(worker, now)!, worker, place)
    else this.#tell(heir)
  }

  /** A message has come: takes what is free, and passes on what it was given without need. */
  wake(now: number): void {
    this.#look(now, false)
  }

  /** The same without a message, every 2 ms while calls wait: for what a thread left that died in the midst of its work. */
  look(now: number): void {
    this.#look(now, true)
  }

  #look(now: number, isThorough: boolean): void {
    this.#pool.awake()
    this.#serve(now, isThorough)
    for (const [worker, table] of this.#tables.entries()) {
      for (let place = 0; place < table.places; place++) {
        if (!table.isGranted(place)) continue
        // The grant may have come a moment ago, for a call that waits.
        const call = this.#next(worker, now)
        if (call === undefined) this.#tell(table.pass(place, now))
        else if (table.take(place, now)) this.#runNext(call, worker, place)
      }
    }
  }

  /** Runs what waits, as long as there is a place for it. */
  #serve(now: number, isThorough = false): void {
    let hasRun = false
    for (const call of this.#inOrder(now)) {
      if (this.#takeAndRun(call, now, isThorough)) {
        this.#leave(call)
        hasRun = true
      } else if (call.home === -1) break
    }
    if (hasRun) this.#publish()
  }

  #inOrder(now: number): C[] {
    const calls = [...this.waiting]
    return this.#pool.isOverloaded(now) ? calls.reverse() : calls
  }

  /** The call whose turn it is on this worker. */
  #next(worker: number, now: number): C | undefined {
    const mayRun = ({ home }: C): boolean => home === -1 || home === worker
    return this.#pool.isOverloaded(now) ? this.waiting.findLast(mayRun) : this.waiting.find(mayRun)
  }

  #takeAndRun(call: C, now: number, isThorough = false): boolean {
    const workers = this.#tables.length
    for (let i = 0; i < workers; i++) {
      const worker = (this.#first + i) % workers
      if (call.home !== -1 && call.home !== worker) continue
      const table = this.#tables[worker]!
      if (this.#usesCounts && !isThorough && table.busy >= table.places) continue
      for (let place = 0; place < table.places; place++) {
        if (!table.take(place, now)) continue
        this.#first = worker + 1
        this.#played.run(call, worker, place)
        return true
      }
    }
    return false
  }

  /** A call that waits gets a place that this thread has. */
  #runNext(call: C, worker: number, place: number): void {
    this.#leave(call)
    this.#played.run(call, worker, place)
    this.#publish()
  }

  #leave(call: C): void {
    this.waiting.splice(this.waiting.indexOf(call), 1)
  }

  #publish(): void {
    const forAny = this.waiting.filter(({ home }) => home === -1)
    this.#pool.publish(forAny[0]?.since ?? 0, forAny.at(-1)?.since ?? 0)
    this.#pool.count = this.waiting.length
    for (const [worker, table] of this.#tables.entries())
      table.publish(this.waiting.find(({ home }) => home === worker)?.since ?? 0)
  }

  /** Whoever has a place now; NONE: nobody. */
  #tell(thread: number): void {
    if (thread !== NONE && this.#pool.rouse(thread)) this.#played.tell(thread)
  }
}
