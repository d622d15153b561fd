/**
 * Ends what would never end by itself (WebSockets, event streams), a few at a time: their clients come back, and should not do so all
 * at once. Runs in the gateway. Members that join late are ended as well, until `stop`.
 */

const TICK_MS = 100

export class GradualClose<T> {
  readonly #members: () => T[]
  readonly #end: (member: T) => void
  #timer: NodeJS.Timeout | null = null
  #ticksLeft = 1

  /** `members`: returns the present ones. `end`: ends one, which is no member from then on. */
  constructor(members: () => T[], end: (member: T) => void) {
    this.#members = members
    this.#end = end
  }

  start(afterMs: number, spanMs: number): void {
    this.stop()
    this.#ticksLeft = Math.max(1, Math.floor(spanMs / TICK_MS))
    if (afterMs > 0) this.#timer = setTimeout(() => this.#begin(), afterMs).unref()
    else this.#begin()
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #begin(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref()
    this.#tick()
  }

  #tick(): void {
    const members = this.#members()
    const now = Math.ceil(members.length / this.#ticksLeft)
    if (this.#ticksLeft > 1) this.#ticksLeft--
    for (let i = 0; i < now; i++) this.#end(members[i]!)
  }
}
