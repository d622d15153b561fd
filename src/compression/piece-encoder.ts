/**
 * One encoder that works in Node's thread pool, a piece at a time, in turn with all others (`base/pool-shares.ts`). Runs in the gateway.
 *
 * Invariants: one piece is under way at most. After `close` nothing is written, and the memory of the encoder is free when the pool has done
 * the piece that it may have begun.
 */
import type { PoolShares } from '../base/pool-shares.ts'
import type { Coding } from '../http/accept-encoding.ts'
import { createEncoder, type Effort, type Encoder } from './codings.ts'

/** What one job of the pool compresses: half a millisecond of gzip, a millisecond of brotli. So the next job waits no longer than that for its turn. */
export const PIECE = 64 * 1024

export class PieceEncoder {
  readonly #encoder: Encoder
  readonly #pool: PoolShares
  #output: Buffer[] = []
  /** Of the piece that is under way. */
  #settle: ((error: Error | null) => void) | null = null
  #isClosed = false

  /** `flushes`: each piece can be decoded when it has come. */
  constructor(pool: PoolShares, coding: Coding, effort: Effort, flushes: boolean) {
    this.#pool = pool
    this.#encoder = createEncoder(coding, effort, flushes)
    this.#encoder.on('data', (chunk: Buffer) => this.#output.push(chunk))
    this.#encoder.on('error', error => this.#settle?.(error))
    this.#encoder.on('end', () => this.#settle?.(null))
    // A write that is under way when the encoder is destroyed is not called back.
    this.#encoder.on('close', () => this.#settle?.(null))
  }

  /**
   * The bytes that come of it; rejects with PoolBusyError if too many wait. `piece`: PIECE bytes at most, must not change. Nothing comes after
   * the last one.
   */
  async next(piece: Buffer, isLast: boolean): Promise<readonly Buffer[]> {
    await this.#pool.run(() => this.#work(piece, isLast))
    const output = this.#output
    this.#output = []
    return output
  }

  #work(piece: Buffer, isLast: boolean): Promise<void> {
    // It was closed while it waited for its turn: nobody wants the result any more.
    if (this.#isClosed) return Promise.resolve()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#settle = error => {
      this.#settle = null
      if (error === null) resolve()
      else reject(error)
    }
    // The last one is over at 'end': what the encoder still has comes before it.
    if (isLast) this.#encoder.end(piece)
    else this.#encoder.write(piece, error => this.#settle?.(error ?? null))
    return promise
  }

  /** May be called again. */
  close(): void {
    this.#isClosed = true
    this.#encoder.destroy()
  }
}
