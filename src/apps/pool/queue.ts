/**
 * Calls that wait for a slot. A linked list through the calls themselves: a client that leaves takes its call out of the middle at no
 * cost. Runs in the gateway.
 *
 * Bound: `limits.queue`, which the dispatcher checks. Calls that come back from a broken link are put at the head even when the queue
 * is full; they are no more than were in flight.
 * Order: first come, first served. With `newest-first` the newest is served first while the queue is overloaded, that is while
 * its oldest call, or the oldest of another gateway thread, has waited for `OVERLOADED_MS`. The overload ends when the turn of that call
 * comes, or with its timeout. Calls that come back keep their turn in either order: they have waited already.
 */
import type { QueueOrder } from '../../config/types.ts'

export interface Queued {
  previous: Queued | null
  next: Queued | null
  /** When the call began to wait, in milliseconds; 0: it has just come. */
  waitsSince: number
  /** The call was on a link that broke. */
  isReturned: boolean
}

/** A burst that the workers can carry is over sooner. It is longer than nearly every application's p99. */
export const OVERLOADED_MS = 1000

export class CallQueue<T extends Queued> {
  length = 0
  readonly #isNewestFirst: boolean
  readonly #isOverloadedElsewhere: () => boolean
  #first: T | null = null
  #last: T | null = null

  /** `isOverloadedElsewhere`: a call of another gateway thread has waited for too long. */
  constructor(order: QueueOrder = 'fifo', isOverloadedElsewhere = () => false) {
    this.#isNewestFirst = order === 'newest-first'
    this.#isOverloadedElsewhere = isOverloadedElsewhere
  }

  get first(): T | null {
    return this.#first
  }

  get last(): T | null {
    return this.#last
  }

  /** The call whose turn it is. */
  get turn(): T | null {
    return this.#isNewestFirst && this.#isOverloaded ? this.#last : this.#first
  }

  /** When the queue is full, a new call takes the place of this one; null: the new call is refused. */
  get replaceable(): T | null {
    return this.#isNewestFirst && this.#isOverloaded ? this.#first : null
  }

  get #isOverloaded(): boolean {
    const first = this.#first
    if (first === null || first.isReturned || first.waitsSince === 0) return false
    return performance.now() - first.waitsSince >= OVERLOADED_MS || this.#isOverloadedElsewhere()
  }

  push(call: T): void {
    call.previous = this.#last
    call.next = null
    if (this.#last !== null) this.#last.next = call
    else this.#first = call
    this.#last = call
    this.length++
  }

  /** For a call that comes back. */
  unshift(call: T): void {
    call.isReturned = true
    call.previous = null
    call.next = this.#first
    if (this.#first !== null) this.#first.previous = call
    else this.#last = call
    this.#first = call
    this.length++
  }

  /** `call` must be in this queue. */
  remove(call: T): void {
    if (call.previous !== null) call.previous.next = call.next
    else this.#first = call.next as T | null
    if (call.next !== null) call.next.previous = call.previous
    else this.#last = call.previous as T | null
    call.previous = call.next = null
    this.length--
  }

  /** Empties the queue. The calls still wait: they must be put into another queue at once. */
  takeAll(): T[] {
    const calls: T[] = []
    for (let call = this.#first; call !== null; call = this.#first) {
      this.remove(call)
      calls.push(call)
    }
    return calls
  }

  /** Calls from another queue, in their order: each takes its place by the time for which it has waited. One pass over both. */
  merge(calls: readonly T[]): void {
    let next = this.#first
    for (const call of calls) {
      while (next !== null && isBefore(next, call)) next = next.next as T | null
      this.#insert(call, next)
    }
  }

  #insert(call: T, next: T | null): void {
    if (next === null) {
      this.push(call)
      return
    }
    call.previous = next.previous
    call.next = next
    if (next.previous !== null) next.previous.next = call
    else this.#first = call
    next.previous = call
    this.length++
  }
}

/** Calls that come back keep their turn. One that has just come is behind all others. */
function isBefore(one: Queued, other: Queued): boolean {
  if (one.isReturned !== other.isReturned) return one.isReturned
  return other.waitsSince === 0 || (one.waitsSince !== 0 && one.waitsSince <= other.waitsSince)
}
