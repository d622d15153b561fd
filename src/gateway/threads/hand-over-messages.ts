/** The messages by which a connection passes from one thread of the gateway to another. `messages.ts` has all others. */

/** To a thread. The descriptor is the thread's from now on. */
export interface ConnectionMessage {
  readonly type: 'connection'
  readonly fd: number
  /** By which the main thread knows it (`shared/handed-connections.ts`). */
  readonly index: number
  /** Index of the listening socket that has accepted it. */
  readonly listener: number
}

/** To a thread: give away connections that have this share of your work. */
export interface GiveMessage {
  readonly type: 'give'
  readonly share: number
  /** The thread that gets them. */
  readonly to: number
}

/** To the main thread, which has the descriptor from now on: a connection between two requests. */
export interface GivenMessage {
  readonly type: 'given'
  readonly fd: number
  /** As in its ConnectionMessage. It is the main thread's again. */
  readonly index: number
  readonly listener: number
  readonly to: number
}
