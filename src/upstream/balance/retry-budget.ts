/**
 * How many requests may be sent a second time: 20 % of all, and a few while there is little traffic. When a group is ill, retries would
 * otherwise double its load at the worst moment (a retry storm). Pure; one for each group and thread.
 */

/** Share of the requests. */
const SHARE = 0.2
/** What a group has at its start. */
const FIRST = 10
/** Retries that may come at once: of a server that hangs all requests run out of time together. As many as 500 requests have earned. */
const MOST = 100

export class RetryBudget {
  #left = FIRST

  /** A request came. */
  earn(): void {
    this.#left = Math.min(MOST, this.#left + SHARE)
  }

  /** False: no retry now. */
  spend(): boolean {
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
