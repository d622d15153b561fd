/** Memory of processes, shared pages counted by equal parts. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * The environment of a program whose memory is to show leaks. Garbage of Node's, its young generation and the room that glibc keeps for large buffers come and go by tens of MB with the load:
 * no leak, but one could hide in it. So garbage is collected all the time, and room is given back at once.
 */
export const LIVE_MEMORY: Readonly<Record<string, string>> = {
  NODE_OPTIONS: `--expose-gc --max-semi-space-size=1 --import=${pathToFileURL(join(import.meta.dirname, 'collect.ts'))}`,
  MALLOC_MMAP_THRESHOLD_: '65536',
}

export function proportionalMegabytes(pids: readonly number[]): number {
  return megabytes(pids, /^Pss:\s+(\d+)/m)
}

/** Without mapped files: what is counted of them changes with whoever else on the machine runs Node or Python. */
export function anonymousMegabytes(pids: readonly number[]): number {
  return megabytes(pids, /^Pss_Anon:\s+(\d+)/m)
}

/** 0 for one that has gone. */
function megabytes(pids: readonly number[], field: RegExp): number {
  const kilobytes = pids.map(pid => {
    try {
      return Number(field.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1] ?? 0)
    } catch {
      return 0
    }
  })
  return kilobytes.reduce((sum, one) => sum + one, 0) / 1024
}
