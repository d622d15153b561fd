/**
 * How many workers `auto` is: the cores that this process may use, by its affinity and by the CPU quotas of its control group and the
 * groups around it. Runs in the command line; only reads files.
 *
 * Where there is /proc, Node's `availableParallelism` is not used. It rounds a quota down (3.5 cores would be 3 workers), and it
 * multiplies the quota by the group's weight, which is a share under contention and not a limit.
 */
import { join } from 'node:path'
import type { Machine } from './environment.ts'
import { readText } from './files.ts'
import { groupLimit } from './group-limit.ts'

/** A single worker could not answer while it is busy or being replaced. */
const MIN_WORKERS = 2
/**
 * Workers of an ASGI application unless the user gives a number, as with uvicorn and hypercorn. Many applications keep in memory what
 * all clients share (rooms of Socket.IO, the in-memory layer of Channels, Gradio's sessions), and one event loop serves thousands.
 */
export const ASGI_WORKERS = 1

export interface AutoWorkers {
  readonly workers: number
  /** For the start-up line: `auto: 4 cores`, `auto: CPU quota of 1.5 cores`. */
  readonly reason: string
}

export function autoWorkers(machine: Machine, isDevelopment = false): AutoWorkers {
  // At a breakpoint the next request should wait, and there should be one process to look into.
  if (isDevelopment) return { workers: 1, reason: 'auto: one while developing' }
  const cores = usableCores(machine)
  const quota = groupLimit(machine, 'cpu', readQuota)
  const usable = quota < cores ? quota : cores
  const found = quota < cores ? `CPU quota of ${describeCores(quota)}` : describeCores(cores)
  const minimum = usable < MIN_WORKERS && Math.ceil(usable) < MIN_WORKERS ? `, at least ${MIN_WORKERS}` : ''
  return { workers: Math.max(MIN_WORKERS, Math.ceil(usable)), reason: `auto: ${found}${minimum}` }
}

function describeCores(count: number): string {
  return `${Number(count.toFixed(2))} core${count === 1 ? '' : 's'}`
}

/** The affinity mask may have cores that are offline or do not exist. */
function usableCores({ procRoot, onlineCores, parallelism }: Machine): number {
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
