/**
 * The content of one request while it is collected, sent, and perhaps sent again to another worker. Runs in the gateway.
 *
 * Bounds: up to `limits.memoryBuffer` is in memory, the rest in a temporary file; while memory is short all of it goes into the file.
 * `limits.body` bounds the whole (`handlers/app.ts`).
 * Invariants: closed as soon as nobody can need it again, that is after the response head or with the end of the exchange. A buffer that the
 * reader's socket may still have is not used again.
 * Not here: content that is sent while it arrives (`live-body.ts`).
 */
import { BlockQueue } from '../../base/block-queue.ts'
import type { Account, MemoryBudget } from '../../base/memory-budget.ts'
import { TemporaryFile } from '../../base/temporary-file.ts'
import type { TemporarySpace } from '../../base/temporary-space.ts'
import { HttpError } from '../../http/errors.ts'

/** Content up to this travels inside the request's own frame (`inline`). */
export const MAX_INLINE_BODY = 64 * 1024
/** Bytes on their way to a disk that is slower than the client. Beyond it the client must wait. */
const MAX_PENDING = 1024 * 1024
const MAX_PENDING_NEAR = 64 * 1024
/** Bytes of one read of the file. */
const PIECE = 256 * 1024
/** V8 keeps joined texts as a tree of their parts until somebody reads them: content that comes byte by byte would take many times its size. */
const MAX_TEXTS = 64
const NOTHING = Buffer.alloc(0)

/** A socket. */
export interface PieceStream {
  /** Bytes that the kernel has not taken. */
  readonly writableLength: number
}

/** The content of a call, as its link reads it. */
export interface CallBody {
  /** Bytes of the whole; undefined: known only at the end. */
  readonly length: number | undefined
  /** All of it, a character for each byte, when it is small enough to travel inside the request's frame; else null. */
  readonly inline: string | null
  /** It is still arriving from the client. */
  readonly isLive: boolean
  /** It can be read from its beginning, so that it can be sent again. */
  readonly isAtHand: boolean
  /** The next piece from `position` on; an empty piece is the end. May call back at once, and never after `close`. */
  read(position: number, done: (error: Error | null, piece: Buffer) => void): void
  /** The pieces go into this stream as they are, until it is told of another one. So it shows when they are read no more. */
  goesTo(stream: PieceStream): void
  /** Nobody needs it any more. */
  close(): void
}

/** Seconds. Uploads take that long: a client that comes back sooner finds them still there. */
const RETRY_AFTER = 10

export function tooMuchStored(): HttpError {
  return new HttpError(503, 'Too much content is being stored (limit-temp-bytes)', 'operator', RETRY_AFTER)
}

function tooMuchInMemory(): HttpError {
  return new HttpError(503, 'Too much waits in memory (limit-memory)', 'operator', RETRY_AFTER)
}

export interface RequestBodyOptions {
  readonly space: TemporarySpace
  readonly memory: MemoryBudget
  /** Bytes of the whole content; undefined: not known. */
  readonly expected: number | undefined
  readonly memoryBytes: number
  /** There is room again after an `append` that returned false. */
  readonly onRoom: () => void
  /** The disk failed, or has no room (an HttpError). Called once, and nothing else after it. */
  readonly onError: (error: Error) => void
}

export class RequestBody implements CallBody {
  length = 0
  readonly isLive = false
  readonly isAtHand = true
  readonly #options: RequestBodyOptions
  /**
   * All of the content while it is short. Text lies among V8's youngest objects and costs nothing to free. Buffers count as memory outside
   * of the heap: with them, uploads of some kilobytes made V8 collect the whole heap six times a second.
   */
  #text = ''
  /** How often content was appended. */
  #pieces = 0
  readonly #collected: BlockQueue
  #isSealed = false
  #file: TemporaryFile | null = null
  /** The last piece of the file, for the next one. */
  #piece: Buffer = NOTHING
  /** Somebody was given pieces, and `#stream` has them; null: nobody knows where they are. */
  #isRead = false
  #stream: PieceStream | null = null
  #waiting = false
  /** Null for content that comes in one piece. */
  #account: Account | null = null
  #sealed: (() => void) | null = null

  constructor(options: RequestBodyOptions) {
    this.#options = options
    this.#collected = new BlockQueue(options.memory)
  }

