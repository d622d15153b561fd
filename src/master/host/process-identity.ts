/**
 * Whether a process id still means the same process: Linux tells its start time. For orphans only: children are named by their
 * handles, workers by their preloader, neither of which can hit a stranger that got the number.
 */
import { readFileSync, statSync } from 'node:fs'

/** Clock ticks since boot at which the process started; null when it has gone, or /proc does not exist. */
export function readStartTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may hold anything; fields are counted behind it: state is the third, start time the 22nd.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}

/**
 * The signal, if `pid` is alive, started at `startTime`, and is the user's: the number came from a process that runs the
 * application's code, and we may be root.
 */
export function signalVerified(pid: number, signal: NodeJS.Signals, startTime: string | null, uid?: number): void {
  if (startTime === null || readStartTime(pid) !== startTime) return
  try {
    if (uid !== undefined && statSync(`/proc/${pid}`).uid !== uid) return
    process.kill(pid, signal)
  } catch {
    // It ended in between.
  }
}
