/**
 * Sites from the tables of the file: values, inheritance, one handler a location, and all that is wrong with it. Runs in the command line, and
 * in the master when it reloads.
 *
 * Invariant: each mistake has one diagnostic. What only compiling finds (templates, regular expressions, named locations) is found by the
 * code that serves (`routing/sites/compile.ts`).
 * Not here: what the values may be (`settings/site-keys.ts`), what a location inherits (`location-settings.ts`), sites that come of the
 * applications' own hosts (`host-sites.ts`).
 */
import type {
  Compression,
  Location,
  LocationHandler,
  LocationSettings,
  Match,
  PasswordFile,
  Place,
  RequestLimit,
  RewriteStep,
  Site,
  SiteLog,
  SiteName,
  SitesModel,
  TryFile,
} from '../sites/model.ts'

import type { ServerProtocol } from '../sites/upstream-model.ts'
import { AccessReader, readLimitExcept } from './assemble-access.ts'
import { CgiReader, type CgiUsers } from './assemble-cgi.ts'
import { readLimit } from './assemble-limits.ts'
import { readLog } from './assemble-logs.ts'
import { readRewrite, stepsOf, type TableValues } from './assemble-rewrites.ts'
import { UpstreamReader } from './assemble-upstreams.ts'

import { assembleVariables } from './assemble-variables.ts'
import { type ClaimingApp, sitesOfHosts } from './host-sites.ts'
import { formatBind } from './kinds/bind.ts'
import { isAddress } from './kinds/ip.ts'
import { parseTry } from './kinds/site-words.ts'
import { type GivenAround, readSettings, warnOfMissing } from './location-settings.ts'
import type { Environment } from './machine/environment.ts'
import { SITE_DEFAULTS } from './settings/site-defaults.ts'
import { handlerKeys, locationKeys, locationSettings, siteKeys } from './settings/site-keys.ts'
import type { FileTable } from './sources/app-tables.ts'
import { type FilePart, type FileSites, placeOf } from './sources/site-tables.ts'
import type { BindAddress } from './types.ts'
import { warnOfUseless } from './useless-settings.ts'
import { Values } from './values.ts'

export interface SiteCircumstances {
  readonly environment: Environment
  /** The program's: it gets all diagnostics. */
  readonly values: Values
  /** In their order. */
  readonly apps: readonly Omit<ClaimingApp, 'place'>[]
  /** Where their tables are; one that is not here is of the flat settings. */
  readonly appPlaces: ReadonlyMap<string, Place>
  readonly bind: readonly BindAddress[]
  /** What stands at the top of the file. */
  readonly compression: Compression
  readonly cgiUsers: CgiUsers
  /** Milliseconds; 0: no limit. */
  readonly cgiQueueTimeout: number
}

export function assembleSites(tables: FileSites, circumstances: SiteCircumstances): SitesModel {
  const reader = new SiteReader(circumstances, tables)
  if (tables.sites.length === 0) warnWithoutSites(tables.defaults, circumstances.values)
  for (const upstream of tables.upstreams) reader.upstream(upstream)
  return {
    sites: reader.sites(tables),
    ...assembleVariables(tables, circumstances),
    upstreams: [
      ...reader.upstreams.all(tables.upstreams, circumstances.values),
      ...reader.cgi.upstreams(circumstances.cgiQueueTimeout),
    ],
    cgiPrograms: reader.cgi.programs,
    upstreamTls: reader.upstreams.tls,
    passwordFiles: reader.passwordFiles,
    limits: reader.limits,
    logs: reader.logs,
  }
}

const SCRIPT_PROTOCOLS: readonly ServerProtocol[] = ['fastcgi', 'scgi', 'uwsgi']
const NO_HANDLER: LocationHandler = { kind: 'none' }

function warnWithoutSites(defaults: FileTable, values: Values): void {
  for (const setting of [...SITE_DEFAULTS, locationSettings.errorPage]) {
    const [given] = defaults.values.get(setting.name) ?? []
    if (given !== undefined) values.warn(setting, 'does nothing without a [[site]]', given)
  }
}

class SiteReader {
  readonly #of: SiteCircumstances
  readonly upstreams = new UpstreamReader()
  readonly cgi: CgiReader
  readonly #access = new AccessReader()
  /** Of the site that is being read. */
  #names: readonly SiteName[] = []
  /** What the top of the file says. */
  readonly #outer: LocationSettings
  /** A site that names no handler has the files of that `root`. */
  readonly #outerHandler: LocationHandler
  readonly #reader: TableValues = { open: table => this.#values(table), done: values => this.#done(values) }
  readonly limits: RequestLimit[] = []
  readonly logs: SiteLog[] = []

