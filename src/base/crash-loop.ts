/**
 * When to start a process again that dies again and again. Pure: time is an argument (milliseconds of any steady clock).
 *
 * The first two deaths in a row are replaced at once, because a single crash is no loop. From the third on the waits double: 1 to 30 s.
 * For what fails for a reason that stays, such as an import, the waits may begin with the first.
 * A death is early when the process could serve for less than 5 s, or not at all. It counts only when the process started after the last
 * counted death: eight workers that die together are one event. A death that is not early ends the row.
 */

const EARLY_MS = 5000
const FREE_DEATHS = 2
const FIRST_DELAY_MS = 1000
const MAX_DELAY_MS = 30_000

export class CrashLoop {
  readonly #freeDeaths: number
  #row = 0
  #lastCountedAt = Number.NEGATIVE_INFINITY
  #notBefore = 0

  /** `freeDeaths`: how many in a row are replaced at once. */
  constructor(freeDeaths: number = FREE_DEATHS) {
    this.#freeDeaths = freeDeaths
  }

  /** `servingSince`: when it could serve (a worker: linked; a gateway: listening); null: it never could. */
  died(startedAt: number, servingSince: number | null, now: number): void {
    if (servingSince !== null && now - servingSince >= EARLY_MS) {
      this.#row = 0
      this.#notBefore = 0
      return
    }
    if (startedAt < this.#lastCountedAt) return
    this.#row++
    this.#lastCountedAt = now
    const step = this.#row - this.#freeDeaths
    if (step > 0) this.#notBefore = now + Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(step - 1, 10))
  }

  /** Early deaths in a row. */
  get row(): number {
    return this.#row
  }

  /** The earliest moment for the next start; 0: at once. */
  get notBefore(): number {
    return this.#notBefore
  }
}
