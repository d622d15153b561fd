/**
 * What the pool knows of a connection to a worker, whichever wire it speaks: `link.ts` is one thread of a WSGI worker,
 * `asgi/link.ts` all of an ASGI worker.
 */
import type { Deadline } from '../../base/deadlines.ts'
import type { OpenFiles } from '../../base/open-files.ts'
import type { FrameWriter } from '../wire/frame-writer.ts'
import type { Call, CallPhase } from './call.ts'
import type { Fate, Slot } from './dispatch-rules.ts'
import type { PoolWorker } from './worker.ts'

export interface LinkAddress {
  readonly worker: number
  readonly pid: number
  readonly socket: string
  /** That its worker has. */
  readonly slots: number
  readonly build: string
}

export interface PoolLink extends Slot {
  readonly worker: PoolWorker
  /** False: it has no connection, and will not make another. */
  readonly isAlive: boolean
  /** The worker said hello on its present connection. */
  readonly isOpen: boolean
  /** Its worker does not react: it takes nothing until it does. */
  readonly isBlocked: boolean
  /** Nothing runs on it. */
  readonly isIdle: boolean
  open(): void
  /** Puts a call on the link; true when it must be flushed. */
  send(call: Call): boolean
  /** Writes what was put on it since the last flush. `writer` is shared by all links. */
  flush(writer: FrameWriter): void
  /** The exchange of a call that is on it is over; `phase`: how far it was. */
  left(call: Call, phase: CallPhase): void
  /** After a debugger: what runs on it has all of its time again. */
  goOn(): void
  /** Takes leave of what would never end by itself: begins after `afterMs`, has ended all of it `spanMs` later. */
  dismiss(code: number, afterMs: number, spanMs: number): void
  /** For good; the calls that are not answered are returned. `code` closes WebSockets. */
  close(code: number): Call[]
  /** What becomes of the calls that `close` returned. */
  fatesOf(calls: readonly Call[], blame: boolean): Fate[]
}

export interface PoolLinkOwner {
  /** Counts files of workers that we open and send ourselves. */
  readonly files: OpenFiles
  /** Starts the deadline for the first hello. */
  armHello(deadline: Deadline): void
  /** The worker said hello. */
  opened(link: PoolLink): void
  /** There may be room for one call more, though none is over. */
  hasRoom(): void
  /** A call is over: there is room for one more, or nothing left to do; `runMicros`: time in the application, when it is known. */
  freed(link: PoolLink, runMicros: number | null): void
  /** The connection broke, or the worker broke the wire's rules. The link is closed; its calls wait to be taken. */
  broke(link: PoolLink, reason: string): void
  /** The call's exchange is over: it failed with `error`. */
  failed(call: Call, error: Error): void
  /** `request`: the id of the one that it is about. */
  warn(message: string, request: string): void
}
