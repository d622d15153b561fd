/** What a pool tells of its workers: to the master, which starts and ends them, and to the log. */

/** `request`: id of the request that the message is about; empty: none. */
export type PoolLog = (level: 'debug' | 'info' | 'warn' | 'error', message: string, request: string) => void

export interface PoolEvents {
  /** A link of the worker is open. Its warm-up begins. */
  warming(worker: number): void
  /** The worker failed in its warm-up and gets no requests. Once per worker; `stuck` or `lost` may have told more before. */
  cold(worker: number, note: string): void
  /** A link of the worker is open, and the worker is warm. Its other links follow. */
  linked(worker: number): void
  /** After `drain`: nothing runs on the worker any more, and its links are closed. */
  drained(worker: number): void
  /** A link broke that we did not close, or never opened: the worker must be replaced. Once per worker; not while it drains. */
  lost(worker: number, reason: string): void
  /** A request ran past its deadline, on `thread`. Told for each such request. The worker gets nothing new; its other requests may end. */
  stuck(worker: number, note: string, request: string, thread: string): void
  /** The worker's event loop does not turn. The worker gets nothing new until it turns again. */
  blocked(worker: number, note: string): void
  /** The worker has answered its `maxRequests`. Once per worker; it serves on. */
  spent(worker: number, requests: number): void
  readonly log: PoolLog
}
