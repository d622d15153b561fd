/** Memory of processes, shared pages counted by equal parts. */
import { readFileSync } from 'node:fs'

export function proportionalMegabytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + kilobytes(pid), 0) / 1024
}

/** 0 when it has gone. */
function kilobytes(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
