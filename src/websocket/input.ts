/**
 * From bytes to messages, in order. The consumer may pause anywhere, also within a message, which it gets in pieces. Sans-IO but for
 * zlib. Runs in the gateway.
 *
 * A message is kept as it came, compressed, until it is complete. Then it is inflated and delivered, as far as the consumer takes it.
 *
 * Invariants: cutting the bytes differently changes nothing that is delivered. A client can make us hold what it has sent and 64 KiB
 * more; an account of the memory budget counts it as soon as something stays behind after a read.
 * Not here: frames (`frames.ts`), what an event leads to (`connection.ts`).
 */
import { ByteQueue } from '../base/byte-queue.ts'
import type { Account, MemoryBudget } from '../base/memory-budget.ts'
import { MAX_PIECE } from '../http/websocket.ts'
import { FrameReader, type FrameSink, tooLong } from './frames.ts'
import { Inflater } from './inflater.ts'
import { MessageError } from './message-error.ts'
import { Utf8Check } from './utf8.ts'

/** Bytes that wait behind a message that is being inflated. Above this mark the stream should pause. */
const MAX_WAITING = 64 * 1024
const NOTHING = Buffer.alloc(0)

export interface InputSink {
  /** At most MAX_PIECE bytes of a message. `more`: another piece of it follows. */
  onMessage(data: Buffer, isText: boolean, more: boolean): void
  onPing(data: Buffer): void
  /** A close frame; `code` 1005: it has none. Nothing follows. */
  onCloseFrame(code: number, reason: string): void
  /** The client broke a rule: close with `code`. Nothing follows. */
  onInvalid(code: number, reason: string): void
  /** Everything was read, and the client has ended. Nothing follows. */
  onInputEnd(): void
  /** `isFull` has become false because zlib went on: the stream may read again. */
  onRoom(): void
  /** The memory budget is exceeded: the bytes that are kept here must go. */
  onEvicted(): void
}

export interface InputOptions {
  readonly maxMessage: number
  /** Window of the client's compression; null: no compression is agreed on. */
  readonly windowBits: number | null
  readonly memory: MemoryBudget
}

export class FrameInput implements FrameSink {
  readonly #sink: InputSink
  readonly #options: InputOptions
  readonly #reader: FrameReader
  /** Bytes that are not read yet. During `push` they are the transport's, from `#position` on. */
  #borrowed: Buffer | null = null
  /** Bytes that are not read yet, copied. */
  readonly #waiting = new ByteQueue()
  #position = 0
  /** The current message, as it came. */
  readonly #message = new ByteQueue()
  /** The current message is complete and is being delivered. */
  #isDelivering = false
  #isText = false
  #isCompressed = false
  readonly #utf8 = new Utf8Check()
  #inflater: Inflater | null = null
  #inflatedBytes = 0
  /** The newest inflated piece. It is kept until we know whether it is the last of its message. */
  #inflated: Buffer | null = null
  #account: Account | null = null
  #running = false
  #ended = false
  #over = false
  #muted = false
  isPaused = false

  constructor(sink: InputSink, options: InputOptions) {
    this.#sink = sink
    this.#options = options
    this.#reader = new FrameReader(this, options.maxMessage, options.windowBits !== null)
  }

  /** The stream should stop reading. */
  get isFull(): boolean {
    return this.isPaused || this.#waiting.bytes > MAX_WAITING
  }