  /** `chunk` is copied. False: wait for `onRoom`. */
  append(chunk: Buffer): boolean {
    this.length += chunk.length
    const mayGoOn = this.#keep(chunk)
    if (this.#account !== null || this.length !== this.#options.expected) this.#count()
    return mayGoOn
  }

  #keep(chunk: Buffer): boolean {
    // Once one of the bounds is exceeded, it stays exceeded.
    if (++this.#pieces <= MAX_TEXTS && this.length <= Math.min(MAX_INLINE_BODY, this.#options.memoryBytes)) {
      this.#text += chunk.toString('latin1')
      return true
    }
    if (this.#text !== '') {
      this.#collected.appendLatin1(this.#text)
      this.#text = ''
    }
    return this.#collect(chunk)
  }

  #collect(chunk: Buffer): boolean {
    const { space, memory, memoryBytes } = this.#options
    if (this.#file === null && !memory.isNear && this.#collected.bytes + chunk.length <= memoryBytes) {
      this.#collected.append(chunk)
      return true
    }
    if (this.#file === null ? !space.hasRoomFor(chunk.length) : !space.hasRoom) {
      this.close()
      this.#options.onError(tooMuchStored())
      return true
    }
    const file = this.#file ?? new TemporaryFile(space, memory, () => this.#progress())
    // What is in memory is the beginning of the content. Near the limit it goes into the file first.
    if (this.#file === null && memory.isNear) {
      for (const piece of this.#collected.front(Number.POSITIVE_INFINITY)) file.append(piece)
      this.#collected.clear()
    }
    this.#file = file
    file.append(chunk)
    this.#waiting = file.pendingBytes > this.#maxPending
    return !this.#waiting
  }

  /** The content is complete. Calls back once, when all of it is stored: at once if it is in memory. */
  seal(done: () => void): void {
    this.#isSealed = true
    this.#sealed = done
    // From now on the call needs the content, so it is not evicted. It is short, or most of it is in the file.
    this.#account?.pin()
    this.#progress()
  }

  /** After `seal`. */
  get inline(): string | null {
    if (!this.#isSealed || this.length > MAX_INLINE_BODY || this.#file !== null) return null
    if (this.#collected.bytes === 0) return this.#text
    return this.#collected
      .front(MAX_INLINE_BODY)
      .map(piece => piece.toString('latin1'))
      .join('')
  }

  /** After `seal`, and only if `inline` is null. */
  read(position: number, done: (error: Error | null, piece: Buffer) => void): void {
    const { bytes } = this.#collected
    if (position >= this.length) {
      done(null, NOTHING)
      return
    }
    this.#isRead = true
    if (position < bytes) {
      done(null, this.#collected.view(position))
      return
    }
    const size = Math.min(PIECE, this.length - position)
    if (this.#piece.length < size || !this.#isFree) this.#piece = Buffer.allocUnsafeSlow(size)
    const piece = this.#piece.subarray(0, size)
    this.#file!.read(position - bytes, [piece], (error, length) => done(error, piece.subarray(0, length)))
  }

  goesTo(stream: PieceStream): void {
    // Another stream may still have pieces.
    if (this.#isRead) this.#piece = NOTHING
    this.#stream = this.#isRead ? null : stream
  }

  /** Nobody has a piece of ours. */
  get #isFree(): boolean {
    return !this.#isRead || this.#stream?.writableLength === 0
  }

  close(): void {
    this.#sealed = null
    this.#text = ''
    if (this.#isFree) this.#collected.clear()
    else this.#collected.forget()
    this.#piece = NOTHING
    this.#file?.close()
    this.#file = null
    this.#account?.close()
  }

  get #maxPending(): number {
    return this.#options.memory.isNear ? MAX_PENDING_NEAR : MAX_PENDING
  }

  #count(): void {
    this.#account ??= this.#options.memory.open('a request was refused (503)', () => {
      this.close()
      this.#options.onError(tooMuchInMemory())
    })
    this.#account.set(this.#text.length + this.#collected.memory + (this.#file?.pendingMemory ?? 0))
  }

  #progress(): void {
    const file = this.#file
    if (file !== null && file.error !== null) {
      const { error } = file
      this.close()
      this.#options.onError(error)
      return
    }
    if (file !== null) this.#count()
    const pending = file === null ? 0 : file.pendingBytes
    if (this.#waiting && pending <= this.#maxPending) {
      this.#waiting = false
      this.#options.onRoom()
    }
    if (this.#sealed !== null && pending === 0) {
      const sealed = this.#sealed
      this.#sealed = null
      sealed()
    }
  }
}
