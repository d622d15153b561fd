/** How many workers `auto` is: cores that this process may really use. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

/** One worker alone would leave nobody to answer while it is replaced or busy. */
const MIN_WORKERS = 2

export interface AutoWorkers {
  readonly workers: number
  /** For the start-up line: `auto: 4 cores`. */
  readonly reason: string
}

/** `cgroupRoot` and `cores` are parameters for the tests. */
export function autoWorkers(cgroupRoot = '/sys/fs/cgroup', cores: number = availableParallelism()): AutoWorkers {
  const quota = cpuQuota(cgroupRoot)
  const plural = cores === 1 ? 'core' : 'cores'
  if (quota !== null && quota < cores)
    return { workers: Math.max(MIN_WORKERS, Math.ceil(quota)), reason: `auto: quota of ${Number(quota.toFixed(2))} of ${cores} ${plural}` }
  return { workers: Math.max(MIN_WORKERS, cores), reason: `auto: ${cores} ${plural}` }
}

/** CPUs that the control group may use: version 2 `cpu.max`, version 1 `cpu.cfs_quota_us`; null: no limit. */
function cpuQuota(root: string): number | null {
  const [quota, period] = readNumbers(join(root, 'cpu.max'))
  if (quota !== undefined && period !== undefined) return quota / period
  const [quota1] = readNumbers(join(root, 'cpu/cpu.cfs_quota_us'))
  const [period1] = readNumbers(join(root, 'cpu/cpu.cfs_period_us'))
  return quota1 !== undefined && period1 !== undefined && quota1 > 0 ? quota1 / period1 : null
}

/** Empty when the file is not there, or says `max`. */
function readNumbers(path: string): number[] {
  try {
    const numbers = readFileSync(path, 'utf8').trim().split(/\s+/).map(Number)
    return numbers.some(Number.isNaN) ? [] : numbers
  } catch {
    return []
  }
}
