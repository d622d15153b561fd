/**
 * The rules of dispatch, as functions of plain data: no socket, no clock, no timer. `pool.ts` applies them, and
 * `dispatch.test.ts` runs them in a simulation.
 *
 *   1. An idle slot first: of the newest generation, then of the worker with the fewest busy slots.
 *   2. While every slot is busy, a request may be sent ahead to the slot with the fewest requests, as long as the
 *      expected work before it (mean + 4 deviations of recent run times, times their number) stays under 1 ms: a round
 *      trip per request costs a short request more than that wait.
 *   3. A broken link: the first unanswered request may have been started; of those behind it only what `frames.ts`
 *      ("Batches") allows. What may have been started is tried again once, if its method is idempotent (RFC9110§9.2.2).
 */

/** Room for one request at a time in a worker, with those sent ahead of need behind it. */
export interface Slot {
  /** Linked, and its worker takes new requests. */
  usable: boolean
  /** Requests sent and not answered to the end. */
  inFlight: number
  /** Nothing in flight speaks against a request behind it: no stream, no long body, no second try. */
  takesAhead: boolean
  /** When its first request became the first, in milliseconds. */
  firstSince: number
}

export interface WorkerSlots<S extends Slot> {
  readonly generation: number
  readonly slots: readonly S[]
}

/** Expected work that a request may be put behind, in microseconds. */
export const AHEAD_BUDGET_MICROS = 1000
/** Requests ahead of one at most, however short they are: the worker's answers come in writes of about this many. */
export const MAX_AHEAD = 32

/** Each sample counts 1/64: one slow request among a hundred short ones keeps requests from waiting behind its like. */
const WEIGHT = 1 / 64
/** Nothing is sent ahead until about two hundred requests have been short: trust is earned. */
const FIRST_GUESS_MICROS = 1000

/** Recent run times of an application, as a mean and a mean deviation. */
export class RunTimes {
  mean = FIRST_GUESS_MICROS
  deviation = 0

  add(micros: number): void {
    const error = micros - this.mean
    this.mean += error * WEIGHT
    this.deviation += (Math.abs(error) - this.deviation) * WEIGHT
  }

  /** How many requests may be ahead of one on its slot. */
  get allowedAhead(): number {
    const expected = this.mean + 4 * this.deviation
    if (expected >= AHEAD_BUDGET_MICROS) return 0
    return Math.min(MAX_AHEAD, Math.ceil(AHEAD_BUDGET_MICROS / Math.max(expected, 1)) - 1)
  }
}

export function idleSlot<S extends Slot>(workers: readonly WorkerSlots<S>[]): S | null {
  let best: S | null = null
  let bestGeneration = -1
  let bestBusy = 0
  for (const { generation, slots } of workers) {
    if (generation < bestGeneration) continue
    let idle: S | null = null
    let busy = 0
    for (const slot of slots) {
      if (slot.inFlight > 0) busy++
      else if (slot.usable) idle = slot
    }
    if (idle === null || (generation === bestGeneration && busy >= bestBusy)) continue
    best = idle
    bestGeneration = generation
    bestBusy = busy
  }
  return best
}

/** `now`: milliseconds. A first request that has run for longer than the budget was not as short as expected. */
export function aheadSlot<S extends Slot>(workers: readonly WorkerSlots<S>[], allowed: number, now: number): S | null {
  if (allowed === 0) return null
  let best: S | null = null
  for (const { slots } of workers) {
    for (const slot of slots) {
      if (!slot.usable || !slot.takesAhead || slot.inFlight > allowed) continue
      if (best !== null && slot.inFlight >= best.inFlight) continue
      if (now - slot.firstSince > AHEAD_BUDGET_MICROS / 1000) continue
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
    return call.idempotent && !call.begun && call.losses < MAX_LOSSES ? 'retry' : 'fail'
  })
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** RFC9110§9.2.2. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method)
}
