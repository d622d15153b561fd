/** All settings, in the order of help. */
import * as application from './application.ts'
import * as listening from './listening.ts'
import * as logging from './logging.ts'
import type { Setting } from './setting.ts'
import * as workers from './workers.ts'

export const SETTINGS: readonly Setting[] = [
  application.chdir,
  application.python,
  application.preload,
  listening.bind,
  workers.workers,
  workers.threads,
  workers.timeout,
  logging.accessLog,
  logging.logLevel,
]
