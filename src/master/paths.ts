/** Where the program's parts are: `src/` in a checkout, `dist/` in an installed package. This file is two levels below the root. */
import { extname, join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

/** The programs that the master starts; its tests start others. */
export interface Programs {
  /** Script for Node. */
  readonly gateway: string
  /** A script, or a directory with a `__main__.py`: Python runs it without installing it. */
  readonly worker: string
  /** Script for Python. */
  readonly notify: string
}

export const PROGRAMS: Programs = {
  // `.ts` in a checkout and `.js` when installed, as this file.
  gateway: join(import.meta.dirname, `../gateway/main${extname(import.meta.filename)}`),
  worker: join(ROOT, 'python/jumak_worker'),
  notify: join(ROOT, 'python/jumak_worker/process/notify.py'),
}
