/**
 * From the model of sites to what serves: names, locations, steps, templates, regular expressions, each compiled once. Runs in the gateway,
 * and in the master and the command line to find mistakes before anything changes.
 */
import { isValidReferer } from '../../access/referers.ts'
import { bytesOf } from '../../base/bytes.ts'
import type {
  ErrorTarget,
  Location,
  RequestLimit,
  RewriteStep,
  Site,
  SiteLog,
  SitesModel,
  TryFile,
  ValidReferers,
} from '../../sites/model.ts'
import { compileAccessPhase } from './access.ts'
import { type PlacedProblem, SiteCompiler } from './compiler.ts'
import { compileComputed } from './computed.ts'
import { compileCors } from './cors.ts'
import { type LocationEntry, locationTable } from './locations.ts'
import { compileLog } from './log-lines.ts'
import { compileScript } from './params.ts'
import { compileProxy } from './proxy.ts'
import { compileSiteNames, type FindSite, type HostPattern, type NamedSite } from './site-names.ts'
import type {
  CompiledErrorTarget,
  CompiledLocation,
  CompiledLog,
  CompiledSite,
  CompiledTry,
  Evaluate,
  KeyedLimit,
  LimitStep,
  LocationLogs,
  LocationTable,
} from './site-request.ts'
import { compileSteps } from './steps.ts'

export interface CompiledSites {
  readonly find: FindSite
  readonly sites: readonly CompiledSite[]
  /** What `balance = "hash …"` looks at, by the name of its upstream. */
  readonly hashKeys: ReadonlyMap<string, Evaluate>
  /** A log or a text says what became of proxied requests at each server (`$upstream_addr`). */
  readonly needsTries: boolean
  /** Nobody may serve with the rest if there is one. */
  readonly problems: readonly PlacedProblem[]
  /** What is right, and does nothing. */
  readonly doubts: readonly PlacedProblem[]
}

/** Makes the step of a location that has these. */
export type MakeLimitStep = (limits: readonly KeyedLimit[]) => LimitStep

/** Makes what writes a line into these logs. */
export type MakeLogWriter = (logs: readonly CompiledLog[]) => LocationLogs['write']

/** What sites do beyond deciding. Null: they do not serve, and it is not done. */
export interface SiteEffects {
  readonly makeLimitStep: MakeLimitStep | null
  readonly makeLogWriter: MakeLogWriter | null
}

export const NO_EFFECTS: SiteEffects = { makeLimitStep: null, makeLogWriter: null }

/** `model`: at least one site. */
export function compileSites(
  model: SitesModel,
  { makeLimitStep, makeLogWriter }: SiteEffects = NO_EFFECTS,
): CompiledSites {
  const compiler = new SiteCompiler()
  for (const site of model.sites) defineNames(site, compiler)
  compileComputed(model, compiler)
  compiler.limits = compileLimits(model.limits, compiler, makeLimitStep)
  compiler.logs = compileLogs(model.logs, compiler, makeLogWriter)
  const named = model.sites.map(site => compileSite(site, compiler))
  const hashKeys = new Map<string, Evaluate>()
  for (const { name, hashKey, place } of model.upstreams) {
    compiler.place = place
    if (hashKey !== null) hashKeys.set(name, compiler.template(hashKey))
  }
  return {
    find: compileSiteNames(named),
    sites: named.map(({ site }) => site),
    hashKeys,
    needsTries: compiler.variables.needsTries,
    problems: compiler.problems,
    doubts: unusedVariables(model, compiler),
  }
}

/** A `set` is done all the same; these would be computed for whoever uses them. */
function unusedVariables({ maps, geos, splits }: SitesModel, { variables }: SiteCompiler): PlacedProblem[] {
  return [...maps, ...geos, ...splits]
    .filter(({ name }) => !variables.isUsed(name))
    .map(({ name, place }) => ({ place, problem: `nothing uses the variable $${name}` }))
}

