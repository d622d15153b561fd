/**
 * A bound for what costs us more than it costs the client, and brings nothing forward: pings, settings, resets, empty frames, windows opened by a
 * few bytes. Each connection has an account. Who overdraws it gets GOAWAY with ENHANCE_YOUR_CALM (RFC9113§10.5). Runs in the gateway.
 *
 * The account fills up again with time, with content that we send, and with each response that is complete: a proxy in front carries the
 * requests of many clients, some of whom leave. Windows have an allowance of their own, from the content that we have sent: who takes a
 * large response in a small window must open it often.
 *
 * Not here: what costs no more than its bytes, such as DATA for a stream that we have reset.
 */
import { ConnectionError, ErrorCode } from './frames.ts'

/** What an event costs, in points. */
export const Cost = {
  /** PING, SETTINGS: each is answered. So is a stream above the limit, whose request nobody sees. */
  ANSWERED: 2,
  /**
   * PRIORITY, PRIORITY_UPDATE, WINDOW_UPDATE, an unknown frame, an empty one. And each response whose window SETTINGS change: a hundred of them are
   * woken by one frame.
   */
  SMALL: 1,
  /**
   * A stream that ends before its response, because the client resets it (rapid reset, CVE-2023-44487) or makes us do so by a mistake
   * (MadeYouReset, CVE-2025-8671): its request may have cost an application something. A browser that leaves a page cancels a hundred at once, and does so again when its user
   * is impatient.
   */
  CUT_STREAM: 4,
} as const

/** As much as may come at once: five hundred cut streams. */
const MOST = 2000
const POINTS_PER_SECOND = 500
/** Of content sent, for a point. */
const BYTES_PER_POINT = 2048
/** For a response that is complete. */
const POINTS_PER_RESPONSE = 1
/** Of content sent, for a WINDOW_UPDATE: of 512 bytes that came, a client tells the windows of stream and connection. */
const BYTES_PER_WINDOW = 128
const MOST_BYTES = MOST * BYTES_PER_WINDOW

export class FloodBudget {
  #points = MOST
  #filledAt = performance.now()
  /** Of content sent, for which no window was opened yet. */
  #bytes = 0

  /** Throws ConnectionError when the account is overdrawn. `what`: in the plural, for the log. */
  spend(points: number, what: string): void {
    this.#points -= points
    if (this.#points >= 0) return
    this.#fill()
    if (this.#points < 0)
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, `There are too many ${what}`, 'RFC9113§10.5')
  }

  /** The window of one stream, or of the connection, has changed, by frames that are named `what`. Throws as `spend` does. */
  windowChanged(what: string): void {
    if (this.#bytes >= BYTES_PER_WINDOW) this.#bytes -= BYTES_PER_WINDOW
    else this.spend(Cost.SMALL, what)
  }

  /** Content was sent. `isLast`: and with it the response is complete. */
  sent(bytes: number, isLast: boolean): void {
    this.#bytes = Math.min(MOST_BYTES, this.#bytes + bytes)
    this.#points = Math.min(MOST, this.#points + bytes / BYTES_PER_POINT + (isLast ? POINTS_PER_RESPONSE : 0))
  }

  #fill(): void {
    const now = performance.now()
    this.#points = Math.min(MOST, this.#points + ((now - this.#filledAt) / 1000) * POINTS_PER_SECOND)
    this.#filledAt = now
  }
}
