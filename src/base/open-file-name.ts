/** The kernel's name of an open file. Unlike the path that was opened, it cannot mean another file by now. Runs in the gateway. */
import { readlinkSync } from 'node:fs'

/**
 * Null where there is no /proc. The name of a file that was removed ends with ` (deleted)`. Synchronous: no disk is read, so it takes
 * some microseconds, and a thread would cost ten times that.
 */
export function openFileName(fd: number): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return null
  }
}
