/**
 * The slots of one worker: which thread has which, as one thread sees it. A place is a slot of a WSGI worker, or one of the `--concurrency`
 * places of an ASGI worker. Runs in the threads of the gateway.
 *
 *   IDLE ──take──▶ OWNED(thread) ──release──▶ IDLE
 *                        │   ▲
 *                 release│   │take                 by its thread, or by any one when it is old
 *                        ▼   │
 *                  GRANTED(thread, tick)           somebody waits for it
 *
 * Invariants:
 * - One word, one compareExchange for each change. Only its owner gives a place back; a thread with the index of a dead one is that owner.
 * - No call waits while a place is idle: who waits publishes that and looks again; who gives a place back looks at what waits, before and
 *   after. A grant that is not taken in time (its thread is busy, or dead) is anybody's. A thread whose calls wait looks every 2 to 8 ms, for
 *   what a thread that died in between has left.
 * - `busy` of a thread is its own word: set after it has taken a place, and before it gives one back. So it is never more than what the
 *   thread has, and a worker that seems to be full is full. A thread may die before it sets it: then only a look at each place helps.
 *
 * Not here: which worker is best, what is sent (`apps/threads/`).
 */
import type { Cells } from './cells.ts'
import { ticksBetween } from './clock.ts'
import { NO_URGENCY, type PoolWaits } from './pool-waits.ts'

const CONDEMNED = 0
const SUSPECT = 1
const ANSWERED = 2
/** For a line in the log: those of a thread that has died stay counted. */
const TUNNELS = 3
/** In that word: the log has the line. */
const TOLD = 0x1_0000
const HEADER = 4

/** A thread's word: it has no link to the worker, so it can use none of its slots. */
const ABSENT = 0
/** It has one, and none of its calls waits for this very worker. Else the word is the tick of such a call: a tick is odd. */
const PRESENT = 2

/** Nobody. */
export const NONE = -1
/** The place stays with its owner, whose call is next. */
export const KEPT = -2

/** After 1 ms a grant may be taken by others. In units of a stamp. */
const OLD_STAMPS = 5
/**
 * A thread hands a slot over when another one's call has waited for 200 µs longer: less is not worth an idle slot and a message. The mean
 * of all waits does not depend on the order.
 */
const SLACK_TICKS = 2
/**
 * And for a quarter longer. Each message leaves a slot idle for 10 to 50 µs: at 95 % of what the slots can do that is more than what is left.
 * `docs/internals/threads.md` has the figures.
 */
const SLACK_SHARE = 1 / 4

const IDLE = 0
const GRANT = 0x100
const THREAD_MASK = 0xff
const STAMP_SHIFT = 9
/** A word has room for 0xff threads. */
export const MAX_THREADS = 0xfe

/** Words of a worker with so many places, for so many threads. */
export function slotWords(threads: number, places: number): number {
  return HEADER + 2 * threads + places
}

/** Of a thread that has died: it waits for nothing, and gets nothing. Its places are given back by the thread that replaces it. */
export function forgetSlotWaits(cells: Cells, thread: number): void {
  cells.store(HEADER + thread, ABSENT)
  clearSuspect(cells, thread)
}

export class SlotTable {
  readonly places: number
  readonly #cells: Cells
  readonly #pool: PoolWaits
  readonly #thread: number
  readonly #owned: number
  readonly #waits: number
  readonly #busy: number
  readonly #first: number
  /** Places that this thread owns, or one with its index that has died. */
  #held = 0

  constructor(cells: Cells, pool: PoolWaits, places: number) {
    const { threads, thread } = pool
    this.#cells = cells
    this.#pool = pool
    this.places = places
    this.#thread = thread
    this.#owned = thread + 1
    this.#waits = HEADER + thread
    this.#busy = HEADER + threads
    this.#first = HEADER + 2 * threads
    forgetSlotWaits(cells, thread)
    for (let place = 0; place < places; place++) if (this.owns(place)) this.#held++
    this.#setBusy(0)
  }

  // ---- places -----------------------------------------------------------------------------------------------------

