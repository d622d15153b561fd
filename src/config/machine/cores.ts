/**
 * The cores that this process may use, by its affinity and by the CPU quotas of its control group and the groups around it. Runs in the
 * command line; only reads files.
 *
 * Where there is /proc, Node's `availableParallelism` is not used. It rounds a quota down (3.5 cores would be 3 workers), and it
 * multiplies the quota by the group's weight, which is a share under contention and not a limit.
 */
import { join } from 'node:path'
import type { Machine } from './environment.ts'
import { readText } from './files.ts'
import { groupLimit } from './group-limit.ts'

export interface UsableCores {
  /** May have a fraction: a quota of 1.5 cores. */
  readonly count: number
  /** `4 cores`, `CPU quota of 1.5 cores`. */
  readonly found: string
}

export function usableCores(machine: Machine): UsableCores {
  const cores = allowedCores(machine)
  const quota = groupLimit(machine, 'cpu', readQuota)
  if (quota < cores) return { count: quota, found: `CPU quota of ${describeCores(quota)}` }
  return { count: cores, found: describeCores(cores) }
}

function describeCores(count: number): string {
  return `${Number(count.toFixed(2))} core${count === 1 ? '' : 's'}`
}

/** The affinity mask may have cores that are offline or do not exist. */
function allowedCores({ procRoot, onlineCores, parallelism }: Machine): number {
  const list = /^Cpus_allowed_list:\s*([\d,-]+)$/m.exec(readText(join(procRoot, 'self/status')) ?? '')?.[1]
  if (list === undefined) return parallelism
  return Math.max(1, Math.min(onlineCores, countListed(list)))
}

/** `0-3,8` → 5. */
function countListed(list: string): number {
  return list.split(',').reduce((count, range) => {
    const [first, last = first] = range.split('-').map(Number)
    return count + last! - first! + 1
  }, 0)
}

/** The quota in cores. Version 2 of control groups: `cpu.max` is `150000 100000`, or `max 100000`. Version 1: two files, -1 is no limit. */
function readQuota(group: string): number {
  const [quota, period] = (
    readText(join(group, 'cpu.max'))?.trim().split(/\s+/) ?? [
      readText(join(group, 'cpu.cfs_quota_us')),
      readText(join(group, 'cpu.cfs_period_us')),
    ]
  ).map(Number)
  return quota! > 0 && period! > 0 ? quota! / period! : Number.POSITIVE_INFINITY
}
