/** The command line's words: which flag has which value. Knows the settings only by name; checks no value. */
import { SETTINGS } from './settings/index.ts'
import type { Setting } from './settings/setting.ts'
import { closest } from './suggest.ts'

export interface Arguments {
  readonly help: boolean
  readonly version: boolean
  readonly app: string | null
  /** Values by setting, in order; more than one only for repeatable ones. */
  readonly values: ReadonlyMap<Setting, readonly string[]>
  readonly problems: readonly string[]
}

const SWITCHES: Readonly<Record<string, 'help' | 'version'>> = {
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
  '-V': 'version',
}

export function parseArguments(words: readonly string[]): Arguments {
  const values = new Map<Setting, string[]>()
  const problems: string[] = []
  const apps: string[] = []
  const switches = { help: false, version: false }
  let onlyApps = false
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (onlyApps || word === '-' || !word.startsWith('-')) {
      apps.push(word)
    } else if (word === '--') {
      onlyApps = true
    } else if (word in SWITCHES) {
      switches[SWITCHES[word]!] = true
    } else {
      const flag = splitFlag(word)
      const setting = findSetting(flag.name)
      if (setting === undefined) {
        const suggestion = suggestFlag(flag.name)
        problems.push(`there is no ${flag.name}${suggestion === null ? '' : `; did you mean ${suggestion}?`}`)
        // The value of a misspelt flag is not the application.
        if (suggestion !== null && flag.value === null && words[i + 1]?.startsWith('-') === false) i++
        continue
      }
      const value = flag.value ?? words[++i]
      if (value === undefined || (flag.value === null && /^-[^\d]./.test(value))) {
        problems.push(`${flag.name} needs a value: ${flag.name} ${setting.placeholder}`)
        if (value !== undefined) i--
        continue
      }
      addValue(values, setting, value, problems)
    }
  }
  if (apps.length > 1) problems.push(`one application at a time: both '${apps[0]}' and '${apps[1]}' are given`)
  return { ...switches, app: apps[0] ?? null, values, problems }
}

/** `--workers=4`, `-w4`, `--workers`. */
function splitFlag(word: string): { name: string; value: string | null } {
  if (!word.startsWith('--')) return { name: word.slice(0, 2), value: word.length > 2 ? word.slice(2).replace(/^=/, '') : null }
  const equals = word.indexOf('=')
  return equals < 0 ? { name: word, value: null } : { name: word.slice(0, equals), value: word.slice(equals + 1) }
}

function findSetting(flag: string): Setting | undefined {
  return SETTINGS.find(setting => flag === `--${setting.name}` || (setting.short !== undefined && flag === `-${setting.short}`))
}

function suggestFlag(flag: string): string | null {
  return flag.startsWith('--') ? closest(flag, [...SETTINGS.map(setting => `--${setting.name}`), '--help', '--version']) : null
}

function addValue(values: Map<Setting, string[]>, setting: Setting, value: string, problems: string[]): void {
  const before = values.get(setting)
  if (before === undefined) values.set(setting, [value])
  else if (setting.repeatable) before.push(value)
  else problems.push(`--${setting.name} is given twice, as '${before[0]}' and '${value}'`)
}
