/**
 * The workers as the main thread knows them: which threads have linked them, what the master is told of them, and what a new thread must
 * know. Pure but for what it is given. Runs in the main thread of the gateway.
 *
 * Invariants:
 * - The master hears of each worker what one thread would tell it: `worker-linked` when all threads have linked it, `worker-drained` when
 *   all have drained it, `worker-lost`, `-cold` and `-stuck` by the first that says so.
 * - One thread warms a worker up. The others link it after that.
 * - A thread that dies is awaited no longer. The one that replaces it links all workers that are not leaving.
 * - A worker is forgotten when it is drained or lost, or stuck for all threads that had it.
 */
import type { GatewayToMaster } from '../../control/messages.ts'
import { SharedCells } from '../../shared/cells.ts'
import { forgetSlotWaits } from '../../shared/slot-table.ts'
import type { WorkerAdd } from '../gateway.ts'
import type { ToldMessage } from './messages.ts'

type WorkerReport = Extract<GatewayToMaster, { readonly worker: number }>

interface Known {
  readonly message: WorkerAdd
  readonly cells: SharedArrayBuffer
  /** The thread that warms it up; NOBODY: the first one that comes will; null: it is warm. */
  warmedBy: number | null
  /** Threads that were told of it, and have not said that it is stuck. */
  readonly holders: Set<number>
  readonly linked: Set<number>
  readonly drained: Set<number>
  isLinked: boolean
  isDraining: boolean
  /** Its event loop was said to be stuck. The master ends it. */
  isStuck: boolean
  /** When a thread said last that its event loop does not turn, in milliseconds. */
  blockedAt: number
}

export interface WorkersOptions {
  readonly makeCells: (message: WorkerAdd) => SharedArrayBuffer
  /** Threads that live: their indices. */
  readonly living: () => readonly number[]
  readonly tell: (thread: number, message: ToldMessage, cells?: SharedArrayBuffer) => void
  readonly send: (message: GatewayToMaster) => void
}

const NOBODY = -1
/** Each thread notices by itself that an event loop of a worker does not turn, within about a second of the others. */
const SAME_BLOCK_MS = 5000

export class ThreadWorkers {
  readonly #options: WorkersOptions
  readonly #known = new Map<number, Known>()

  constructor(options: WorkersOptions) {
    this.#options = options
  }

  // ---- what the master says ----

  add(message: WorkerAdd): void {
    const { makeCells, living } = this.#options
    const [first = NOBODY] = living()
    const worker: Known = {
      message,
      cells: makeCells(message),
      warmedBy: message.warmup.length > 0 ? first : null,
      holders: new Set(),
      linked: new Set(),
      drained: new Set(),
      isLinked: false,
      isDraining: false,
      isStuck: false,
      blockedAt: Number.NEGATIVE_INFINITY,
    }
    this.#known.set(message.worker, worker)
    if (worker.warmedBy === null) this.#addTo(worker, living())
    else if (first !== NOBODY) this.#tellOf(worker, first, message)
  }

  /** To threads that have nothing to warm up. */
  #addTo(worker: Known, threads: Iterable<number>): void {
    for (const thread of threads) this.#tellOf(worker, thread, { ...worker.message, warmup: [] })
  }

  #tellOf(worker: Known, thread: number, message: WorkerAdd): void {
    worker.holders.add(thread)
    this.#options.tell(thread, message, worker.cells)
  }

  drain(id: number): void {
    const worker = this.#known.get(id)
    if (worker === undefined) {
      this.#options.send({ type: 'worker-drained', worker: id })
      return
    }
    worker.isDraining = true
    // One that does not know the worker answers at once.
    for (const thread of this.#options.living()) this.#options.tell(thread, { type: 'worker-drain', worker: id })
    this.#settle(id, worker)
  }

  // ---- what the threads say ----

  report(thread: number, report: WorkerReport): void {
    const worker = this.#known.get(report.worker)
    const { send } = this.#options
    if (worker === undefined) {
      // Another thread has said that it is lost, cold or stuck. Of its warm-up only one thread speaks, also after it has said that. The log
      // names each request that was stuck there.
      const isNews = report.type === 'worker-cold' || (report.type === 'worker-stuck' && report.request !== '')
      if (isNews) send(report)
      return
    }
    switch (report.type) {
      case 'worker-linked':
        worker.linked.add(thread)
        if (worker.warmedBy === thread) {
          worker.warmedBy = null
          // While it drains they have said already that they have drained it.
          if (!worker.isDraining)
            this.#addTo(
              worker,
              this.#options.living().filter(one => one !== thread),
            )
        }
        this.#settle(report.worker, worker)
        break
      case 'worker-drained':
        worker.drained.add(thread)
        this.#settle(report.worker, worker)
        break
      case 'worker-cold':
      case 'worker-lost':
        // What the other threads run there they see end by themselves. The master kills the worker.
        this.#known.delete(report.worker)
        if (worker.isDraining) send({ type: 'worker-drained', worker: report.worker })
        else if (!worker.isStuck || report.type === 'worker-cold') send(report)
        break
      case 'worker-stuck': {
        // Each thread finds out that an event loop is stuck. A request that is stuck is that of one thread.
        const isTold = worker.isStuck && report.request === ''
        worker.isStuck = true
        worker.holders.delete(thread)
        if (!isTold) send(report)
        this.#settle(report.worker, worker)
        break
      }
      case 'worker-blocked': {
        const now = performance.now()
        if (now - worker.blockedAt > SAME_BLOCK_MS) send(report)
        worker.blockedAt = now
        break
      }
      default:
        send(report)
    }
  }

  // ---- the threads themselves ----

  /** Nobody waits any more for what it would have said. */
  threadDied(thread: number): void {
    for (const [id, worker] of this.#known) {
      forgetSlotWaits(new SharedCells(worker.cells), thread)
      worker.holders.delete(thread)
      worker.linked.delete(thread)
      worker.drained.delete(thread)
      if (worker.warmedBy === thread) this.#warmElsewhere(worker)
      this.#settle(id, worker)
    }
  }

  #warmElsewhere(worker: Known): void {
    const [first = NOBODY] = this.#options.living()
    worker.warmedBy = first
    if (first !== NOBODY && !worker.isDraining && !worker.isStuck) this.#tellOf(worker, first, worker.message)
  }

  /** What a thread that replaces another must know. Its predecessor's requests may still run in the workers. */
  tellNew(thread: number): void {
    for (const [id, worker] of this.#known) {
      const { message, warmedBy, isDraining, isStuck, drained } = worker
      if (isDraining) {
        drained.add(thread)
        this.#settle(id, worker)
      } else if (isStuck) continue
      else if (warmedBy === null) this.#tellOf(worker, thread, { ...message, warmup: [], hasServed: true })
      else if (warmedBy === NOBODY) this.#warmElsewhere(worker)
    }
  }

  #settle(id: number, worker: Known): void {
    if (worker.isStuck && !worker.isDraining && worker.holders.size === 0) {
      this.#known.delete(id)
      return
    }
    const living = this.#options.living()
    if (living.length === 0) return
    const isAll = (threads: ReadonlySet<number>) => living.every(thread => threads.has(thread))
    if (!worker.isLinked && worker.warmedBy === null && !worker.isDraining && isAll(worker.linked)) {
      worker.isLinked = true
      this.#options.send({ type: 'worker-linked', worker: id })
    }
    if (worker.isDraining && isAll(worker.drained)) {
      this.#known.delete(id)
      this.#options.send({ type: 'worker-drained', worker: id })
    }
  }
}
