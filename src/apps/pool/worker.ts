/** A worker as the pool sees it: its slots, and how far it is on its way in or out. */
import type { WarmupRequest } from '../../config/types.ts'
import { CloseCode } from '../../http/websocket.ts'
import { MultiplexedLink, type MultiplexedOwner } from '../asgi/link.ts'
import { Link, type LinkOwner } from '../wsgi/link.ts'
import type { Call } from './call.ts'
import type { WorkerSlots } from './dispatch-rules.ts'
import type { PoolLink } from './link.ts'

export interface WorkerAddress {
  readonly worker: number
  readonly pid: number
  /** Path of the Unix socket it listens on. */
  readonly socket: string
  readonly slots: number
  readonly generation: number
  /** Requests after which it is spent; 0: never. */
  readonly maxRequests: number
  /** Which wire it speaks: one link for each slot, or one for all. */
  readonly interface: 'wsgi' | 'asgi'
  /** What it answers before it takes requests; nothing when left out. */
  readonly warmup?: readonly WarmupRequest[]
}

export class PoolWorker implements WorkerSlots<PoolLink> {
  readonly id: number
  readonly generation: number
  readonly maxRequests: number
  readonly interface: WorkerAddress['interface']
  readonly slots: readonly PoolLink[]
  /** A warm-up request runs on its first slot. */
  isWarming = false
  /** All links have been open, and it is warm: it takes requests, unless it is leaving. */
  isActive = false
  /** Its generation has not taken over: linked and warm, it takes no request of a client. */
  isHeld = true
  /** Takes nothing new: draining, lost or stuck. */
  isLeaving = false
  /** The master asked, and waits for `drained`. */
  isDraining = false
  /** Somebody looks at it in a debugger: it is not late. */
  isDebugged = false
  /** Requests that it held when it was lost, and that the log has named. */
  named = 0
  /** Requests that it was asked to run, and that are over. */
  #answered = 0
  /** The last request that came here after another worker had died of it, perhaps. */
  #suspect: Call | null = null
  #suspectSince = 0
  readonly #toWarm: WarmupRequest[]

  constructor(address: WorkerAddress, build: string, owner: LinkOwner & MultiplexedOwner) {
    const { worker, pid, socket, slots, generation } = address
    this.id = worker
    this.generation = generation
    this.maxRequests = address.maxRequests
    this.interface = address.interface
    this.#toWarm = [...(address.warmup ?? [])]
    const from = { worker, pid, socket, slots, build }
    this.slots =
      address.interface === 'asgi'
        ? [new MultiplexedLink(from, this, owner)]
        : Array.from({ length: slots }, () => new Link(from, this, owner))
  }

  get inFlight(): number {
    return this.slots.reduce((sum, { inFlight, streams }) => sum + inFlight + streams, 0)
  }

  get busySlots(): number {
    return this.slots.reduce((sum, { inFlight, capacity }) => sum + Math.min(inFlight, capacity), 0)
  }

  get suspectSince(): number {
    const suspect = this.#suspect
    if (suspect === null) return 0
    if (suspect.phase === 'sent' && suspect.link?.worker === this) return this.#suspectSince
    this.#suspect = null
    return 0
  }

  /** Before it is sent. */
  suspect(call: Call): void {
    this.#suspect = call
    this.#suspectSince = performance.now()
  }

  /** One request more is over; true when that was the last one that it should have, and only then. */
  countAnswered(): boolean {
    return ++this.#answered === this.maxRequests
  }

  /** Sooner or later it takes a request that comes now. */
  get canServe(): boolean {
    return this.isActive && !this.isHeld && !this.isLeaving && !this.slots.every(link => link.isBlocked)
  }

  get usableSlots(): number {
    return this.slots.reduce((sum, { usable, capacity }) => sum + (usable ? capacity : 0), 0)
  }

  connect(): void {
    for (const link of this.slots) link.open()
  }

  get isOpen(): boolean {
    return this.slots.every(link => link.isOpen)
  }

  /** What it is to answer next before it may take requests; undefined: it is warm. */
  nextWarmUp(): WarmupRequest | undefined {
    return this.#toWarm.shift()
  }

  activate(): void {
    this.isActive = true
    for (const link of this.slots) link.usable = !this.isHeld
  }

  /** It takes requests as soon as it can. */
  admit(): void {
    this.isHeld = false
    if (!this.isActive || this.isLeaving) return
    for (const link of this.slots) link.usable = link.isOpen
  }

  leave(): void {
    this.isLeaving = true
    for (const link of this.slots) link.usable = false
  }

  debugged(isDebugged: boolean): void {
    this.isDebugged = isDebugged
    if (!isDebugged) for (const link of this.slots) link.goOn()
  }

  dismiss(code: number, afterMs: number, spanMs: number): void {
    for (const link of this.slots) link.dismiss(code, afterMs, spanMs)
  }

  /** True when no link is left. */
  closeIdleLinks(): boolean {
    let left = 0
    for (const link of this.slots) {
      if (link.isAlive && link.isIdle) link.close(CloseCode.GOING_AWAY)
      if (link.isAlive) left++
    }
    return left === 0
  }
}
