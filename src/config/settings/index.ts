/** All settings and actions, in the order of help. */
import { app, chdir, preload, python } from './application.ts'
import { help, version } from './information.ts'
import { bind } from './listening.ts'
import { accessLog, logLevel } from './logging.ts'
import type { Action, Setting } from './setting.ts'
import { threads, timeout, workers } from './workers.ts'

export const SETTINGS: readonly Setting[] = [
  app,
  chdir,
  python,
  preload,
  bind,
  workers,
  threads,
  timeout,
  accessLog,
  logLevel,
]

export const ACTIONS: readonly Action[] = [help, version]
