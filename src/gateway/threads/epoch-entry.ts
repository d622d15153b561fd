/**
 * Where requests enter in a thread: puts the changes in force that all threads have prepared (`epochs.ts`). Runs in each thread of the gateway.
 *
 * Invariant: a request that comes after the epoch word has changed meets the change, also before the thread reads the message that says so.
 */
import type { Handler } from '../../http/exchange.ts'
import type { Entry } from '../serve.ts'

export class EpochEntry implements Entry {
  readonly #epoch: () => number
  #handler: Handler = () => {}
  /** In force here. */
  #seen: number
  #prepared: { readonly epoch: number; readonly commit: () => void }[] = []

  /** `epoch`: reads the word. */
  constructor(epoch: () => number) {
    this.#epoch = epoch
    this.#seen = epoch()
  }

  get handler(): Handler {
    if (this.#epoch() !== this.#seen) this.follow()
    return this.#handler
  }

  set handler(handler: Handler) {
    this.#handler = handler
  }

  /** The change of this epoch can be put in force. One that is in force already was prepared for this thread alone, which is new. */
  prepared(epoch: number, commit: () => void): void {
    this.#prepared.push({ epoch, commit })
    this.follow()
  }

  /** Looks at the word. */
  follow(): void {
    const epoch = this.#epoch()
    this.#seen = epoch
    while (this.#prepared.length > 0 && this.#prepared[0]!.epoch <= epoch) this.#prepared.shift()!.commit()
  }
}
