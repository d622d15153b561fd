/** What a configuration takes from its surroundings, so that tests can give their own. Runs in the command line only. */
import { availableParallelism, cpus, tmpdir } from 'node:os'

export interface Environment {
  /** Physical working directory. */
  readonly cwd: string
  /** $PWD: the logical working directory, links and all, where a shell set it. */
  readonly pwd: string | undefined
  /** For temporary files: $TMPDIR, or /tmp. */
  readonly temporaryDirectory: string
  readonly machine: Machine
}

export interface Machine {
  /** Where control groups are mounted: /sys/fs/cgroup. */
  readonly cgroupRoot: string
  /** Where the kernel tells about processes: /proc. */
  readonly procRoot: string
  /** Cores that are switched on. */
  readonly onlineCores: number
  /** Cores that Node thinks this process may use, where /proc does not tell (macOS). */
  readonly parallelism: number
}

/** Throws an ENOENT when the working directory has been removed. */
export function processEnvironment(): Environment {
  return {
    cwd: process.cwd(),
    pwd: process.env['PWD'],
    temporaryDirectory: tmpdir(),
    machine: {
      cgroupRoot: '/sys/fs/cgroup',
      procRoot: '/proc',
      onlineCores: cpus().length,
      parallelism: availableParallelism(),
    },
  }
}