/** Names come first: a template may stand before the step that sets its variable. */
function defineNames(site: Site, compiler: SiteCompiler): void {
  compiler.place = site.place
  for (const name of site.names) if (name.kind === 'regex') compiler.pattern(name.pattern)
  defineInSteps(site.rewrites, compiler)
  for (const location of [site.root, ...site.locations]) defineInLocation(location, compiler)
}

function defineInLocation(location: Location, compiler: SiteCompiler): void {
  compiler.place = location.place
  if (location.match.kind === 'regex') compiler.pattern(location.match.pattern)
  for (const { name } of location.settings.access.requestSets) compiler.define(name)
  defineInSteps(location.rewrites, compiler)
  for (const inner of location.locations) defineInLocation(inner, compiler)
}

function defineInSteps(steps: readonly RewriteStep[], compiler: SiteCompiler): void {
  for (const step of steps) {
    if (step.kind === 'set' && step.name !== 'args') compiler.define(step.name)
    else if (step.kind === 'rewrite') compiler.pattern(step.pattern)
    else if (step.kind === 'if') {
      if (step.condition.kind === 'matches') compiler.pattern(step.condition.pattern)
      defineInSteps(step.steps, compiler)
    }
  }
}

function compileSite(site: Site, compiler: SiteCompiler): NamedSite {
  compiler.place = site.place
  const patterns = site.names.flatMap(name => (name.kind === 'regex' ? [hostPattern(name.pattern, compiler)] : []))
  const steps = compileSteps(site.rewrites, compiler)
  const named = new Map<string, CompiledLocation>()
  const root = compileLocation(site.root, compiler, named)
  const locations = compileTable(site.locations, compiler, named) ?? EMPTY
  checkNamed(site, named, compiler)
  const [first] = site.names
  const compiled: CompiledSite = {
    label: site.label,
    firstName: first?.kind === 'exact' ? first.name : '',
    // Read when a request comes: by then all variables are known.
    get variableCount() {
      return compiler.variables.count
    },
    mergesSlashes: site.mergesSlashes,
    hasErrorPages: [site.root, ...site.locations].some(hasErrorPages),
    steps,
    root,
    locations,
    named,
    place: site.place,
  }
  return { site: compiled, names: site.names, isDefault: site.isDefault, listen: site.listen, patterns }
}

function hasErrorPages({ settings, locations }: Location): boolean {
  return settings.errorPages.length > 0 || locations.some(hasErrorPages)
}

const EMPTY: LocationTable = locationTable([], () => {})

function hostPattern(pattern: Parameters<SiteCompiler['pattern']>[0], compiler: SiteCompiler): HostPattern {
  const compiled = compiler.compiledPattern(pattern)
  const { source } = pattern
  if (compiled === null) return { source, exec: () => null, named: [] }
  const named = [...compiled.names].map(([name, group]) => ({ group, index: compiler.define(name) }))
  return { source, exec: host => compiled.exec(host), named }
}

/** Null: there are none. Named ones go into `named`, from wherever they are. */
function compileTable(
  locations: readonly Location[],
  compiler: SiteCompiler,
  named: Map<string, CompiledLocation>,
  outer: Location | null = null,
): LocationTable | null {
  const entries: LocationEntry[] = []
  for (const location of locations) {
    const compiled = compileLocation(location, compiler, named)
    const { match } = location
    checkWithin(location, outer, compiler)
    if (match.kind !== 'named') {
      entries.push({
        location,
        compiled,
        pattern: match.kind === 'regex' ? compiler.listedPattern(match.pattern) : null,
      })
    } else if (named.has(match.name)) compiler.report(`the site has two locations @${match.name}`)
    else named.set(match.name, compiled)
  }
  if (entries.length === 0) return null
  return locationTable(entries, ({ location, compiled }) => {
    compiler.place = location.place
    compiler.report(`the location ${compiled.label} stands here twice: only the first would ever be used`)
  })
}

