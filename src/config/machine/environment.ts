/** What a configuration takes from its surroundings, so that tests can give their own. Runs in the command line only. */
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { findAccount } from './accounts.ts'

export interface WorkingDirectory {
  /** Physical working directory. */
  readonly cwd: string
  /** $PWD: the logical working directory, links and all, where a shell set it. */
  readonly pwd: string | undefined
  /** What the logical one was found to be at the start: when a link in it is switched, it is still the one that counts. */
  readonly logical?: string
}

export interface Environment extends WorkingDirectory {
  /** For temporary files: $TMPDIR, or /tmp. */
  readonly temporaryDirectory: string
  readonly machine: Machine
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly platform: NodeJS.Platform
  /** Of this process; -1 where there are none. */
  readonly uid: number
  readonly gid: number
  /** The line of an account, by its name or number; null when there is none. */
  readonly findAccount: FindAccount
}

export type FindAccount = (database: 'passwd' | 'group', key: string) => string | null

export interface Machine {
  /** Where control groups are mounted: /sys/fs/cgroup. */
  readonly cgroupRoot: string
  /** Where the kernel tells about processes: /proc. */
  readonly procRoot: string
  /** Cores that are switched on. */
  readonly onlineCores: number
  /** Cores that Node thinks this process may use, where /proc does not tell (macOS). */
  readonly parallelism: number
  /** Of the machine, whatever this process may use of it. */
  readonly memoryBytes: number
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
      memoryBytes: totalmem(),
    },
    variables: process.env,
    platform: process.platform,
    uid: process.getuid?.() ?? -1,
    gid: process.getgid?.() ?? -1,
    findAccount,
  }
}
