/** Where the master has its configuration from, and how it reads it again. */
import type { Reloaded, WatchedFiles } from '../config/types.ts'
import type { Started } from '../control/started.ts'
import type { PreparedPreloaders } from './fleet/prepared.ts'

/** Where the configuration came from. */
export interface ConfigSource {
  /** About settings that are useless or surprising. */
  readonly warnings: readonly string[]
  /** What is good to know of them. */
  readonly remarks: readonly string[]
  /** Reads it again, of all or of `only` one application; null: that is not possible. */
  readonly reload: (only: string | null) => Reloaded | null
  /** A file in Python that is evaluated before each `reload`; null: there is none. */
  readonly evaluated: EvaluatedSource | null
  /** Its own files, for `--reload`; null: it has none. */
  readonly files: (() => WatchedFiles) | null
  readonly started: Started
  /** The working directory, by the name that the user gave it. */
  readonly directory: string
}

export interface EvaluatedSource {
  /** The process that has evaluated it waits there for its generation. */
  readonly prepared: PreparedPreloaders
  /** What is wrong; empty: the next `reload` has the new values. */
  readonly again: () => Promise<readonly string[]>
}

/** Without a command line, as in tests: nothing is read again. */
export function unread(): ConfigSource {
  return {
    warnings: [],
    remarks: [],
    reload: () => null,
    evaluated: null,
    files: null,
    started: { program: null, handOver: null, init: null, daemon: null },
    directory: process.cwd(),
  }
}
