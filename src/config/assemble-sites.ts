/**
 * Sites from the tables of the file: values, inheritance, one handler a location, and all that is wrong with it. Runs in the command line, and
 * in the master when it reloads.
 *
 * Invariant: each mistake has one diagnostic. What only compiling finds (templates, regular expressions, named locations) is found by the
 * code that serves (`routing/sites/compile.ts`).
 * Not here: what the values may be (`settings/site-keys.ts`).
 */
import type {
  AddedHeader,
  Compression,
  Cors,
  Location,
  LocationHandler,
  LocationSettings,
  Match,
  PasswordFile,
  RequestLimit,
  RewriteAction,
  RewriteStep,
  Site,
  SiteLog,
  SiteName,
  SitesModel,
  TryFile,
} from '../sites/model.ts'
import type { ScriptProtocol } from '../sites/upstream-model.ts'
import { AccessReader, readLimitExcept, readLinks } from './assemble-access.ts'
import { readCompression } from './assemble-compression.ts'
import { readLimit, readLimitUses } from './assemble-limits.ts'
import { readLog, readLogUses } from './assemble-logs.ts'
import { readParamSettings, UpstreamReader, warnOfUselessParams, warnOfUselessProxy } from './assemble-upstreams.ts'
import { assembleVariables } from './assemble-variables.ts'
import { formatBind } from './kinds/bind.ts'
import { isIPv4, isPlainIPv6 } from './kinds/ip.ts'
import { SECURE_HEADERS } from './kinds/response-words.ts'
import { parseTry } from './kinds/site-words.ts'
import type { Environment } from './machine/environment.ts'
import { statOrNull } from './machine/files.ts'
import { rewriteKeys } from './settings/rewrite-keys.ts'
import type { Setting } from './settings/setting.ts'
import { SITE_DEFAULTS } from './settings/site-defaults.ts'
import { handlerKeys, locationKeys, locationSettings, siteKeys } from './settings/site-keys.ts'
import type { FileTable } from './sources/app-tables.ts'
import { type FilePart, type FileRewrite, type FileSites, placeOf } from './sources/site-tables.ts'
import type { BindAddress } from './types.ts'
import { Values } from './values.ts'

export interface SiteCircumstances {
  readonly environment: Environment
  /** The program's: it gets all diagnostics. */
  readonly values: Values
  /** Names of the applications. */
  readonly apps: readonly string[]
  readonly bind: readonly BindAddress[]
  /** What stands at the top of the file. */
  readonly compression: Compression
}

export function assembleSites(tables: FileSites, circumstances: SiteCircumstances): SitesModel {
  const reader = new SiteReader(circumstances, tables)
  if (tables.sites.length === 0) warnWithoutSites(tables.defaults, circumstances.values)
  for (const upstream of tables.upstreams) reader.upstream(upstream)
  return {
    sites: tables.sites.map((site, index) => reader.site(site, index)),
    ...assembleVariables(tables, circumstances),
    upstreams: reader.upstreams.all(tables.upstreams, circumstances.values),
    upstreamTls: reader.upstreams.tls,
    passwordFiles: reader.passwordFiles,
    limits: reader.limits,
    logs: reader.logs,
  }
}

