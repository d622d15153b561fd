/**
 * The main thread's object for one thread: starts it, posts messages to it, and says when it has ended. Runs in the main thread of the gateway.
 *
 * Invariant: `died` is called exactly once, and nothing after it.
 */
import { extname, join } from 'node:path'
import { getHeapStatistics } from 'node:v8'
import { type MessagePort, Worker } from 'node:worker_threads'
import { busyStack } from './busy-stack.ts'
import type { MainToThread, ThreadStart, ThreadToMain } from './messages.ts'

export interface ThreadEvents {
  message(message: ThreadToMain): void
  /** `how`: for the log: the error with its stack, or why it was ended. */
  died(how: string): void
}

/** `.ts` in a checkout and `.js` when installed, as this file. */
const SCRIPT = join(import.meta.dirname, `thread${extname(import.meta.filename)}`)
/** A thread needs so much for its code and its connections. */
const LEAST_HEAP_MB = 64
const MB = 1024 * 1024

export class ThreadHandle {
  readonly index: number
  readonly startedAt: number = performance.now()
  /** When it could take connections first; null: not yet. */
  upSince: number | null = null
  readonly #events: ThreadEvents
  #worker!: Worker
  #whyEnded = 'it ended by itself'

  constructor(index: number, events: ThreadEvents) {
    this.index = index
    this.#events = events
  }

  /** Called once, before all else. */
  start(start: ThreadStart): void {
    const worker = new Worker(SCRIPT, {
      workerData: start,
      name: `gateway-${this.index + 1}`,
      resourceLimits: { maxOldGenerationSizeMb: heapLimit(start.count) },
    })
    this.#worker = worker
    worker.on('message', (message: ThreadToMain) => {
      if (message.type === 'up') this.upSince = performance.now()
      this.#events.message(message)
    })
    worker.on('error', error => {
      this.#whyEnded = error instanceof Error ? (error.stack ?? error.message) : String(error)
    })
    worker.on('exit', () => this.#events.died(this.#whyEnded))
  }

  post(message: MainToThread, transfer: readonly MessagePort[] = []): void {
    this.#worker.postMessage(message, [...transfer])
  }

  /** What it does at this moment; empty: nobody can tell. */
  stack(): Promise<string> {
    return busyStack(this.#worker.threadId)
  }

  /** Ends it wherever it is; `why` is for the log. */
  terminate(why: string): void {
    this.#whyEnded = why
    void this.#worker.terminate()
  }
}

/** For one of `count` threads, in MB. In a control group all heaps together have half of its memory: buffers are no part of a heap. */
function heapLimit(count: number): number {
  const own = getHeapStatistics().heap_size_limit / MB
  const group = process.constrainedMemory()
  // Without a limit it is 0, or more than any machine has.
  if (group === 0) return own
  return Math.max(LEAST_HEAP_MB, Math.min(own, Math.floor(group / 2 / count / MB)))
}
