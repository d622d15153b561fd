/**
 * How long a client may take: for its next request, a request's head, its content, and for taking a response. Keeps the
 * deadlines of one HTTP/1.1 connection; what an overdue client gets is its owner's affair. Runs in the gateway.
 *
 * Heads have one deadline for all of it. Content and responses have two: silence ends them after a time-out, and a client that
 * is not silent must still keep a minimum rate, or a byte now and then would hold a connection for ever. The rate is the mean over
 * as long as the time-out, which so is its grace; only time in which the client was waited for counts, not time in which nobody
 * wanted its content or nothing was left to take. What the kernel takes of a response comes in lumps, up to the size of its send
 * buffer: hence no shorter mean.
 *
 * Invariant: a small request costs arming and disarming one deadline; rates are looked at once in a time-out.
 */
import { Deadline, DeadlineList } from '../base/deadlines.ts'
import type { Limits, Timeouts } from '../config/types.ts'
import type { Transport } from '../http/transport.ts'

/** After the last response: how long is still read so that the client can read the response before a reset (RFC9112§9.6). */
const LINGER_MS = 2000

/**
 * While the server drains: for a request that may be on its way. A client that keeps a connection believes that it can be used,
 * and a FIN that crosses its request leaves it without an answer. Longer than any round trip, and short enough for who stops us.
 */
const LAST_REQUEST_MS = 1000

/** What all connections share. */
export interface Paces {
  readonly head: DeadlineList
  readonly body: DeadlineList
  /** Between requests. */
  keepAlive: DeadlineList
  readonly send: DeadlineList
  readonly linger: DeadlineList
  readonly bodyTerms: Terms
  readonly sendTerms: Terms
}

/** A rate, and the time over which it is the mean. */
interface Terms {
  readonly list: DeadlineList
  readonly durationMs: number
  /** 0: any. */
  readonly bytesPerSecond: number
}

export function createPaces(
  timeouts: Pick<Timeouts, 'head' | 'body' | 'keepAlive' | 'send'>,
  limits: Pick<Limits, 'bodyRate' | 'sendRate'>,
): Paces {
  const [body, send] = [new DeadlineList(timeouts.body), new DeadlineList(timeouts.send)]
  return {
    head: new DeadlineList(timeouts.head),
    body,
    keepAlive: new DeadlineList(timeouts.keepAlive),
    send,
    linger: new DeadlineList(LINGER_MS),
    bodyTerms: { list: body, durationMs: timeouts.body, bytesPerSecond: limits.bodyRate },
    sendTerms: { list: send, durationMs: timeouts.send, bytesPerSecond: limits.sendRate },
  }
}

/** From now on nobody waits longer for a next request than for one that is on its way; who waits already must be armed anew. */
export function hurryIdle(paces: Paces): void {
  paces.keepAlive = new DeadlineList(LAST_REQUEST_MS)
}

export class Pace {
  readonly #transport: Transport
  readonly #paces: Paces
  readonly #onOverdue: (isTooSlow: boolean) => void
  readonly #deadline = new Deadline(() => this.#onOverdue(false))
  readonly #sending = new Deadline(() => this.#sendOverdue())
  #received = 0
  #takenBefore = 0
  /** Made for content that does not come along with its head. */
  #bodyRate: Rate | null = null
  /** Made for a client that does not take a response at once. */
  #sendRate: Rate | null = null