const SCRIPT_PROTOCOLS: readonly ScriptProtocol[] = ['fastcgi', 'scgi', 'uwsgi']
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
  readonly #access = new AccessReader()
  /** Of the site that is being read. */
  #names: readonly SiteName[] = []
  /** What the top of the file says. */
  readonly #outer: LocationSettings
  /** A site that names no handler has the files of that `root`. */
  readonly #outerHandler: LocationHandler
  readonly limits: RequestLimit[] = []
  readonly logs: SiteLog[] = []

  constructor(circumstances: SiteCircumstances, { limits, logs, defaults }: FileSites) {
    this.#of = circumstances
    // What follows names them.
    for (const limit of limits) this.#limit(limit)
    for (const log of logs) this.#log(log)
    const values = this.#values(defaults)
    this.#outer = this.#settings(values, null)
    this.#outerHandler = this.#outer.root === null ? NO_HANDLER : { kind: 'files', alias: null }
    this.#done(values)
  }

  site(part: FilePart, index: number): Site {
    const values = this.#values(part)
    const names = values.all(siteKeys.names).flat()
    this.#names = names
    const settings = this.#settings(values, this.#outer)
    const handler = this.#handler(values, part, null, this.#outerHandler)
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
      rewrites: part.rewrites.flatMap(one => this.#rewrite(one)),
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
    const settings = this.#settings(values, outer)
    const handler = this.#handler(values, part, match, outerHandler)
    const own = values.isGiven(locationKeys.internal) ? values.one(locationKeys.internal) : isInternal
    const location: Location = {
      match: match ?? { kind: 'prefix', path: '/', beatsRegex: false },
      isInternal: own,
      rewrites: [...part.rewrites.flatMap(one => this.#rewrite(one)), ...this.#ownReturn(values)],
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

  /** Its diagnostics go to the program's. */
  #done(values: Values): void {
    this.#of.values.diagnostics.push(...values.diagnostics)
    this.#of.values.warnings.push(...values.warnings)
  }

  /** The one handler of a location or a site; `inherited` if it names none. */
  #handler(values: Values, part: FileTable, match: Match | null, inherited: LocationHandler): LocationHandler {
    const script = SCRIPT_PROTOCOLS.find(protocol => values.isGiven(handlerKeys[protocol]))
    // Scripts are files below `root`.
    const given = Object.values(handlerKeys).filter(
      key => values.isGiven(key) && !(script !== undefined && key === handlerKeys.root),
    )
    if (given.length > 1) {
      const names = given.map(({ name }) => name)
      values.tell(
        part.origin,
        `a location has one of app, proxy, fastcgi, scgi, uwsgi, root, alias, return and redirect, and this has ${names.join(' and ')}`,
      )
    }
    const app: string | null = values.one(handlerKeys.app)
    if (app !== null) {
      const { apps } = this.#of
      if (!apps.includes(app))
        values.refuse(
          handlerKeys.app,
          apps.length === 0
            ? 'must be an application, and there is none: write it as a table [[app]]'
            : `must be one of the applications: ${apps.join(', ')}`,
        )
      return { kind: 'app', name: app }
    }
    if (values.isGiven(handlerKeys.proxy)) return this.upstreams.target(values, match, placeOf(part))
    if (script !== undefined) return this.upstreams.script(values, script, placeOf(part))
    if (values.isGiven(handlerKeys.alias)) return this.#alias(values, match)
    if (values.isGiven(handlerKeys.root)) return { kind: 'files', alias: null }
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

  /** The nearest value as a whole. */
  #settings(values: Values, outer: LocationSettings | null): LocationSettings {
    const { index, autoindex, expires, addHeaders, addHeadersAlways, errorPage, interceptErrors } = locationSettings
    const { types, defaultType, charset, etag, limitRate, limitRateAfter, timeout, requestBuffering } = locationSettings
    const { ifModifiedSince, disableSymlinks, absoluteRedirect, portInRedirect, bodyLimit } = locationSettings
    const { limits, logs } = locationSettings
    const own = <Value>(setting: Setting, read: () => Value, inherited: Value | undefined): Value =>
      values.isGiven(setting) || inherited === undefined ? read() : inherited
    const { headers, cookieFlags } = locationSettings
    const ownRoot: string | null = values.one(handlerKeys.root)
    warnOfMissing(values, handlerKeys.root, ownRoot)
    const root = ownRoot ?? outer?.root ?? null
    const added = (setting: typeof addHeaders, always: boolean): AddedHeader[] =>
      values.all(setting).map(({ name, value }) => ({ name, value, always }))
    const hasHeaders = values.isGiven(addHeaders) || values.isGiven(addHeadersAlways) || outer === null
    return {
      access: this.#access.read(values, outer?.access ?? null),
      ...readLinks(values, outer, this.#names),
      root,
      index: own(index, () => values.all(index), outer?.index),
      autoindex: own(autoindex, () => values.one(autoindex), outer?.autoindex),
      addHeaders: hasHeaders ? [...added(addHeaders, false), ...added(addHeadersAlways, true)] : outer.addHeaders,
      expires: own(expires, () => values.one(expires), outer?.expires),
      errorPages: own(errorPage, () => values.all(errorPage), outer?.errorPages),
      interceptsErrors: own(interceptErrors, () => values.one(interceptErrors), outer?.interceptsErrors),
      types: own(types, () => readTypes(values), outer?.types),
      // A text that is shown, not saved: unlike a file of unknown type.
      defaultType:
        values.isGiven(handlerKeys.return) && !values.isGiven(defaultType)
          ? 'text/plain'
          : own(defaultType, () => values.one(defaultType), outer?.defaultType),
      charset: own(charset, () => withoutOff(values.one(charset)), outer?.charset),
      etag: own(etag, () => values.one(etag), outer?.etag),
      ifModifiedSince: own(ifModifiedSince, () => values.one(ifModifiedSince), outer?.ifModifiedSince),
      disableSymlinks: own(disableSymlinks, () => values.one(disableSymlinks), outer?.disableSymlinks),
      compression: readCompression(values, COMPRESSION_KEYS, outer?.compression ?? this.#of.compression),
      standardHeaders: own(
        headers,
        () => (values.one(headers) === 'secure' ? SECURE_HEADERS : []),
        outer?.standardHeaders,
      ),
      cors: readCors(values, outer?.cors ?? null),
      cookieFlags: own(cookieFlags, () => values.all(cookieFlags).filter(one => one !== null), outer?.cookieFlags),
      limits: own(limits, () => readLimitUses(values, this.limits), outer?.limits),
      logs: own(logs, () => readLogUses(values, this.logs), outer?.logs),
      bodyLimit: own(bodyLimit, () => values.one(bodyLimit), outer?.bodyLimit),
      limitRate: own(limitRate, () => values.one(limitRate), outer?.limitRate),
      limitRateAfter: own(limitRateAfter, () => values.one(limitRateAfter), outer?.limitRateAfter),
      timeout: own(timeout, () => values.one(timeout), outer?.timeout),
      requestBuffering: own(requestBuffering, () => values.one(requestBuffering), outer?.requestBuffering),
      absoluteRedirect: own(absoluteRedirect, () => values.one(absoluteRedirect), outer?.absoluteRedirect),
      portInRedirect: own(portInRedirect, () => values.one(portInRedirect), outer?.portInRedirect),
      proxy: this.upstreams.settings(values, outer),
      params: readParamSettings(values, outer),
    }
  }

  /** One entry: first its variables, then its rewrite, its return or its break. */
  #rewrite(table: FileRewrite): RewriteStep[] {
    const values = this.#values(table)
    const steps = stepsOf(values, rewriteKeys.set, ({ name, value }) => ({ kind: 'set', name, value }))
    const to: string | null = values.one(rewriteKeys.to)
    if (values.isGiven(rewriteKeys.from) !== values.isGiven(rewriteKeys.to) && !table.hasMistake)
      values.tell(table.origin, 'a rewrite needs both from and to')
    if (to !== null) {
      const flag = values.one(rewriteKeys.flag)
      steps.push(
        ...stepsOf(values, rewriteKeys.from, source => ({
          kind: 'rewrite',
          pattern: { source, ignoresCase: false },
          to,
          flag,
        })),
      )
    }
    steps.push(
      ...table.rewrites.flatMap(one => this.#rewrite(one)),
      ...stepsOf(values, rewriteKeys.return, action => action),
      ...stepsOf(values, rewriteKeys.break, isGiven => (isGiven ? { kind: 'break' } : null)),
    )
    if (steps.length === 0 && !table.hasMistake)
      values.tell(
        table.origin,
        'this entry of rewrites does nothing: give from and to, set, return, break, or rewrites of its own',
      )
    const conditional = values.isGiven(rewriteKeys.if)
      ? stepsOf(values, rewriteKeys.if, condition => ({ kind: 'if', condition, steps }))
      : steps
    this.#done(values)
    return conditional
  }
}

/** A step for each value that was given, with its place. */
function stepsOf<Value>(
  values: Values,
  key: Setting<Value>,
  action: (value: Value) => RewriteAction | null,
): RewriteStep[] {
  if (!values.isGiven(key)) return []
  return values.taken(key).flatMap(({ value, given: { origin } }) => {
    const step = action(value)
    return step === null || origin.from !== 'file'
      ? []
      : [{ ...step, place: { file: origin.file, ...origin.position } }]
  })
}

/** It may be made later, by a build, so a start goes on. An alias without a slash at its end may be a file. */
function warnOfMissing(values: Values, key: typeof handlerKeys.root, path: string | null): void {
  if (path === null || path === '' || path.includes('$') || statOrNull(path) !== null) return
  values.warn(key, `names ${path}, which is not there, or may not be looked at`)
}

const COMPRESSION_KEYS = {
  compress: locationSettings.compress,
  types: locationSettings.compressTypes,
  minLength: locationSettings.compressMinLength,
}

const OF_FILES = ['index', 'autoindex', 'etag', 'types', 'ifModifiedSince', 'disableSymlinks'] as const
const OF_APPLICATIONS = ['timeout', 'requestBuffering'] as const
/** Upstreams have them too. */
const OF_HANDLERS = ['bodyLimit', 'interceptErrors'] as const

/** Settings that the location has itself, and that nothing in it uses. */
function warnOfUseless(values: Values, { handler, locations, tryFiles, settings, match }: Location): void {
  const isAlone = locations.length === 0 && tryFiles.length === 0
  for (const name of OF_FILES)
    values.warnUseless(isAlone && handler.kind !== 'files', locationSettings[name], 'in a location without files')
  const hasNoApp = locations.length === 0 && handler.kind !== 'app'
  const isPassedOn = 'upstream' in handler
  for (const name of OF_APPLICATIONS) values.warnUseless(hasNoApp, locationSettings[name], 'in a location without app')
  for (const name of OF_HANDLERS)
    values.warnUseless(
      hasNoApp && !isPassedOn,
      locationSettings[name],
      'in a location without app, proxy, fastcgi, scgi or uwsgi',
    )
  warnOfUselessProxy(values, locations.length === 0 && !isPassedOn)
  warnOfUselessParams(values, handler.kind, locations.length === 0)
  values.warnUseless(
    settings.interceptsErrors && settings.errorPages.length === 0,
    locationSettings.interceptErrors,
    'without error-page',
  )
  values.warnUseless(settings.limitRate === null, locationSettings.limitRateAfter, 'without limit-rate')
  values.warnUseless(!settings.absoluteRedirect, locationSettings.portInRedirect, 'without absolute-redirect')
  values.warnUseless(
    match.kind === 'named',
    locationKeys.internal,
    'here: only the program itself comes to a named location',
  )
}

/** All keys of it together, as one value. */
function readCors(values: Values, outer: Cors | null): Cors | null {
  const { cors, corsMethods, corsHeaders, corsExposed, corsCredentials, corsMaxAge } = locationSettings
  const rest = [corsMethods, corsHeaders, corsExposed, corsCredentials, corsMaxAge]
  if (!values.isGiven(cors)) {
    for (const setting of rest) values.warnUseless(true, setting, 'without cors beside it')
    return outer
  }
  const origins = values.all(cors)
  const credentials = values.one(corsCredentials)
  if (origins.includes(null) && origins.length > 1) values.refuse(cors, 'must be off alone')
  if (credentials && origins.includes('*'))
    values.refuse(cors, 'must name the origins beside cors-credentials: every page of the web could act as the user')
  const named = origins.filter(one => one !== null)
  if (named.length === 0) return null
  return {
    origins: named,
    methods: values.all(corsMethods),
    headers: values.all(corsHeaders),
    exposed: values.all(corsExposed),
    credentials,
    maxAge: Math.floor(values.one(corsMaxAge) / 1000),
  }
}

function readTypes(values: Values): Readonly<Record<string, string>> | null {
  if (!values.isGiven(locationSettings.types)) return null
  return Object.fromEntries(values.all(locationSettings.types).map(({ name, value }) => [name.toLowerCase(), value]))
}

function withoutOff(charset: string): string {
  return charset === 'off' ? '' : charset
}

function isAddress(host: string): boolean {
  return isIPv4(host) || isPlainIPv6(host)
}
