/** What the control groups of this process allow it: its own and those around it. Runs in the command line; looks at files only. */
import { join } from 'node:path'
import { controlGroups, upwards } from '../../base/control-group.ts'
import type { Machine } from './environment.ts'
import { readText } from './files.ts'

/** The tightest group on the way up counts; infinite without a limit. `read`: that of the group in a directory. */
export function groupLimit(
  { cgroupRoot, procRoot }: Machine,
  controller: 'cpu' | 'memory',
  read: (directory: string) => number,
): number {
  const limits = controlGroups(readText(join(procRoot, 'self/cgroup')) ?? '', controller)
    .flatMap(({ mounts, path }) => mounts.flatMap(mount => upwards(path).map(group => join(cgroupRoot, mount, group))))
    .map(read)
  return Math.min(Number.POSITIVE_INFINITY, ...limits)
}
