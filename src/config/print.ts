/**
 * `--print-config`: every setting with where it came from, as a `jumak.toml` that means the same. Runs in the command line.
 *
 * Invariants: defaults are comments, so a file that is made of the output leaves them to the environment. A variable that looks like a
 * secret is printed without its value.
 */
import type { GivenApp, GivenSettings } from './applications.ts'
import { hasTls } from './assemble-tls.ts'
import { parseAppName } from './kinds/app-name.ts'
import { formatBind, schemeOf } from './kinds/bind.ts'
import { splitPair } from './kinds/pair.ts'
import type { Loaded } from './load.ts'
import type { WorkingDirectory } from './machine/environment.ts'
import { naturalValue } from './schema.ts'
import { application } from './settings/application.ts'
import { errors } from './settings/errors.ts'
import { APPLICATION_SETTINGS, SETTINGS } from './settings/index.ts'
import { NAMED_TABLES } from './settings/named-tables.ts'
import { processes } from './settings/processes.ts'
import { queue } from './settings/queue.ts'
import { resources } from './settings/resources.ts'
import { REWRITE_KEYS } from './settings/rewrite-keys.ts'
import { isFrom, type Setting } from './settings/setting.ts'
import { SITE_DEFAULTS } from './settings/site-defaults.ts'
import { LOCATION_KEYS, SITE_KEYS } from './settings/site-keys.ts'
import { APP_KEYS, POOL_KEYS } from './settings/tables.ts'
import { tls } from './settings/tls.ts'
import { TLS_KEYS } from './settings/tls-entry.ts'
import { workers } from './settings/workers.ts'
import { describeOrigin, type Given } from './sources/given.ts'
import type { FilePart, FileRewrite } from './sources/site-tables.ts'
import type { AppConfig, Config } from './types.ts'
import { type Settings, Values } from './values.ts'

/** Comments begin in this column, if the value is short enough. */
const COMMENT_COLUMN = 44

export function printConfig({ config, settings }: Loaded, where: WorkingDirectory): string {
  const values = new Values(withRulesOfSites(settings), where)
  const lines = ['# Every setting of Jumak, and where it came from. What is commented out is a default.']
  const own = settings.apps.findIndex(({ origin }) => origin === null)
  const tables = [
    ...(settings.apps.some(app => app.origin) ? [application.app] : []),
    ...(settings.tls.length > 0 ? [tls.selfSigned] : []),
  ]
  const printed: Printed = { config, app: config.apps[own] ?? null, tables }
  for (const section of new Set(SETTINGS.map(setting => setting.section))) {
    lines.push('', `# ${section}`)
    for (const setting of SETTINGS.filter(one => one.section === section))
      lines.push(...linesOf(setting, values, printed))
  }
  const { defaults } = settings.sites
  const ofSites = linesOfTable(SITE_DEFAULTS, new Values(defaults.values, where), printed)
  if (ofSites.length > 0) lines.push('', '# For all sites', ...ofSites)
  for (const [i, app] of settings.apps.entries())
    if (app.origin !== null)
      lines.push('', ...linesOfApp(app, settings.program, { ...printed, app: config.apps[i]! }, where))
  for (const table of settings.tls)
    lines.push('', '[[tls]]', ...linesOfTable(TLS_KEYS, new Values(table.values, where), printed))
  for (const [name, keys] of NAMED_TABLES)
    for (const table of settings.sites[`${name}s`])
      lines.push('', `[[${name}]]`, ...linesOfTable(keys, new Values(table.values, where), printed))
  for (const site of settings.sites.sites)
    lines.push('', '[[site]]', ...linesOfPart(site, SITE_KEYS, 'site', where, printed))
  return `${lines.join('\n')}\n`
}

/** The key `error-page` has both: pages of the program, and rules that sites inherit. */
function withRulesOfSites({ program, sites }: GivenSettings): Settings {
  const { name } = errors.errorPages
  const rules = sites.defaults.values.get(name)
  return rules === undefined ? program : new Map([...program, [name, [...(program.get(name) ?? []), ...rules]]])
}

/** A site or a location, with what is in it. `name`: of the table, as in `site.locations`. */
function linesOfPart(
  part: FilePart,
  keys: readonly Setting[],
  name: string,
  where: WorkingDirectory,
  printed: Printed,
): string[] {
  const rewrites = (inner: readonly FileRewrite[], within: string): string[] =>
    inner.flatMap(one => [
      '',
      `[[${within}.rewrites]]`,
      ...linesOfTable(REWRITE_KEYS, new Values(one.values, where), printed),
      ...rewrites(one.rewrites, `${within}.rewrites`),
    ])
  return [
    ...linesOfTable(keys, new Values(part.values, where), printed),
    ...rewrites(part.rewrites, name),
    ...part.locations.flatMap(one => [
      '',
      `[[${name}.locations]]`,
      ...linesOfPart(one, LOCATION_KEYS, `${name}.locations`, where, printed),
    ]),
  ]
}