  /** `onOverdue`: what is awaited did not come, or content comes too slowly. Who does not take a response is cut here. */
  constructor(transport: Transport, paces: Paces, onOverdue: (isTooSlow: boolean) => void) {
    this.#transport = transport
    this.#paces = paces
    this.#onOverdue = onOverdue
    paces.keepAlive.arm(this.#deadline)
  }

  awaitRequest(): void {
    this.#paces.keepAlive.arm(this.#deadline)
  }

  /** Once for the whole head: a byte now and then must not prolong it. */
  awaitHead(): void {
    if (!this.#deadline.isArmed || this.#deadline.list !== this.#paces.head) this.#paces.head.arm(this.#deadline)
  }

  /** Somebody wants (more) content. */
  awaitContent(): void {
    this.#paces.body.arm(this.#deadline)
    this.#bodyRate ??= new Rate(
      this.#paces.bodyTerms,
      () => this.#received,
      () => this.#onOverdue(true),
    )
    this.#bodyRate.resume()
  }

  contentCame(bytes: number): void {
    this.#paces.body.arm(this.#deadline)
    this.#received += bytes
  }

  pauseContent(): void {
    this.#deadline.disarm()
    this.#bodyRate?.pause()
  }

  /** The rest of content that nobody wants; it is little, and has one deadline. */
  awaitRest(): void {
    this.#bodyRate?.stop()
    this.#paces.body.arm(this.#deadline)
  }

  awaitClose(): void {
    this.#bodyRate?.stop()
    this.#paces.linger.arm(this.#deadline)
  }

  /** The client owes nothing. */
  awaitNothing(): void {
    this.#deadline.rest()
    this.#bodyRate?.stop()
  }

  /** The connection is not ours any more. */
  stop(): void {
    this.#deadline.disarm()
    this.#bodyRate?.stop()
    this.#sending.disarm()
    this.#sendRate?.stop()
  }

  /** The client has not taken all of what was written. */
  awaitTaking(): void {
    if (this.#sending.isArmed) return
    this.#takenBefore = this.#transport.takenBytes
    this.#paces.send.arm(this.#sending)
    this.#sendRate ??= new Rate(
      this.#paces.sendTerms,
      () => this.#transport.takenBytes,
      () => this.#transport.destroy(),
    )
    this.#sendRate.resume()
  }

  allTaken(): void {
    this.#sending.disarm()
    this.#sendRate?.pause()
  }

  idleTooLong(): void {
    this.#closeUnlessTaking(this.#paces.keepAlive)
  }

  lingeredTooLong(): void {
    this.#closeUnlessTaking(this.#paces.linger)
  }

  /** The last response may still be on its way to a slow client: then it is the taking that may be too slow. */
  #closeUnlessTaking(list: DeadlineList): void {
    if (this.#transport.pendingBytes === 0) {
      this.#transport.destroy()
    } else {
      list.arm(this.#deadline)
      this.awaitTaking()
    }
  }

  #sendOverdue(): void {
    if (this.#transport.pendingBytes === 0) return
    if (this.#transport.takenBytes === this.#takenBefore) this.#transport.destroy()
    else this.awaitTaking()
  }
}

/** Whether bytes come, or go, fast enough while they are waited for. */
class Rate {
  readonly #terms: Terms
  readonly #count: () => number
  readonly #onTooSlow: () => void
  readonly #window = new Deadline(() => this.#judge())
  /** When the time began that counts, pauses taken out of it. */
  #since = 0
  #countBefore = 0
  /** When the pause began that lasts; 0: none. */
  #pausedAt = 0

  /** `count`: bytes so far. */
  constructor(terms: Terms, count: () => number, onTooSlow: () => void) {
    this.#terms = terms
    this.#count = count
    this.#onTooSlow = onTooSlow
  }

  resume(): void {
    if (this.#terms.bytesPerSecond === 0) return
    if (this.#window.list === null) {
      this.#begin()
    } else if (this.#pausedAt !== 0) {
      this.#since += performance.now() - this.#pausedAt
      this.#pausedAt = 0
    }
  }

  pause(): void {
    if (this.#window.list !== null && this.#pausedAt === 0) this.#pausedAt = performance.now()
  }

  stop(): void {
    this.#window.disarm()
  }

  #begin(): void {
    this.#since = performance.now()
    this.#countBefore = this.#count()
    this.#pausedAt = 0
    this.#terms.list.arm(this.#window)
  }

  #judge(): void {
    // Waited for again, it begins anew.
    if (this.#pausedAt !== 0) return
    const { durationMs, bytesPerSecond, list } = this.#terms
    const waited = performance.now() - this.#since
    if (waited < durationMs) list.arm(this.#window)
    else if ((this.#count() - this.#countBefore) * 1000 < bytesPerSecond * waited) this.#onTooSlow()
    else this.#begin()
  }
}
