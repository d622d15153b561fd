/**
 * Finds threads whose event loop does not turn any more, names them in the log with what they do, and ends them. Runs in the main thread of the
 * gateway.
 *
 * A thread that hangs serves nobody, and holds its connections and slots. It is ended by `terminate`, which stops JavaScript wherever it is, and
 * another takes its place. A thread that has not ended soon after hangs in one native call: only the end of the process ends it.
 *
 * Not here: why a thread has ended (`thread-handle.ts`), and where its stack comes from (`busy-stack.ts`).
 */

/** How often threads are looked at. */
const LOOK_MS = 1000

export interface WatchedThread {
  /** For the log: `thread 2 of the gateway`. */
  readonly name: string
  /** For how long its event loop has not turned, in milliseconds. A thread that still starts turns. */
  stillFor(): number
  /** What it does, one line for each function; empty: nobody can tell. */
  stack(): Promise<string>
  /** `why`: for the log. */
  terminate(why: string): void
}

export interface WatchdogOptions {
  /** A thread that has not turned for so long hangs. Nothing that a request does takes as long. */
  readonly hangsAfterMs: number
  /** So long after `terminate` the thread has not ended: the process ends. */
  readonly endsWithinMs: number
  readonly log: (level: 'error', message: string) => void
  /** Ends the process, with a line for the master's log, though a thread does not end. */
  readonly die: (reason: string) => void
}

export const WATCHDOG_TIMES = { hangsAfterMs: 10_000, endsWithinMs: 2000 } as const

export class Watchdog {
  readonly #options: WatchdogOptions
  readonly #threads = new Set<WatchedThread>()
  /** Those that are being ended. */
  readonly #hanging = new Set<WatchedThread>()
  #lookedAt: number

  constructor(options: WatchdogOptions, lookMs = LOOK_MS) {
    this.#options = options
    this.#lookedAt = performance.now()
    setInterval(() => this.#look(lookMs), lookMs).unref()
  }

  /** From now on. */
  watch(thread: WatchedThread): void {
    this.#threads.add(thread)
  }

  /** The thread has ended. */
  ended(thread: WatchedThread): void {
    this.#threads.delete(thread)
    this.#hanging.delete(thread)
  }

  #look(lookMs: number): void {
    const now = performance.now()
    const late = now - this.#lookedAt > 2 * lookMs
    this.#lookedAt = now
    // The whole process, or the machine, has stood still: the threads must have time to turn before they are judged.
    if (late) return
    for (const thread of this.#threads)
      if (!this.#hanging.has(thread) && thread.stillFor() > this.#options.hangsAfterMs) void this.#end(thread)
  }

  async #end(thread: WatchedThread): Promise<void> {
    this.#hanging.add(thread)
    const { log, die, hangsAfterMs, endsWithinMs } = this.#options
    const seconds = hangsAfterMs / 1000
    const stack = await thread.stack()
    if (!this.#hanging.has(thread)) return
    const what =
      stack === '' ? 'it does not tell what it does: it is within one native call' : `it does this:\n${stack}`
    log('error', `${thread.name} has not turned for ${seconds} s and is ended; ${what}`)
    thread.terminate(`it had not turned for ${seconds} s`)
    setTimeout(() => {
      if (this.#hanging.has(thread))
        die(`${thread.name} has not turned for ${seconds} s and cannot be ended: the gateway ends`)
    }, endsWithinMs).unref()
  }
}