  constructor(circumstances: SiteCircumstances, { limits, logs, defaults }: FileSites) {
    this.#of = circumstances
    this.cgi = new CgiReader(circumstances.cgiUsers)
    // What follows names them.
    for (const limit of limits) this.#limit(limit)
    for (const log of logs) this.#log(log)
    const values = this.#values(defaults)
    this.#outer = readSettings(values, null, this.#around([]))
    this.#outerHandler = this.#outer.root === null ? NO_HANDLER : { kind: 'files', alias: null }
    this.#done(values)
  }

  /** Those that are written come first: of two with the same name the first has it. */
  sites({ sites, defaults }: FileSites): Site[] {
    const written = sites.map((site, index) => this.#site(site, index))
    // Without them applications have their hosts and paths by themselves (`routing/routes.ts`).
    if (written.length === 0) return []
    const { apps, appPlaces } = this.#of
    const placed = apps.map(app => ({ ...app, place: appPlaces.get(app.name) ?? placeOf(defaults) }))
    return [...written, ...sitesOfHosts(placed, written, this.#outer)]
  }

  #site(part: FilePart, index: number): Site {
    const values = this.#values(part)
    const names = values.all(siteKeys.names).flat()
    this.#names = names
    const settings = readSettings(values, this.#outer, this.#around(names))
    const handler = this.#handler(values, part, null, settings, this.#outerHandler)
    const place = placeOf(part)
    const root: Location = {
      match: { kind: 'prefix', path: '', beatsRegex: false },
      isInternal: false,
      rewrites: this.#ownReturn(values),
      tryFiles: this.#tryFiles(values, handler),
      handler,
      settings,
      limitExcept: null,
      locations: [],
      place,
    }
    const site: Site = {
      label: values.given(siteKeys.names.name)?.[0]?.text ?? `site ${index + 1}`,
      listen: this.#listen(values),
      names,
      isDefault: values.one(siteKeys.isDefault),
      mergesSlashes: values.one(siteKeys.mergeSlashes),
      rewrites: part.rewrites.flatMap(one => readRewrite(one, this.#reader)),
      root,
      locations: part.locations.map(one => this.#location(one, settings, handler, false)),
      place,
    }
    this.#done(values)
    return site
  }

  /** Of all sites read so far. */
  get passwordFiles(): readonly PasswordFile[] {
    return this.#access.passwordFiles
  }

  #limit(table: FileTable): void {
    const values = this.#values(table)
    this.limits.push(readLimit(table, values, this.limits))
    this.#done(values)
  }

  #log(table: FileTable): void {
    const values = this.#values(table)
    this.logs.push(readLog(table, values, this.logs))
    this.#done(values)
  }

  #location(part: FilePart, outer: LocationSettings, outerHandler: LocationHandler, isInternal: boolean): Location {
    const values = this.#values(part)
    const match: Match | null = values.one(locationKeys.match)
    if (match === null && !values.isGiven(locationKeys.match) && !part.hasMistake)
      values.tell(part.origin, 'a location needs match, as in match = "/static/"')
    const settings = readSettings(values, outer, this.#around(this.#names))
    const handler = this.#handler(values, part, match, settings, outerHandler)
    const own = values.isGiven(locationKeys.internal) ? values.one(locationKeys.internal) : isInternal
    const location: Location = {
      match: match ?? { kind: 'prefix', path: '/', beatsRegex: false },
      isInternal: own,
      rewrites: [...part.rewrites.flatMap(one => readRewrite(one, this.#reader)), ...this.#ownReturn(values)],
      tryFiles: this.#tryFiles(values, handler),
      handler,
      settings,
      limitExcept: readLimitExcept(values, settings.access),
      locations: part.locations.map(one => this.#location(one, settings, handler, own)),
      place: placeOf(part),
    }
    warnOfUseless(values, location)
    this.#done(values)
    return location
  }

  upstream(table: FileTable): void {
    const values = this.#values(table)
    this.upstreams.read(table, values)
    this.#done(values)
  }

  #values(table: FileTable): Values {
    return new Values(table.values, this.#of.environment)
  }

  /** `names`: of the site. */
  #around(names: readonly SiteName[]): GivenAround {
    const { compression } = this.#of
    const { limits, logs, upstreams } = this
    return { access: this.#access, upstreams, names, compression, limits, logs }
  }

  /** Its diagnostics go to the program's. */
  #done(values: Values): void {
    this.#of.values.diagnostics.push(...values.diagnostics)
    this.#of.values.warnings.push(...values.warnings)
  }

  /** The one handler of a location or a site; `inherited` if it names none. */
  #handler(
    values: Values,
    part: FileTable,
    match: Match | null,
    settings: LocationSettings,
    inherited: LocationHandler,
  ): LocationHandler {
    const script = SCRIPT_PROTOCOLS.find(protocol => values.isGiven(handlerKeys[protocol]))
    // Scripts are files below `root`, and programs are told of it.
    const hasRoot = script !== undefined || values.isGiven(handlerKeys.cgi)
    const given = Object.values(handlerKeys).filter(
      key => values.isGiven(key) && !(hasRoot && key === handlerKeys.root),
    )
    if (given.length > 1) {
      const names = given.map(({ name }) => name)
      values.tell(
        part.origin,
        `a location has one of app, proxy, fastcgi, scgi, uwsgi, cgi, root, alias, status, return and redirect, and this has ${names.join(' and ')}`,
      )
    }
    const app: string | null = values.one(handlerKeys.app)
    if (app !== null) {
      const apps = this.#of.apps.map(({ name }) => name)
      if (!apps.includes(app))
        values.refuse(
          handlerKeys.app,
          apps.length === 0
            ? 'must be an application, and there is none: write it as a table [[app]]'
            : `must be one of the applications: ${apps.join(', ')}`,
        )
      return { kind: 'app', name: app }
    }
    if (values.isGiven(handlerKeys.proxy)) return this.upstreams.target(values, match, settings, placeOf(part))
    if (script !== undefined) return this.upstreams.script(values, script, placeOf(part))
    if (values.isGiven(handlerKeys.cgi)) return this.cgi.handler(values, match, settings, placeOf(part))
    if (values.isGiven(handlerKeys.alias)) return this.#alias(values, match)
    if (values.isGiven(handlerKeys.root)) return { kind: 'files', alias: null }
    const form: 'text' | 'json' | null = values.one(handlerKeys.status)
    if (form !== null) return { kind: 'status', form }
    if (values.isGiven(handlerKeys.return) || values.isGiven(handlerKeys.redirect)) return NO_HANDLER
    return inherited
  }

  #alias(values: Values, match: Match | null): LocationHandler {
    const alias: string | null = values.one(handlerKeys.alias)
    warnOfMissing(values, handlerKeys.alias, alias)
    if (match === null || match.kind === 'named')
      values.report(handlerKeys.alias, 'needs a location with a path: root is a directory for all paths')
    else if (match.kind === 'prefix' && match.path.endsWith('/') !== (alias ?? '').endsWith('/'))
      values.report(
        handlerKeys.alias,
        `and match must both end with a slash, or neither: '${alias}' for '${match.path}' joins names that do not belong together`,
      )
    const prefix = match?.kind === 'prefix' || match?.kind === 'exact' ? match.path : null
    return { kind: 'files', alias: { path: alias ?? '', prefix } }
  }

  /** `return` and `redirect` are the last step of their location. */
  #ownReturn(values: Values): RewriteStep[] {
    const returned = stepsOf(values, handlerKeys.return, action => action)
    return returned.length > 0
      ? returned
      : stepsOf(values, handlerKeys.redirect, url => ({ kind: 'return', status: 301, text: url }))
  }

  #tryFiles(values: Values, handler: LocationHandler): TryFile[] {
    const taken = values.taken(locationSettings.tryFiles)
    if (taken.length === 1)
      values.report(locationSettings.tryFiles, 'needs two entries at least: what is tried, and where it ends')
    return taken.flatMap(({ value, given }, index) => {
      const isLast = index === taken.length - 1
      // Below an alias a name without a slash is one of its directory.
      const isAlias = handler.kind === 'files' && handler.alias !== null
      if (!/^[/$]/.test(value) && (isLast ? !/^[@=]/.test(value) : !isAlias && !/^[@=]/.test(value))) {
        const end = isLast ? ', or be @name or a status as in =404' : ''
        values.refuse(locationSettings.tryFiles, `must begin with a slash, as in '/${value}'${end}`, given)
        return []
      }
      const parsed = parseTry(value, isLast)
      if ('value' in parsed) return [parsed.value]
      values.refuse(locationSettings.tryFiles, parsed.problem, given)
      return []
    })
  }

  #listen(values: Values): string[] {
    const own = this.#of.bind.map(formatBind)
    return values.taken(siteKeys.listen).flatMap(({ value, given }) => {
      const address = formatBind(value)
      if (!own.includes(address)) values.report(siteKeys.listen, `names ${address}, and bind does not have it`, given)
      // A connection says its numbers. What a name means, and which port 0 becomes, is known only when it is bound.
      const isKnown = value.kind === 'unix' || (value.kind === 'tcp' && value.port > 0 && isAddress(value.host))
      if (!isKnown)
        values.report(
          siteKeys.listen,
          `must be an address that a connection can have, as in 127.0.0.1:8000, not ${address}`,
          given,
        )
      if (value.kind === 'unix') return [value.path]
      return value.kind === 'tcp' && value.host === '0.0.0.0' ? [`*:${value.port}`] : [address.replace(/^\[::\]/, '*')]
    })
  }
}
