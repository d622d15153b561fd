/**
 * The content of one request while it arrives: given to its worker piece by piece, as the worker takes it, and never kept. The
 * client is read only while a piece is waited for. Runs in the gateway.
 *
 * Invariants: one `read` at a time, in order. At most what the protocol had already read is held. `onFailed` is called at
 * most once, and nothing is called after it or after `close`. The content cannot be sent twice, so a call whose content has begun to flow
 * is not retried.
 * Not here: content that is complete before it is sent (`body.ts`).
 */
import type { Account, MemoryBudget } from '../../base/memory-budget.ts'
import type { BodyReader } from '../../http/exchange.ts'
import type { CallBody } from './body.ts'

const NOTHING = Buffer.alloc(0)

export class LiveBody implements CallBody {
  readonly length: number | undefined
  readonly inline = null
  readonly isLive = true
  /** The client left, broke the framing, or was too slow. Set by the pool before the first read. */
  onFailed: (error: Error) => void = () => {}
  /** All of it has come. Set before the first read. */
  onComplete: () => void = () => {}
  readonly #source: BodyReader
  #waiting: ((error: Error | null, piece: Buffer) => void) | null = null
  #held: Buffer[] = []
  #heldBytes = 0
  readonly #memory: MemoryBudget
  /** Counts what is held. That is never more than one read, so it cannot be evicted. Opened when something is held. */
  #account: Account | null = null
  #isPulled = false
  #isDelivering = false
  #isComplete = false
  #isClosed = false

  constructor(source: BodyReader, memory: MemoryBudget) {
    this.#memory = memory
    this.#source = source
    this.length = source.length
  }

  get isAtHand(): boolean {
    return !this.#isPulled
  }

  read(_position: number, done: (error: Error | null, piece: Buffer) => void): void {
    const piece = this.#takeHeld() ?? (this.#isComplete ? NOTHING : null)
    if (piece !== null) {
      done(null, piece)
      return
    }
    this.#waiting = done
    if (!this.#isPulled) this.#pull()
    // Within `onData` its return value resumes the source.
    else if (!this.#isDelivering) this.#source.resume()
  }

  /** Each piece is a buffer of its own. */
  goesTo(): void {}

  close(): void {
    this.#isClosed = true
    this.#waiting = null
    this.#held = []
    this.#account?.close()
  }

  #hold(piece: Buffer): void {
    this.#held.push(piece)
    this.#account ??= this.#memory.open('', null)
    this.#count(piece.length)
  }

  #takeHeld(): Buffer | undefined {
    const piece = this.#held.shift()
    if (piece !== undefined) this.#count(-piece.length)
    return piece
  }

  #count(change: number): void {
    this.#heldBytes += change
    this.#account!.set(this.#heldBytes)
  }

  #pull(): void {
    this.#isPulled = true
    this.#source.pull({
      onData: chunk => {
        // The protocol throws the rest away once the response is there.
        if (this.#isClosed) return false
        this.#isDelivering = true
        const piece = Buffer.from(chunk)
        if (this.#waiting === null) this.#hold(piece)
        else this.#give(piece)
        this.#isDelivering = false
        return this.#waiting !== null
      },
      onEnd: () => {
        this.#isComplete = true
        this.onComplete()
        if (this.#waiting !== null) this.#give(NOTHING)
      },
      onError: error => {
        const isClosed = this.#isClosed
        this.close()
        if (!isClosed) this.onFailed(error)
      },
    })
  }

  #give(piece: Buffer): void {
    const done = this.#waiting!
    this.#waiting = null
    done(null, piece)
  }
}
