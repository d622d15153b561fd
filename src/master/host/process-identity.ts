/**
 * Whether a process id still names the same process: Linux tells its start time. Only orphans need this. Handles signal the master's
 * children, and preloaders signal workers: the parent of a process cannot hit a stranger with the same number. Runs in the master.
 */
import { readFileSync, statSync } from 'node:fs'

/** When the process started, in clock ticks since boot; null: it has gone, or there is no /proc. */
export function readStartTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may contain anything, so fields are counted after it: state is the third, start time the 22nd.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}

/**
 * Sends the signal if the process is alive, started at `startTime`, and belongs to the user. The number came from a process that runs
 * the application's code, and we may be root.
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
