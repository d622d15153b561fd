/**
 * How many workers `auto` is: the cores that this process may really use, by its affinity and by the CPU quotas of its
 * control group and the groups around it. Runs in the command line; looks at files only.
 *
 * Node's `availableParallelism` is not used where /proc tells: it rounds a quota down (3.5 cores would be 3 workers) and
 * multiplies it by the group's weight, which is a share under contention and not a limit.
 */
import { join } from 'node:path'
import type { Machine } from './environment.ts'
import { readText } from './files.ts'
import { groupLimit } from './group-limit.ts'

/** One worker alone would leave nobody to answer while it is replaced or busy. */
const MIN_WORKERS = 2
/**
 * What an ASGI application has unless it is asked for more, as with uvicorn and hypercorn: many keep in the process's memory what
 * all clients share (rooms of Socket.IO, an in-memory layer of Channels, Gradio's sessions), and one event loop serves thousands.
 */
export const ASGI_WORKERS = 1

export interface AutoWorkers {
  readonly workers: number
  /** For the start-up line: `auto: 4 cores`, `auto: CPU quota of 1.5 cores`. */
  readonly reason: string
}

export function autoWorkers(machine: Machine, isDevelopment = false): AutoWorkers {
  // Who stops at a breakpoint wants the next request to wait for it, and one process to look into.
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

/** The affinity mask may name cores that are switched off or not there. */
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

/** Cores' worth of time. Version 2: `cpu.max` is `150000 100000`, or `max 100000`. Version 1: two files, -1 is no limit. */
function readQuota(group: string): number {
  const [quota, period] = (
    readText(join(group, 'cpu.max'))?.trim().split(/\s+/) ?? [
      readText(join(group, 'cpu.cfs_quota_us')),
      readText(join(group, 'cpu.cfs_period_us')),
    ]
  ).map(Number)
  return quota! > 0 && period! > 0 ? quota! / period! : Number.POSITIVE_INFINITY
}
