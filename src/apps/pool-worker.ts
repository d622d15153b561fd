/** A worker as the pool sees it: its slots, and how far it is on its way in or out. */
import type { WorkerSlots } from './dispatch.ts'
import { Link, type LinkOwner } from './link.ts'

export interface WorkerAddress {
  readonly worker: number
  readonly pid: number
  /** Path of the Unix socket it listens on. */
  readonly socket: string
  readonly slots: number
  readonly generation: number
  /** Requests after which it is spent; 0: never. */
  readonly maxRequests: number
}

export class PoolWorker implements WorkerSlots<Link> {
  readonly id: number
  readonly generation: number
  readonly maxRequests: number
  readonly slots: readonly Link[]
  /** All links have been open: it takes requests, unless it is leaving. */
  isActive = false
  /** Takes nothing new: draining, lost or stuck. */
  isLeaving = false
  /** The master asked, and waits for `drained`. */
  isDraining = false
  isStuck = false
  /** Requests that it was asked to run, and that are over. */
  #answered = 0

  constructor(address: WorkerAddress, build: string, owner: LinkOwner) {
    const { worker, pid, socket, generation } = address
    this.id = worker
    this.generation = generation
    this.maxRequests = address.maxRequests
    this.slots = Array.from({ length: address.slots }, () => new Link({ worker, pid, socket, build }, this, owner))
  }

  get busySlots(): number {
    return this.slots.filter(link => link.inFlight > 0).length
  }

  /** One request more is over; true when that was the last one that it should have, and only then. */
  countAnswered(): boolean {
    return ++this.#answered === this.maxRequests
  }

  get usableSlots(): number {
    return this.slots.filter(link => link.usable).length
  }

  connect(): void {
    for (const link of this.slots) link.open()
  }

  /** True when this made the worker take requests. */
  activateWhenOpen(): boolean {
    if (!this.slots.every(link => link.isOpen)) return false
    this.isActive = true
    for (const link of this.slots) link.usable = true
    return true
  }

  leave(): void {
    this.isLeaving = true
    for (const link of this.slots) link.usable = false
  }

  /** True when no link is left. */
  closeIdleLinks(): boolean {
    let left = 0
    for (const link of this.slots) {
      if (link.isAlive && link.inFlight === 0) link.close()
      if (link.isAlive) left++
    }
    return left === 0
  }
}
