/**
 * The workers of all generations: forks them through their preloaders, takes messages about them from three sides (the preloader, their
 * own connections, the gateway), stops and kills them. Part of the fleet; runs in the master.
 *
 * Invariants: a worker is in the collection from its fork until its process is gone; its preloader kills it, or, when the preloader has
 * died, the master does, but only if the process is provably the same.
 * Not here: which action comes next (`supervise.ts`), what an end means (`worker-ends.ts`), one worker's state (`worker-handle.ts`), what a
 * worker prints (`worker-output.ts`).
 */
import type { Identity, Recycle } from '../../config/types.ts'
import type { WorkerChannel } from '../../control/channel.ts'
import type { LoadFailure, MasterToGateway } from '../../control/messages.ts'
import { signalVerified } from '../host/process-identity.ts'
import type { AppNarrator } from '../output/app-narrator.ts'
import { describeExit } from '../output/describe.ts'
import type { Outputs } from '../output/output.ts'
import type { ControlDirectory } from './control-directory.ts'
import type { Hello } from './control-server.ts'
import type { Debuggers } from './debuggers.ts'
import { type GatewayReport, type ReportReaders, takeReport } from './gateway-reports.ts'
import type { DevelopmentMessage, Generation, WorkerMessage } from './generation.ts'
import { MemorySampler } from './memory-sampler.ts'
import { describeAge, drawAge, drawRequests } from './recycling.ts'
import { type ExpectedWorker, WorkerHandle } from './worker-handle.ts'
import { readWorkerOutput } from './worker-output.ts'
import { IN_SERVICE } from './worker-phases.ts'

/**
 * How long the end of a worker waits for the gateway's word on its warm-up. A bound for a gateway that hangs or dies: the word comes within
 * milliseconds. Less than `DYING_GRACE_MS` of `supervise.ts`, after which the worker would be replaced without the back-off.
 */
const WARM_UP_WORD_MS = 400

export interface WorkersOptions {
  /** The application's name. */
  readonly app: string
  /** The number of the next worker. No two workers of the program have the same. */
  readonly nextNumber: () => number
  readonly recycle: Recycle
  /** The user that workers run as; null: ours. */
  readonly identity: Identity | null
  /** Where they connect and listen. */
  readonly directory: ControlDirectory
  readonly outputs: Outputs
  readonly narrator: AppNarrator
  /** Of all applications. */
  readonly debuggers: Debuggers
  readonly findGeneration: (number: number) => Generation | undefined
  /** How many requests a worker of the generation runs at a time. */
  readonly slots: (generation: number) => ExpectedWorker['slots']
  readonly sendToGateway: (message: MasterToGateway) => void
  /** Called before each fork; false: a worker could not reach us. */
  readonly beforeFork: () => boolean
  /** The state has changed, so the plan must be made again. */
  readonly changed: () => void
  /** A worker has imported the application, so the generation knows it. */
  readonly learned: (generation: Generation) => void
  /** While developing: the files that Python read, or a report of an error. */
  readonly developmentMessage: (worker: WorkerHandle, message: DevelopmentMessage) => void
  /** Its import failed. */
  readonly loadFailed: (worker: WorkerHandle, failure: LoadFailure) => void
  /** A process that says that it is a worker was not believed: one sentence for the log. */
  readonly refused: (message: string) => void
  /** It broke the rules of a channel or of the wire, and is replaced. */
  readonly offended: (worker: WorkerHandle, what: string) => void
  /** Its process is gone. `isCrash`: nobody had told it to leave. */
  readonly gone: (worker: WorkerHandle, how: string, isCrash: boolean) => void
}

export class Workers {
  readonly #workers = new Map<number, WorkerHandle>()
  /** Processes that are gone, and may have died of a warm-up request: what removes each. At most one for each worker. */
  readonly #untold = new Map<number, () => void>()
  readonly #options: WorkersOptions
  readonly #narrator: AppNarrator
  readonly #sampler: MemorySampler
  readonly #reportReaders: ReportReaders
  #recycle: Recycle

