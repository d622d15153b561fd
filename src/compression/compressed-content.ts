/**
 * The content of one response on its way through an encoder. Runs in the gateway, in its event loop; the encoder works in the thread pool.
 *
 *     source ──▶ collected ──▶ whole and small: compressed within the call
 *                     │
 *                     └──▶ PieceEncoder, a piece at a time, flushed ──▶ client
 *
 * Invariants:
 * - What a source gives is on its way to the client before the source may be slow: an event stream stays live. All that has come while a
 *   piece is under way is the next piece.
 * - When a piece is collected the source is told to wait; one that cannot wait is counted in the memory budget. A slow client stops the
 *   encoder.
 * - The encoder is free when the exchange is over, whatever the end.
 *
 * Not here: which responses come here (`filter.ts`).
 */
import { ByteQueue } from '../base/byte-queue.ts'
import type { Coding } from '../http/accept-encoding.ts'
import type { ContentFilter, ContentOutput } from '../http/response-filter.ts'
import { compressWhole, MAX_WHOLE } from './codings.ts'
import type { Encoders, ResponseEncoder } from './encoders.ts'
import { PIECE } from './piece-encoder.ts'

export class CompressedContent implements ContentFilter {
  readonly #coding: Coding
  readonly #encoders: Encoders
  readonly #out: ContentOutput
  /** Bytes that the source has promised; -1: it has promised no length. */
  readonly #promised: number
  readonly #collected = new ByteQueue()
  #encoder: ResponseEncoder | null = null
  #start: NodeJS.Immediate | null = null
  /** A piece is under way. */
  #isWorking = false
  #isBlocked = false
  #isEnded = false
  #isClosed = false

  constructor(coding: Coding, promised: number, encoders: Encoders, out: ContentOutput) {
    this.#coding = coding
    this.#promised = promised
    this.#encoders = encoders
    this.#out = out
  }

  data(chunk: Buffer): void {
    this.#collected.push(chunk)
    if (this.#encoder !== null) this.#pump()
    else if (this.#collected.bytes > MAX_WHOLE) this.#open()
    // The rest may be here before this turn of the event loop is over.
    else this.#start ??= setImmediate(() => this.#live())
  }

  end(): void {
    this.#isEnded = true
    if (this.#encoder !== null) {
      this.#pump()
      return
    }
    this.#cancelStart()
    // A copy: what is written must stay as it is.
    this.#out.write(Buffer.from(compressWhole(this.#coding, this.#take(MAX_WHOLE))))
    this.#out.end()
  }

  onDrain(): void {
    this.#isBlocked = false
    this.#pump()
  }

  close(): void {
    this.#isClosed = true
    this.#cancelStart()
    this.#encoder?.close()
    this.#collected.drop(this.#collected.bytes)
  }

  #cancelStart(): void {
    if (this.#start !== null) clearImmediate(this.#start)
    this.#start = null
  }

  /** The source is slow: what has come must not wait for the rest. */
  #live(): void {
    this.#start = null
    if (this.#encoder !== null) return
    // All of it is small, and its length is known: where there is no room for an encoder it waits for its rest.
    if (this.#promised >= 0 && this.#promised <= MAX_WHOLE && !this.#encoders.hasRoom) return
    this.#open()
  }

  #open(): void {
    this.#cancelStart()
    this.#encoder = this.#encoders.open(this.#coding, () => {
      this.#out.abort(new Error('memory for buffers is short'))
    })
    this.#pump()
  }

  #pump(): void {
    const { encoder, hold } = this.#encoder!
    const isFree = !this.#isWorking && !this.#isBlocked && !this.#isClosed
    const piece = isFree && (this.#collected.bytes > 0 || this.#isEnded) ? this.#take(PIECE) : null
    if (this.#collected.bytes >= PIECE) this.#out.pause()
    hold(this.#collected.memory + (piece?.length ?? 0))
    if (piece === null) return
    const isLast = this.#isEnded && this.#collected.bytes === 0
    this.#isWorking = true
    encoder.next(piece, isLast).then(
      output => this.#worked(output, isLast),
      (error: Error) => this.#failed(error),
    )
    // The next piece comes while this one is under way.
    if (this.#collected.bytes < PIECE) this.#out.resume()
  }

  #worked(output: readonly Buffer[], isLast: boolean): void {
    this.#isWorking = false
    if (this.#isClosed) return
    let isTaken = true
    for (const chunk of output) isTaken = this.#out.write(chunk) && isTaken
    if (isLast) {
      this.#encoder!.close()
      this.#out.end()
      return
    }
    this.#isBlocked = !isTaken
    this.#pump()
  }

  #failed(error: Error): void {
    this.#isWorking = false
    if (!this.#isClosed) this.#out.abort(error)
  }

  #take(maximum: number): Buffer {
    return this.#collected.take(maximum) ?? NOTHING
  }
}

const NOTHING = Buffer.alloc(0)