/** Only what is given, a line each, in the order of the settings: for `jumak adapt`. */
export function printGiven(settings: Settings, where: WorkingDirectory): string[] {
  return linesOfTable(SETTINGS, new Values(settings, where), null)
}

/** Variables of `env` that are printed without their values. */
export function hiddenVariables(settings: Settings): string[] {
  const assignments = (settings.get('env') ?? []).map(({ text }) => splitPair(text))
  return assignments.filter(([key, value]) => looksSecret(key, value)).map(([key]) => key)
}

/** Names of an application's variables of PasteDeploy that are printed without their values. */
export function hiddenOfApp(settings: Settings): string[] {
  return (settings.get('app') ?? []).flatMap(({ text }) => secretsOf(text).map(([key]) => key))
}

/** `FILE.ini?KEY=VALUE#NAME`: those that look like secrets. */
function secretsOf(app: string): [key: string, value: string][] {
  const parsed = parseAppName(app)
  return 'value' in parsed
    ? Object.entries(parsed.value.paste ?? {}).filter(([key, value]) => looksSecret(key, value))
    : []
}

function withoutSecrets(app: string): string {
  const secrets = secretsOf(app)
  if (secrets.length === 0) return app
  const query = app.indexOf('?') + 1
  const end = app.indexOf('#', query)
  const variables = new URLSearchParams(app.slice(query, end < 0 ? undefined : end))
  for (const [key] of secrets) variables.set(key, '***')
  return `${app.slice(0, query)}${variables}${end < 0 ? '' : app.slice(end)}`
}

interface Printed {
  readonly config: Config
  /** The application that the lines are about; null: they are defaults of applications. */
  readonly app: AppConfig | null
  /** There are tables of the same name, `[[app]]` or `[[tls]]`: a file cannot have the key beside them. */
  readonly tables: readonly Setting[]
}

/** An `[[app]]`: what it does not inherit. Its pools come last, since each begins a table. */
function linesOfApp(given: GivenApp, flat: Settings, printed: Printed, where: WorkingDirectory): string[] {
  const own = new Map(
    [...given.settings].flatMap(([name, givens]) => {
      const inherited = flat.get(name) ?? []
      const mine = givens.filter(one => !inherited.includes(one))
      return mine.length > 0 ? [[name, mine]] : []
    }),
  )
  const lines = ['[[app]]', ...linesOfTable([...APP_KEYS, ...APPLICATION_SETTINGS], new Values(own, where), printed)]
  for (const pool of given.pools)
    lines.push('', '[[app.pool]]', ...linesOfTable(POOL_KEYS, new Values(pool.values, where), printed))
  return lines
}

function linesOfTable(settings: readonly Setting[], values: Values, printed: Printed | null): string[] {
  return settings.flatMap(setting =>
    values.isGiven(setting) ? linesOf(setting, values, printed === null ? null : { ...printed, tables: [] }) : [],
  )
}

/** `printed`: null: what became of the settings is not known. */
function linesOf(setting: Setting, values: Values, printed: Printed | null): string[] {
  const givens = values.givens(setting)
  if (setting.kind.table === 'only' && givens.length > 0) return variableLines(setting, givens)
  const isBeside = printed?.tables.includes(setting) === true
  const isComment = !values.isGiven(setting) || !isFrom(setting, 'file') || isBeside
  const texts = givens.map(given =>
    setting === application.directory && printed?.app
      ? printed.app.directory
      : setting === application.app
        ? withoutSecrets(given.text)
        : values.absolute(setting, given),
  )
  const became = printed === null ? '' : becameOf(setting, printed, texts)
  if (!values.isGiven(setting)) {
    const text =
      givens.length === 0
        ? `${setting.name}:`
        : assignment(
            setting,
            [setting.default!].flatMap(one => split(setting, one)),
          )
    // `0, no limit`: the 0 is in the value already.
    const standard = (setting.defaultText ?? '').replace(`${setting.default}, `, '')
    return [withComment(`# ${text}`, ['default', standard, became].filter(Boolean).join(', '))]
  }
  const origins = [...new Set(givens.map(given => describeOrigin(setting, given.origin)))].join(', ')
  const comment = became === '' ? origins : `${origins}, ${became}`
  return [withComment(`${isComment ? '# ' : ''}${assignment(setting, texts)}`, comment)]
}

function split(setting: Setting, text: string): string[] {
  return setting.repeatable === 'commas' ? text.split(',') : [text]
}

function withComment(text: string, comment: string): string {
  return `${text.padEnd(COMMENT_COLUMN)} # ${comment}`
}