  constructor(options: WorkersOptions) {
    this.#options = options
    this.#narrator = options.narrator
    this.#recycle = options.recycle
    this.#sampler = new MemorySampler(options.recycle, () => this.#workers.values(), options.changed)
    this.#reportReaders = {
      narrator: options.narrator,
      recycle: () => this.#recycle,
      onCold: (worker, note) => this.#onCold(worker, note),
    }
  }

  get size(): number {
    return this.#workers.size
  }

  has(id: number): boolean {
    return this.#workers.has(id)
  }

  values(): MapIterator<WorkerHandle> {
    return this.#workers.values()
  }

  /** From now on: the memory of all workers, requests and age of those that are forked later. */
  configure(recycle: Recycle): void {
    this.#recycle = recycle
    this.#sampler.configure(recycle)
  }

  /** No worker is recycled any more. */
  freeze(): void {
    this.#sampler.stop()
  }

  /** `pool`: its name. */
  fork(generation: number, pool: string): void {
    if (!this.#options.beforeFork()) return
    const id = this.#options.nextNumber()
    const expected = { socket: this.#options.directory.socketOf(id), slots: this.#options.slots(generation) }
    const worker = new WorkerHandle(id, generation, pool, expected, {
      ready: (one, application) => {
        const owner = this.#options.findGeneration(one.generation)
        owner?.learn(application)
        if (owner) this.#options.learned(owner)
        this.#options.changed()
      },
      loadFailed: (one, failure) => this.#options.loadFailed(one, failure),
      silent: (one, reason) => this.#onSilent(one, reason),
      debugged: one => {
        this.#options.debuggers.changed(one)
        this.#options.changed()
      },
      developmentMessage: (one, message) => this.#options.developmentMessage(one, message),
      stacks: (one, question, text) => this.#narrator.workerStacks(one, question.request, text),
      dump: one => this.#signal(one, 'URG'),
    })
    const age = drawAge(this.#recycle, Math.random())
    worker.recycle(describeAge(this.#recycle, age), worker.startedAt + age)
    this.#workers.set(id, worker)
    // With one, another worker is tried, with back-off.
    const obstacle = this.#options.directory.repair()
    if (obstacle === null)
      this.#options.findGeneration(generation)?.send({ type: 'fork', worker: id, token: worker.token })
    else this.#remove(worker, `could not be forked: ${obstacle}`)
  }

  command(command: 'add' | 'drain' | 'recycle' | 'stop' | 'kill', id: number): void {
    const worker = this.#workers.get(id)
    if (worker === undefined) return
    switch (command) {
      case 'add':
        this.#add(worker)
        break
      case 'recycle':
      case 'drain':
        if (command === 'recycle') this.#narrator.workerRecycled(worker)
        worker.enter('draining')
        this.#options.sendToGateway({ type: 'worker-drain', worker: id })
        break
      case 'stop':
        // It lives: its exit would have been reported by now.
        if (worker.fault === 'lost') this.#options.offended(worker, worker.lostReason || 'its links broke')
        worker.stop()
        break
      case 'kill':
        // Counted here, because the death of a worker that we kill is not counted. Otherwise an import that closes all descriptors would
        // be started again for ever.
        if (worker.fault === 'mute' && worker.phase === 'starting')
          this.#options.offended(worker, 'it has closed its connection to the master')
        this.#narrator.killing(worker)
        this.kill(worker)
        break
    }
  }

  #add(worker: WorkerHandle): void {
    const { id, generation, pool, pid, slots, interface: wire } = worker
    const socket = worker.socket!
    worker.enter('linking')
    // Its process id and its socket are known: it is ready.
    const owner = this.#options.findGeneration(generation)!
    const maxRequests = drawRequests(this.#recycle, Math.random())
    this.#options.sendToGateway({
      type: 'worker-add',
      app: this.#options.app,
      pool,
      worker: id,
      pid: pid!,
      socket,
      slots,
      generation,
      path: owner.path,
      maxRequests,
      interface: wire,
      isGreen: owner.isGreen,
      hasServed: worker.hasServed,
      isApart: this.#options.directory.isApart,
      // What has served is warm, also for a new gateway.
      warmup: worker.hasServed ? [] : owner.warmup,
    })
    if (worker.isDebugged) this.#options.debuggers.tell(worker)
  }

  /** As Ctrl-C does. */
  interrupt(worker: WorkerHandle): void {
    this.#signal(worker, 'INT')
  }

  kill(worker: WorkerHandle): void {
    worker.enter('killing')
    this.#signal(worker, 'KILL')
  }

  #signal(worker: WorkerHandle, signal: 'KILL' | 'URG' | 'INT'): void {
    const generation = this.#options.findGeneration(worker.generation)
    if (generation !== undefined && generation.preloader !== 'gone')
      generation.send({ type: 'signal', worker: worker.id, signal })
    else if (worker.pid !== null)
      signalVerified(worker.pid, `SIG${signal}`, worker.startTime, this.#options.identity?.uid)
  }

  /** From the control socket; false: nobody waits for this worker, or it is somebody else. */
  onHello(channel: WorkerChannel, { worker: id, pid, token }: Hello): boolean {
    const worker = this.#workers.get(id)
    if (worker === undefined) return false
    if (!worker.hasToken(token)) {
      this.#options.refused(`a process that says that it is ${worker.name} was refused: it does not know its token`)
      return false
    }
    worker.connected(channel, pid)
    return true
  }

  onPreloader(generation: Generation, message: WorkerMessage): void {
    const worker = this.#workers.get(message.worker)
    if (worker === undefined || worker.generation !== generation.number) return
    switch (message.type) {
      case 'forked':
        worker.forked(message.pid)
        readWorkerOutput(worker, this.#options.directory.path, this.#options)
        generation.send({ type: 'output-opened', worker: worker.id })
        break
      case 'fork-failed':
        this.#remove(worker, `could not be forked: ${message.message}`)
        break
      case 'exited':
        this.#exited(worker, describeExit(message.code, message.signal))
        break
    }
    this.#options.changed()
  }

  /**
   * Its last output is still in its pipe, and says why it died. The pipe is read in the next turn; the exit is reported after that. Of one
   * that dies in its warm-up the gateway knows which request it was, and its word may come later.
   */
  #exited(worker: WorkerHandle, how: string): void {
    if (!IN_SERVICE.has(worker.phase)) {
      this.#remove(worker, how)
      return
    }
    const remove = () => {
      this.#untold.delete(worker.id)
      if (!this.#workers.has(worker.id)) return
      this.#remove(worker, how)
      this.#options.changed()
    }
    setImmediate(() =>
      setImmediate(() => {
        if (!this.#isWarmedUp(worker)) {
          remove()
          return
        }
        this.#untold.set(worker.id, remove)
        setTimeout(remove, WARM_UP_WORD_MS).unref()
      }),
    )
  }

  /** The gateway links it, or waits for its answers to `--warmup`. */
  #isWarmedUp({ phase, generation, hasServed }: WorkerHandle): boolean {
    const warmup = this.#options.findGeneration(generation)?.warmup ?? []
    return (phase === 'linking' || phase === 'warming') && warmup.length > 0 && !hasServed
  }

  onGateway(report: GatewayReport): void {
    const worker = this.#workers.get(report.worker)
    if (worker === undefined) return
    takeReport(worker, report, this.#reportReaders)
    // After `worker-lost` its warm-up fails, if it has begun.
    const isLast = report.type === 'worker-cold' || (report.type === 'worker-lost' && worker.phase === 'linking')
    if (isLast) this.#untold.get(worker.id)?.()
    this.#options.changed()
  }

  /** The worker is of no use, for the next request would fail too. Another one is tried, with back-off. */
  #onCold(worker: WorkerHandle, note: string): void {
    const message = `the warm-up failed: ${note}; mend what it asks for, or take it out of --warmup`
    this.#options
      .findGeneration(worker.generation)
      ?.crashesOf(worker.pool)
      .died(worker.startedAt, null, performance.now())
    this.kill(worker)
    this.#options.loadFailed(worker, { message, traceback: '' })
  }

  /** The gateway has gone, and every link with it. */
  unlink(): void {
    for (const worker of this.#workers.values()) worker.unlinked()
  }

  /** The preloader of the generation has died. A worker that has not connected yet cannot be watched, so it is killed. */
  orphaned(generation: number): void {
    for (const worker of [...this.#workers.values()])
      if (worker.generation === generation && !worker.isConnected) this.#removeOrphan(worker)
  }

  #onSilent(worker: WorkerHandle, reason: string): void {
    if (!this.#workers.has(worker.id)) return
    if (reason !== '') this.#options.offended(worker, `it ${reason}`)
    if (this.#options.findGeneration(worker.generation)?.preloader === 'gone') this.#removeOrphan(worker)
    else worker.blame('mute')
    this.#options.changed()
  }

  /** Without a preloader nobody reports the worker's exit: its closed connection is the sign, and the kill makes sure. */
  #removeOrphan(worker: WorkerHandle): void {
    if (worker.pid !== null) signalVerified(worker.pid, 'SIGKILL', worker.startTime, this.#options.identity?.uid)
    this.#remove(worker, describeExit(null, null))
  }

  #remove(worker: WorkerHandle, how: string): void {
    this.#workers.delete(worker.id)
    worker.forget()
    // A killed worker leaves its socket behind.
    this.#options.directory.forget(worker.id)
    this.#options.gone(worker, how, IN_SERVICE.has(worker.phase) && !worker.isCounted)
  }
}
