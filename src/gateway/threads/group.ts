/**
 * The gateway with several threads: passes on to them what the master says, and adds up what they say. Runs in the main thread of the
 * gateway, which accepts connections and serves nobody.
 *
 * Invariants:
 * - The master sees one gateway: it hears of the threads only in the log.
 * - A change (`GatewayChange`) is in force in all threads from one moment on (`epochs.ts`).
 * - A thread that dies leaves nothing behind: its connections, its place in queues, and what is awaited from it end with it (`#died`).
 * Not here: when a thread is started and ended (`living-threads.ts`), how a connection gets to one (`acceptor.ts`), what the master hears
 * of a worker (`workers.ts`), and what a thread does (`thread.ts`).
 */
import { loadNow } from '../../base/load-now.ts'
import type { GatewayChange, GatewayStart, GatewayToMaster, TrafficReport } from '../../control/messages.ts'
import { type TrustedProxies, trustedProxies } from '../../http/trusted-proxies.ts'
import { LimitMemories, type MemoryOfLimits } from '../../limits/memories.ts'
import { forgetAddressCounts, makeAddressCounts } from '../../shared/address-counts.ts'
import { sharedWords } from '../../shared/cells.ts'
import { slotWords } from '../../shared/slot-table.ts'
import { makeThreadCells, ThreadCells } from '../../shared/thread-cells.ts'
import type { Upstream } from '../../sites/upstream-model.ts'
import type { GroupMemories, MemoryOfGroups } from '../../upstream/balance/group-memories.ts'
import { assembleAdmission } from '../assemble.ts'
import { Refusals } from '../errors/refusals.ts'
import type { GatewayMessage, RunningGateway } from '../gateway.ts'
import { type Drain, Listening } from '../listening.ts'
import { temporaryBytes } from '../shared-parts.ts'
import { Acceptor } from './acceptor.ts'
import { Answers } from './answers.ts'
import { type DescriptorCalls, descriptorCalls } from './descriptor-calls.ts'
import { Epochs, isChange } from './epochs.ts'
import { LivingThreads, nameOf } from './living-threads.ts'
import { mergeReports } from './merge-reports.ts'
import type { PoolCells, ThreadStart, ThreadToMain, ToldMessage } from './messages.ts'
import { PoolTable } from './pool-table.ts'
import { ThreadState } from './state.ts'
import type { ThreadHandle } from './thread-handle.ts'
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

class ThreadGroup implements RunningGateway {
  readonly #send: Send
  readonly #state: ThreadState
  readonly #pools: PoolTable
  readonly #limits = new LimitMemories(true)
  /** Null: there have been no upstreams yet. */
  #groups: GroupMemories | null = null
  readonly #memory: SharedArrayBuffer
  readonly #cells: ThreadCells
  readonly #addresses: SharedArrayBuffer
  readonly #workers: ThreadWorkers
  readonly #epochs: Epochs
  readonly #answers = new Answers<unknown>()
  readonly #threads: LivingThreads
  /** Requests that wait or run, by thread. */
  readonly #inFlight: number[]
  readonly #start: GatewayStart
  readonly #acceptor: Acceptor
  readonly #refusals: Refusals
  /** For who is accepted; each thread has its own for requests. */
  readonly #trusted: TrustedProxies
  #listening: Listening | null = null
  /** Nobody is accepted any more. */
  #stopped: Promise<void> | null = null