function assignment(setting: Setting, texts: readonly string[]): string {
  const literals = texts.map(text => tomlLiteral(naturalValue(setting, text)))
  return `${setting.name} = ${literals.length === 1 ? literals[0] : `[${literals.join(', ')}]`}`
}

/** TOML has the escapes of JSON, and must escape one character more. */
function tomlLiteral(value: string | number | boolean): string {
  return JSON.stringify(value).replaceAll('\x7f', '\\u007f')
}

/** The first of a key wins. */
function variableLines(setting: Setting, givens: readonly Given[]): string[] {
  const keys = givens.map(({ text }) => splitPair(text)[0])
  return givens.filter((_, i) => keys.indexOf(keys[i]!) === i).map(given => variableLine(setting, given))
}

function variableLine(setting: Setting, { text, origin }: Given): string {
  const [key, value] = splitPair(text)
  const comment = describeOrigin(setting, origin)
  const name = `${setting.name}.${/^[\w-]+$/.test(key) ? key : tomlLiteral(key)}`
  if (setting.name === 'env' && looksSecret(key, value)) return withComment(`# ${name} = "***"`, `${comment}, hidden`)
  return withComment(`${name} = ${tomlLiteral(value)}`, comment)
}

/** By its name, or as a URL with a password in it. */
function looksSecret(key: string, value: string): boolean {
  return /SECRET|PASS|TOKEN|KEY|CREDENTIAL|PRIVATE|AUTH|DSN|SALT/i.test(key) || /:\/\/[^/\s:]*:[^/\s]*@/.test(value)
}

/** What a value such as `auto` became. */
function becameOf(setting: Setting, { config, app }: Printed, texts: readonly string[]): string {
  const isAuto = texts.every(text => text === 'auto' || text === '.')
  if (setting === application.app) return texts[0] === '.' && app !== null ? `became ${app.target.display}` : ''
  if (setting === application.directory && app !== null)
    return texts[0] === '.' || isAuto ? `became ${app.directory}` : ''
  if (!isAuto) return ''
  if (setting === workers.workers && app !== null)
    return `became ${app.workers} (${app.workersReason.replace('auto: ', '')})`
  if (setting === processes.gatewayThreads)
    return `became ${config.gatewayThreads} (${config.gatewayThreadsReason.replace('auto: ', '')})`
  if (setting === resources.limits.connections) return `became ${config.limits.connections}`
  if (setting === resources.limits.connectionsPerAddress) return `became ${config.limits.connectionsPerAddress}`
  if (setting === queue.limits.requestsPerAddress && app !== null) return `became ${app.limits.requestsPerAddress}`
  if (setting === processes.adminSocket) return `became ${config.adminSocket.paths[0]}`
  return setting === processes.temporaryDirectory ? `became ${config.temporaryDirectory}` : ''
}

/** What is known about an application after it was loaded. */
export interface Loadable {
  /** `mysite.wsgi:application` */
  readonly application: string
  /** `Django 5.2.1`, or empty. */
  readonly framework: string
  readonly python: string
  readonly interface: 'wsgi' | 'asgi'
}

/** For `--check`, where there is no application. */
export function summarizeSites(config: Config): string {
  const { length } = config.sites.sites
  return `the settings are right: ${length} site${length === 1 ? '' : 's'}, no application, on ${addressesOf(config)}`
}

function addressesOf({ bind, tls: ofTls }: Config): string {
  return bind
    .map(address => {
      const scheme = schemeOf(address, hasTls(ofTls))
      return `${scheme === 'http' ? '' : `${scheme}://`}${formatBind(address)}`
    })
    .join(', ')
}

/** For `--check`: what would be served, in one line. `loaded` is null if the application was not loaded. */
export function summarize(config: Config, app: AppConfig, loaded: Loadable | null): string {
  const { target, workers: ofWsgi, asgiWorkers, threads, concurrency, workerClass } = app
  const name = config.apps.length > 1 ? `${app.name}: ` : ''
  const addresses = addressesOf(config)
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`
  const room = (isMany: boolean) => (isMany ? `up to ${count(concurrency, 'request')}` : count(threads, 'thread'))
  if (loaded === null) {
    const ofAsgi = asgiWorkers === null ? '' : `, or ${asgiWorkers} if it is ASGI`
    return `the settings are right: ${name}${target.display} on ${addresses}, ${count(ofWsgi, 'worker')} × ${room(workerClass === 'gevent')}${ofAsgi}`
  }
  const isAsgi = loaded.interface === 'asgi'
  const workers = count(isAsgi ? (asgiWorkers ?? ofWsgi) : ofWsgi, 'worker')
  const made = [loaded.interface.toUpperCase(), loaded.framework, `Python ${loaded.python}`].filter(Boolean).join(', ')
  return `settings and application are right: ${name}${loaded.application} (${made}) on ${addresses}, ${workers} × ${room(isAsgi || workerClass === 'gevent')}`
}
