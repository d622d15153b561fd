/**
 * How much memory `auto` gives to the gateway's buffers: a quarter of what its control groups allow, else of the machine's memory. The
 * rest is for the workers, the processes themselves, and the kernel's buffers for sockets and files. Runs in the command line; only
 * reads files.
 */
import { join } from 'node:path'
import type { Machine } from './environment.ts'
import { readText } from './files.ts'
import { groupLimit } from './group-limit.ts'

const SHARE = 1 / 4
/** Enough for sixteen uploads at a time. With less nothing works well. */
const LEAST_MEMORY = 16 * 1024 * 1024

export function autoMemory(machine: Machine): number {
  const allowed = Math.min(machine.memoryBytes, groupLimit(machine, 'memory', readLimit))
  return Math.max(LEAST_MEMORY, Math.floor(allowed * SHARE))
}

/** Without a limit, version 2 of control groups says `max`, and version 1 a number that no machine has. */
function readLimit(group: string): number {
  const text = readText(join(group, 'memory.max')) ?? readText(join(group, 'memory.limit_in_bytes'))
  const bytes = Number(text?.trim() || Number.NaN)
  return bytes > 0 ? bytes : Number.POSITIVE_INFINITY
}
