/** Ends the gateway process because it is of no use. Runs in the gateway, in its main thread. */
import { writeSync } from 'node:fs'

/** Writes the reason to standard error, which the master reads: no event loop is needed for that. */
export function leave(reason: string): never {
  writeSync(2, `${reason}\n`)
  process.exit(1)
}
