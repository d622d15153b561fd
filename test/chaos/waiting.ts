/** How long a process had something to do and no core to do it on: where that is much, figures measure the machine. */
import { readFileSync } from 'node:fs'

/** Since the process began; 0 where the kernel does not count it. */
export function waitedNanoseconds(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1])
  } catch {
    return 0
  }
}
