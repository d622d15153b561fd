/**
 * Calls that wait for a slot, first come first served. A linked list through the calls themselves, so that a client
 * that leaves takes its call out of the middle at no cost. The bound is the pool's (`limits.queue`): calls that come back
 * from a broken link go to the head beyond it, and they are at most what was in flight.
 */
export interface Queued {
  previous: Queued | null
  next: Queued | null
}

export class CallQueue<T extends Queued> {
  length = 0
  #first: T | null = null
  #last: T | null = null

  get first(): T | null {
    return this.#first
  }

  push(call: T): void {
    call.previous = this.#last
    call.next = null
    if (this.#last !== null) this.#last.next = call
    else this.#first = call
    this.#last = call
    this.length++
  }

  unshift(call: T): void {
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
}
