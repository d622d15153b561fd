/**
 * One worker as a gateway thread sees it, where several threads have links to it: which of its places this thread has, and on which link
 * they are. A WSGI worker has a place for each link; all places of an ASGI worker are on one link. Runs in the threads of the gateway.
 *
 * Invariants: a call is on a place that this thread owns, but one that was sent ahead, behind another on the same place. A place that the
 * link does not need is `spare`: it is given back in the same turn of the event loop. While a link is made anew its place is kept, for the
 * worker may still run what was there.
 * Not here: the words (`shared/slot-table.ts`), which worker is best (`lane.ts`).
 */
import { SharedCells } from '../../shared/cells.ts'
import { TICKS_PER_MS, tickOf, ticksBetween } from '../../shared/clock.ts'
import type { PoolWaits } from '../../shared/pool-waits.ts'
import { KEPT, NONE, SlotTable, slotWords } from '../../shared/slot-table.ts'
import type { PoolLink, PoolWorker, WorkerAddress, WorkerShare } from '../pool/worker.ts'

/** The places on one link. */
export class LinkPlaces {
  readonly link: PoolLink
  /** The turn of the event loop in which a place was taken: in the same turn more may be sent ahead, whoever waits. */
  takenIn = -1
  readonly #table: SlotTable
  readonly #from: number
  readonly #count: number
  readonly #owned: number[] = []
  /** Where to look first: the place that was given back last. */
  #next = 0

  constructor(link: PoolLink, table: SlotTable, from: number) {
    this.link = link
    this.#table = table
    this.#from = from
    this.#count = link.capacity
  }

  get hasSome(): boolean {
    return this.#owned.length > 0
  }

  /** Places of this thread on which nothing runs. */
  get spare(): number {
    return this.link.isOpen ? Math.max(0, this.#owned.length - this.link.inFlight) : 0
  }

  /** A place that may be free; NONE: there is none. */
  find(now: number): number {
    for (let i = 0; i < this.#count; i++) {
      const place = (this.#next + i) % this.#count
      if (this.#table.isFree(this.#from + place, now)) return place
    }
    return NONE
  }

  /** False: another thread was faster. */
  take(place: number, now: number): boolean {
    if (!this.#table.take(this.#from + place, now)) return false
    this.#owned.push(place)
    this.#next = place
    return true
  }

  /** Of a spare place, as in `SlotTable`. */
  release(now: number, wants: boolean): number {
    const place = this.#owned[this.#owned.length - 1]!
    const heir = this.#table.release(this.#from + place, now, wants)
    if (heir === KEPT) return KEPT
    this.#owned.pop()
    this.#next = place
    return heir
  }

  /** The link is open, so nothing of this thread runs there: all places are spare, with those of a thread that had the same index. */
  adopt(): void {
    for (let place = 0; place < this.#count; place++)
      if (this.#table.owns(this.#from + place) && !this.#owned.includes(place)) this.#owned.push(place)
  }

  /**
   * Passes on the places that were granted to this thread, and tells who has them now. `look`: sends what waits, and is called for each of them
   * first: one that came after the last look may have come for a call that waits.
   */
  passGrants(look: () => void, told: (thread: number) => void): void {
    for (let place = this.#from; place < this.#from + this.#count; place++) {
      if (!this.#table.isGranted(place)) continue
      look()
      told(this.#table.pass(place, tickOf(performance.now())))
    }
  }
}

export class WorkerSeat implements WorkerShare {
  readonly worker: PoolWorker
  readonly table: SlotTable
  readonly links: readonly LinkPlaces[]
  /** Since when a call waits for this very worker, in ticks; 0: none does. */
  waitsSince = 0
  readonly #placesOf: ReadonlyMap<PoolLink, LinkPlaces>
  /** Of `links`: the one that was used last. */
  #last = 0

  /** Throws TypeError if the worker's words are missing, RangeError if they are too few. */
  constructor({ cells, slots }: WorkerAddress, worker: PoolWorker, pool: PoolWaits) {
    if (cells === undefined) throw new TypeError(`worker ${worker.id} has no words to share`)
    const needed = slotWords(pool.threads, slots) * Int32Array.BYTES_PER_ELEMENT
    if (cells.byteLength < needed)
      throw new RangeError(`worker ${worker.id} has ${cells.byteLength} bytes to share, not ${needed}`)
    this.worker = worker
    this.table = new SlotTable(new SharedCells(cells), pool, slots)
    let from = 0
    this.links = worker.slots.map(link => {
      const places = new LinkPlaces(link, this.table, from)
      from += link.capacity
      return places
    })
    this.#placesOf = new Map(this.links.map(places => [places.link, places]))
  }

  /** Places on which something runs, of any thread. */
  get busy(): number {
    let { busy } = this.table
    for (const places of this.links) busy -= places.spare
    return busy
  }

  get streams(): number {
    let sum = 0
    for (const { link } of this.links) sum += link.streams
    return sum
  }

  placesOf(link: PoolLink): LinkPlaces {
    return this.#placesOf.get(link)!
  }

  /**
   * A link with a place for one more call; null: there is none. `mayBeIdle`: false: the worker is full, but for spare places. The last link
   * that this thread used is the first choice.
   */
  offer(now: number, mayBeIdle: boolean): LinkPlaces | null {
    if (this.table.isCondemned) return null
    const { links } = this
    for (let i = 0; i < links.length; i++) {
      const index = (this.#last + i) % links.length
      const places = links[index]!
      const { link } = places
      if (!link.usable || link.inFlight >= link.capacity) continue
      if (places.spare === 0 && !(mayBeIdle && places.find(now) !== NONE)) continue
      this.#last = index
      return places
    }
    return null
  }

  /** Other threads must know whether this one can use the worker, and what waits for it. True: as `SlotTable.publish`. */
  publish(): boolean {
    for (const { link } of this.links) if (link.usable) return this.table.publish(this.waitsSince)
    this.table.withdraw()
    return false
  }

  get suspectSince(): number {
    if (!this.table.hasSuspect) return 0
    const now = performance.now()
    const tick = tickOf(now)
    const since = this.table.suspectSince(tick)
    return since === 0 ? 0 : Math.max(1, now - ticksBetween(since, tick) / TICKS_PER_MS)
  }

  suspect(): void {
    this.table.suspect(tickOf(performance.now()))
  }

  acquit(): void {
    this.table.acquit()
  }

  countAnswered(): number {
    return this.table.countAnswered()
  }

  get tunnels(): number {
    return this.table.tunnels
  }

  countTunnel(change: 1 | -1): void {
    this.table.countTunnel(change)
  }

  tellTunnels(): boolean {
    return this.table.tellTunnels()
  }

  condemn(): void {
    this.table.condemn()
  }
}

/** Of a worker of a pool whose slots are shared: `SharedSlots` has made its share. */
export function seatOf(worker: PoolWorker): WorkerSeat {
  return worker.share as WorkerSeat
}
