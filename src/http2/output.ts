/**
 * What one HTTP/2 connection writes: frames of one turn of the event loop are put together and leave in one write. Runs in the gateway.
 *
 * While the client takes nothing, frames wait here: heads, short responses, and answers to the client's frames. All other content waits in its
 * stream. A stream that has only a head is over with it, so the limit of streams bounds no heads: when much waits, `connection.ts` reads no more.
 *
 * Not here: which stream is written next (`scheduler.ts`).
 */
import type { MemoryBudget } from '../base/memory-budget.ts'
import { SpareBuffers } from '../base/spare-buffers.ts'
import type { Transport } from '../http/transport.ts'
import type { Flushable, Flusher } from '../protocols/flusher.ts'
import type { Pace } from '../protocols/pace.ts'

/** Four frames of content with their headers, and some heads. OpenSSL and the kernel take that at once. */
const BUFFER = 64 * 1024
/** Up to this the transport copies what is written, into memory that it uses again. */
const SMALL = 16 * 1024
/** While the client takes nothing, mostly heads and small frames come. */
const SMALL_BUFFER = 4096
/** When so much waits, no more is asked of the client, and content stays in its stream. A turn's responses of 10 KB on 32 streams are less. */
const MUCH = 512 * 1024
/** So much of one stream's content may stand ready for the next turns, while the kernel takes all. */
const AHEAD = 256 * 1024
/** 6 MiB. Connections that write in the same turn need one each, and more for large responses. */
const MAX_SPARES = 96
const NONE = Buffer.alloc(0)

/** For all connections. */
export function sendBuffers(memory: MemoryBudget): SpareBuffers {
  return new SpareBuffers(memory, BUFFER, MAX_SPARES, 'buffers for HTTP/2')
}

/** Bytes that wait, and the buffer that is free when they have left. */
interface Block {
  readonly bytes: Buffer
  readonly buffer: Buffer
}

export class Output {
  readonly #transport: Transport
  readonly #pace: Pace
  readonly #flusher: Flusher
  readonly #spares: SpareBuffers
  /** At the end of the turn, to fill it and to `write`. */
  readonly #owner: Flushable
  /** Frames are written here, from `at` on. Empty: there is none now. */
  buffer: Buffer = NONE
  at = 0
  /** Full buffers, and large blocks, in front of it. */
  #before: Block[] = []
  #beforeBytes = 0
  /** Buffers that the transport still reads, and of which it tells when it has read them (`drained`). */
  #lent: Buffer[] = []
  #isScheduled = false
  /** The client takes nothing more, until `drained`. */
  isBlocked = false

  constructor(transport: Transport, pace: Pace, flusher: Flusher, spares: SpareBuffers, owner: Flushable) {
    this.#transport = transport
    this.#pace = pace
    this.#flusher = flusher
    this.#spares = spares
    this.#owner = owner
  }

  /** Nothing waits to be written. */
  get isEmpty(): boolean {
    return this.at === 0 && this.#before.length === 0
  }

  /** A buffer is full. */
  get isLarge(): boolean {
    return this.#before.length > 0
  }

  get isMuch(): boolean {
    return this.#beforeBytes > MUCH
  }

  /** Content that comes now need not wait in its stream: it leaves in this turn. With TLS the transport takes the next write a little later. */
  get takesMore(): boolean {
    return !this.isBlocked || (this.#beforeBytes < AHEAD && this.#transport.pendingBytes === 0)
  }

  /** What waits for a client that takes nothing, for the memory budget. */
  get keptBytes(): number {
    return this.isBlocked ? this.#beforeBytes + this.buffer.length : 0
  }

  /** Makes room for so many bytes in `buffer`, at most one frame, and sees to it that they leave at the end of the turn. Returns where they go. */
  reserve(bytes: number): number {
    if (this.buffer.length - this.at < bytes) this.#nextBuffer(bytes)
    this.schedule()
    return this.at
  }

  /** A block that is written as it is, behind all that was put together. */
  add(bytes: Buffer): void {
    this.#closeBuffer()
    this.#push(bytes, NONE)
    this.schedule()
  }

  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#flusher.add(this)
  }

  #nextBuffer(bytes: number): void {
    this.#closeBuffer()
    if (this.isBlocked && bytes <= SMALL_BUFFER) this.buffer = Buffer.allocUnsafeSlow(SMALL_BUFFER)
    else this.buffer = this.#spares.take()
  }

  #push(bytes: Buffer, buffer: Buffer): void {
    this.#before.push({ bytes, buffer })
    this.#beforeBytes += bytes.length
  }

  #closeBuffer(): void {
    if (this.at > 0) this.#push(this.buffer.subarray(0, this.at), this.buffer)
    else this.#spares.giveBack(this.buffer)
    this.buffer = NONE
    this.at = 0
  }

  /** From the flusher, at the end of the turn. */
  flush(): void {
    this.#isScheduled = false
    this.#owner.flush()
  }

  /** What was put together leaves now. */
  write(): void {
    while (!this.isBlocked && this.#before.length > 0) {
      const { bytes, buffer } = this.#before.shift()!
      this.#beforeBytes -= bytes.length
      this.#send(bytes, buffer)
    }
    if (this.isBlocked || this.at === 0) return
    const { buffer, at } = this
    this.buffer = NONE
    this.at = 0
    if (at <= SMALL) this.#sendCopy(buffer.subarray(0, at), buffer)
    else this.#send(buffer.subarray(0, at), buffer)
  }

  #sendCopy(bytes: Buffer, buffer: Buffer): void {
    if (!this.#transport.writeJoined('', bytes)) this.#block()
    this.#spares.giveBack(buffer)
  }

  #send(bytes: Buffer, buffer: Buffer): void {
    const isTaken = this.#transport.write(bytes)
    if (!isTaken) this.#block()
    if (this.#transport.pendingBytes === 0) this.#spares.giveBack(buffer)
    // Else nobody tells when it has left: it is lost.
    else if (!isTaken) this.#lent.push(buffer)
  }

  #block(): void {
    this.isBlocked = true
    this.#pace.awaitTaking()
  }

  /** The same, whether the client takes it or not: the connection ends. */
  writeAll(): void {
    this.isBlocked = false
    this.#closeBuffer()
    for (const { bytes } of this.#before.splice(0)) this.#transport.write(bytes)
    this.#beforeBytes = 0
    this.isBlocked = true
  }

  /** From the connection: the client has taken all. */
  drained(): void {
    this.isBlocked = false
    this.#pace.allTaken()
    if (this.#lent.length === 0 || this.#transport.pendingBytes > 0) return
    for (const buffer of this.#lent.splice(0)) this.#spares.giveBack(buffer)
  }

  /** From the connection, when it has closed. */
  close(): void {
    this.#spares.giveBack(this.buffer)
    this.buffer = NONE
    this.at = 0
    this.#before = []
    this.#lent = []
    this.#beforeBytes = 0
    this.isBlocked = true
  }
}