/** A nested location that none of the paths of its outer one can have. */
function checkWithin(location: Location, outer: Location | null, compiler: SiteCompiler): void {
  if (outer === null) return
  compiler.place = location.place
  const [{ match }, around] = [location, outer.match]
  const path = match.kind === 'exact' || match.kind === 'prefix' ? match.path : null
  if (around.kind === 'exact')
    compiler.report(`the location ${labelOf(location)} can never match within ${labelOf(outer)}, which is for one path`)
  else if (around.kind === 'prefix' && path !== null && !path.startsWith(around.path))
    compiler.report(
      `the location ${labelOf(location)} can never match within ${labelOf(outer)}: its path must begin with ${around.path}`,
    )
}

function compileLocation(
  location: Location,
  compiler: SiteCompiler,
  named: Map<string, CompiledLocation>,
): CompiledLocation {
  compiler.place = location.place
  const { match, handler, settings } = location
  const alias = handler.kind === 'files' ? handler.alias : null
  const directory = alias?.path ?? settings.root
  const prefix = match.kind === 'prefix' || match.kind === 'exact' ? match.path : ''
  const own: Omit<CompiledLocation, 'locations'> = {
    label: labelOf(location),
    prefix,
    beatsRegex: match.kind === 'prefix' && match.beatsRegex,
    isInternal: location.isInternal,
    steps: compileSteps(location.rewrites, compiler),
    access: compileAccessPhase(location, compiler),
    limits: compiler.limits(settings.limits),
    logs: compiler.logs(settings.logs),
    secureLink:
      settings.secureLink === null
        ? null
        : { link: compiler.template(settings.secureLink), signed: compiler.template(settings.secureLinkMd5!) },
    isValidReferer: settings.validReferers === null ? null : compileReferers(settings.validReferers, compiler),
    tryFiles: location.tryFiles.map(one => compileTry(one, compiler)),
    handler,
    settings,
    ...compileDirectory(directory, alias !== null, compiler),
    alias: alias === null ? null : { path: compileAlias(alias.path, compiler), prefix: alias.prefix },
    index: settings.index.map(one => compiler.template(one)),
    addHeaders: settings.addHeaders.map(one => ({ ...one, value: compiler.template(one.value) })),
    limitRate: settings.limitRate === null ? null : compiler.template(settings.limitRate),
    limitRateAfter: settings.limitRateAfter === null ? null : compiler.template(settings.limitRateAfter),
    cors: settings.cors === null ? null : compileCors(settings.cors),
    errorTargets: compileErrorTargets(settings.errorPages, compiler),
    proxy: compileProxy(location, compiler),
    script: compileScript(location, compiler),
    place: location.place,
  }
  return { ...own, locations: compileTable(location.locations, compiler, named, location) }
}

/** The program's own access log, among the logs of a location. */
const ACCESS_LOG = 'access'

function compileLogs(
  logs: readonly SiteLog[],
  compiler: SiteCompiler,
  makeWriter: MakeLogWriter | null,
): SiteCompiler['logs'] {
  const known = new Map(logs.map(log => [log.name, compileLog(log, compiler)]))
  if (makeWriter === null) return () => null
  return names => {
    if (names === null) return null
    const own = names.filter(name => name !== ACCESS_LOG)
    return { hasAccessLog: own.length < names.length, write: makeWriter(own.map(name => known.get(name)!)) }
  }
}

/** What gives the step of a location. */
function compileLimits(
  limits: readonly RequestLimit[],
  compiler: SiteCompiler,
  makeStep: MakeLimitStep | null,
): SiteCompiler['limits'] {
  const known = new Map<string, Omit<KeyedLimit, 'use'>>()
  for (const limit of limits) {
    compiler.place = limit.place
    known.set(limit.name, { limit, key: compiler.keyTemplate(limit.key) })
  }
  if (makeStep === null) return () => null
  return uses => (uses.length === 0 ? null : makeStep(uses.map(use => ({ use, ...known.get(use.name)! }))))
}

