/**
 * One reload at a time. A request that comes during one is remembered, once: the code may have changed since that one
 * was imported, and two more reloads would import the same. Runs in the master.
 */
export class Reloader {
  readonly #isBusy: () => boolean
  readonly #begin: () => void
  #again = false

  /** `isBusy`: a generation is coming up, for whatever reason. */
  constructor(isBusy: () => boolean, begin: () => void) {
    this.#isBusy = isBusy
    this.#begin = begin
  }

  /** False when it has to wait for the one that runs. */
  request(): boolean {
    if (this.#isBusy()) {
      this.#again = true
      return false
    }
    this.#begin()
    return true
  }

  /** A generation serves, or was given up. */
  settled(): void {
    if (!this.#again) return
    this.#again = false
    this.#begin()
  }
}
