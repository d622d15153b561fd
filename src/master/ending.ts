/**
 * The one way out of the program: for stops, failures and our own bugs. Runs in the master.
 *
 * Invariants: the first call decides the exit code; later ones only make it faster.
 * Not here: the order in which processes stop (`shutdown.ts`), what is released when they are gone (`master.ts`).
 */
import type { Fleets } from './fleet/fleets.ts'
import type { BoundListeners } from './host/listeners.ts'
import type { Narrator } from './output/narrator.ts'
import type { Readiness } from './readiness.ts'
import { Shutdown } from './shutdown.ts'
import type { Urgency } from './signals.ts'
import type { Trial } from './upgrade/trial.ts'
import type { Upgrades } from './upgrade/upgrades.ts'

export interface EndingOptions {
  readonly narrator: Narrator
  readonly listeners: BoundListeners
  /** Null: nothing was started yet. */
  readonly fleets: () => Fleets | null
  readonly upgrades: () => Upgrades
  readonly readiness: () => Readiness
  /** Null: we are no new Jumak, or have taken over. */
  readonly trial: () => Trial | null
  /** Milliseconds in which everything is served and load balancers are told to send nothing more. */
  readonly delayMs: () => number
}

export class Ending {
  readonly #options: EndingOptions
  readonly #over = Promise.withResolvers<number>()
  #shutdown: Shutdown | null = null
  #hasBegun = false

  constructor(options: EndingOptions) {
    this.#options = options
  }

  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** It has begun, and everything is still served. */
  get isDelaying(): boolean {
    return this.#shutdown?.isDelaying ?? false
  }

  /** The exit code, when every process has ended. */
  get code(): Promise<number> {
    return this.#over.promise
  }

  /** `by`: the signal or the command. */
  asked(urgency: Urgency, by: string): void {
    if (!this.#hasBegun) this.#options.narrator.info(`stopping ${STOP_WORDS[urgency]} (${by})`)
    this.#options.upgrades().passOn(urgency === 'graceful' ? 'SIGTERM' : 'SIGINT')
    this.stop(urgency, 0, `it was asked to stop (${by})`)
  }

  /** `why`: for the old master, while we are on trial. */
  stop(urgency: Urgency, code: number, why: string): void {
    if (this.#hasBegun) {
      this.#shutdown?.hurry(urgency)
      return
    }
    this.#hasBegun = true
    const { trial, upgrades, readiness } = this.#options
    trial()?.predecessor.failed(why)
    void upgrades().abort('the old process was asked to stop')
    readiness().stopping()
    void this.#finish(urgency, code)
  }

  /** A new Jumak has taken over: what runs is finished. `tell`: comes first. */
  async leave(tell: () => Promise<void>): Promise<void> {
    this.#hasBegun = true
    await tell()
    await this.#finish('graceful', 0)
  }

  async #finish(urgency: Urgency, code: number): Promise<void> {
    const { narrator, listeners, upgrades, trial, delayMs } = this.#options
    const fleets = this.#options.fleets()
    if (fleets !== null) {
      this.#shutdown = new Shutdown({
        fleets,
        narrator,
        // A load balancer sees no difference.
        delayMs: upgrades().isDone ? 0 : delayMs(),
        urgency,
        // While we are on trial the old one listens.
        handedOn: trial() === null ? listeners.handedOn : listeners.all,
        stopListening: () => listeners.close(),
      })
      await this.#shutdown.run()
    }
    this.#over.resolve(code)
  }
}

const STOP_WORDS: Readonly<Record<Urgency, string>> = { graceful: 'gracefully', quick: 'quickly', now: 'at once' }