  /** Places that threads own. */
  get busy(): number {
    let sum = 0
    const { threads } = this.#pool
    for (let thread = 0; thread < threads; thread++) sum += this.#cells.load(this.#busy + thread)
    return sum
  }

  /** This thread may take the place: it is idle, granted to it, or granted to one that does not take it. */
  isFree(place: number, now: number): boolean {
    return this.#isFree(this.#cells.load(this.#first + place), now)
  }

  /** From IDLE or GRANTED to OWNED. False: another thread was faster, or the place is not free. */
  take(place: number, now: number): boolean {
    const index = this.#first + place
    const word = this.#cells.load(index)
    if (!this.#isFree(word, now) || this.#cells.compareExchange(index, word, this.#owned) !== word) return false
    this.#setBusy(1)
    return true
  }

  /** A thread with this index owns the place: this one, or one that has died. */
  owns(place: number): boolean {
    return this.#cells.load(this.#first + place) === this.#owned
  }

  /** The place is granted to this thread. */
  isGranted(place: number): boolean {
    return isGrantOf(this.#cells.load(this.#first + place), this.#thread)
  }

  /**
   * Nothing of this thread runs on the place that it owns. `wants`: a call of its own waits for it, and is published. Returns KEPT, NONE (the
   * place is idle), or the thread that has it now and must be told.
   */
  release(place: number, now: number, wants: boolean): number {
    const heir = this.#heir(now, wants)
    if (heir === NONE && wants) return KEPT
    return this.#giveBack(place, this.#owned, heir, now)
  }

  /** The place is granted to this thread, which has no use for it. Returns the thread that has it now and must be told, or NONE. */
  pass(place: number, now: number): number {
    const word = this.#cells.load(this.#first + place)
    if (!isGrantOf(word, this.#thread)) return NONE
    return this.#giveBack(place, word, this.#heir(now, false), now)
  }

  #giveBack(place: number, word: number, heir: number, now: number): number {
    const index = this.#first + place
    const isOwned = word === this.#owned
    const next = heir === NONE ? IDLE : grantTo(heir, now)
    // Before the place is free: whoever finds that the worker is full must be right.
    if (isOwned) this.#setBusy(-1)
    if (this.#cells.compareExchange(index, word, next) !== word) return NONE
    if (heir !== NONE) return heir
    // One that has begun to wait since may have looked before the place was idle.
    const late = this.#heir(now, false)
    if (late === NONE || this.#cells.compareExchange(index, IDLE, grantTo(late, now)) !== IDLE) return NONE
    return late
  }

  #isFree(word: number, now: number): boolean {
    if (word === IDLE) return true
    if ((word & GRANT) === 0) return false
    return ownerOf(word) === this.#thread || isOld(word, now)
  }

  #setBusy(change: number): void {
    this.#held += change
    this.#cells.store(this.#busy + this.#thread, this.#held)
  }

  // ---- who waits --------------------------------------------------------------------------------------------------

  /**
   * This thread uses the worker. `tick`: of its call that waits for this very worker; 0: none. True: others could not see it before, so the
   * caller looks for a free slot once more.
   */
  publish(tick: number): boolean {
    const word = tick === 0 ? PRESENT : tick
    const before = this.#cells.load(this.#waits)
    if (before !== word) this.#cells.store(this.#waits, word)
    return before === ABSENT || (before === PRESENT && word !== PRESENT)
  }

  /** This thread uses the worker no longer, or not yet. */
  withdraw(): void {
    this.#cells.store(this.#waits, ABSENT)
  }

  /** A call of another thread waits, which could use a place of this worker. */
  isWanted(now: number): boolean {
    const isOverloaded = this.#pool.isOverloaded(now)
    for (let thread = 0; thread < this.#pool.threads; thread++)
      if (thread !== this.#thread && this.#urgency(thread, now, isOverloaded) > NO_URGENCY) return true
    return false
  }

  /**
   * The other thread whose call is next; NONE: no one waits, or not for longer than a call of this thread (`wants`). A thread to which a
   * message is under way is passed over: it looks soon and takes what is idle, if it still needs it. If it is busy or dead, nothing more waits
   * for it.
   */
  #heir(now: number, wants: boolean): number {
    if (this.isCondemned) return NONE
    const pool = this.#pool
    const isOverloaded = pool.isOverloaded(now)
    let best = NONE
    let most = wants ? withSlack(this.#urgency(this.#thread, now, isOverloaded)) : NO_URGENCY
    for (let thread = 0; thread < pool.threads; thread++) {
      if (thread === this.#thread) continue
      const urgency = this.#urgency(thread, now, isOverloaded)
      if (urgency <= most || pool.isRoused(thread)) continue
      best = thread
      most = urgency
    }
    return best
  }

  #urgency(thread: number, now: number, isOverloaded: boolean): number {
    const own = this.#cells.load(HEADER + thread)
    if (own === ABSENT) return NO_URGENCY
    const forAny = this.#pool.urgency(thread, now, isOverloaded)
    if (own === PRESENT) return forAny
    const forThis = ticksBetween(own, now)
    return Math.max(forAny, isOverloaded ? -forThis : forThis)
  }

  // ---- the worker -------------------------------------------------------------------------------------------------

  /** The worker is lost or stuck: no thread sends it anything more. */
  condemn(): void {
    this.#cells.store(CONDEMNED, 1)
  }

  get isCondemned(): boolean {
    return this.#cells.load(CONDEMNED) !== 0
  }

  /** One more request is over. Returns how many of all threads are. */
  countAnswered(): number {
    return this.#cells.add(ANSWERED, 1) + 1
  }

  /** Slots of the worker that WebSockets hold. */
  get tunnels(): number {
    return this.#cells.load(TUNNELS) % TOLD
  }

  countTunnel(change: 1 | -1): void {
    this.#cells.add(TUNNELS, change)
  }

  /** True once, in one thread. */
  tellTunnels(): boolean {
    const word = this.#cells.load(TUNNELS)
    return word < TOLD && this.#cells.compareExchange(TUNNELS, word, word + TOLD) === word
  }

  /** A suspect of this thread runs there since now. */
  suspect(now: number): void {
    this.#cells.store(SUSPECT, grantTo(this.#thread, now))
  }

  /** No suspect of this thread runs there any more. */
  acquit(): void {
    clearSuspect(this.#cells, this.#thread)
  }

  /** A suspect of any thread may run there. */
  get hasSuspect(): boolean {
    return this.#cells.load(SUSPECT) !== 0
  }

  /** Since when a suspect of any thread runs there, the last one that came; 0: none. */
  suspectSince(now: number): number {
    const word = this.#cells.load(SUSPECT)
    return word === 0 ? 0 : tickOfStamp(word, now)
  }
}

function clearSuspect(cells: Cells, thread: number): void {
  const word = cells.load(SUSPECT)
  if (isGrantOf(word, thread)) cells.compareExchange(SUSPECT, word, 0)
}

function withSlack(urgency: number): number {
  return urgency + Math.max(0, urgency) * SLACK_SHARE + SLACK_TICKS
}

/** A word that names a thread and a moment. The stamp is the tick without its last bit, which is always 1: it wraps after 28 minutes. */
function grantTo(thread: number, now: number): number {
  return ((now >> 1) << STAMP_SHIFT) | GRANT | (thread + 1)
}

function ownerOf(word: number): number {
  return (word & THREAD_MASK) - 1
}

function isGrantOf(word: number, thread: number): boolean {
  return (word & (GRANT | THREAD_MASK)) === (GRANT | (thread + 1))
}

/** From the word's stamp to now, in stamps. A little below 0: it was given after `now` was read. */
function ageOf(word: number, now: number): number {
  const stamps = (now >> 1) - (word >>> STAMP_SHIFT)
  return (stamps << STAMP_SHIFT) >> STAMP_SHIFT
}

/** Far below 0: it has wrapped. */
function isOld(word: number, now: number): boolean {
  const age = ageOf(word, now)
  return age >= OLD_STAMPS || age <= -OLD_STAMPS
}

function tickOfStamp(word: number, now: number): number {
  return (now - 2 * ageOf(word, now)) | 1
}
