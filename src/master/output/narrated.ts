/**
 * What the log tells about processes, as far as `narrator.ts` and the start-up lines need to know it. The handles in `fleet/` have
 * these fields. Types only: so the output knows nothing of the fleet.
 */
import type { ForkHazard, LoadedApplication } from '../../control/messages.ts'
import type { Python } from '../host/python.ts'

export interface NarratedWorker {
  readonly id: number
  /** `worker 7`. */
  readonly name: string
  /** Null until the preloader has forked it. */
  readonly pid: number | null
  readonly startedAt: number
  /** Of its life, as `fleet/worker-phases.ts` has them. */
  readonly phase: string
  /** When the phase began. */
  readonly since: number
  /** Why it must go; null: nothing is wrong. */
  readonly fault: string | null
  /** `1,012 requests (--max-requests 1000)`. */
  readonly recycleReason: string
  /** What it printed last. */
  readonly lastLine: string
}

export interface NarratedGeneration {
  readonly number: number
  /** Null while it is not known. */
  readonly application: LoadedApplication | null
  /** Null while it is not found. */
  readonly python: Python | null
  /** As used now: `off` after hazards. */
  readonly preload: string
  /** What does not survive a fork. */
  readonly hazards: readonly ForkHazard[]
  /** While developing: where its framework could show more. */
  readonly notes: readonly string[]
}

export interface NarratedGateway {
  readonly startedAt: number
  /** Requests that wait or run there. */
  readonly inFlight: number
}

/** Of a process that dies again and again. */
export interface NarratedCrashes {
  /** Early deaths in a row. */
  readonly row: number
  /** The next process starts at this moment; in the past: at once. */
  readonly notBefore: number
}
