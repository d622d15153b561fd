/**
 * `[server:NAME]` of a file of PasteDeploy that uses gunicorn: the settings that gunicorn has when `pserve` starts it. `gunicorn --paste` reads
 * no such section, so it counts only with `--paste-server NAME`, an option of ours. Runs in the command line, and in the master when it
 * reloads. Reads that file and runs nothing.
 *
 * As Python's ConfigParser and PasteDeploy have it: sections, values on several lines, `[DEFAULT]`, `%(name)s`. Not here: `use` of another
 * section or file, which is refused.
 */
import { basename, dirname } from 'node:path'
import type { Diagnostic } from '../../config/diagnostics.ts'
import { isFile, readText } from '../../config/machine/files.ts'
import type { GivenOption } from '../option.ts'
import { nearest } from './file.ts'
import { SETTINGS } from './table.ts'

export interface ServerSection {
  readonly given: ReadonlyMap<string, GivenOption>
  readonly problems: readonly Diagnostic[]
  readonly notes: readonly string[]
}

const NOTHING: ServerSection = { given: new Map(), problems: [], notes: [] }
/** `%(a)s` may have `%(b)s`; as many levels as ConfigParser follows. */
const MAX_DEPTH = 10
/** Characters of a value: each level may double it. */
const MAX_VALUE = 16 * 1024
const OF_GUNICORN = /^egg:gunicorn(?:#main)?$/i
const RUNNER = 'gunicorn.app.pasterapp:serve'

type Sections = ReadonlyMap<string, ReadonlyMap<string, string>>

/** `name`: of `--paste-server`; null: not given, and a note says what `[server:main]` would have set. `place`: of that option. */
export function readServer(file: string, name: string | null, place: string): ServerSection {
  const written = isFile(file) ? readText(file) : null
  // That the file is not there is told elsewhere.
  if (written === null) return NOTHING
  const sections = readSections(written)
  const title = `server:${name ?? 'main'}`
  const section = sections.get(title)
  const where = `${basename(file)}: [${title}]`
  if (name === null)
    return section !== undefined && isOfGunicorn(section)
      ? {
          ...NOTHING,
          notes: [`${where} does nothing, as with gunicorn --paste; --paste-server main takes its settings`],
        }
      : NOTHING
  const wrong = (message: string): ServerSection => ({ ...NOTHING, problems: [{ subject: place, message }] })
  if (section === undefined) return wrong(`${place} ${name}: there is no [${title}] in ${file}`)
  if (!isOfGunicorn(section)) {
    const used = section.get('use') ?? 'no server'
    return wrong(`${place} ${name}: ${where} must have use = egg:gunicorn#main, and has ${used}`)
  }
  return translateSection(section, sections, file, where)
}

function isOfGunicorn(section: ReadonlyMap<string, string>): boolean {
  return OF_GUNICORN.test(section.get('use') ?? '') || section.get('paste.server_runner') === RUNNER
}

function translateSection(
  section: ReadonlyMap<string, string>,
  sections: Sections,
  file: string,
  where: string,
): ServerSection {
  const scope = new Map([['here', dirname(file)], ['__file__', file], ...(sections.get('DEFAULT') ?? []), ...section])
  const values = new Map<string, unknown>()
  const problems: Diagnostic[] = []
  const notes: string[] = []
  const reject = (message: string) => problems.push({ subject: where, message: `${where}: ${message}` })
  for (const [key, text] of section) {
    if (key === 'use' || key.startsWith('paste.') || key.startsWith('set ')) continue
    const value = key.startsWith('get ') ? `%(${text})s` : text
    const put = interpolate(value, scope, 0)
    if (put === null) reject(`${key} has a %(name)s that is not there, or refers to itself`)
    else values.set((key.startsWith('get ') ? key.slice(4) : key).toLowerCase(), put)
  }
  // As its `serve` has it: a port alone is not used.
  const [host, port] = [values.get('host'), values.get('port')] as (string | undefined)[]
  values.delete('host')
  values.delete('port')
  if (host && port) values.set('bind', `${host}:${port}`)
  else if (host) values.set('bind', host.split(','))
  else if (port) notes.push(`${where}: port does nothing without host, as in gunicorn`)

  const given = new Map<string, GivenOption>()
  for (const [name, value] of values) {
    const option = SETTINGS.find(one => one.name === name)
    const place = `${where} ${name}`
    if (option === undefined) {
      const meant = nearest(name)
      reject(`${name} is no setting of gunicorn${meant === null ? '' : `; did you mean ${meant}?`}`)
      continue
    }
    const parsed = option.shape.fromFile(value)
    if ('value' in parsed) given.set(name, { option, value: parsed.value, place })
    else problems.push({ subject: place, message: `${place} ${parsed.problem}` })
  }
  return { given, problems, notes }
}

/** Null: a name is not there, or it takes too many levels. */
function interpolate(value: string, scope: ReadonlyMap<string, string>, depth: number): string | null {
  if (depth > MAX_DEPTH || value.length > MAX_VALUE) return null
  let whole = ''
  for (let at = 0; at < value.length; ) {
    const percent = value.indexOf('%', at)
    if (percent < 0) return whole + value.slice(at)
    whole += value.slice(at, percent)
    if (value[percent + 1] === '%') {
      whole += '%'
      at = percent + 2
      continue
    }
    const end = value[percent + 1] === '(' ? value.indexOf(')s', percent) : -1
    const found = end < 0 ? undefined : scope.get(value.slice(percent + 2, end))
    const put = found === undefined ? null : interpolate(found, scope, depth + 1)
    if (put === null || whole.length + put.length > MAX_VALUE) return null
    whole += put
    at = end + 2
  }
  return whole
}

/** A line that begins with a blank goes on with the value before it; `#` and `;` at the beginning of a line are comments. */
function readSections(written: string): Sections {
  const sections = new Map<string, Map<string, string>>()
  let section: Map<string, string> | null = null
  let key: string | null = null
  for (const line of written.split(/\r?\n/)) {
    const text = line.trim()
    if (text === '' || text.startsWith('#') || text.startsWith(';')) continue
    if (section !== null && key !== null && line !== line.trimStart()) {
      section.set(key, `${section.get(key)}\n${text}`)
      continue
    }
    key = null
    if (text.startsWith('[') && text.endsWith(']')) {
      const title = text.slice(1, -1)
      section = sections.get(title) ?? new Map<string, string>()
      sections.set(title, section)
      continue
    }
    const separator = text.search(/[=:]/)
    if (section === null || separator < 1) continue
    key = text.slice(0, separator).trim()
    section.set(key, text.slice(separator + 1).trim())
  }
  return sections
}
