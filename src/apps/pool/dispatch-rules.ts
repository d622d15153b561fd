/**
 * The rules of dispatch and retry, as functions of plain data: no socket, no clock, no timer. Runs in the gateway: `dispatcher.ts`
 * and `retry.ts` apply them. `dispatch-rules.test.ts` runs them in a simulation.
 *
 *   1. A free slot first. It is chosen in this order: the newest generation; no suspect on its worker (4.); the worker with the fewest
 *      requests without a response head; the worker with the fewest streams and WebSockets.
 *   2. While every slot is busy, a request may be sent ahead to the slot with the fewest requests, as long as the
 *      expected work before it (mean + 4 deviations of recent run times, times their number) stays under 1 ms: a short request
 *      loses more by a round trip of its own than by that wait. Where there is one slot in all the limit is 10 ms.
 *   3. When a link breaks, its first unanswered request may have been started. Of the requests behind it, only those may have
 *      been started that `frames.ts` ("Batches") allows. A request that may have been started is retried if its method is idempotent
 *      (RFC9110§9.2.2): a POST is not. It is retried once after a lost worker. A link that the gateway itself closed does not count.
 *   4. One of the requests on a lost worker may have ended it, but we do not know which. So all that are retried after
 *      they may have been started are suspects. Each
 *      suspect gets a worker without another suspect, and new requests go elsewhere while they can. So a request that ends two workers
 *      is known for certain, and no other request is lost with it.
 */

/** A connection with room for requests in a worker: for one (a thread), with requests sent ahead behind it, or for many. */
export interface Slot {
  /** Linked, and its worker takes new requests. */
  usable: boolean
  /** Requests that it runs at a time. */
  readonly capacity: number
  /** Requests without a complete answer; where there is room for many, requests without a response head. */
  inFlight: number
  /** Exchanges that take no room: streams after their head, WebSockets. */
  readonly streams: number
  /** A request may be sent behind those in flight: none of them is a stream, a long body or a retry, and their content is small together. */
  takesAhead: boolean
  /** When the first request in flight became the first, in milliseconds. */
  firstSince: number
}

export interface WorkerSlots<S extends Slot> {
  readonly generation: number
  /** When the suspect began that runs there, in milliseconds; 0: none runs. */
  readonly suspectSince: number
  readonly slots: readonly S[]
}

/** A request may be sent behind this much expected work, in microseconds. */
export const AHEAD_BUDGET_MICROS = 1000
/**
 * The same where there is one slot only. Nobody else could run what waits for it, and without requests ahead it is idle between two
 * requests. The price: a request that was sent ahead is no longer subject to the timeout of the queue, and its client cannot leave the queue.
 */
export const LONE_BUDGET_MICROS = 10_000
/** At most so many requests ahead of one, however short they are: run times leave out some 10 µs that the worker needs for each. */
export const MAX_AHEAD = 64
/**
 * With more content in flight on a slot nothing is sent ahead. The kernel's buffer for a link (212 KB with its own overhead) holds so much,
 * so none waits in the gateway.
 */
export const MAX_CONTENT_AHEAD = 160 * 1024

/** Each sample counts 1/64. So one slow request among a hundred short ones is enough to stop sending ahead. */
const WEIGHT = 1 / 64
/** Nothing is sent ahead until about two hundred requests have been short, or, with one slot, similar: trust is earned. */
const FIRST_GUESS_MICROS = 1000
const FIRST_DEVIATION_MICROS = 2500

/** Recent run times of an application, as a mean and a mean deviation. */
export class RunTimes {
  mean = FIRST_GUESS_MICROS
  deviation = FIRST_DEVIATION_MICROS

  add(micros: number): void {
    const error = micros - this.mean
    this.mean += error * WEIGHT
    this.deviation += (Math.abs(error) - this.deviation) * WEIGHT
  }

  /** How many requests may be ahead of one on its slot. */
  allowedAhead(budgetMicros: number): number {
    const expected = this.mean + 4 * this.deviation
    if (expected >= budgetMicros) return 0
    return Math.min(MAX_AHEAD, Math.ceil(budgetMicros / Math.max(expected, 1)) - 1)
  }
}

export function aheadBudget<S extends Slot>(workers: readonly WorkerSlots<S>[]): number {
  return workers.length === 1 && workers[0]!.slots.length === 1 ? LONE_BUDGET_MICROS : AHEAD_BUDGET_MICROS
}

