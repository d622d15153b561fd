/**
 * How this program was started, as the program before it says: `bin/jumak`, the init of a container (`process/init.py`), the Jumak that it
 * replaces (an upgrade), or the one that makes a daemon of it (`cli/daemon.ts`). Private variables of the environment, which are removed before anything else reads it: neither a setting nor an
 * application may see them. Runs in the command line. Imports nothing: each start and each question loads it.
 */

export interface Started {
  /** The path that was started, absolute, with its symbolic links; null: Node was started with the script. */
  readonly program: string | null
  /** JSON of `HandOver` (`upgrade-messages.ts`); null: this is no upgrade. */
  readonly handOver: string | null
  /** Descriptor of a pipe to the init of the container, which wants the process id of each new master; null: there is none. */
  readonly init: number | null
  /** Descriptor of a pipe to the process that waits until this one, a daemon, serves; null: it is none, or nobody waits. */
  readonly daemon: number | null
}

export const STARTED_AS = 'JUMAK_STARTED_AS'
export const HAND_OVER = 'JUMAK_UPGRADE'
export const INIT = 'JUMAK_INIT'
export const DAEMON = 'JUMAK_DAEMON'

/** Removes the variables from `environment`. */
export function takeStarted(environment: NodeJS.ProcessEnv): Started {
  const { [STARTED_AS]: program, [HAND_OVER]: handOver, [INIT]: init, [DAEMON]: daemon } = environment
  for (const name of [STARTED_AS, HAND_OVER, INIT, DAEMON]) delete environment[name]
  return {
    program: program?.startsWith('/') ? program : null,
    handOver: handOver || null,
    init: descriptor(init),
    daemon: descriptor(daemon),
  }
}

function descriptor(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : null
}
