/** The name by which the kernel knows an open file: unlike the path that was opened, it is that of this very file. */
import { readlinkSync } from 'node:fs'

/**
 * Null where there is no /proc. A file that has been removed has ` (deleted)` behind its last name. Synchronous, for no disk is
 * asked: it takes some microseconds, and a thread would cost ten times that.
 */
export function openFileName(fd: number): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return null
  }
}
