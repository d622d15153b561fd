/** What a link tells the pool, and how the pool gets its links. `worker-lifecycle.ts` is the owner; `apps/links.ts` has the factory. */
import type { Call } from './call.ts'
import type { PoolLink, PoolWorker, WorkerAddress } from './worker.ts'

export interface LinkOwner {
  /** The worker said hello. */
  opened(link: PoolLink): void
  /** There may be room for one more call, though no call is over. */
  hasRoom(link: PoolLink): void
  /** A call is over: there is room for one more. `runMicros`: its time in the application; null: not known. */
  freed(link: PoolLink, runMicros: number | null): void
  /** The call's exchange failed with `error`. */
  failed(call: Call, error: Error): void
  /** `request`: id of the request that the message is about. */
  warn(message: string, request: string): void
  /** The connection broke, or the worker broke the wire's rules. The calls are still on the link: the owner closes it. */
  broke(link: PoolLink, reason: string): void
  /** The link gave up its connection, though the worker did nothing wrong: nobody wants what it ran. `calls` were on it. */
  gaveUp(link: PoolLink, calls: readonly Call[], wasRunning: boolean): void
  /** `first`, the oldest call, made no progress in its time, or the hello did not come in time. `thread`: where the worker runs the call. */
  overdue(link: PoolLink, first: Call | undefined, thread: string): void
  /** The call on the link has become a WebSocket, and holds its slot. */
  tunnelled(link: PoolLink): void
  /** The worker's event loop does not turn, for now. */
  blocked(link: PoolLink, note: string): void
  /** The event loop has not turned for the whole time of a request: the worker must be replaced. */
  stuck(link: PoolLink, note: string): void
}

/** Makes the links of one worker: one for each slot, or one for all of them. */
export type LinkFactory = (address: WorkerAddress, worker: PoolWorker, owner: LinkOwner) => readonly PoolLink[]
