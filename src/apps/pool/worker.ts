/**
 * A worker and its links as the pool sees them: where there is room, and how far the worker is on its way in or out. Runs in the
 * gateway.
 *
 * Invariant: a worker takes requests only when it is active, not held, and not leaving; `usable` of its links says so.
 * Not here: what a link writes and reads (`wsgi/`, `asgi/`), when a worker comes and goes (`worker-lifecycle.ts`).
 */
import type { WarmupRequest } from '../../config/types.ts'
import { CloseCode } from '../../http/websocket.ts'
import type { Call, CallLink } from './call.ts'
import type { Fate, Slot, WorkerSlots } from './dispatch-rules.ts'

export interface WorkerAddress {
  readonly worker: number
  readonly pid: number
  /** Path of the Unix socket that the worker listens on. */
  readonly socket: string
  readonly slots: number
  readonly generation: number
  /** Prefix of the application's paths that it was started with. Left out: none. */
  readonly path?: string
  /** Requests after which the worker is spent; 0: never. */
  readonly maxRequests: number
  /** Kind of the application. WSGI has a link for each slot, ASGI one for all. */
  readonly interface: 'wsgi' | 'asgi'
  /** WSGI in greenlets, with one link for all. Left out: it is not. */
  readonly isGreen?: boolean
  /** It runs as another user than we do. */
  readonly isApart: boolean
  /** It may still run requests of a gateway that has crashed. Left out: it is new. */
  readonly hasServed?: boolean
  /** Requests that it answers before it takes any of clients; none by default. */
  readonly warmup?: readonly WarmupRequest[]
  /** With several gateway threads: the words that they share for this worker. */
  readonly cells?: SharedArrayBuffer
}

/** A connection to a worker, whichever wire it speaks: to one thread of a WSGI worker, or to all of an ASGI worker. */
export interface PoolLink extends Slot, CallLink {
  readonly worker: PoolWorker
  /** False: it has no connection, and will not make another. */
  readonly isAlive: boolean
  /** The worker said hello on the present connection. */
  readonly isOpen: boolean
  /** The worker does not react. The link takes nothing until it does. */
  readonly isBlocked: boolean
  /** Nothing runs on it. */
  readonly isIdle: boolean
  /** A WebSocket holds its slot. */
  readonly isTunnel: boolean
  open(): void
  /** Puts a call on the link. True: `flush` must follow. */
  send(call: Call): boolean
  /** Writes what was put on the link since the last flush. */
  flush(): void
  /** After a debugger: what runs on the link has all of its time again. */
  goOn(): void
  /** Ends what would never end by itself: begins after `afterMs`, and has ended all of it `spanMs` later. */
  dismiss(code: number, afterMs: number, spanMs: number): void
  /** Closes the link for good, WebSockets with `code`. Returns the calls that are not answered. */
  close(code: number): Call[]
  /** What is on the link now, in no particular order: for the status. */
  running(): RunningCall[]
  /** What becomes of the calls that `close` returned. */
  fatesOf(calls: readonly Call[], mayBeGuilty: boolean): Fate[]
}

/** A call on a link, for the status. */
export interface RunningCall {
  readonly call: Call
  /** When the worker began with it, or got it: milliseconds of performance.now. */
  readonly since: number
  /** It was sent ahead, and waits in the worker for the call before it. */
  readonly isBehind: boolean
}

/** What all threads know of one worker together. */
export interface WorkerShare {
  /** When a suspect of any thread began there, in milliseconds of this thread; 0: none runs. */
  readonly suspectSince: number
  /** A suspect of this thread is sent there. */
  suspect(): void
  /** No suspect of this thread runs there any more. */
  acquit(): void
  /** One more request is over. Returns how many are, of all threads. */
  countAnswered(): number
  /** WebSockets that hold slots, of all threads. */
  readonly tunnels: number
  countTunnel(change: 1 | -1): void
  /** True once, in one thread: the log is to say that they hold all slots. */
  tellTunnels(): boolean
  /** The worker is lost or stuck: no thread sends it anything more. */
  condemn(): void
}

