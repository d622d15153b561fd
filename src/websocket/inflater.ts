/**
 * Inflates the messages of one connection (RFC7692§7.2.2), one after the other, a piece at a time: no more than is asked for and
 * what zlib has ready besides, READY bytes at most. Each message stands for itself, for no context takeover is agreed on.
 */
import { createInflateRaw, type InflateRaw } from 'node:zlib'
import type { ByteQueue } from '../base/byte-queue.ts'

/** A sender has left out the end of the last block (RFC7692§7.2.1). */
const TRAILER = Buffer.from([0x00, 0x00, 0xff, 0xff])
const NOTHING = Buffer.alloc(0)
const CHUNK = 16 * 1024
/** A chunk may begin below the mark: so a piece is 64 KiB at most. */
const HIGH_WATER = 48 * 1024
const READY = HIGH_WATER + CHUNK
/** zlib's state with a window of 4 KiB, and the chunk that it writes to. */
const IDLE = 32 * 1024

export class Inflater {
  readonly #windowBits: number
  readonly #onReady: () => void
  #zlib: InflateRaw | null = null
  #message: ByteQueue | null = null
  #isTrailed = false
  /** zlib has used all of the message up. */
  #isUsedUp = false
  /** The last block has come: what stands behind it is ignored, as ws and browsers do. */
  #isEnded = false
  error: Error | null = null

  /** `onReady`: `take` has something to say, after it returned null. */
  constructor(windowBits: number, onReady: () => void) {
    this.#windowBits = windowBits
    this.#onReady = onReady
  }

  /** A message is in hand. */
  get isBusy(): boolean {
    return this.#message !== null
  }

  /** What it takes of memory. */
  get memory(): number {
    return this.#zlib === null ? 0 : this.#message === null ? IDLE : IDLE + READY
  }

  /** Takes the message, compressed; bytes leave the queue as zlib takes them. */
  begin(message: ByteQueue): void {
    this.#message = message
    this.#isTrailed = this.#isUsedUp = false
    this.#zlib ??= this.#open()
    this.#feed()
  }

  /** The next piece; null: not yet, or an error; 'end': that was all, and the next message may begin. */
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

  /** Gives the memory back; what was in hand is lost. */
  close(): void {
    this.#zlib?.removeAllListeners().on('error', () => {})
    this.#zlib?.close()
    this.#zlib = this.#message = null
    this.#isEnded = false
  }

  #open(): InflateRaw {
    const options = { windowBits: this.#windowBits, chunkSize: CHUNK, readableHighWaterMark: HIGH_WATER }
    const zlib = createInflateRaw(options)
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

  readonly #used = (error?: Error | null): void => {
    if (error || this.#message === null) return
    this.#feed()
  }

  #feed(): void {
    if (this.#isTrailed) {
      this.#isUsedUp = true
      this.#onReady()
      return
    }
    const message = this.#message!
    const data = message.take(CHUNK) ?? NOTHING
    this.#isTrailed = message.bytes === 0
    // Each write is a turn of a thread: a short message has one.
    this.#zlib!.write(this.#isTrailed ? Buffer.concat([data, TRAILER]) : data, this.#used)
  }
}
