/** Gives a worker back its credit for one exchange (`wire/multiplex.ts`, "Credit"): when the client has taken content, in large steps. */

import { WINDOW } from '../wire/multiplex.ts'
import type { WireState } from '../wire/multiplex-decode.ts'
import { writeCredit } from '../wire/multiplex-encode.ts'
import type { Outbox } from './outbox.ts'

/** Half of the window: the worker never waits for a client that keeps up, and one CREDIT serves many chunks. */
const STEP = WINDOW / 2

export class CreditReturn {
  /** Nothing is given back: the client has not taken what was written last. */
  isHeld = false
  readonly #outbox: Outbox
  readonly #state: WireState & { readonly id: number }
  #owed = 0

  constructor(outbox: Outbox, state: WireState & { readonly id: number }) {
    this.#outbox = outbox
    this.#state = state
  }

  /** So much content was passed on. */
  add(bytes: number): void {
    this.#owed += bytes
    if (this.#owed >= STEP && !this.isHeld) this.#give()
  }

  release(): void {
    this.isHeld = false
    if (this.#owed >= STEP) this.#give()
  }

  #give(): void {
    this.#state.granted += this.#owed
    writeCredit(this.#outbox.begin(), this.#state.id, this.#owed)
    this.#owed = 0
  }
}
