/**
 * The rules of dispatch, as functions of plain data: no socket, no clock, no timer. `dispatcher.ts` and `retry.ts`
 * apply them, and `dispatch-rules.test.ts` runs them in a simulation.
 *
 *   1. A free slot first: of the newest generation, then without a suspect (4.), then of the worker with the fewest requests without a response head,
 *      then of the one with the fewest streams and WebSockets.
 *   2. While every slot is busy, a request may be sent ahead to the slot with the fewest requests, as long as the
 *      expected work before it (mean + 4 deviations of recent run times, times their number) stays under 1 ms: a round
 *      trip per request costs a short request more than that wait. Under 10 ms where there is one slot in all.
 *   3. A broken link: the first unanswered request may have been started; of those behind it only what `frames.ts`
 *      ("Batches") allows. What may have been started is tried again once, if its method is idempotent (RFC9110§9.2.2).
 *   4. What is tried again is a suspect: one of those that were on the worker ended it. Each is run by a worker that has no other
 *      suspect, and new requests go elsewhere while they can: who ends two workers is known then, and nobody else pays for it.
 */

/** A connection with room for requests in a worker: for one (a thread), with those sent ahead of need behind it, or for many. */
export interface Slot {
  /** Linked, and its worker takes new requests. */
  usable: boolean
  /** Requests that it runs at a time. */
  readonly capacity: number
  /** Requests sent and not answered to the end; with room for many: those that have no response head. */
  inFlight: number
  /** Exchanges that hold no room: streams after their head, WebSockets. */
  readonly streams: number
  /** Nothing in flight speaks against a request behind it: no stream, no long body, not too much of short ones, no second try. */
  takesAhead: boolean
  /** When its first request became the first, in milliseconds. */
  firstSince: number
}

export interface WorkerSlots<S extends Slot> {
  readonly generation: number
  /** A suspect runs there, since this moment in milliseconds; 0: none. */
  readonly suspectSince: number
  readonly slots: readonly S[]
}

/** Expected work that a request may be put behind, in microseconds. */
export const AHEAD_BUDGET_MICROS = 1000
/**
 * The same where there is one slot only. Nobody else could run what waits for it, and between two requests it stands idle while the
 * gateway gives it the next one; what is lost ahead of need is the time-out of the queue, and a client's leaving it.
 */
export const LONE_BUDGET_MICROS = 10_000
/** Requests ahead of one at most, however short they are: what the worker itself does for each, some 10 µs, is not in their run times. */
export const MAX_AHEAD = 64
/** Bytes of their content at most: what the kernel keeps for a link (212 KB with what it needs for itself), so that none waits in buffers here. */
export const MAX_CONTENT_AHEAD = 160 * 1024

/** Each sample counts 1/64: one slow request among a hundred short ones keeps requests from waiting behind its like. */
const WEIGHT = 1 / 64
/** Nothing is sent ahead until about two hundred requests have been short, or one slot's have been alike: trust is earned. */
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

/** `apartFrom`: not where a suspect runs since this moment or later. */
export function idleSlot<S extends Slot>(
  workers: readonly WorkerSlots<S>[],
  apartFrom: number = Number.POSITIVE_INFINITY,
): S | null {
  let best: S | null = null
  let bestGeneration = -1
  let bestSuspect = false
  let bestBusy = 0
  let bestStreams = 0
  for (const { generation, slots, suspectSince } of workers) {
    const hasSuspect = suspectSince > 0
    if (generation < bestGeneration || (hasSuspect && suspectSince >= apartFrom)) continue
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

/** `now`: milliseconds. A first request that has run for longer than the budget was not as short as expected. */
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
  /** A part of its content was sent and is not kept. */
  readonly isContentGone?: boolean
  /** Never a second time: one like it has cost two workers lately, or `--retry off`. */
  readonly isBarred?: boolean
  /** Workers that were lost while they may have run it; the rule below adds to it. */
  losses: number
}

/** Two workers lost is no coincidence: the request kills them. */
export const MAX_LOSSES = 2

/** In order of dispatch. `blame`: the worker may have died of what it ran; false when we closed the link ourselves. */
export function fatesOf(calls: readonly Unanswered[], blame: boolean): Fate[] {
  let mayHaveStarted = true
  return calls.map((call, index) => {
    // The worker sends what it holds before it starts a request that is not idempotent, and holds no answer to one.
    const before = calls[index - 1]
    if (before !== undefined && (before.begun || !before.idempotent || !call.idempotent)) mayHaveStarted = false
    if (!mayHaveStarted) return 'retry'
    if (blame) call.losses++
    return mayRetry(call) ? 'retry' : 'fail'
  })
}

/** The same for a link that carries many at a time: any of them may have been started, and the worker may have died of any. */
export function fatesApart(calls: readonly Unanswered[], blame: boolean): Fate[] {
  return calls.map(call => {
    if (blame) call.losses++
    return mayRetry(call) ? 'retry' : 'fail'
  })
}

function mayRetry(call: Unanswered): boolean {
  const isPossible = call.idempotent && !call.begun && call.isContentGone !== true
  return isPossible && call.isBarred !== true && call.losses < MAX_LOSSES
}

/** All suspects that wait have had their turn within a few times this, however many: each has less of it. */
const PROBATION_MS = 1000

/** How long a suspect has its worker to itself at most; a request that ends its worker mostly does so at once. */
export function probationMs(waiting: number): number {
  return PROBATION_MS / (1 + waiting)
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** RFC9110§9.2.2. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method)
}
