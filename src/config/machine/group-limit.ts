/** What the control group of this process and the groups around it allow. Runs in the command line; only reads files. */
import { join } from 'node:path'
import { controlGroups, upwards } from '../../base/control-group.ts'
import type { Machine } from './environment.ts'
import { readText } from './files.ts'

/** The lowest limit of all these groups; infinite if none has a limit. `read`: the limit of the group in a directory. */
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
