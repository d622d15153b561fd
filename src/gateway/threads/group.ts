/**
 * The gateway with several threads: starts them, passes on what the master says, and adds up what they say. Runs in the main thread of the
 * gateway, which accepts connections and serves nobody.
 *
 * Invariants:
 * - The master sees one gateway: it hears of the threads only in the log.
 * - A change (`GatewayChange`) is in force in all threads from one moment on (`epochs.ts`).
 * - A thread that dies is replaced by one with the same index, with back-off. When none is left and the next may not be started yet, the
 *   process ends: the master starts another.
 * Not here: one thread (`thread-handle.ts`, and inside it `thread.ts`), how a connection gets to it, what the master hears of
 * a worker (`workers.ts`).
 */
import { MessageChannel } from 'node:worker_threads'
import { CrashLoop } from '../../base/crash-loop.ts'
import type { GatewayChange, GatewayStart, GatewayToMaster, TrafficReport } from '../../control/messages.ts'
import { trustedProxies } from '../../http/trusted-proxies.ts'
import { sharedWords } from '../../shared/cells.ts'
import { TICKS_PER_MS, tickOf, ticksBetween } from '../../shared/clock.ts'
import { slotWords } from '../../shared/slot-table.ts'
import { makeThreadCells, ThreadCells } from '../../shared/thread-cells.ts'
import { assembleAdmission } from '../assemble.ts'
import { Refusals } from '../errors/refusals.ts'
import type { GatewayMessage, RunningGateway } from '../gateway.ts'
import { leave, leaveAtOnce } from '../leave.ts'
import { Listening } from '../listening.ts'
import { temporaryBytes } from '../shared-parts.ts'
import { Acceptor } from './acceptor.ts'
import { Answers } from './answers.ts'
import { type DescriptorCalls, descriptorCalls } from './descriptor-calls.ts'
import { Epochs, isChange } from './epochs.ts'
import { mergeReports } from './merge-reports.ts'
import type { MainToThread, ThreadToMain, ToldMessage } from './messages.ts'
import { PoolTable } from './pool-table.ts'
import { ThreadState } from './state.ts'
import { ThreadHandle } from './thread-handle.ts'
import { WATCHDOG_TIMES, Watchdog, type WatchedThread } from './watchdog.ts'
import { ThreadWorkers } from './workers.ts'

type Send = (message: GatewayToMaster) => void

export async function startThreads(start: GatewayStart, send: Send): Promise<RunningGateway> {
  // What is free on the disk is asked once, so that all threads have the same limit.
  const limits = { ...start.config.limits, temporaryBytes: temporaryBytes(start.config) }
  const group = new ThreadGroup({ ...start, config: { ...start.config, limits } }, send, await descriptorCalls())
  group.listen()
  return group
}

const ALL_HAVE_ENDED = 'ended'
/** A thread loads its code in a tenth of a second, but later on a machine that swaps. */
const START_MS = 30_000

class ThreadGroup implements RunningGateway {
  readonly #send: Send
  readonly #count: number
  readonly #state: ThreadState
  readonly #pools: PoolTable
  readonly #memory: SharedArrayBuffer
  readonly #cells: ThreadCells
  readonly #workers: ThreadWorkers
  readonly #epochs: Epochs
  readonly #answers = new Answers<unknown>()
  /** By index; null: it has died, and the next one is not due yet. */
  readonly #threads: (ThreadHandle | null)[]
  readonly #watched: WatchedThread[] = []
  readonly #crashes: readonly CrashLoop[]
  /** Requests that wait or run, by thread. */
  readonly #inFlight: number[]
  readonly #start: GatewayStart
  readonly #acceptor: Acceptor
  readonly #watchdog: Watchdog
  readonly #refusals: Refusals
  #listening: Listening | null = null
  /** Nobody is accepted any more. */
  #stopped: Promise<void> | null = null
  /** The gateway drains or ends: no thread is replaced. */
  #isEnding = false

