/** Where the program's parts lie: `src/` in a checkout, `dist/` in an installed package; this file is two levels below the root. */
import { extname, join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

/** What the master runs; its tests run others. */
export interface Programs {
  /** Script for Node. */
  readonly gateway: string
  /** Script or directory with a `__main__.py` for Python, which needs no installation so. */
  readonly worker: string
  /** Script for Python. */
  readonly notify: string
}

export const PROGRAMS: Programs = {
  // `.ts` in a checkout, `.js` installed: the parts are of one kind.
  gateway: join(import.meta.dirname, `../gateway/main${extname(import.meta.filename)}`),
  worker: join(ROOT, 'python/jumak_worker'),
  notify: join(ROOT, 'python/jumak_worker/process/notify.py'),
}
