/**
 * The master's object for a worker: its phase (`worker-phases.ts`), its faults, and what it has reported. Runs in the master; the
 * process's own code is `python/jumak_worker`, and the process is a child of its preloader.
 *
 * Invariants: each phase follows from an event or a command, in order; `forked` (from the preloader) and `hello` (on the worker's own
 * connection) may come in either order, and must name the same process; a message that does not fit is a fault of the worker, and
 * never an exception.
 * Not here: who is forked, stopped and killed, and when (`supervise.ts`, `workers.ts`).
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { WorkerChannel } from '../../control/channel.ts'
import type { LoadedApplication, LoadFailure, WorkerToMaster } from '../../control/messages.ts'
import { readStartTime } from '../host/process-identity.ts'
import type { DevelopmentMessage } from './generation.ts'
import { type StackQuestion, Stacks } from './stacks.ts'
import type { WorkerView } from './supervise.ts'
import { type Fault, HAS_LINKS, type WorkerPhase } from './worker-phases.ts'

/** What the fleet learns from the worker's own connection. */
export interface WorkerEvents {
  ready(worker: WorkerHandle, application: LoadedApplication): void
  loadFailed(worker: WorkerHandle, failure: LoadFailure): void
  /** Its connection is closed: it is most likely dying. `reason`: what it did wrong there; empty: nothing. */
  silent(worker: WorkerHandle, reason: string): void
  /** The stacks of its threads: the answer to a question. */
  stacks(worker: WorkerHandle, question: StackQuestion, text: string): void
  /** It does not answer, so `faulthandler` should write the stacks. */
  dump(worker: WorkerHandle): void
  /** While developing: a debugger holds it now, or has let it go. */
  debugged(worker: WorkerHandle): void
  /** While developing. */
  developmentMessage(worker: WorkerHandle, message: DevelopmentMessage): void
}

/** What its messages must say. */
export interface ExpectedWorker {
  /** The path on which it listens. */
  readonly socket: string
  readonly slots: Readonly<Record<LoadedApplication['interface'], number>>
}

/** 192 random bits: nobody guesses them. */
const TOKEN_BYTES = 24

export class WorkerHandle implements WorkerView {
  readonly id: number
  readonly generation: number
  readonly pool: string
  readonly startedAt: number
  /** The worker knows it from its preloader, and proves by it who it is. */
  readonly token: string = randomBytes(TOKEN_BYTES).toString('base64url')
  phase: WorkerPhase = 'forking'
  since: number
  fault: Fault | null = null
  faultSince = 0
  recycleAt: number = Number.POSITIVE_INFINITY
  isDebugged = false
  /** `1,012 requests (--max-requests 1000)`. */
  recycleReason = ''
  /** The last line that it printed: the log shows it when the worker dies. */
  lastLine = ''
  /** Null until `forked`. */
  pid: number | null = null
  /** Where the gateway connects its links; null until `ready`. */
  socket: string | null = null
  slots = 0
  /** The wire that it speaks; known from `ready` on. */
  interface: LoadedApplication['interface'] = 'wsgi'
  /** When it was `linked` for the first time. */
  linkedSince: number | null = null
  /** Why the gateway lost the links; empty: it has not lost them, or does not know. */
  lostReason = ''
  /** It was counted as a crash, so its end is not counted again. */
  isCounted = false
  readonly stacks: Stacks
  readonly #expected: ExpectedWorker
  readonly #events: WorkerEvents
  readonly #clock: () => number
  #startTime: string | null = null
  #channel: WorkerChannel | null = null
  #application: LoadedApplication | null = null
  #helloPid: number | null = null
  #silent = false

  constructor(
    id: number,
    generation: number,
    pool: string,
    expected: ExpectedWorker,
    events: WorkerEvents,
    clock: () => number = () => performance.now(),
  ) {
    this.id = id
    this.#expected = expected
    this.generation = generation
    this.pool = pool
    this.startedAt = clock()
    this.since = this.startedAt
    this.#events = events
    this.stacks = new Stacks({
      ask: thread => this.#channel?.send({ type: 'stacks', thread }),
      dump: () => events.dump(this),
      found: (question, text) => events.stacks(this, question, text),
    })
    this.#clock = clock
  }

  /** For this gateway or for one before it. */
  get hasServed(): boolean {
    return this.linkedSince !== null
  }

