/**
 * How much content a client may send on one stream (RFC9113§5.2). Runs in the gateway. The window grows while somebody takes what comes, and not
 * otherwise. Not here: the content (`request-content.ts`).
 */
import type { MemoryBudget } from '../base/memory-budget.ts'
import { STREAM_WINDOW } from './settings.ts'

/** For content that is taken as fast as it comes: 512 KB fill a line of 100 Mbit/s over 40 ms. */
const UPLOAD_WINDOW = 512 * 1024

export class ReceiveWindow {
  readonly #memory: MemoryBudget
  /** Never larger: a WebSocket's content is taken, and kept elsewhere. */
  readonly #most: number
  /** What the client may still send. */
  #left = STREAM_WINDOW

  constructor(memory: MemoryBudget, isTunnel: boolean) {
    this.#memory = memory
    this.#most = isTunnel ? STREAM_WINDOW : UPLOAD_WINDOW
  }

  /** A frame with so many bytes, padding too. False: that is more than the window. */
  receive(bytes: number): boolean {
    this.#left -= bytes
    return this.#left >= 0
  }

  /** Everything so far is taken: by how much the window grows. `rest`: bytes of content to come; undefined: unknown. */
  growth(rest: number | undefined): number {
    // The client has the window for all of it, and a byte more: nghttp2 keeps END_STREAM to itself while the window is shut.
    if (rest !== undefined && rest < this.#left) return 0
    const most = this.#memory.isNear ? STREAM_WINDOW : this.#most
    const window = Math.max(STREAM_WINDOW, Math.min(most, rest === undefined ? most : rest + 1))
    // Half a window at least, so that it grows seldom.
    if (this.#left > window / 2) return 0
    const grown = window - this.#left
    this.#left = window
    return grown
  }
}
