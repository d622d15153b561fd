/**
 * One clock for all threads of a process. `performance.now()` counts from the start of its own thread, so it cannot be compared. A tick is
 * 100 microseconds, and ticks wrap around after five days: two of them are compared by `ticksBetween`, which is right for times less than
 * 59 hours apart. Runs in the threads of the gateway.
 */
export const TICKS_PER_MS = 10
/** Milliseconds to add to `performance.now()` of this thread. */
const OFFSET_MS = Number(process.hrtime.bigint() / 1000n) / 1000 - performance.now()

/** The tick of a moment of `performance.now()`. Never 0, which means "none" in a word of shared memory. */
export function tickOf(now: number): number {
  // The least bit is given up: 0 would be 1.
  return Math.floor((now + OFFSET_MS) * TICKS_PER_MS) | 1
}

/** From one tick to another, in ticks; negative: `to` is before `from`. */
export function ticksBetween(from: number, to: number): number {
  return (to - from) | 0
}
