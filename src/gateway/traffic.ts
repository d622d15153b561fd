/**
 * The numbers of `status` (nginx's stub_status) for one event loop, and the sum over all of them. Runs in the gateway. Requests are counted
 * only where a location shows them, so others pay nothing.
 */
import { addTraffic, type Traffic } from '../base/traffic.ts'
import type { Middleware } from '../http/exchange.ts'

export class TrafficCount {
  /** Where requests enter. */
  readonly count: Middleware
  readonly #connections: () => Omit<Traffic, 'requests'>
  readonly #others: (() => Traffic) | null
  #requests = 0

  /** `connections`: of this event loop. `others`: what the others have told; null: there are none. */
  constructor(connections: () => Omit<Traffic, 'requests'>, others: (() => Traffic) | null) {
    this.#connections = connections
    this.#others = others
    this.count = next => exchange => {
      this.#requests++
      return next(exchange)
    }
  }

  get own(): Traffic {
    return { ...this.#connections(), requests: this.#requests }
  }

  get all(): Traffic {
    return this.#others === null ? this.own : addTraffic(this.own, this.#others())
  }
}
