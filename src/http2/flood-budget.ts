/**
 * A bound for what costs us more than it costs the client, and brings nothing forward: pings, settings, resets, empty frames, windows opened by a
 * few bytes. Each connection has an account. Who overdraws it gets GOAWAY with ENHANCE_YOUR_CALM (RFC9113§10.5). Runs in the gateway.
 *
 * The account fills up again with time, and with content that we send: who takes a large response must open windows for it.
 */
import { ConnectionError, ErrorCode } from './frames.ts'

/** What an event costs, in points. */
export const Cost = {
  /** PING, SETTINGS: each is answered. */
  ANSWERED: 2,
  /** PRIORITY, PRIORITY_UPDATE, WINDOW_UPDATE, an unknown frame, an empty one. */
  SMALL: 1,
  /**
   * A stream that ends before its response, because the client resets it or makes us do so: its request may have cost an application
   * something (CVE-2023-44487, CVE-2025-8671). A browser that leaves a page cancels a hundred at once.
   */
  CUT_STREAM: 10,
} as const

/** As much as may come at once: two hundred cut streams. */
const MOST = 2000
const POINTS_PER_SECOND = 500
/** Of content sent, for a point: windows are opened by more than this. */
const BYTES_PER_POINT = 2048

export class FloodBudget {
  #points = MOST
  #filledAt = performance.now()

  /** Throws ConnectionError when the account is overdrawn. `what`: in the plural, for the log. */
  spend(points: number, what: string): void {
    this.#points -= points
    if (this.#points >= 0) return
    this.#fill()
    if (this.#points < 0)
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, `There are too many ${what}`, 'RFC9113§10.5')
  }

  sent(bytes: number): void {
    this.#points = Math.min(MOST, this.#points + bytes / BYTES_PER_POINT)
  }

  #fill(): void {
    const now = performance.now()
    this.#points = Math.min(MOST, this.#points + ((now - this.#filledAt) / 1000) * POINTS_PER_SECOND)
    this.#filledAt = now
  }
}
