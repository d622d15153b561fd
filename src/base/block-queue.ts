/**
 * Bytes in order, kept in blocks that are used again. Runs in the gateway, for what a peer has not taken or not completely sent.
 *
 * What comes is copied, so it may be a view of a shared buffer. Much goes into blocks of 64 KiB (`blocksOf`); little, so that a stream of
 * single bytes costs about its own size, into small buffers that are nobody else's.
 *
 * Invariants: a block is in one queue, or is spare, never both. It is given back when its last byte was dropped. A view of it that was handed
 * out (`first`, `front`, `view`) is valid until its bytes are dropped: who still needs one then calls `forget` instead, and the block is lost.
 * Not here: a bound. The owner looks at `bytes` and stops writing.
 */
import type { MemoryBudget } from './memory-budget.ts'
import { SpareBuffers } from './spare-buffers.ts'

export const BLOCK: number = 64 * 1024
/** 32 MiB: the content of 32 uploads that wait for a worker. */
const MAX_SPARES = 512
/** And no more than this part of all memory: spare blocks alone must not make it short. */
const SPARE_SHARE = 1 / 16
/** Where less waits and less comes, no block is taken. The first bytes get a buffer of their own size, the next ones one of this size. */
const SMALL_BUFFER = 16 * 1024
/** Bytes of memory that the objects for a buffer cost. */
const PIECE_COST = 200

const pools = new WeakMap<MemoryBudget, SpareBuffers>()

/** The blocks of all owners that have this budget. */
export function blocksOf(memory: MemoryBudget): SpareBuffers {
  let blocks = pools.get(memory)
  if (blocks === undefined) {
    const most = Math.min(MAX_SPARES, Math.floor((memory.limit * SPARE_SHARE) / BLOCK))
    blocks = new SpareBuffers(memory, BLOCK, most, 'buffers for content')
    pools.set(memory, blocks)
  }
  return blocks
}

interface Piece {
  readonly buffer: Buffer
  /** It goes back to the spare ones. */
  readonly isBlock: boolean
  start: number
  end: number
}

export class BlockQueue {
  bytes = 0
  /** Of the buffers and the objects for them. */
  memory = 0
  readonly #budget: MemoryBudget
  #spares: SpareBuffers | null = null
  #pieces: Piece[] = []

  constructor(memory: MemoryBudget) {
    this.#budget = memory
  }

  /** Most queues need none. */
  get #blocks(): SpareBuffers {
    this.#spares ??= blocksOf(this.#budget)
    return this.#spares
  }

  /** Copies `chunk`. */
  append(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const last = this.#withRoom(chunk.length - at)
      const copied = chunk.copy(last.buffer, last.end, at)
      last.end += copied
      at += copied
      this.bytes += copied
    }
  }

  /** A byte for each character of `text`. */
  appendLatin1(text: string): void {
    if (text.length <= SMALL_BUFFER || text.length > BLOCK) {
      this.append(Buffer.from(text, 'latin1'))
      return
    }
    const piece = this.#add(this.#blocks.take(), true, 0)
    piece.end = piece.buffer.write(text, 0, 'latin1')
    this.bytes += piece.end
  }

  /** Owns `buffer`, which is not copied and belongs to nobody else. */
  push(buffer: Buffer): void {
    this.#add(buffer, false, buffer.length)
    this.bytes += buffer.length
  }

  /** Owns blocks of `blocksOf`, the first `bytes` bytes of them in all. */
  pushBlocks(blocks: readonly Buffer[], bytes: number): void {
    let left = bytes
    for (const block of blocks) {
      const end = Math.min(left, BLOCK)
      if (end === 0) this.#blocks.giveBack(block)
      else this.#add(block, true, end)
      left -= end
    }
    this.bytes += bytes
  }

  #withRoom(wanted: number): Piece {
    const last = this.#pieces[this.#pieces.length - 1]
    if (last !== undefined && last.end < last.buffer.length) return last
    if (wanted > SMALL_BUFFER || this.bytes >= SMALL_BUFFER) return this.#add(this.#blocks.take(), true, 0)
    return this.#add(Buffer.allocUnsafeSlow(last === undefined ? wanted : SMALL_BUFFER), false, 0)
  }

  #add(buffer: Buffer, isBlock: boolean, end: number): Piece {
    const piece = { buffer, isBlock, start: 0, end }
    this.#pieces.push(piece)
    this.memory += buffer.length + PIECE_COST
    return piece
  }

  /** The bytes of the first buffer. */
  get first(): Buffer | undefined {
    const piece = this.#pieces[0]
    return piece === undefined ? undefined : piece.buffer.subarray(piece.start, piece.end)
  }

  /** The bytes of the buffers at the front, at most `maximum` in all; at least those of the first one. */
  front(maximum: number): Buffer[] {
    const found: Buffer[] = []
    let bytes = 0
    for (const { buffer, start, end } of this.#pieces) {
      bytes += end - start
      if (found.length > 0 && bytes > maximum) break
      found.push(buffer.subarray(start, end))
    }
    return found
  }

  /** The bytes from `position` on that are in one buffer. `position` is less than `bytes`. */
  view(position: number): Buffer {
    let at = position
    for (const { buffer, start, end } of this.#pieces) {
      if (at < end - start) return buffer.subarray(start + at, end)
      at -= end - start
    }
    throw new RangeError(`there is no byte ${position} of ${this.bytes}`)
  }

  /** Copies the first `maximum` bytes into `target`, from `at` on, and drops them. Returns how many they were. */
  moveTo(target: Buffer, at: number, maximum: number): number {
    const wanted = Math.min(maximum, this.bytes)
    for (let moved = 0; moved < wanted; ) {
      const { buffer, start, end } = this.#pieces[0]!
      const bytes = Math.min(end - start, wanted - moved)
      buffer.copy(target, at + moved, start, start + bytes)
      this.drop(bytes)
      moved += bytes
    }
    return wanted
  }

  /**
   * Removes the bytes of the first buffer, at most `maximum` of them, and gives them to `use`: a view that is valid within the call. The queue
   * may be used within it, too. False: there are none.
   */
  take(maximum: number, use: (bytes: Buffer) => void): boolean {
    const piece = this.#pieces[0]
    if (piece === undefined) return false
    const { buffer, start, end } = piece
    if (end - start > maximum) {
      // What is left of the block may be dropped within the call, and the block be used by another one.
      const copy = Buffer.from(buffer.subarray(start, start + maximum))
      this.drop(maximum)
      use(copy)
      return true
    }
    this.#pieces.shift()
    this.bytes -= end - start
    try {
      use(buffer.subarray(start, end))
    } finally {
      this.#free(piece)
    }
    return true
  }

  /** Removes `length` bytes from the front. */
  drop(length: number): void {
    this.bytes -= length
    let left = length
    let whole = 0
    for (const piece of this.#pieces) {
      const bytes = piece.end - piece.start
      if (left < bytes) {
        piece.start += left
        break
      }
      left -= bytes
      whole++
      this.#free(piece)
    }
    if (whole > 0) this.#pieces.splice(0, whole)
  }

  clear(): void {
    for (const piece of this.#pieces) this.#free(piece)
    this.forget()
  }

  /** The same where somebody may still read what was handed out: no block is used again. */
  forget(): void {
    this.#pieces = []
    this.bytes = this.memory = 0
  }

  #free({ buffer, isBlock }: Piece): void {
    // Not below 0: `forget` may come within `take`.
    this.memory = Math.max(0, this.memory - buffer.length - PIECE_COST)
    if (isBlock) this.#blocks.giveBack(buffer)
  }
}
