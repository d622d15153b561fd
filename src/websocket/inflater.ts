/**
 * Inflates the messages of one connection (RFC7692§7.2.2), one after the other, piece by piece. Runs in the gateway.
 *
 * Bound: zlib runs ahead of the consumer by READY bytes at most, so a small message that inflates to a large one (a zip bomb) does not
 * fill the memory. Each message is inflated by itself, because no context takeover is agreed on (`deflate.ts`).
 * Not here: limits and UTF-8 (`input.ts`).
 */
import type { InflateRaw } from 'node:zlib'
import type { ByteQueue } from '../base/byte-queue.ts'

/** The end of the last block, which the sender leaves out (RFC7692§7.2.1). */
const TRAILER = Buffer.from([0x00, 0x00, 0xff, 0xff])
const NOTHING = Buffer.alloc(0)
const CHUNK = 16 * 1024
/** A chunk may begin just below this mark. So a piece has 64 KiB at most. */
const HIGH_WATER = 48 * 1024
const READY = HIGH_WATER + CHUNK
/** Memory of zlib's state with a window of 4 KiB, and of the chunk that it writes to. */
const IDLE = 32 * 1024

export class Inflater {
  readonly #windowBits: number
  readonly #onReady: () => void
  #zlib: InflateRaw | null = null
  #message: ByteQueue | null = null
  #isTrailed = false
  /** zlib has taken the whole message. */
  #isUsedUp = false
  /** The last block has come. Bytes behind it are ignored, as `ws` and browsers do. */
  #isEnded = false
  error: Error | null = null

  /** `onReady`: after `take` returned null, call it again. */
  constructor(windowBits: number, onReady: () => void) {
    this.#windowBits = windowBits
    this.#onReady = onReady
  }

  /** A message is being inflated. */
  get isBusy(): boolean {
    return this.#message !== null
  }

  /** Bytes of memory that it uses. */
  get memory(): number {
    return this.#zlib === null ? 0 : this.#message === null ? IDLE : IDLE + READY
  }

  /** Starts with a compressed message. Bytes leave the queue as zlib takes them. */
  begin(message: ByteQueue): void {
    this.#message = message
    this.#isTrailed = this.#isUsedUp = false
    this.#zlib ??= this.#open()
    this.#feed()
  }

  /** The next piece. Null: not ready yet, or `error`. 'end': the message is complete, and the next one may begin. */
  take(): Buffer | 'end' | null {
    if (this.error !== null) return null
    const piece: Buffer | null = this.#zlib!.read()
    if (piece !== null) return piece
    if (!this.#isUsedUp) return null
    this.#message = null
    if (this.#isEnded) this.close()
    else this.#zlib!.reset()
    return 'end'
  }

  /** Frees the memory. The current message is lost. */
  close(): void {
    this.#zlib?.removeAllListeners().on('error', () => {})
    this.#zlib?.close()
    this.#zlib = this.#message = null
    this.#isEnded = false
  }

  #open(): InflateRaw {
    const options = { windowBits: this.#windowBits, chunkSize: CHUNK, readableHighWaterMark: HIGH_WATER }
    // A thread without such messages has no use for the module's memory.
    const { createInflateRaw } = process.getBuiltinModule('node:zlib')
    const zlib = createInflateRaw(options)
    this.#used = error => {
      if (!error && this.#zlib === zlib && this.#message !== null) this.#feed()
    }
    zlib.on('readable', this.#onReady)
    zlib.on('error', error => {
      this.error = error
      this.#onReady()
    })
    zlib.on('end', () => {
      this.#isUsedUp = this.#isEnded = true
      this.#onReady()
    })
    return zlib
  }

  /** Of the zlib that is open: one that was closed calls back later, when the next message has begun. */
  #used: (error?: Error | null) => void = () => {}

  #feed(): void {
    if (this.#isTrailed) {
      this.#isUsedUp = true
      this.#onReady()
      return
    }
    const message = this.#message!
    const data = message.take(CHUNK) ?? NOTHING
    this.#isTrailed = message.bytes === 0
    // Each write costs a turn of a thread. A short message needs one.
    this.#zlib!.write(this.#isTrailed ? Buffer.concat([data, TRAILER]) : data, this.#used)
  }
}
