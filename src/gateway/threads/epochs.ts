/**
 * Changes that come into force in all threads at one moment: each thread prepares the change and says so; then the epoch word changes, and
 * each thread puts the change in force before its next request. Runs in the main thread of the gateway.
 *
 * Invariants: changes come into force in their order, one at a time. What the master says after a change is passed on after it. A thread that
 * dies is awaited no longer.
 * Bound: the master waits for no change, but it says few things: HUP, a generation that serves, workers that come and go. A thread that
 * holds them up for ten seconds is ended.
 */
import type { GatewayChange } from '../../control/messages.ts'
import type { GatewayMessage } from '../gateway.ts'

export interface EpochsOptions {
  /** Tells all threads to prepare the change, and calls back when all have. */
  readonly prepare: (epoch: number, change: GatewayChange, onPrepared: () => void) => void
  /** Puts it in force. */
  readonly commit: (epoch: number, change: GatewayChange) => void
}

const CHANGES: ReadonlySet<GatewayMessage['type']> = new Set<GatewayChange['type']>([
  'serve',
  'static',
  'error-pages',
  'trusted-proxies',
  'https',
  'apps',
  'upstreams',
  'tls',
  'stopping',
])

export function isChange(message: GatewayMessage): message is GatewayChange {
  return CHANGES.has(message.type)
}

export class Epochs {
  readonly #options: EpochsOptions
  #epoch = 0
  #isPreparing = false
  #waiting: (() => void)[] = []

  constructor(options: EpochsOptions) {
    this.#options = options
  }

  begin(change: GatewayChange): void {
    this.after(() => {
      this.#isPreparing = true
      const epoch = ++this.#epoch
      this.#options.prepare(epoch, change, () => {
        this.#options.commit(epoch, change)
        this.#isPreparing = false
        this.#goOn()
      })
    })
  }

  /** Calls back when all changes before are in force. */
  after(callback: () => void): void {
    if (this.#isPreparing || this.#waiting.length > 0) this.#waiting.push(callback)
    else callback()
  }

  #goOn(): void {
    while (!this.#isPreparing) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      next()
    }
  }
}
