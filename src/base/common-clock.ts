/** One clock for all threads of a process. `performance.now()` counts from the start of its own thread, so it cannot be compared. */

/** Milliseconds to add to `performance.now()` of this thread: the sum is the same in all threads at one moment. */
export const TO_COMMON_MS = Number(process.hrtime.bigint() / 1000n) / 1000 - performance.now()
