/**
 * What `narrator.ts`, `app-narrator.ts` and the start-up lines need to know about processes. The handles in `fleet/` have these fields, and the output
 * needs no import of the fleet. Types only.
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
  /** One of `fleet/worker-phases.ts`. */
  readonly phase: string
  /** When the phase began. */
  readonly since: number
  /** Why it must go; null: nothing is wrong. */
  readonly fault: string | null
  /** `1,012 requests (--max-requests 1000)`. */
  readonly recycleReason: string
  /** The last line that it printed. */
  readonly lastLine: string
}

export interface NarratedGeneration {
  readonly number: number
  /** Null until it is known. */
  readonly application: LoadedApplication | null
  /** Null until it is found. */
  readonly python: Python | null
  /** In force now: `off` after hazards. */
  readonly preload: string
  /** What would not survive a fork. */
  readonly hazards: readonly ForkHazard[]
  /** While developing: hints how its framework could show more. */
  readonly notes: readonly string[]
}

export interface NarratedGateway {
  readonly startedAt: number
  /** Requests that wait or run there. */
  readonly inFlight: number
}

/** The processes of one application. */
export interface NarratedFleet {
  readonly name: string
  /** The generation that serves; null: none does. */
  readonly serving: number | null
  /** How many workers it should have, in all pools. */
  readonly wantedInAll: number
  /** Its last generation was given up. */
  readonly isRefused: boolean
}

/** Of a kind of process: how often it died, and when the next one starts. */
export interface NarratedCrashes {
  /** Early deaths in a row. */
  readonly row: number
  /** The next process starts at this moment; in the past: at once. */
  readonly notBefore: number
}