  constructor(start: GatewayStart, send: Send, calls: DescriptorCalls) {
    const { gatewayThreads: count, apps, limits } = start.config
    this.#start = start
    this.#send = send
    this.#count = count
    this.#refusals = new Refusals(this.#log)
    const trusted = trustedProxies(start.config.trustedProxies)
    this.#acceptor = new Acceptor({
      admission: assembleAdmission({ config: start.config, refusals: this.#refusals, trusted }),
      limit: limits.connections,
      calls,
    })
    this.#watchdog = new Watchdog({ ...WATCHDOG_TIMES, log: this.#log, die: leaveAtOnce })
    this.#state = new ThreadState(start)
    this.#pools = new PoolTable(count, apps)
    this.#memory = makeThreadCells(count)
    this.#cells = new ThreadCells(this.#memory)
    this.#crashes = Array.from({ length: count }, () => new CrashLoop())
    this.#inFlight = new Array<number>(count).fill(0)
    this.#threads = new Array<ThreadHandle | null>(count).fill(null)
    this.#workers = new ThreadWorkers({
      makeCells: ({ slots }) => sharedWords(slotWords(count, slots)),
      living: () => this.#living,
      tell: (thread, message, cells) => this.#threads[thread]?.post({ type: 'tell', message, ...(cells && { cells }) }),
      send,
    })
    this.#epochs = new Epochs({
      prepare: (epoch, change, onPrepared) => this.#prepare(epoch, change, onPrepared),
      commit: (epoch, change) => this.#commit(epoch, change),
    })
    for (let index = 0; index < count; index++) this.#spawn(index)
  }

  readonly #log = (level: 'debug' | 'info' | 'warn' | 'error', message: string): void => {
    this.#send({ type: 'log', level, message })
  }

  listen(): void {
    const { listeners } = this.#start
    this.#listening = new Listening(
      this.#start,
      (listener, onListening, onError) =>
        this.#acceptor.listen(listener, listeners.indexOf(listener), onListening, onError),
      this.#send,
    )
  }

  /** Indices of the threads that live, also of those that still start. */
  get #living(): number[] {
    return [...this.#threads.keys()].filter(index => this.#threads[index] !== null)
  }

  // ---- what the master says ----

  accept(): void {
    this.#listening!.accept()
  }

  onMessage(message: GatewayMessage): void {
    if (isChange(message)) {
      this.#epochs.begin(message)
      return
    }
    switch (message.type) {
      case 'ping':
        this.#ask('pong', message, () => this.#send({ type: 'pong' }))
        break
      case 'report':
        this.#ask(`report ${message.id}`, message, reports =>
          this.#send({ type: 'reported', id: message.id, ...mergeReports(reports as TrafficReport[]) }),
        )
        break
      case 'drain':
        this.#drain(message)
        break
      case 'reopen-logs':
        this.#tellAll(message)
        break
      default:
        // It may be about an application that is not there before a change.
        this.#epochs.after(() => this.#tell(message))
    }
  }

  #tell(message: ToldMessage): void {
    if (message.type === 'worker-add') this.#workers.add(message)
    else if (message.type === 'worker-drain') this.#workers.drain(message.worker)
    else {
      this.#state.told(message)
      this.#tellAll(message)
    }
  }

  #tellAll(message: ToldMessage): void {
    this.#postAll({ type: 'tell', message })
  }

  #postAll(message: MainToThread): void {
    for (const thread of this.#threads) thread?.post(message)
  }

  #ask(key: string, message: ToldMessage, onAll: (answers: readonly unknown[]) => void): void {
    this.#answers.ask(key, this.#living, onAll)
    this.#tellAll(message)
  }

  #prepare(epoch: number, change: GatewayChange, onPrepared: () => void): void {
    if (change.type === 'apps') this.#pools.configure(change.apps)
    this.#answers.ask(`prepared ${epoch}`, this.#living, onPrepared)
    this.#postAll({ type: 'prepare', epoch, change, pools: this.#pools.list })
  }

  #commit(epoch: number, change: GatewayChange): void {
    this.#state.changed(change)
    this.#cells.epoch = epoch
    this.#postAll({ type: 'switch' })
  }

  // ---- the end ----

  #drain(message: Extract<GatewayMessage, { readonly type: 'drain' }>): void {
    this.#isEnding = true
    this.#ask('drained', message, cuts =>
      this.#send({ type: 'drained', cut: (cuts as number[]).reduce((sum, cut) => sum + cut, 0) }),
    )
    void this.#stopAccepting(message.handedOn)
  }

  async #stopAccepting(handedOn: readonly number[]): Promise<void> {
    this.#stopped ??= this.#listening!.close(handedOn)
    await this.#stopped
    this.#acceptor.close()
    this.#refusals.flush()
    this.#postAll({ type: 'no-more' })
  }

  end(): Promise<void> {
    this.#isEnding = true
    return new Promise(resolve => {
      this.#answers.ask(ALL_HAVE_ENDED, this.#living, () => resolve())
      this.#postAll({ type: 'end' })
      void this.#stopAccepting([])
    })
  }

  // ---- what the threads say ----

  #onMessage(index: number, message: ThreadToMain): void {
    switch (message.type) {
      case 'up': {
        const thread = this.#threads[index]
        // What the master has said so far holds for the first request, too.
        this.#epochs.after(() => {
          if (this.#threads[index] === thread) this.#acceptor.up(index)
        })
        break
      }
      case 'given':
        this.#acceptor.given(index, message)
        break
      case 'prepared':
        this.#answers.answer(`prepared ${message.epoch}`, index, null)
        break
      case 'ended':
        this.#answers.answer(ALL_HAVE_ENDED, index, null)
        break
      case 'tell':
        this.#onTold(index, message.message)
    }
  }

  #onTold(index: number, message: GatewayToMaster): void {
    switch (message.type) {
      case 'pong':
        this.#answers.answer('pong', index, null)
        break
      case 'reported':
        this.#answers.answer(`report ${message.id}`, index, message)
        break
      case 'drained':
        this.#answers.answer('drained', index, message.cut)
        break
      case 'in-flight':
        this.#inFlight[index] = message.count
        this.#tellInFlight()
        break
      default:
        if ('worker' in message) this.#workers.report(index, message)
        else this.#send(message)
    }
  }

  #tellInFlight(): void {
    this.#send({ type: 'in-flight', count: this.#inFlight.reduce((sum, count) => sum + count, 0) })
  }

  // ---- their life ----

  #spawn(index: number): void {
    const thread = new ThreadHandle(index, {
      message: message => this.#onMessage(index, message),
      died: how => this.#died(thread, how),
    })
    thread.start({
      index,
      count: this.#count,
      start: this.#state.start,
      cells: this.#memory,
      pools: this.#pools.list,
      handed: this.#acceptor.add(index, thread),
    })
    this.#threads[index] = thread
    for (const other of this.#living) if (other !== index) this.#introduce(index, other)
    for (const change of this.#state.changes)
      thread.post({ type: 'prepare', epoch: 0, change, pools: this.#pools.list })
    this.#workers.tellNew(index)
    this.#watched[index] = this.#watch(thread)
  }
  #watch(thread: ThreadHandle): WatchedThread {
    const watched = {
      name: nameOf(thread),
      stillFor: () => {
        const now = performance.now()
        const turn = this.#cells.lastTurn(thread.index)
        if (turn === 0) return now - thread.startedAt - START_MS
        return ticksBetween(turn, tickOf(now)) / TICKS_PER_MS
      },
      stack: () => thread.stack(),
      terminate: (why: string) => thread.terminate(why),
    }
    this.#watchdog.watch(watched)
    return watched
  }

  /** From now on the two can wake each other. */
  #introduce(one: number, other: number): void {
    const { port1, port2 } = new MessageChannel()
    this.#threads[one]!.post({ type: 'peer', thread: other, port: port1 }, [port1])
    this.#threads[other]!.post({ type: 'peer', thread: one, port: port2 }, [port2])
  }

  #died(thread: ThreadHandle, how: string): void {
    const { index } = thread
    this.#threads[index] = null
    this.#watchdog.ended(this.#watched[index]!)
    this.#tellDeath(thread, how, this.#acceptor.died(index))
    this.#inFlight[index] = 0
    this.#tellInFlight()
    this.#cells.clear(index)
    this.#pools.threadDied(index)
    this.#workers.threadDied(index)
    this.#answers.threadDied(index)
    if (!this.#isEnding) this.#replace(thread)
  }

  #tellDeath(thread: ThreadHandle, how: string, connections: number): void {
    const requests = this.#inFlight[thread.index]!
    const what = `${connections} connections were cut, with ${requests} requests that waited or ran`
    const follows = this.#isEnding ? '' : ', and another takes its place'
    this.#log('error', `${nameOf(thread)} has died${follows}; ${what}: ${how}`)
  }

  #replace({ index, startedAt, upSince }: ThreadHandle): void {
    const crashes = this.#crashes[index]!
    const now = performance.now()
    crashes.died(startedAt, upSince, now)
    const delay = Math.max(0, crashes.notBefore - now)
    if (delay > 0 && this.#living.length === 0) leave('no thread of the gateway stays alive')
    const spawn = () => {
      if (!this.#isEnding) this.#spawn(index)
    }
    setTimeout(() => this.#epochs.after(spawn), delay)
  }
}

/** For the log. */
function nameOf({ index }: ThreadHandle): string {
  return `thread ${index + 1} of the gateway`
}
