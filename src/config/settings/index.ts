/** All settings and actions in the order of help: the most important first. */
import { account } from './account.ts'
import { application } from './application.ts'
import { cgi } from './cgi.ts'
import { clients } from './clients.ts'
import { compression } from './compression.ts'
import { content } from './content.ts'
import { development } from './development.ts'
import { errors } from './errors.ts'
import { http2 } from './http2.ts'
import { check, help, noApp, printConfig, printSchema, usage, version } from './information.ts'
import { listening } from './listening.ts'
import { logging } from './logging.ts'
import { processes } from './processes.ts'
import { queue } from './queue.ts'
import { remoteLogs } from './remote-logs.ts'
import { requests } from './requests.ts'
import { resources } from './resources.ts'
import { responses } from './responses.ts'
import { type Action, type Group, type Setting, settingsIn, type ValuesOf } from './setting.ts'
import { staticFiles } from './static.ts'
import { stop } from './stop.ts'
import { tls } from './tls.ts'
import { watching } from './watching.ts'
import { websockets } from './websockets.ts'
import { workers } from './workers.ts'

/** Settings of the program: all applications share their values. Several groups may have settings of one part of `Config`. */
const PROGRAM = [
  listening,
  responses,
  tls,
  compression,
  errors,
  logging,
  remoteLogs,
  development,
  clients,
  requests,
  resources,
  http2,
  websockets,
  cgi,
  processes,
  stop,
] as const

/** Settings that each application has for itself. Several groups may have settings of one part of `AppConfig`. */
const APPLICATION = [application, workers, staticFiles, watching, queue, content, account] as const

export const PROGRAM_GROUPS: readonly Group[] = PROGRAM
export const APPLICATION_GROUPS: readonly Group[] = APPLICATION

type ValuesOfAll<Groups extends readonly unknown[]> = Groups extends readonly [infer First, ...infer Rest]
  ? ValuesOf<First> & ValuesOfAll<Rest>
  : unknown

/** The parts of `Config` and of `AppConfig` that come from plain settings. */
export type ProgramValues = ValuesOfAll<typeof PROGRAM>
export type ApplicationValues = ValuesOfAll<typeof APPLICATION>

/** In the order of help. */
const ORDER: readonly Group[] = [
  application,
  listening,
  responses,
  tls,
  workers,
  stop,
  staticFiles,
  compression,
  errors,
  logging,
  remoteLogs,
  development,
  watching,
  clients,
  queue,
  requests,
  content,
  resources,
  http2,
  websockets,
  cgi,
  account,
  processes,
]

export const SETTINGS: readonly Setting[] = ORDER.flatMap(settingsIn)
export const APPLICATION_SETTINGS: ReadonlySet<Setting> = new Set(APPLICATION_GROUPS.flatMap(settingsIn))

export const ACTIONS: readonly Action[] = [usage, help, version, check, noApp, printConfig, printSchema]
