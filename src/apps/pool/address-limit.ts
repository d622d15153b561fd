/**
 * The requests of each client address that wait for a worker or still send their content (`limit-requests-per-address`): one client cannot
 * fill the queue for all others, over however many connections and streams. Runs in the gateway.
 *
 * A request counts from when it has to wait, for a worker or for more of its content, until a worker has it and its content is complete.
 * So one that gets a worker at once, and whose content came with its head, costs nothing.
 * Not counted: a call that comes back from a link that is gone. Those are no more than were in flight (`queue.ts`).
 * Not here: the counts, and who is exempt (`gateway/connections/addresses.ts`).
 */
import { HttpError } from '../../http/errors.ts'
import type { Exchange } from '../../http/exchange.ts'

/** Of one application, all of its pools. */
export interface AddressLimit {
  /** Counts a request of this address. Returns what to `remove` when it counts no more; null: the address has reached the limit. */
  add(address: string): string | null
  remove(network: string): void
}

export const NO_LIMIT: AddressLimit = { add: () => '', remove() {} }

/** Seconds. Uploads take that long: a client that comes back sooner finds them still there. */
const UPLOADS_RETRY_AFTER = 10

/**
 * 429, since it is about this client alone (RFC6585§4): a 503 would tell a load balancer, and whoever watches it, that the program is
 * overloaded.
 */
export class AddressFullError extends HttpError {
  constructor(retryAfter = UPLOADS_RETRY_AFTER) {
    super(429, 'Too many requests from this address are waiting', 'client', retryAfter)
  }
}

/** One request in the count of its address. */
export class CountedRequest {
  readonly #limit: AddressLimit
  #network: string | null

  constructor(limit: AddressLimit, network: string) {
    this.#limit = limit
    this.#network = network
  }

  /** It counts no more. Again it does nothing. */
  end(): void {
    if (this.#network !== null) this.#limit.remove(this.#network)
    this.#network = null
  }
}

/** Null: the client's address has reached the limit. */
export function countRequest(limit: AddressLimit, { peer }: Exchange): CountedRequest | null {
  const network = limit.add(peer.address)
  return network === null ? null : new CountedRequest(limit, network)
}
