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
const ALL = [
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
] as const

export const GROUPS: readonly Group[] = ALL

type ValuesOfAll<Groups extends readonly unknown[]> = Groups extends readonly [infer First, ...infer Rest]
  ? ValuesOf<First> & ValuesOfAll<Rest>
  : unknown

/** The part of `Config` that comes from plain settings, made of all groups. */
export type PlainValues = ValuesOfAll<typeof ALL>

export const SETTINGS: readonly Setting[] = GROUPS.flatMap(settingsIn)

export const ACTIONS: readonly Action[] = [usage, help, version, check, noApp, printConfig, printSchema]
