/**
 * How much memory `auto` gives to the gateway's buffers, and how many connections: a quarter of what its control groups allow is for each,
 * else of the machine's memory. The rest is for the workers, the processes themselves, and the kernel's buffers for sockets and files. Runs in
 * the command line; only reads files.
 */
import { join } from 'node:path'
import type { Machine } from './environment.ts'
import { readText } from './files.ts'
import { groupLimit } from './group-limit.ts'

const SHARE = 1 / 4
/** Enough for sixteen uploads at a time. With less nothing works well. */
const LEAST_MEMORY = 16 * 1024 * 1024

/**
 * An open connection, which may be a WebSocket, beside what the budget of buffers counts (docs/internals/performance.md). With TLS, OpenSSL
 * has its state, too.
 */
const [PLAIN_CONNECTION, TLS_CONNECTION] = [16 * 1024, 32 * 1024]

export function autoMemory(machine: Machine): number {
  return Math.max(LEAST_MEMORY, Math.floor(allowedMemory(machine) * SHARE))
}

/** Connections that memory allows. `hasTls`: an address speaks TLS. */
export function connectionsInMemory(machine: Machine, hasTls: boolean): number {
  return Math.floor(autoMemory(machine) / (hasTls ? TLS_CONNECTION : PLAIN_CONNECTION))
}

function allowedMemory(machine: Machine): number {
  return Math.min(machine.memoryBytes, groupLimit(machine, 'memory', readLimit))
}

/** Without a limit, version 2 of control groups says `max`, and version 1 a number that no machine has. */
function readLimit(group: string): number {
  const text = readText(join(group, 'memory.max')) ?? readText(join(group, 'memory.limit_in_bytes'))
  const bytes = Number(text?.trim() || Number.NaN)
  return bytes > 0 ? bytes : Number.POSITIVE_INFINITY
}
