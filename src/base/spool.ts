/**
 * A queue of bytes between a fast writer and a slow reader: a worker's response and a slow client. Runs in the gateway.
 *
 *     memory, up to `memoryBytes` ─▶ temporary file, up to `totalBytes` ─▶ `isFull`: the writer must wait
 *
 * - While its owner is patient, no file is begun: it is full when memory is.
 * - Near the limit of all buffers' memory it uses the file at once, in small pieces, and is full sooner.
 * - Once everything in the file has been read, the file is written from its start again. So its size is bounded by what was written since
 *   then, not by what waits.
 * - When the file fails (a full disk), nothing is lost. Bytes that could not be written stay in memory. From then on only memory is used.
 * - While the space of all temporary files is used up, only memory is used, and the bytes in the file must be taken first.
 *
 * Invariants: the order of the bytes; nothing blocks; after `close` nothing is called back.
 */
import { BLOCK, BlockQueue, blocksOf } from './block-queue.ts'
import type { Account, MemoryBudget } from './memory-budget.ts'
import { TemporaryFile } from './temporary-file.ts'
import type { TemporarySpace } from './temporary-space.ts'

export interface SpoolOptions {
  readonly space: TemporarySpace
  readonly memory: MemoryBudget
  /** Bytes kept in memory before the file is used. */
  readonly memoryBytes: number
  /** Bytes kept in memory and file together before the spool is full. */
  readonly totalBytes: number
  /** `take` may have something now, or `isFull` may have become false. */
  readonly onChange: () => void
  /** The file cannot be written: only memory is used from now on. Called once. */
  readonly onFileError: (error: Error) => void
  /** Bytes are lost, and nothing more will come: the file cannot be read back, or the memory budget has evicted the spool. */
  readonly onLost: (error: Error) => void
}

/** Bytes on their way to a disk that is slower than the writer. Above this the spool is full. */
const MAX_PENDING = 4 * 1024 * 1024
/** Bytes of one read of the file. */
const READ_SIZE = 256 * 1024
/**
 * Near the memory limit nothing larger is read, tried or kept at once: thousands of clients may be slow at the same time, with one piece
 * each.
 */
export const SMALL_PIECE = 16 * 1024
const MAX_PENDING_NEAR = 256 * 1024

export class Spool {
  readonly #options: SpoolOptions
  readonly #memory: BlockQueue
  #file: TemporaryFile | null = null
  /** Position of the next read. The bytes from there to `file.written` wait. */
  #readPosition = 0
  #reading = false
  #failed = false
  #closed = false
  readonly #account: Account
  /** The reader may be about to take what is in memory. Set by the owner. */
  isPatient = false

  constructor(options: SpoolOptions) {
    this.#options = options
    this.#memory = new BlockQueue(options.memory)
    this.#account = options.memory.open('a response was cut', () => {
      this.close()
      options.onLost(new Error('the client is slow, and too much waits in memory (limit-memory)'))
    })
  }

  get isEmpty(): boolean {
    return this.#memory.bytes === 0 && !this.#fileInUse
  }

  /** The writer must wait for `onChange`. Bytes that it appends in spite of that are kept. */
  get isFull(): boolean {
    const memoryBytes = this.#memoryBytes
    if (!this.#mayUseFile) {
      return this.#memory.bytes + (this.#file?.pendingBytes ?? 0) >= memoryBytes
    }
    const file = this.#file
    if (!this.#hasSpace) return this.#fileInUse || this.#memory.bytes >= memoryBytes
    if (file === null) return false
    return (
      file.pendingBytes > (this.#options.memory.isNear ? MAX_PENDING_NEAR : MAX_PENDING) ||
      this.#memory.bytes + file.written + file.pendingBytes >= this.#options.totalBytes
    )
  }

  get #mayUseFile(): boolean {
    const { totalBytes, memoryBytes, memory } = this.#options
    const isPatient = this.isPatient && this.#file === null && !memory.isNear
    return !this.#failed && !isPatient && totalBytes > memoryBytes
  }

  /** Copies `chunk`. */
  append(chunk: Buffer): void {
    const fits = this.#memory.bytes + chunk.length <= this.#memoryBytes
    if (!this.#fileInUse && (fits || !this.#mayUseFile || !this.#hasSpace)) {
      this.#memory.append(chunk)
      this.#count()
      return
    }
    this.#file ??= new TemporaryFile(this.#options.space, this.#options.memory, () => this.#fileChanged())
    this.#file.append(chunk)
    this.#count()
  }

  /** Gives the next bytes to `use`: a view that is valid within the call. False: they are still on the disk (`onChange` follows), or there are none. */
  take(use: (content: Buffer) => void): boolean {
    const most = this.#options.memory.isNear ? SMALL_PIECE : Number.POSITIVE_INFINITY
    if (this.#memory.take(most, use)) {
      this.#count()
      return true
    }
    const file = this.#file
    if (file !== null && !this.#reading && this.#readPosition < file.written) this.#read(file)
    return false
  }

  close(): void {
    this.#closed = true
    this.#memory.clear()
    this.#file?.close()
    this.#file = null
    this.#account.close()
  }

  #count(): void {
    this.#account.set(this.#memory.memory + (this.#file?.pendingMemory ?? 0))
  }

  get #memoryBytes(): number {
    // 1, not 0: an empty spool must not be full.
    return this.#options.memory.isNear ? 1 : this.#options.memoryBytes
  }

  get #hasSpace(): boolean {
    const { space } = this.#options
    return this.#file === null ? space.hasRoomFor(1) : space.hasRoom
  }

  /** Keeps the order: while the file has bytes, all new bytes go to the file. */
  get #fileInUse(): boolean {
    const file = this.#file
    return file !== null && (this.#reading || file.pendingBytes > 0 || this.#readPosition < file.written)
  }

  #read(file: TemporaryFile): void {
    this.#reading = true
    const { memory } = this.#options
    const size = Math.min(memory.isNear ? SMALL_PIECE : READ_SIZE, file.written - this.#readPosition)
    const blocks = blocksOf(memory)
    const taken = Array.from({ length: Math.ceil(size / BLOCK) }, () => blocks.take())
    const last = taken.length - 1
    const target = taken.map((block, i) => (i === last ? block.subarray(0, size - last * BLOCK) : block))
    file.read(this.#readPosition, target, (error, length) => {
      this.#reading = false
      if (error !== null) {
        this.#options.onLost(error)
        return
      }
      this.#readPosition += length
      this.#memory.pushBlocks(taken, length)
      this.#fileChanged()
    })
  }

  #fileChanged(): void {
    const file = this.#file
    if (file === null) return
    if (this.#readPosition === file.written && !this.#reading) {
      if (file.error !== null) this.#abandonFile(file)
      else if (file.pendingBytes === 0) this.#rewind(file)
    }
    if (file.error !== null && !this.#failed) {
      this.#failed = true
      this.#options.onFileError(file.error)
    }
    this.#count()
    if (!this.#closed) this.#options.onChange()
  }

  #rewind(file: TemporaryFile): void {
    file.rewind()
    this.#readPosition = 0
  }

  /** Everything on the disk has been read. The rest never left memory. */
  #abandonFile(file: TemporaryFile): void {
    for (const piece of file.pending) this.#memory.append(piece)
    file.close()
    this.#file = null
    this.#readPosition = 0
  }
}