export class PoolWorker implements WorkerSlots<PoolLink> {
  readonly id: number
  readonly generation: number
  readonly maxRequests: number
  readonly interface: WorkerAddress['interface']
  readonly slots: readonly PoolLink[]
  readonly hasServed: boolean
  /** A warm-up request runs on one of the slots. */
  isWarming = false
  /** The worker has said hello, and is warm: it takes requests, unless it is held or leaving. */
  isActive = false
  /** The worker's generation has not taken over. Even linked and warm, it takes no request of a client. */
  isHeld = true
  /** The worker takes nothing new: it drains, is lost, or is stuck. */
  isLeaving = false
  /** The master asked for it and waits for `drained`. */
  isDraining = false
  /** Somebody looks at the worker in a debugger: nothing that it runs is late. */
  isDebugged = false
  /** How many requests of the lost worker the log has named. */
  named = 0
  /** Null: no other gateway thread has links to it. */
  readonly share: WorkerShare | null
  /** Requests of this thread that it ran and that are over. */
  #answered = 0
  /** The last request that came here after another worker had been lost with it. */
  #suspect: Call | null = null
  #suspectSince = 0
  readonly #toWarm: WarmupRequest[]

  constructor(
    address: WorkerAddress,
    linksOf: (worker: PoolWorker) => readonly PoolLink[],
    shareOf: (worker: PoolWorker) => WorkerShare | null,
  ) {
    this.id = address.worker
    this.generation = address.generation
    this.maxRequests = address.maxRequests
    this.interface = address.interface
    this.hasServed = address.hasServed ?? false
    this.#toWarm = [...(address.warmup ?? [])]
    this.slots = linksOf(this)
    this.share = shareOf(this)
  }

  get inFlight(): number {
    return this.slots.reduce((sum, { inFlight, streams }) => sum + inFlight + streams, 0)
  }

  get suspectSince(): number {
    const suspect = this.#suspect
    if (suspect !== null) {
      if (suspect.phase === 'sent' && this.slots.some(link => link === suspect.link)) return this.#suspectSince
      this.#suspect = null
      this.share?.acquit()
    }
    return this.share === null ? 0 : this.share.suspectSince
  }

  /** Called before a suspect is sent here. */
  suspect(call: Call): void {
    this.#suspect = call
    this.#suspectSince = performance.now()
    this.share?.suspect()
  }

  get answered(): number {
    return this.#answered
  }

  /** One more request is over. True once, in one thread: when that was the last one before the worker is spent. */
  countAnswered(): boolean {
    this.#answered++
    const answered = this.share === null ? this.#answered : this.share.countAnswered()
    return answered === this.maxRequests
  }

  /** Slots that are held by WebSockets. */
  get tunnels(): number {
    return this.share?.tunnels ?? this.slots.filter(({ isTunnel }) => isTunnel).length
  }

  /** The worker will take a request that comes now, sooner or later. */
  get canServe(): boolean {
    return this.isActive && !this.isHeld && !this.isLeaving && !this.slots.every(link => link.isBlocked)
  }

  /**
   * Clients may belong to the worker (affinity). One that served before the gateway crashed is a home before its links are open again: its
   * clients wait for it, and do not move.
   */
  get isHome(): boolean {
    return !this.isHeld && !this.isLeaving && (this.isActive || this.hasServed)
  }

  get usableSlots(): number {
    return this.slots.reduce((sum, { usable, capacity }) => sum + (usable ? capacity : 0), 0)
  }

  connect(): void {
    for (const link of this.slots) link.open()
  }

  /** The warm-up request that is next; undefined: the worker is warm. */
  nextWarmUp(): WarmupRequest | undefined {
    return this.#toWarm.shift()
  }

  activate(): void {
    this.isActive = true
    for (const link of this.slots) link.usable = link.isOpen && !this.isHeld
  }

  /** The worker takes requests as soon as it can. */
  admit(): void {
    this.isHeld = false
    if (!this.isActive || this.isLeaving) return
    for (const link of this.slots) link.usable = link.isOpen
  }

  leave(): void {
    this.isLeaving = true
    for (const link of this.slots) link.usable = false
  }

  /** The worker is lost or stuck: it leaves, and takes nothing from other threads either. */
  condemn(): void {
    this.leave()
    this.share?.condemn()
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
