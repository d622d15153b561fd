/** Whether other users can read Jumak's own files. Runs in the command line; only reads. */
import { statSync } from 'node:fs'
import { dirname } from 'node:path'

/** What others need to pass a directory. */
const OTHERS_ENTER = 0o001

/** The directory above `path` that other users may not enter, such as root's home; null: there is none. */
export function closedDirectory(path: string): string | null {
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    if ((statSync(directory).mode & OTHERS_ENTER) === 0) return directory
    if (directory === dirname(directory)) return null
  }
}