  /** `chunk` is valid during the call only: bytes that stay are copied. */
  push(chunk: Buffer): void {
    if (this.#over || this.#ended) return
    if (this.#running || this.#waiting.bytes > 0) {
      this.#keep(chunk)
    } else {
      this.#borrowed = chunk
      this.#position = 0
      this.run()
      const rest = this.#borrowed as Buffer | null
      this.#borrowed = null
      if (rest !== null && !this.#over) {
        this.#keep(rest.subarray(this.#position))
      }
    }
    this.#settle()
  }

  /** As `push`, for bytes that we own already. Nothing is delivered before the next call. */
  put(bytes: Buffer): void {
    if (bytes.length > 0) this.#waiting.push(bytes)
  }

  /** Nothing more will be pushed. */
  end(): void {
    this.#ended = true
    this.run()
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
    this.run()
  }

  /** From now on messages are thrown away. The close frame is still read. */
  mute(): void {
    this.#muted = true
    this.#drop()
    this.resume()
  }

  /** Nothing more is read or delivered. */
  stop(): void {
    this.#over = true
    this.#waiting.clear()
    this.#borrowed = null
    this.#drop()
    this.#account?.close()
  }

  /** Frees the memory for inflating, unless it is in use. */
  release(): void {
    if (this.#inflater === null || this.#inflater.isBusy) return
    this.#closeInflater()
    this.#settle()
  }

  /** Reads and delivers what is there. One loop, never nested: the consumer may pause, resume or stop from within an event. */
  run(): void {
    if (this.#running) return
    this.#running = true
    try {
      while (!this.isPaused && !this.#over) if (!(this.#isDelivering ? this.#deliver() : this.#read())) break
    } catch (error) {
      if (!(error instanceof MessageError)) throw error
      this.stop()
      this.#sink.onInvalid(error.code, error.message)
    } finally {
      this.#running = false
    }
    this.#settle()
    const isIdle = !this.#isDelivering && this.#waiting.bytes === 0 && this.#borrowed === null
    if (this.#ended && !this.#over && !this.isPaused && isIdle) {
      this.stop()
      this.#sink.onInputEnd()
    }
  }

  // -- from bytes

  /** False: there are no bytes. */
  #read(): boolean {
    if (this.#borrowed !== null) {
      const chunk = this.#borrowed
      this.#position = this.#reader.read(chunk, this.#position)
      if (this.#position === chunk.length) this.#borrowed = null
      return true
    }
    const { first } = this.#waiting
    if (first === undefined) return false
    const at = this.#reader.read(first, 0)
    if (!this.#over) this.#waiting.drop(at)
    return true
  }

  #keep(bytes: Buffer): void {
    const copy = Buffer.allocUnsafeSlow(bytes.length)
    bytes.copy(copy)
    this.put(copy)
  }

  // -- from the reader

  onPayload(data: Buffer, isText: boolean, isCompressed: boolean): void {
    if (isText && !isCompressed && !this.#utf8.push(data)) throw noUtf8()
    if (!this.#muted) this.#message.push(data)
  }

  onMessageEnd(isText: boolean, isCompressed: boolean): void {
    if (isText && !isCompressed && !this.#utf8.end()) throw noUtf8()
    this.#isDelivering = !this.#muted
    this.#isText = isText
    this.#isCompressed = isCompressed
  }

  onPing(data: Buffer): void {
    this.#sink.onPing(data)
  }

  onCloseFrame(code: number, reason: string): void {
    this.stop()
    this.#sink.onCloseFrame(code, reason)
  }

  // -- to the consumer

  /** Delivers the next piece. False: zlib has to make it first. */
  #deliver(): boolean {
    if (this.#isCompressed) return this.#deliverInflated(this.#isText)
    const data = this.#message.take(MAX_PIECE) ?? NOTHING
    const more = this.#message.bytes > 0
    this.#isDelivering = more
    this.#sink.onMessage(data, this.#isText, more)
    return true
  }

  #deliverInflated(isText: boolean): boolean {
    this.#inflater ??= new Inflater(this.#options.windowBits!, () => this.#ready())
    const inflater = this.#inflater
    if (!inflater.isBusy) {
      this.#inflatedBytes = 0
      inflater.begin(this.#message)
    }
    const piece = inflater.take()
    if (inflater.error !== null) throw new MessageError(1007, 'a compressed message is malformed (RFC7692§7.2.2)')
    if (piece === null) return false
    const before = this.#inflated
    if (piece === 'end') {
      this.#inflated = null
      this.#isDelivering = false
      if (isText && !this.#utf8.end()) throw noUtf8()
      if (this.#options.memory.isNear) this.#closeInflater()
      this.#sink.onMessage(before ?? NOTHING, isText, false)
      return true
    }
    this.#inflatedBytes += piece.length
    if (this.#inflatedBytes > this.#options.maxMessage) throw tooLong(this.#options.maxMessage)
    if (isText && !this.#utf8.push(piece)) throw noUtf8()
    this.#inflated = piece
    if (before !== null) this.#sink.onMessage(before, isText, true)
    return true
  }

  /** Called by zlib. */
  #ready(): void {
    if (this.#over || this.#running) return
    const wasFull = this.isFull
    this.run()
    if (wasFull && !this.isFull) this.#sink.onRoom()
  }

  // -- memory

  /** Forgets the current message, and what of it was not delivered yet. */
  #drop(): void {
    this.#message.clear()
    this.#isDelivering = false
    this.#inflated = null
    this.#closeInflater()
  }

  #closeInflater(): void {
    this.#inflater?.close()
    this.#inflater = null
  }

  #settle(): void {
    const held =
      memoryOf(this.#message) + memoryOf(this.#waiting) + (this.#inflater?.memory ?? 0) + (this.#inflated?.length ?? 0)
    if (this.#account !== null) {
      this.#account.set(held)
    } else if (held > 0 && !this.#over) {
      this.#account = this.#options.memory.open('a WebSocket was closed (1013)', () => this.#sink.onEvicted())
      this.#account.set(held)
    }
  }
}

function memoryOf(queue: ByteQueue): number {
  return queue.bytes === 0 ? 0 : queue.memory
}

function noUtf8(): MessageError {
  return new MessageError(1007, 'a text is not UTF-8 (RFC6455§8.1)')
}
