/**
 * `--print-config`: every setting with where it came from, as a `jumak.toml` that means the same. Runs in the command line.
 *
 * Invariants: defaults are comments, so a file that is made of the output leaves them to the environment. A variable that looks like a
 * secret is printed without its value.
 */
import { formatBind } from './kinds/bind.ts'
import type { Loaded } from './load.ts'
import type { WorkingDirectory } from './machine/environment.ts'
import { naturalValue } from './schema.ts'
import { application } from './settings/application.ts'
import { SETTINGS } from './settings/index.ts'
import { processes } from './settings/processes.ts'
import { resources } from './settings/resources.ts'
import { isFrom, type Setting } from './settings/setting.ts'
import { workers } from './settings/workers.ts'
import { describeOrigin, type Given } from './sources/given.ts'
import type { Config } from './types.ts'
import { Values } from './values.ts'

/** Comments begin in this column, if the value is short enough. */
const COMMENT_COLUMN = 44

export function printConfig({ config, settings }: Loaded, where: WorkingDirectory): string {
  const values = new Values(settings, where)
  const lines = ['# Every setting of Jumak, and where it came from. What is commented out is a default.']
  for (const section of new Set(SETTINGS.map(setting => setting.section))) {
    lines.push('', `# ${section}`)
    for (const setting of SETTINGS.filter(one => one.section === section))
      lines.push(...linesOf(setting, values, config))
  }
  return `${lines.join('\n')}\n`
}

function linesOf(setting: Setting, values: Values, config: Config): string[] {
  const givens = values.givens(setting)
  if (setting.name === 'env' && givens.length > 0) return variableLines(setting, givens)
  const isComment = !values.isGiven(setting) || !isFrom(setting, 'file')
  const texts = givens.map(given =>
    setting === application.directory ? config.apps[0]!.directory : values.absolute(setting, given),
  )
  const became = becameOf(setting, config, texts)
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
  const keys = givens.map(({ text }) => text.slice(0, text.indexOf('=')))
  return givens.filter((_, i) => keys.indexOf(keys[i]!) === i).map(given => variableLine(setting, given))
}

function variableLine(setting: Setting, { text, origin }: Given): string {
  const equals = text.indexOf('=')
  const [key, value] = [text.slice(0, equals), text.slice(equals + 1)]
  const comment = describeOrigin(setting, origin)
  if (looksSecret(key, value)) return withComment(`# env.${key} = "***"`, `${comment}, hidden`)
  return withComment(`env.${key} = ${tomlLiteral(value)}`, comment)
}

/** By its name, or as a URL with a password in it. */
function looksSecret(key: string, value: string): boolean {
  return /SECRET|PASS|TOKEN|KEY|CREDENTIAL|PRIVATE|AUTH|DSN|SALT/i.test(key) || /:\/\/[^/\s:]*:[^/\s]*@/.test(value)
}

/** What a value such as `auto` became. */
function becameOf(setting: Setting, config: Config, texts: readonly string[]): string {
  const app = config.apps[0]!
  const isAuto = texts.every(text => text === 'auto' || text === '.')
  if (setting === application.app) return texts[0] === '.' ? `became ${app.target.display}` : ''
  if (setting === application.directory) return texts[0] === '.' || isAuto ? `became ${app.directory}` : ''
  if (!isAuto) return ''
  if (setting === workers.workers) return `became ${app.workers} (${app.workersReason.replace('auto: ', '')})`
  if (setting === resources.limits.connections) return `became ${config.limits.connections}`
  if (setting === resources.limits.connectionsPerAddress) return `became ${config.limits.connectionsPerAddress}`
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

/** For `--check`: what would be served, in one line. `loaded` is null if the application was not loaded. */
export function summarize(config: Config, loaded: Loadable | null): string {
  const { bind } = config
  const { target, workers: ofWsgi, asgiWorkers, threads, concurrency } = config.apps[0]!
  const addresses = bind.map(formatBind).join(', ')
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`
  if (loaded === null) {
    const ofAsgi = asgiWorkers === null ? '' : `, or ${asgiWorkers} if it is ASGI`
    return `the settings are right: ${target.display} on ${addresses}, ${count(ofWsgi, 'worker')} × ${count(threads, 'thread')}${ofAsgi}`
  }
  const isAsgi = loaded.interface === 'asgi'
  const workers = count(isAsgi ? (asgiWorkers ?? ofWsgi) : ofWsgi, 'worker')
  const room = isAsgi ? `up to ${count(concurrency, 'request')}` : count(threads, 'thread')
  const made = [loaded.interface.toUpperCase(), loaded.framework, `Python ${loaded.python}`].filter(Boolean).join(', ')
  return `settings and application are right: ${loaded.application} (${made}) on ${addresses}, ${workers} × ${room}`
}
