/**
 * The master's object for a worker: where it is in its life (`worker-phases.ts`) and what was heard of it.
 * Runs in the master; the process's own code is `python/jumak_worker`, and it is a child of its preloader.
 *
 * Invariants: a phase follows from an event or from a command, in order; `forked` (from the preloader) and `hello` (on
 * the worker's own connection) may come in either order and must name the same process; a message that does not fit
 * the phase is a fault of the worker, never an exception.
 */
import type { WorkerChannel } from '../../control/channel.ts'
import type { LoadedApplication, LoadFailure, WorkerToMaster } from '../../control/messages.ts'
import { readStartTime } from '../host/process-identity.ts'
import type { DevelopmentMessage } from './generation.ts'
import { type StackQuestion, Stacks } from './stacks.ts'
import type { WorkerView } from './supervise.ts'
import { type Fault, LINKED, type WorkerPhase } from './worker-phases.ts'

/** What the worker's connection tells the fleet. */
export interface WorkerEvents {
  ready(worker: WorkerHandle, application: LoadedApplication): void
  loadFailed(worker: WorkerHandle, failure: LoadFailure): void
  /** Its connection is gone: dying, most likely. */
  silent(worker: WorkerHandle, reason: string): void
  /** Where its threads stand, as it was asked. */
  stacks(worker: WorkerHandle, question: StackQuestion, text: string): void
  /** It does not answer: `faulthandler` is to. */
  dump(worker: WorkerHandle): void
  /** While developing: a debugger has it, or no longer. */
  debugged(worker: WorkerHandle): void
  /** While developing. */
  developmentMessage(worker: WorkerHandle, message: DevelopmentMessage): void
}

/** What is known of it before it says so. */
export interface ExpectedWorker {
  /** Where it listens. */
  readonly socket: string
  readonly slots: Readonly<Record<LoadedApplication['interface'], number>>
}

export class WorkerHandle implements WorkerView {
  readonly id: number
  readonly generation: number
  readonly startedAt: number
  phase: WorkerPhase = 'forking'
  since: number
  fault: Fault | null = null
  faultSince = 0
  recycleAt: number = Number.POSITIVE_INFINITY
  isDebugged = false
  /** `1,012 requests (--max-requests 1000)`. */
  recycleReason = ''
  /** Of all that it printed, for the case that it dies. */
  lastLine = ''
  /** Null until `forked`. */
  pid: number | null = null
  /** Where the gateway connects its links; null until `ready`. */
  socket: string | null = null
  slots = 0
  /** The wire it speaks; known from `ready` on. */
  interface: LoadedApplication['interface'] = 'wsgi'
  /** When its links were open for the first time. */
  servingSince: number | null = null
  /** What the gateway said when it lost the links; empty when it did not. */
  lostReason = ''
  /** It broke the rules, which was counted as a crash; its end is not counted again. */
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
    expected: ExpectedWorker,
    events: WorkerEvents,
    clock: () => number = () => performance.now(),
  ) {
    this.id = id
    this.#expected = expected
    this.generation = generation
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

  /** `worker 7`: its name in the log. */
  get name(): string {
    return `worker ${this.id}`
  }

  /** As the kernel knows it, to recognise it when its preloader is gone; null without /proc. */
  get startTime(): string | null {
    return this.#startTime
  }

  /** Its connection is open. */
  get isConnected(): boolean {
    return this.#channel !== null && !this.#silent
  }

  enter(phase: WorkerPhase): void {
    this.phase = phase
    this.since = this.#clock()
    if (phase === 'serving') this.servingSince ??= this.since
  }

  /** The first fault counts. */
  blame(fault: Fault): void {
    if (this.fault !== null) return
    this.fault = fault
    this.faultSince = this.#clock()
  }

  /** It is due from `at` on (now, when left out). The first reason counts. */
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

  /** Its own connection, after a `hello` whose build and id were right. */
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
    if (LINKED.has(this.phase)) this.enter('ready')
    else if (this.phase === 'draining') this.enter('drained')
  }

  stop(): void {
    this.enter('stopping')
    this.#channel?.send({ type: 'stop' })
  }

  /** The process is gone: nothing is heard any more. */
  forget(): void {
    this.stacks.close()
    this.#silent = true
    this.#channel?.onClosed(() => {})
    this.#channel?.close()
  }

  /** When both sides have spoken: `ready` may overtake `forked`, and the gateway is told the pid. */
  #becomeReady(): void {
    if (this.phase !== 'starting' || this.#application === null) return
    this.enter('ready')
    this.#events.ready(this, this.#application)
  }

  #compare(): void {
    if (this.pid === null || this.#helloPid === null || this.pid === this.#helloPid) return
    this.#channel?.refuse(`said that it is process ${this.#helloPid}, and not ${this.pid}`)
  }

  /** The socket and the number of slots go to the gateway, so a worker must say of itself what it was told. */
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
        // Its request has all of its time again.
        this.since = this.#clock()
        this.#events.debugged(this)
        break
      case 'stacks':
        this.stacks.answered(message.text)
        break
    }
  }
}
