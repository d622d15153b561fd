/**
 * What was given for each application: its own settings, and for all others the flat ones (file, flags, variables), which are defaults for
 * every application. Runs in the command line, and in the master when it reloads. Pure; checks no values.
 *
 * Invariants: the nearest wins, so what an `[[app]]` says beats flags and variables. Only `app` is never inherited. The flat settings make
 * an application of their own, `default`, if they name one, if a site does, or if there is neither another one nor a site.
 */
import type { Secret } from '../base/secret.ts'
import { DEFAULT_NAME } from './kinds/application-keys.ts'
import { application } from './settings/application.ts'
import { APPLICATION_SETTINGS } from './settings/index.ts'
import type { Setting } from './settings/setting.ts'
import { handlerKeys } from './settings/site-keys.ts'
import { appKeys } from './settings/tables.ts'
import type { FileApp, FileTable } from './sources/app-tables.ts'
import type { Given } from './sources/given.ts'
import { type FilePart, type FileSites, NO_SITES } from './sources/site-tables.ts'
import type { FileOrigin } from './sources/table-reader.ts'
import type { PythonConfiguration } from './types.ts'
import type { Settings } from './values.ts'

/** What was given, all in all. */
export interface GivenSettings {
  /** The flat settings. Those of applications are here as well: they are defaults. */
  readonly program: Settings
  /** None: sites serve files alone. */
  readonly apps: readonly GivenApp[]
  /** The tables `[[tls]]`. */
  readonly tls: readonly FileTable[]
  /** The tables `[[site]]`, and those of variables. */
  readonly sites: FileSites
  /** Of the flat settings' keys. It is in none of the settings, because `--print-config` and `jumak adapt` print those. */
  readonly keyPassword?: Secret | null
}

export interface GivenApp {
  /** As it was given; empty: none was given. */
  readonly name: string
  /** Its `[[app]]` or its file; null: it is made of the flat settings. */
  readonly origin: FileOrigin | null
  /** Settings of applications, and the keys of `[[app]]`. */
  readonly settings: Settings
  readonly pools: readonly FileTable[]
  /** One of its keys is wrong, and told. */
  readonly hasMistake: boolean
  /** Of another program's command line, which has one application; null: it is ours. */
  readonly configuration: PythonConfiguration | null
}

export function givenSettings(
  flat: Settings,
  apps: readonly FileApp[],
  tls: readonly FileTable[] = [],
  sites: FileSites = NO_SITES,
  configuration: PythonConfiguration | null = null,
): GivenSettings {
  const ofApps = new Map(
    [...APPLICATION_SETTINGS].flatMap(({ name }) => (flat.has(name) ? [[name, flat.get(name)!]] : [])),
  )
  const own: GivenApp = {
    name: DEFAULT_NAME,
    origin: null,
    settings: ofApps,
    pools: [],
    hasMistake: false,
    configuration,
  }
  const isAsked = apps.length === 0 && (sites.sites.length === 0 || sites.sites.some(namesDefault))
  const hasOwn = flat.has(application.app.name) || isAsked
  return { program: flat, apps: [...(hasOwn ? [own] : []), ...apps.map(app => withDefaults(app, ofApps))], tls, sites }
}

/** `app = "default"`, in the site or in one of its locations. */
function namesDefault({ values, locations }: FilePart): boolean {
  const [app] = values.get(handlerKeys.app.name) ?? []
  return app?.text === DEFAULT_NAME || locations.some(namesDefault)
}

function withDefaults({ origin, values, pools, hasMistake }: FileApp, defaults: Settings): GivenApp {
  const settings = new Map([...defaults, ...values])
  if (!values.has(application.app.name)) settings.delete(application.app.name)
  for (const setting of APPLICATION_SETTINGS)
    if (setting.kind.table === 'only' && values.has(setting.name))
      settings.set(setting.name, mergeTables(values.get(setting.name)!, defaults.get(setting.name) ?? []))
  return {
    name: values.get(appKeys.name.name)?.[0]?.text ?? '',
    origin,
    settings,
    pools,
    hasMistake,
    configuration: null,
  }
}

/** `env`: own keys win, others are inherited. */
function mergeTables(own: readonly Given[], defaults: readonly Given[]): readonly Given[] {
  const keyOf = ({ text }: Given) => text.slice(0, text.indexOf('='))
  const keys = new Set(own.map(keyOf))
  return [...own, ...defaults.filter(given => !keys.has(keyOf(given)))]
}

/** Whether the user gave something else: text by text. */
export function isDifferent(setting: Setting, before: Settings, after: Settings): boolean {
  const [a = [], b = []] = [before.get(setting.name), after.get(setting.name)]
  return a.length !== b.length || a.some(({ text }, i) => text !== b[i]!.text)
}
