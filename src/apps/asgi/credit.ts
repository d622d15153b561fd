/** Credit for what a worker sends in one exchange (`wire/multiplex.ts`): given back when the client has taken it, in large steps. */

import { WINDOW } from '../wire/multiplex.ts'
import type { WireState } from '../wire/multiplex-decode.ts'
import { writeCredit } from '../wire/multiplex-encode.ts'
import type { Outbox } from './outbox.ts'

/** Half of the window: the worker never waits for a client that keeps up, and one frame serves many chunks. */
const STEP = WINDOW / 2

export class CreditReturn {
  /** The client has not taken what was written last: nothing is given back. */
  isHeld = false
  readonly #outbox: Outbox
  readonly #state: WireState & { readonly id: number }
  #owed = 0

  constructor(outbox: Outbox, state: WireState & { readonly id: number }) {
    this.#outbox = outbox
    this.#state = state
  }

  /** Content of this size was passed on. */
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