  constructor(start: GatewayStart, send: Send, calls: DescriptorCalls) {
    const { gatewayThreads: count, apps, limits, sites } = start.config
    this.#start = start
    this.#send = send
    this.#refusals = new Refusals(this.#log)
    this.#trusted = trustedProxies(start.config.trustedProxies)
    this.#acceptor = new Acceptor({
      admission: assembleAdmission(
        { config: start.config, refusals: this.#refusals, trusted: this.#trusted },
        start.listeners,
      ),
      limit: limits.connections,
      calls,
    })
    this.#state = new ThreadState(start)
    this.#pools = new PoolTable(count, apps)
    this.#limits.memoriesOf(sites.limits)
    this.#makeGroups(sites.upstreams)
    this.#memory = makeThreadCells(count)
    this.#cells = new ThreadCells(this.#memory)
    this.#addresses = makeAddressCounts(count)
    this.#inFlight = new Array<number>(count).fill(0)
    this.#threads = new LivingThreads({
      count,
      cells: this.#cells,
      log: this.#log,
      startOf: thread => this.#startOf(thread),
      started: thread => this.#started(thread),
      message: (thread, message) => this.#onMessage(thread, message),
      died: (thread, how) => this.#died(thread, how),
      afterChanges: callback => this.#epochs.after(callback),
    })
    this.#workers = new ThreadWorkers({
      makeCells: ({ slots }) => sharedWords(slotWords(count, slots)),
      living: () => this.#threads.living,
      tell: (thread, message, cells) => this.#threads.post(thread, { type: 'tell', message, ...(cells && { cells }) }),
      send,
    })
    this.#epochs = new Epochs({
      prepare: (epoch, change, onPrepared) => this.#prepare(epoch, change, onPrepared),
      commit: (epoch, change) => this.#commit(epoch, change),
    })
    this.#threads.start()
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
    this.#threads.postAll({ type: 'tell', message })
  }

  #ask(key: string, message: ToldMessage, onAll: (answers: readonly unknown[]) => void): void {
    this.#answers.ask(key, this.#threads.living, onAll)
    this.#tellAll(message)
  }

  #prepare(epoch: number, change: GatewayChange, onPrepared: () => void): void {
    if (change.type === 'apps') {
      this.#pools.configure(change.apps)
      this.#limits.memoriesOf(change.sites.limits)
      this.#makeGroups(change.sites.upstreams)
    }
    this.#answers.ask(`prepared ${epoch}`, this.#threads.living, onPrepared)
    this.#threads.postAll({ type: 'prepare', epoch, change, ...this.#shared })
  }

  #commit(epoch: number, change: GatewayChange): void {
    this.#state.changed(change)
    if (change.type === 'trusted-proxies') this.#trusted.replace(change.ranges)
    this.#cells.epoch = epoch
    this.#threads.postAll({ type: 'switch' })
  }

  // ---- the end ----

  #drain(message: NonNullable<Drain>): void {
    this.#threads.isEnding = true
    this.#ask('drained', message, cuts =>
      this.#send({ type: 'drained', cut: (cuts as number[]).reduce((sum, cut) => sum + cut, 0) }),
    )
    void this.#stopAccepting(message)
  }

  async #stopAccepting(drain: Drain): Promise<void> {
    this.#stopped ??= this.#listening!.close(drain)
    await this.#stopped
    this.#acceptor.close()
    this.#refusals.flush()
    this.#threads.postAll({ type: 'no-more' })
  }

  end(): Promise<void> {
    this.#threads.isEnding = true
    return new Promise(resolve => {
      this.#answers.ask(ALL_HAVE_ENDED, this.#threads.living, () => resolve())
      this.#threads.postAll({ type: 'end' })
      void this.#stopAccepting(null)
    })
  }

  // ---- what the threads say ----

  #onMessage(thread: ThreadHandle, message: ThreadToMain): void {
    const { index } = thread
    switch (message.type) {
      case 'up':
        // What the master has said so far holds for the first request, too.
        this.#epochs.after(() => {
          if (this.#threads.isPresent(thread)) this.#acceptor.up(index)
        })
        break
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

  /** Memory that comes and goes with the configuration. */
  get #shared(): {
    readonly pools: readonly PoolCells[]
    readonly limits: MemoryOfLimits
    readonly groups: MemoryOfGroups
  } {
    return { pools: this.#pools.list, limits: this.#limits.known, groups: this.#groups?.known ?? new Map() }
  }

  /** Memory of these groups. Loads nothing while there are none. */
  #makeGroups(upstreams: readonly Upstream[]): void {
    if (this.#groups === null && upstreams.length === 0) return
    const { GroupMemories }: typeof import('../../upstream/balance/group-memories.ts') = loadNow(
      import.meta,
      '../../upstream/balance/group-memories',
    )
    this.#groups ??= new GroupMemories(this.#start.config.gatewayThreads)
    this.#groups.memoriesOf(upstreams)
  }

  // ---- their life ----

  #startOf(thread: ThreadHandle): ThreadStart {
    const { index } = thread
    return {
      index,
      count: this.#start.config.gatewayThreads,
      start: this.#state.start,
      cells: this.#memory,
      ...this.#shared,
      addresses: this.#addresses,
      handed: this.#acceptor.add(index, thread),
    }
  }

  #started(thread: ThreadHandle): void {
    for (const change of this.#state.changes) thread.post({ type: 'prepare', epoch: 0, change, ...this.#shared })
    this.#workers.tellNew(thread.index)
  }

  #died(thread: ThreadHandle, how: string): void {
    const { index } = thread
    this.#tellDeath(thread, how, this.#acceptor.died(index))
    this.#inFlight[index] = 0
    this.#tellInFlight()
    this.#cells.clear(index)
    forgetAddressCounts(this.#addresses, index)
    this.#pools.threadDied(index)
    this.#limits.threadDied(index)
    this.#groups?.threadDied(index)
    this.#workers.threadDied(index)
    this.#answers.threadDied(index)
  }

  #tellDeath(thread: ThreadHandle, how: string, connections: number): void {
    const requests = this.#inFlight[thread.index]!
    const what = `${connections} connections were cut, with ${requests} requests that waited or ran`
    const follows = this.#threads.isEnding ? '' : ', and another takes its place'
    this.#log('error', `${nameOf(thread)} has died${follows}; ${what}: ${how}`)
  }
}
