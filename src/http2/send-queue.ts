/**
 * The content of one response that waits for the client's window and for the scheduler's turn. Runs in the gateway. Who writes hears when too much
 * waits. Not here: frames (`stream.ts`), which stream is next (`scheduler.ts`).
 */
import { BlockQueue } from '../base/block-queue.ts'
import type { MemoryBudget } from '../base/memory-budget.ts'
import { MAX_WINDOW } from './frames.ts'

/** More, and the writer has to wait. */
const HIGH_WATER = 64 * 1024
/** So much is left when the writer may go on; and its bound while memory is short. */
const LOW_WATER = 16 * 1024

export class SendQueue {
  /** What the client takes of this stream now. It may be negative (RFC9113§6.9.2). */
  window: number
  readonly #memory: MemoryBudget
  /** Made with the first content that does not leave at once. */
  #queue: BlockQueue | null = null
  /** Bytes that have left. */
  sentBytes = 0
  /** The writer has to wait. */
  isFull = false

  constructor(window: number, memory: MemoryBudget) {
    this.window = window
    this.#memory = memory
  }

  get bytes(): number {
    return this.#queue?.bytes ?? 0
  }

  get isEmpty(): boolean {
    return this.#queue === null || this.#queue.bytes === 0
  }

  /** What may leave now; not positive: nothing. */
  get sendable(): number {
    return Math.min(this.bytes, this.window)
  }

  /** There is content, and no window for it. */
  get isStalled(): boolean {
    return this.window <= 0 && !this.isEmpty
  }

  /** Owns `content`. */
  push(content: Buffer): void {
    this.#made.push(content)
    this.#look()
  }

  /** Copies `content`. */
  append(content: Buffer): void {
    this.#made.append(content)
    this.#look()
  }

  get #made(): BlockQueue {
    this.#queue ??= new BlockQueue(this.#memory)
    return this.#queue
  }

  #look(): void {
    this.isFull = this.bytes > (this.#memory.isNear ? LOW_WATER : HIGH_WATER)
  }

  /** `bytes` are about to leave, at most `sendable`: takes them off the window, and returns the queue from whose front they are taken. */
  take(bytes: number): BlockQueue {
    this.sent(bytes)
    return this.#made
  }

  /** They have left, from here or past it. */
  sent(bytes: number): void {
    this.window -= bytes
    this.sentBytes += bytes
  }

  /** The writer waits, and may go on. */
  get isRelieved(): boolean {
    return this.isFull && this.bytes <= LOW_WATER
  }

  /** False: the window is larger than windows may be. */
  grow(bytes: number): boolean {
    this.window += bytes
    return this.window <= MAX_WINDOW
  }

  clear(): void {
    this.#queue?.clear()
  }
}
