/**
 * When a worker has done enough: `--max-requests`, `--max-age`, `--max-memory`; and how the log says why. Pure: random numbers (0 to 1),
 * memory and times are arguments. `supervise.ts` decides when a worker that is due goes; `memory-sampler.ts` reads the memory.
 */
import type { Recycle } from '../../config/types.ts'
import type { Memory } from '../host/memory.ts'
import { describeBytes, describeCount, describeDuration } from '../output/describe.ts'

/** Recycled for its memory this soon after it began to serve: the application may simply need that much. */
const SOON_MS = 60_000

/** A different number for each worker, so that they do not all go at the same time; 0: no limit. */
export function drawRequests({ maxRequests, maxRequestsJitter }: Recycle, random: number): number {
  return maxRequests === 0 ? 0 : maxRequests + Math.floor(random * (maxRequestsJitter + 1))
}

/** A different age for each worker: up to a tenth less, because a maximum is one. Infinity: no limit. */
export function drawAge({ maxAge }: Recycle, random: number): number {
  return maxAge === 0 ? Number.POSITIVE_INFINITY : maxAge * (1 - random / 10)
}

export function describeRequests({ maxRequests }: Recycle, requests: number): string {
  return `${describeCount(requests)} ${requests === 1 ? 'request' : 'requests'} (--max-requests ${maxRequests})`
}

export function describeAge({ maxAge }: Recycle, age: number): string {
  return `${describeDuration(age)} old (--max-age ${describeDuration(maxAge)})`
}

/** Null: the memory is within the limit. `servedMs`: since it began to serve. */
export function describeExcess({ maxMemory }: Recycle, { bytes, kind }: Memory, servedMs: number): string | null {
  if (bytes <= maxMemory) return null
  const soon = servedMs < SOON_MS ? `; it serves for ${describeDuration(servedMs)} only: the limit may be too low` : ''
  return `${describeBytes(bytes)} of memory, ${kind} (--max-memory ${describeBytes(maxMemory)})${soon}`
}