  /** `worker 7`: its name in the log. */
  get name(): string {
    return `worker ${this.id}`
  }

  /** From the kernel: identifies the process when its preloader is gone; null without /proc. */
  get startTime(): string | null {
    return this.#startTime
  }

  /** Its own connection is open. */
  get isConnected(): boolean {
    return this.#channel !== null && !this.#silent
  }

  enter(phase: WorkerPhase): void {
    this.phase = phase
    this.since = this.#clock()
    if (phase === 'linked') this.linkedSince ??= this.since
  }

  /** The first fault counts. */
  blame(fault: Fault): void {
    if (this.fault !== null) return
    this.fault = fault
    this.faultSince = this.#clock()
  }

  /** It is due for recycling from `at` on, or now. The earliest reason counts. */
  recycle(reason: string, at: number = this.#clock()): void {
    if (at >= this.recycleAt) return
    this.recycleAt = at
    this.recycleReason = reason
  }

  forked(pid: number): void {
    if (this.pid !== null) return
    this.pid = pid
    this.#startTime = readStartTime(pid)
    if (this.phase === 'forking') this.enter('starting')
    this.#compare()
    this.#becomeReady()
  }

  /** Whether a process that connects in its name was told its token. */
  hasToken(token: string): boolean {
    const [own, given] = [Buffer.from(this.token), Buffer.from(token)]
    return own.length === given.length && timingSafeEqual(own, given)
  }

  /** It has connected, and said `hello` with the right build, number and token. */
  connected(channel: WorkerChannel, pid: number): void {
    if (this.#channel !== null) {
      channel.close()
      return
    }
    this.#channel = channel
    this.#helloPid = pid
    channel.onMessage(message => this.#receive(message))
    channel.onClosed(reason => {
      this.#silent = true
      this.#events.silent(this, reason)
    })
    this.#compare()
  }

  /** The gateway has gone, and every link with it. */
  unlinked(): void {
    if (HAS_LINKS.has(this.phase)) this.enter('ready')
    else if (this.phase === 'draining') this.enter('drained')
  }

  stop(): void {
    this.enter('stopping')
    this.#channel?.send({ type: 'stop' })
  }

  /** The process is gone: no event comes from it any more. */
  forget(): void {
    this.stacks.close()
    this.#silent = true
    this.#channel?.onClosed(() => {})
    this.#channel?.close()
  }

  /** `ready` may come before `forked`; the gateway needs the process id, so the phase needs both. */
  #becomeReady(): void {
    if (this.phase !== 'starting' || this.#application === null) return
    this.enter('ready')
    this.#events.ready(this, this.#application)
  }

  #compare(): void {
    if (this.pid === null || this.#helloPid === null || this.pid === this.#helloPid) return
    this.#channel?.refuse(`said that it is process ${this.#helloPid}, and not ${this.pid}`)
  }

  /** The gateway gets the socket and the number of slots, so a worker may only report what it was told. */
  #isExpected({ socket, slots, interface: wire }: Extract<WorkerToMaster, { readonly type: 'ready' }>): boolean {
    const expected = this.#expected
    if (socket !== expected.socket) this.#channel?.refuse(`listens on ${socket}, and not on ${expected.socket}`)
    else if (slots !== expected.slots[wire])
      this.#channel?.refuse(`says that it has ${slots} slots, and not ${expected.slots[wire]}`)
    else return true
    return false
  }

  #receive(message: WorkerToMaster): void {
    switch (message.type) {
      case 'hello':
        this.#channel?.refuse('said hello twice')
        break
      case 'ready':
        // A worker that is being killed may still finish its import.
        if (this.phase !== 'starting' && this.phase !== 'forking') break
        if (!this.#isExpected(message)) break
        this.socket = message.socket
        this.slots = message.slots
        this.interface = message.interface
        this.#application = message
        this.#becomeReady()
        break
      case 'load-failed':
        this.#events.loadFailed(this, message)
        break
      case 'imported':
      case 'report':
        this.#events.developmentMessage(this, message)
        break
      case 'debugging':
        this.isDebugged = message.isDebugged
        // The wait of its phase (drain, stop) begins anew.
        this.since = this.#clock()
        this.#events.debugged(this)
        break
      case 'stacks':
        this.stacks.answered(message.text)
        break
    }
  }
}
