/** Ends the gateway process because it is of no use. Runs in the gateway, in its main thread. */
import { writeSync } from 'node:fs'

/** Writes the reason to standard error, which the master reads: no event loop is needed for that. */
export function leave(reason: string): never {
  writeSync(2, `${reason}\n`)
  process.exit(1)
}

/** The same, while a thread does not end: `process.exit` would wait for it. The master sees a SIGKILL. */
export function leaveAtOnce(reason: string): void {
  writeSync(2, `${reason}\n`)
  process.kill(process.pid, 'SIGKILL')
}
