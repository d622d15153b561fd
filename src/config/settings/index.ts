/** All settings and actions in the order of help: the most important first. */
import { application } from './application.ts'
import { clients } from './clients.ts'
import { development } from './development.ts'
import { errors } from './errors.ts'
import { check, help, noApp, printConfig, printSchema, usage, version } from './information.ts'
import { listening } from './listening.ts'
import { logging } from './logging.ts'
import { processes } from './processes.ts'
import { queue } from './queue.ts'
import { requests } from './requests.ts'
import { resources } from './resources.ts'
import { type Action, type Group, type Setting, settingsIn, type ValuesOf } from './setting.ts'
import { staticFiles } from './static.ts'
import { websockets } from './websockets.ts'
import { workers } from './workers.ts'

/** Several groups may have settings of one part of `Config`: `limits`, `timeouts`. */
export const GROUPS: readonly Group[] = [
  application,
  listening,
  workers,
  staticFiles,
  errors,
  logging,
  development,
  clients,
  queue,
  requests,
  resources,
  websockets,
  processes,
]

/** The part of `Config` that comes from plain settings, made of all groups. */
export type PlainValues = ValuesOf<typeof application> &
  ValuesOf<typeof listening> &
  ValuesOf<typeof workers> &
  ValuesOf<typeof staticFiles> &
  ValuesOf<typeof errors> &
  ValuesOf<typeof logging> &
  ValuesOf<typeof development> &
  ValuesOf<typeof clients> &
  ValuesOf<typeof queue> &
  ValuesOf<typeof requests> &
  ValuesOf<typeof resources> &
  ValuesOf<typeof websockets> &
  ValuesOf<typeof processes>

export const SETTINGS: readonly Setting[] = GROUPS.flatMap(settingsIn)

export const ACTIONS: readonly Action[] = [usage, help, version, check, noApp, printConfig, printSchema]
