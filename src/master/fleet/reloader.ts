/**
 * One reload at a time. A request that comes during a reload is remembered, because the code may have changed since its import.
 * Several such requests become one: more reloads would import the same code. Runs in the master.
 */
export class Reloader {
  readonly #isBusy: () => boolean
  readonly #begin: () => void
  #again = false

  /** `isBusy`: a generation is coming up, for any reason. */
  constructor(isBusy: () => boolean, begin: () => void) {
    this.#isBusy = isBusy
    this.#begin = begin
  }

  /** False: the reload waits until the present one is over. */
  request(): boolean {
    if (this.#isBusy()) {
      this.#again = true
      return false
    }
    this.#begin()
    return true
  }

  /** The reload is over: its generation serves, or was given up. */
  settled(): void {
    if (!this.#again) return
    this.#again = false
    this.#begin()
  }
}
