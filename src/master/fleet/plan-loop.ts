/**
 * Calls a plan after events, and again at the moment that the plan names. Runs in the master, for each fleet and for the gateway.
 *
 * Invariants: planning has a turn of the event loop of its own, and never runs inside an event; many events of one turn make one plan.
 */

/** A timer of more than 24 days would fire at once. */
export const MAX_TIMER_MS = 86_400_000

export interface PlanResult {
  /** It has changed the state, so the next plan follows at once. */
  readonly hasActed: boolean
  /** When to plan again although nothing happened: milliseconds of performance.now; Infinity: never. */
  readonly wakeAt: number
}

export class PlanLoop {
  readonly #plan: () => PlanResult
  #timer: NodeJS.Timeout | undefined
  #isDue = false
  #isFrozen = false

  /** `plan`: plans, and carries out the plan. */
  constructor(plan: () => PlanResult) {
    this.#plan = plan
  }

  /** Something has changed: plans soon. */
  wake(): void {
    if (this.#isFrozen || this.#isDue) return
    this.#isDue = true
    setImmediate(() => this.#run())
  }

  /** Nothing is planned any more. */
  freeze(): void {
    this.#isFrozen = true
    clearTimeout(this.#timer)
  }

  #run(): void {
    this.#isDue = false
    if (this.#isFrozen) return
    clearTimeout(this.#timer)
    const { hasActed, wakeAt } = this.#plan()
    if (hasActed) this.wake()
    else if (wakeAt < Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(() => this.wake(), Math.min(MAX_TIMER_MS, Math.max(1, wakeAt - performance.now())))
  }
}
