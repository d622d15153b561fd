/** How many workers `auto` is: the cores that this process may use, rounded up. Runs in the command line; only reads files. */
import { usableCores } from './cores.ts'
import type { Machine } from './environment.ts'

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
  const { count, found } = usableCores(machine)
  const workers = Math.ceil(count)
  const minimum = workers < MIN_WORKERS ? `, at least ${MIN_WORKERS}` : ''
  return { workers: Math.max(MIN_WORKERS, workers), reason: `auto: ${found}${minimum}` }
}