function labelOf({ match }: Location): string {
  switch (match.kind) {
    case 'exact':
      return `= ${match.path}`
    case 'prefix':
      return match.beatsRegex ? `^~ ${match.path}` : match.path
    case 'regex':
      return `${match.pattern.ignoresCase ? '~*' : '~'} ${match.pattern.source}`
    case 'named':
      return `@${match.name}`
  }
}

function compileReferers(referers: ValidReferers, compiler: SiteCompiler): (referer: string | undefined) => boolean {
  const patterns = referers.patterns.map(one => compiler.compiledPattern(one))
  const matches = (url: string) => patterns.some(one => one !== null && one.exec(url) !== null)
  return referer => isValidReferer(referers, referer, matches)
}

function compileTry(one: TryFile, compiler: SiteCompiler): CompiledTry {
  switch (one.kind) {
    case 'named':
    case 'status':
      return one
    case 'uri':
      return { kind: 'uri', value: compiler.template(one.uri) }
    default:
      return { kind: one.kind, value: compiler.template(one.path) }
  }
}

/** A directory without the slash at its end. One that a client's words lead elsewhere (`/srv/$host`, with `..`) has no files. */
function compileDirectory(
  text: string | null,
  isAlias: boolean,
  compiler: SiteCompiler,
): Pick<CompiledLocation, 'directory' | 'base' | 'baseText'> {
  if (text === null) return { directory: null, base: null, baseText: '' }
  const { constant, evaluate } = compiler.compiledTemplate(text)
  if (constant !== null) {
    const directory = withoutSlash(constant)
    // An alias without a slash at its end may be a file.
    const baseText = isAlias && !text.endsWith('/') ? text.slice(0, text.lastIndexOf('/')) : withoutSlash(text)
    return { directory: () => directory, base: bytesOf(baseText), baseText }
  }
  const baseText = text.slice(0, Math.max(0, text.lastIndexOf('/', text.indexOf('$'))))
  const directory: Evaluate = request => {
    const value = evaluate(request)
    return LEADS_AWAY.test(value) ? '' : withoutSlash(value)
  }
  return { directory, base: bytesOf(baseText), baseText }
}

/** With a slash at its end, if it has one. */
function compileAlias(text: string, compiler: SiteCompiler): Evaluate {
  const { constant, evaluate } = compiler.compiledTemplate(text)
  if (constant !== null) return evaluate
  return request => {
    const value = evaluate(request)
    return LEADS_AWAY.test(value) ? '' : value
  }
}

const LEADS_AWAY = /(?:^|\/)\.\.?(?:\/|$)|\0|\/\//

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

function compileErrorTargets(
  targets: readonly ErrorTarget[],
  compiler: SiteCompiler,
): ReadonlyMap<number, CompiledErrorTarget> {
  const found = new Map<number, CompiledErrorTarget>()
  for (const { statuses, becomes, target } of targets) {
    const compiled = { becomes, target: compiler.template(target) }
    // The first of two for one status counts, as in nginx.
    for (const status of statuses) if (!found.has(status)) found.set(status, compiled)
  }
  return found
}

/** Each `@name` that is used must be there. */
function checkNamed(site: Site, named: ReadonlyMap<string, CompiledLocation>, compiler: SiteCompiler): void {
  const check = (location: Location): void => {
    compiler.place = location.place
    const used = [
      ...location.tryFiles.flatMap(one => (one.kind === 'named' ? [one.name] : [])),
      ...location.settings.errorPages.flatMap(({ target }) => (target.startsWith('@') ? [target.slice(1)] : [])),
    ]
    for (const name of new Set(used)) if (!named.has(name)) compiler.report(`the site has no location @${name}`)
    location.locations.forEach(check)
  }
  for (const location of [site.root, ...site.locations]) check(location)
}