/** `suspectsSinceBefore`: a worker with a suspect is taken only when that suspect began before this moment. */
export function idleSlot<S extends Slot>(
  workers: readonly WorkerSlots<S>[],
  suspectsSinceBefore: number = Number.POSITIVE_INFINITY,
): S | null {
  let best: S | null = null
  let bestGeneration = -1
  let bestSuspect = false
  let bestBusy = 0
  let bestStreams = 0
  for (const { generation, slots, suspectSince } of workers) {
    const hasSuspect = suspectSince > 0
    if (generation < bestGeneration || (hasSuspect && suspectSince >= suspectsSinceBefore)) continue
    let idle: S | null = null
    let busy = 0
    let streams = 0
    for (const slot of slots) {
      const { inFlight, capacity } = slot
      busy += inFlight < capacity ? inFlight : capacity
      streams += slot.streams
      if (inFlight < capacity && slot.usable) idle = slot
    }
    if (idle === null) continue
    if (generation === bestGeneration) {
      if (hasSuspect && !bestSuspect) continue
      const isBusier = busy > bestBusy || (busy === bestBusy && streams >= bestStreams)
      if (hasSuspect === bestSuspect && isBusier) continue
    }
    best = idle
    bestGeneration = generation
    bestSuspect = hasSuspect
    bestBusy = busy
    bestStreams = streams
  }
  return best
}

/** `now`: milliseconds. A slot is passed over whose first request has run for longer than the budget: it was not as short as expected. */
export function aheadSlot<S extends Slot>(
  workers: readonly WorkerSlots<S>[],
  allowed: number,
  now: number,
  budgetMicros: number,
): S | null {
  if (allowed === 0) return null
  let best: S | null = null
  for (const { slots } of workers) {
    for (const slot of slots) {
      if (!slot.usable || !slot.takesAhead || slot.inFlight > allowed) continue
      if (best !== null && slot.inFlight >= best.inFlight) continue
      if (now - slot.firstSince > budgetMicros / 1000) continue
      best = slot
    }
  }
  return best
}

/** What happens to a request that was in flight on a link that is gone. */
export type Fate = 'retry' | 'fail'

export interface Unanswered {
  readonly idempotent: boolean
  /** The response has begun to reach the client. */
  readonly begun: boolean
  /** Part of the content was sent and is not kept. */
  readonly isContentGone?: boolean
  /** Not retried: a request like it has cost two workers lately, or `--retry off`. */
  readonly isBarred?: boolean
  /** Workers that were lost while they may have run the request. `fatesOf` and `fatesApart` count them. */
  losses: number
}

/** After two lost workers it is no coincidence: the request kills them. */
export const MAX_LOSSES = 2

/**
 * `calls`: in order of dispatch. `mayBeGuilty`: the worker may have died of one of them; false when the gateway closed the link itself.
 */
export function fatesOf(calls: readonly Unanswered[], mayBeGuilty: boolean): Fate[] {
  let mayHaveStarted = true
  return calls.map((call, index) => {
    // The request before this one is unanswered. If either is not idempotent, the worker would have sent that answer before it began
    // this one (`frames.ts`, Batches): so it has not begun. The same if that response has begun: one in pieces is never held.
    const before = calls[index - 1]
    if (before !== undefined && (before.begun || !before.idempotent || !call.idempotent)) mayHaveStarted = false
    if (!mayHaveStarted) return 'retry'
    if (mayBeGuilty) call.losses++
    return mayRetry(call) ? 'retry' : 'fail'
  })
}

/** The same for a link that carries many at a time: each may have been started, and the worker may have died of each. */
export function fatesApart(calls: readonly Unanswered[], mayBeGuilty: boolean): Fate[] {
  return calls.map(call => {
    if (mayBeGuilty) call.losses++
    return mayRetry(call) ? 'retry' : 'fail'
  })
}

function mayRetry(call: Unanswered): boolean {
  const isPossible = call.idempotent && !call.begun && call.isContentGone !== true
  return isPossible && call.isBarred !== true && call.losses < MAX_LOSSES
}

/** The suspects that wait share this time: however many there are, all have had their turn within a few times it. */
const PROBATION_MS = 1000

/** How long a suspect has its worker to itself at most. A request that ends its worker mostly does so at once. */
export function probationMs(waiting: number): number {
  return PROBATION_MS / (1 + waiting)
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** RFC9110§9.2.2. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method)
}
