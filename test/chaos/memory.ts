/** Memory of processes, shared pages counted by equal parts. */
import { readFileSync } from 'node:fs'

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
