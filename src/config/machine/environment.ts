/** What a configuration takes from its surroundings. Tests give their own. Made once, in the command line. */
import { isBuiltin } from 'node:module'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { findAccount } from './accounts.ts'

export interface WorkingDirectory {
  /** Physical working directory. */
  readonly cwd: string
  /** $PWD: the logical working directory, with symbolic links, if a shell set it. */
  readonly pwd: string | undefined
  /** The logical working directory at the start. It still counts after a link in it is switched. */
  readonly logical?: string
}

export interface Environment extends WorkingDirectory {
  /** For temporary files: $TMPDIR, or /tmp. */
  readonly temporaryDirectory: string
  readonly machine: Machine
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly platform: NodeJS.Platform
  /** Of this process; -1 on systems without users. */
  readonly uid: number
  readonly gid: number
  /** The line of an account, by its name or number; null when there is none. */
  readonly findAccount: FindAccount
}

export type FindAccount = (database: 'passwd' | 'group', key: string) => string | null

export interface Machine {
  /** Where control groups are mounted: /sys/fs/cgroup. */
  readonly cgroupRoot: string
  /** Where the kernel shows processes: /proc. */
  readonly procRoot: string
  /** Cores that are online. */
  readonly onlineCores: number
  /** Cores that this process may use according to Node, for systems without /proc (macOS). */
  readonly parallelism: number
  /** Of the whole machine. */
  readonly memoryBytes: number
  readonly nodeVersion: string
  /** This Node has `node:ffi` (from 26 on), by which each thread of the gateway gets descriptors of its own. */
  readonly canCopyDescriptors: boolean
  /** One of Jumak's own files. */
  readonly ownFile: string
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
      nodeVersion: process.versions.node,
      canCopyDescriptors: isBuiltin('node:ffi'),
      ownFile: import.meta.filename,
    },
    variables: process.env,
    platform: process.platform,
    uid: process.getuid?.() ?? -1,
    gid: process.getgid?.() ?? -1,
    findAccount,
  }
}
