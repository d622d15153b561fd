/**
 * How long a client may take: for its next request, for a head, for content, and to take a response (slowloris). Keeps the deadlines of
 * one connection of HTTP/1.1, or of one stream of HTTP/2, whose owner decides what an overdue client gets. Runs in the gateway.
 *
 * A head has one deadline. Content and responses have two. Silence ends them after a time-out. And a client that is not silent must keep
 * a minimum rate, or a byte now and then would hold a connection for ever. The rate is the mean over one time-out, two at most, so a slow
 * beginning does no harm. Only the time in which we wait for the client counts: not while nobody wants its content, or nothing is left to take.
 * A shorter time would be wrong: the kernel takes a response in lumps as large as its send buffer.
 *
 * Invariants: a small request arms and disarms one deadline. A rate is judged once in a time-out in which we wait, however the client
 * divides it by pauses (a client of HTTP/2 can open and shut windows).
 */
import { Deadline, DeadlineList } from '../base/deadlines.ts'
import type { Limits, Timeouts } from '../config/types.ts'
import type { Transport } from '../http/transport.ts'

/** Where a response goes: a transport, or a stream of one. */
export type Sink = Pick<Transport, 'pendingBytes' | 'takenBytes' | 'destroy'>

/** How long we read on after the last response, so that the client can read it before a reset (RFC9112§9.6). */
const LINGER_MS = 2000

/**
 * While the gateway drains: how long an idle connection waits for a request that may be on its way. Its client believes that it can use
 * the connection, and a FIN that crosses its request leaves it without an answer. Longer than any round trip, and short enough for a stop.
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

/** A least rate, and the time over which it is the mean. */
interface Terms {
  readonly list: DeadlineList
  readonly durationMs: number
  /** 0: any rate will do. */
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

/** From now on a connection waits for its next request only as long as one may be on its way. Those that wait already must be armed anew. */
export function hurryIdle(paces: Paces): void {
  paces.keepAlive = new DeadlineList(LAST_REQUEST_MS)
}

export class Pace {
  readonly #sink: Sink
  readonly #paces: Paces
  readonly #onOverdue: (isTooSlow: boolean) => void
  readonly #deadline = new Deadline(() => this.#onOverdue(false))
  readonly #sending = new Deadline(() => this.#sendOverdue())
  #received = 0
  #takenBefore = 0
  /** Made when content does not come along with its head. */
  #bodyRate: Rate | null = null
  /** Made when a client does not take a response at once. */
  #sendRate: Rate | null = null

  /** `onOverdue`: the awaited bytes did not come, or content comes too slowly. A client that does not take a response is cut here. */
  constructor(sink: Sink, paces: Paces, onOverdue: (isTooSlow: boolean) => void) {
    this.#sink = sink
    this.#paces = paces
    this.#onOverdue = onOverdue
  }

  awaitRequest(): void {
    this.#paces.keepAlive.arm(this.#deadline)
  }

  /** One deadline for the whole head: a byte now and then does not prolong it (slowloris). */
  awaitHead(): void {
    if (!this.#deadline.isArmed || this.#deadline.list !== this.#paces.head) this.#paces.head.arm(this.#deadline)
  }

  /** Somebody wants content, or more of it. */
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

  /** Content that nobody wants. It is little, so it has one deadline and no rate. */
  awaitRest(): void {
    this.#bodyRate?.stop()
    this.#paces.body.arm(this.#deadline)
  }

  awaitClose(): void {
    this.#bodyRate?.stop()
    this.#paces.linger.arm(this.#deadline)
  }

  /** We wait for nothing of the client. */
  awaitNothing(): void {
    this.#deadline.rest()
    this.#bodyRate?.stop()
  }

  /** The connection has closed, or another protocol has it. */
  stop(): void {
    this.#deadline.disarm()
    this.#bodyRate?.stop()
    this.#sending.disarm()
    this.#sendRate?.stop()
  }

  /** The client has not taken all that was written. */
  awaitTaking(): void {
    if (this.#sending.isArmed) return
    this.#takenBefore = this.#sink.takenBytes
    this.#paces.send.arm(this.#sending)
    this.#sendRate ??= new Rate(
      this.#paces.sendTerms,
      () => this.#sink.takenBytes,
      () => this.#sink.destroy(),
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

  /** The last response may still be on its way to a slow client. Then only the time to take it counts. */
  #closeUnlessTaking(list: DeadlineList): void {
    if (this.#sink.pendingBytes === 0) {
      this.#sink.destroy()
    } else {
      list.arm(this.#deadline)
      this.awaitTaking()
    }
  }

  #sendOverdue(): void {
    if (this.#sink.pendingBytes === 0) return
    if (this.#sink.takenBytes === this.#takenBefore) this.#sink.destroy()
    else this.awaitTaking()
  }
}

/** Watches whether bytes come, or go, fast enough while we wait for them. */
class Rate {
  readonly #terms: Terms
  readonly #count: () => number
  readonly #onTooSlow: () => void
  readonly #window = new Deadline(() => this.#judge())
  /** When the time that counts began; each pause moves it. */
  #since = 0
  #countBefore = 0
  /** When the present pause began; 0: there is none. */
  #pausedAt = 0

  /** `count` returns the bytes so far. */
  constructor(terms: Terms, count: () => number, onTooSlow: () => void) {
    this.#terms = terms
    this.#count = count
    this.#onTooSlow = onTooSlow
  }

  resume(): void {
    if (this.#terms.bytesPerSecond === 0) return
    if (this.#pausedAt !== 0) {
      this.#since += performance.now() - this.#pausedAt
      this.#pausedAt = 0
      if (this.#window.list === null) this.#judgeLate()
    } else if (this.#window.list === null) {
      this.#begin()
    }
  }

  pause(): void {
    if (this.#window.list !== null && this.#pausedAt === 0) this.#pausedAt = performance.now()
  }

  /** The next `resume` begins anew. */
  stop(): void {
    this.#window.disarm()
    this.#pausedAt = 0
  }

  #begin(): void {
    this.#since = performance.now()
    this.#countBefore = this.#count()
    this.#terms.list.arm(this.#window)
  }

  /** The time to judge came within a pause. */
  #judgeLate(): void {
    const { durationMs, list } = this.#terms
    list.arm(this.#window)
    if (performance.now() - this.#since < durationMs) return
    // Not within this call: the owner works. It may stop meanwhile.
    queueMicrotask(() => {
      if (this.#window.isArmed) this.#judge()
    })
  }

  #judge(): void {
    // `resume` does it: a client that chooses the pauses must not get rid of the time before them.
    if (this.#pausedAt !== 0) return
    const { durationMs, bytesPerSecond, list } = this.#terms
    const waited = performance.now() - this.#since
    if (waited < durationMs) {
      list.arm(this.#window)
    } else if ((this.#count() - this.#countBefore) * 1000 >= bytesPerSecond * waited) {
      this.#begin()
    } else {
      this.stop()
      this.#onTooSlow()
    }
  }
}
