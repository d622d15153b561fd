/**
 * The workers of all applications that stand in a debugger: tells the gateway, warns when two of them read one keyboard, and passes Ctrl-C
 * on. There is one keyboard for all applications. Only while developing. Runs in the master.
 *
 * Invariant: the first Ctrl-C is for the debugger, and a second one soon after it for the program.
 */
import type { MasterToGateway } from '../../control/messages.ts'
import type { Narrator } from '../output/narrator.ts'
import type { WorkerHandle } from './worker-handle.ts'

/** A second Ctrl-C within this time stops the program. */
const INTERRUPT_MS = 2000

export interface DebuggersOptions {
  readonly narrator: Narrator
  readonly sendToGateway: (message: MasterToGateway) => void
  /** Sends SIGINT to the worker. */
  readonly interrupt: (worker: WorkerHandle) => void
}

export class Debuggers {
  readonly #workers: () => Iterable<WorkerHandle>
  readonly #options: DebuggersOptions
  /** When a debugger last got Ctrl-C. */
  #interruptedAt = Number.NEGATIVE_INFINITY

  constructor(workers: () => Iterable<WorkerHandle>, options: DebuggersOptions) {
    this.#workers = workers
    this.#options = options
  }

  /** A debugger holds the worker now, or has let it go. */
  changed(worker: WorkerHandle): void {
    this.tell(worker)
    const { isDebugged } = worker
    this.#options.narrator.debugged(worker, isDebugged)
    const debugged = this.#debugged
    if (isDebugged && debugged.length > 1) this.#options.narrator.keyboardShared(debugged)
  }

  /** The gateway may be new. */
  tell({ id, isDebugged }: WorkerHandle): void {
    this.#options.sendToGateway({ type: 'worker-debugged', worker: id, isDebugged })
  }

  /** Ctrl-C; false: it is not for a debugger. */
  interrupt(): boolean {
    const now = performance.now()
    if (now - this.#interruptedAt < INTERRUPT_MS) return false
    const debugged = this.#debugged
    if (debugged.length === 0) return false
    for (const worker of debugged) this.#options.interrupt(worker)
    this.#interruptedAt = now
    return true
  }

  get #debugged(): WorkerHandle[] {
    return [...this.#workers()].filter(worker => worker.isDebugged)
  }
}
