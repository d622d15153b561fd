/**
 * The clock of all threads (`base/common-clock.ts`) in units that fit into a word. A tick is 100 microseconds, and ticks wrap around after five
 * days: two of them are compared by `ticksBetween`, which is right for times less than 59 hours apart. Runs in the threads of the gateway.
 */
import { TO_COMMON_MS } from '../base/common-clock.ts'

export const TICKS_PER_MS = 10

/** The tick of a moment of `performance.now()`. Never 0, which means "none" in a word of shared memory. */
export function tickOf(now: number): number {
  // The least bit is given up: 0 would be 1.
  return Math.floor((now + TO_COMMON_MS) * TICKS_PER_MS) | 1
}

/** From one tick to another, in ticks; negative: `to` is before `from`. */
export function ticksBetween(from: number, to: number): number {
  return (to - from) | 0
}
