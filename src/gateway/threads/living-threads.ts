/**
 * The threads of the gateway: starts them, makes them known to one another, watches them, and replaces those that die. Runs in the main
 * thread of the gateway.
 *
 * Invariants:
 * - A thread that dies is replaced by one with the same index, with back-off, and not while a change is being prepared. When none is left and
 *   the next may not be started yet, the process ends: the master starts another.
 * - When the gateway ends, none is started any more.
 * Not here: what they are told and what they say (`group.ts`), one thread (`thread-handle.ts`).
 */
import { MessageChannel } from 'node:worker_threads'
import { CrashLoop } from '../../base/crash-loop.ts'
import { TICKS_PER_MS, tickOf, ticksBetween } from '../../shared/clock.ts'
import type { ThreadCells } from '../../shared/thread-cells.ts'
import { leave, leaveAtOnce } from '../leave.ts'
import type { MainToThread, ThreadStart, ThreadToMain } from './messages.ts'
import { ThreadHandle } from './thread-handle.ts'
import { WATCHDOG_TIMES, Watchdog, type WatchedThread } from './watchdog.ts'

export interface LivingThreadsOptions {
  readonly count: number
  readonly cells: ThreadCells
  readonly log: (level: 'error', message: string) => void
  /** What the thread is made with. Called right before it starts. */
  readonly startOf: (thread: ThreadHandle) => ThreadStart
  /** It was started, and the others know it: what else it must know is posted to it now. */
  readonly started: (thread: ThreadHandle) => void
  readonly message: (thread: ThreadHandle, message: ThreadToMain) => void
  /** It has ended, and is not one of `living` any more. `how`: for the log. */
  readonly died: (thread: ThreadHandle, how: string) => void
  /** Calls back when no change is being prepared. */
  readonly afterChanges: (callback: () => void) => void
}

/** A thread loads its code in a tenth of a second, but later on a machine that swaps. */
const START_MS = 30_000

export class LivingThreads {
  /** The gateway drains or ends: no thread is replaced. */
  isEnding = false
  readonly #options: LivingThreadsOptions
  /** By index; null: it has died, and the next one is not due yet. */
  readonly #threads: (ThreadHandle | null)[]
  readonly #watched: WatchedThread[] = []
  readonly #crashes: readonly CrashLoop[]
  readonly #watchdog: Watchdog

  /** `start` follows. */
  constructor(options: LivingThreadsOptions) {
    const { count, log } = options
    this.#options = options
    this.#threads = new Array<ThreadHandle | null>(count).fill(null)
    this.#crashes = Array.from({ length: count }, () => new CrashLoop())
    this.#watchdog = new Watchdog({ ...WATCHDOG_TIMES, log, die: leaveAtOnce })
  }

  start(): void {
    for (let index = 0; index < this.#threads.length; index++) this.#spawn(index)
  }

  /** Their indices; also of those that still start. */
  get living(): number[] {
    return [...this.#threads.keys()].filter(index => this.#threads[index] !== null)
  }

  /** It is the one that has this index now. */
  isPresent(thread: ThreadHandle): boolean {
    return this.#threads[thread.index] === thread
  }

  /** Does nothing if there is none. */
  post(index: number, message: MainToThread): void {
    this.#threads[index]?.post(message)
  }

  postAll(message: MainToThread): void {
    for (const thread of this.#threads) thread?.post(message)
  }

  #spawn(index: number): void {
    const { startOf, started, message } = this.#options
    const thread = new ThreadHandle(index, {
      message: said => message(thread, said),
      died: how => this.#died(thread, how),
    })
    thread.start(startOf(thread))
    this.#threads[index] = thread
    for (const other of this.#threads) if (other !== null && other !== thread) introduce(thread, other)
    started(thread)
    this.#watched[index] = this.#watch(thread)
  }

  #watch(thread: ThreadHandle): WatchedThread {
    const watched = {
      name: nameOf(thread),
      stillFor: () => {
        const now = performance.now()
        const turn = this.#options.cells.lastTurn(thread.index)
        if (turn === 0) return now - thread.startedAt - START_MS
        return ticksBetween(turn, tickOf(now)) / TICKS_PER_MS
      },
      stack: () => thread.stack(),
      terminate: (why: string) => thread.terminate(why),
    }
    this.#watchdog.watch(watched)
    return watched
  }

  #died(thread: ThreadHandle, how: string): void {
    this.#threads[thread.index] = null
    this.#watchdog.ended(this.#watched[thread.index]!)
    this.#options.died(thread, how)
    if (!this.isEnding) this.#replace(thread)
  }

  #replace({ index, startedAt, upSince }: ThreadHandle): void {
    const crashes = this.#crashes[index]!
    const now = performance.now()
    crashes.died(startedAt, upSince, now)
    const delay = Math.max(0, crashes.notBefore - now)
    if (delay > 0 && this.living.length === 0) leave('no thread of the gateway stays alive')
    const spawn = () => {
      if (!this.isEnding) this.#spawn(index)
    }
    setTimeout(() => this.#options.afterChanges(spawn), delay)
  }
}

/** From now on the two can wake each other. */
function introduce(one: ThreadHandle, other: ThreadHandle): void {
  const { port1, port2 } = new MessageChannel()
  one.post({ type: 'peer', thread: other.index, port: port1 }, [port1])
  other.post({ type: 'peer', thread: one.index, port: port2 }, [port2])
}

/** For the log. */
export function nameOf({ index }: ThreadHandle): string {
  return `thread ${index + 1} of the gateway`
}
