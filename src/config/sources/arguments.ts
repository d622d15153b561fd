/**
 * The command line's words: which flag has which value. Knows names and shapes of the settings, and checks no value.
 * `-b :8000`, `-b:8000`, `-b=:8000`, `--bind :8000`, `--bind=:8000`; after `--` nothing is a flag. A switch takes no value: `--reload`,
 * and `--no-reload` to win over a file or a variable. Runs in the command line. Pure.
 */
import type { Secret } from '../../base/secret.ts'
import type { Diagnostic } from '../diagnostics.ts'
import { meantName } from '../hints/meant-name.ts'
import { switchValue } from '../hints/other-servers.ts'
import { Rewrite } from '../hints/rewrite.ts'
import { ACTIONS, SETTINGS } from '../settings/index.ts'
import { type Action, type Definition, isFrom, labelOf, type Setting } from '../settings/setting.ts'
import type { PythonConfiguration } from '../types.ts'
import { type Given, splitCommas } from './given.ts'

export interface Arguments {
  readonly actions: ReadonlySet<Action['name']>
  /** By the name of the setting, in order. More than one value only for repeatable settings. */
  readonly values: ReadonlyMap<string, readonly Given[]>
  readonly diagnostics: readonly Diagnostic[]
  /** It is not sure which word is APP: a word after an unknown flag may be its value, or there are flags of another server. */
  readonly isPositionalUncertain: boolean
  /** Null: it is our own command line. */
  readonly adapted: AdaptedFrom | null
}

/** The command line is one of another program (`src/adapters/`): no configuration file of ours is read. */
export interface AdaptedFrom {
  /** `gunicorn` */
  readonly program: string
  /** Its defaults where they are not ours: all that is given wins over them. */
  readonly defaults: ReadonlyMap<string, readonly Given[]>
  /** Told once, at the start, as warnings. */
  readonly notes: readonly string[]
  /** The same, for what nobody needs to change. */
  readonly remarks: readonly string[]
  /** Null: our processes need to know nothing of it. */
  readonly configuration: PythonConfiguration | null
  /** The password of its private key, where its words have one. It is no value of a setting, for these are printed. */
  readonly keyPassword: Secret | null
}

export function parseArguments(words: readonly string[]): Arguments {
  return new ArgumentReader(words).read()
}

interface Flag {
  /** As it was written, without its value: `--workers`, `-w`. */
  readonly name: string
  /** The value in the same word, or null. */
  readonly value: string | null
}

class ArgumentReader {
  readonly #words: readonly string[]
  #next = 0
  readonly #actions = new Set<Action['name']>()
  readonly #values = new Map<string, Given[]>()
  readonly #diagnostics: Diagnostic[] = []
  readonly #positionals: string[] = []
  readonly #rewrite = new Rewrite()
  #isPositionalUncertain = false

  constructor(words: readonly string[]) {
    this.#words = words
  }

  read(): Arguments {
    while (this.#next < this.#words.length) {
      const word = this.#words[this.#next++]!
      if (word === '--') {
        this.#positionals.push(...this.#words.slice(this.#next))
        break
      }
      if (isFlag(word)) this.#readFlag(splitFlag(word))
      else this.#positionals.push(word)
    }
    this.#assignPositionals()
    this.#diagnostics.push(...this.#rewrite.finish())
    return {
      actions: this.#actions,
      values: this.#values,
      diagnostics: this.#diagnostics,
      isPositionalUncertain: this.#isPositionalUncertain || this.#rewrite.hasForeign,
      adapted: null,
    }
  }

  #readFlag(flag: Flag): void {
    const [begin, problems] = [this.#next - 1, this.#diagnostics.length]
    if (this.#readOwn(flag)) {
      if (this.#diagnostics.length > problems) this.#rewrite.spoil()
      else this.#rewrite.keep(this.#ownWords(flag, this.#words.slice(begin, this.#next)))
    } else if (!this.#readForeign(flag)) {
      this.#reportUnknown(flag)
      this.#rewrite.spoil()
    }
  }

  /** The words as they should be: a flag that lacks its value has it, and a value has our word for it. */
  #ownWords(flag: Flag, words: readonly string[]): readonly string[] {
    const setting = FLAGS.find(one => isNamed(one, flag.name))
    if (setting === undefined || setting.kind.isSwitch) return words
    const value = flag.value ?? words[1]
    const ours = value === undefined ? switchValue(setting.name) : setting.kind.otherWords?.get(value)
    if (ours === undefined || ours === null) return words
    return flag.value === null ? [flag.name, ours] : [`${flag.name}=${ours}`]
  }

  #readOwn(flag: Flag): boolean {
    const action = ACTIONS.find(one => isNamed(one, flag.name))
    const setting = FLAGS.find(one => isNamed(one, flag.name))
    const opposite = FLAGS.find(one => one.kind.isSwitch && flag.name === `--no-${one.name}`)
    const switched = opposite ?? (setting?.kind.isSwitch ? setting : undefined)
    if (switched !== undefined) this.#readSwitch(switched, flag, opposite === undefined)
    else if (setting !== undefined) this.#readValue(setting, flag)
    else if (action === undefined) return false
    else if (flag.value === null) this.#actions.add(action.name)
    else this.#report(flag.name, `${flag.name} takes no value, not even '${flag.value}'`)
    return true
  }

  /** A flag of another server. */
  #readForeign(flag: Flag): boolean {
    const found = this.#rewrite.find(flag.name)
    if (found === null) return false
    const value = found.takesValue ? (flag.value ?? this.#takeValue()) : ''
    this.#rewrite.add(flag.name, value ?? '…')
    return true
  }

  #readSwitch(setting: Setting, flag: Flag, isOn: boolean): void {
    if (flag.value === null) this.#addValue(setting, isOn ? 'on' : 'off')
    else
      this.#report(
        flag.name,
        `${flag.name} takes no value, not even '${flag.value}': write --${setting.name} or --no-${setting.name}`,
      )
  }

  #readValue(setting: Setting, flag: Flag): void {
    const value = flag.value ?? this.#takeValue(setting)
    const elsewhere = switchValue(setting.name)
    if (value === null && elsewhere !== null) this.#rewrite.lacksValue(flag.name, elsewhere)
    else if (value === null)
      this.#report(flag.name, `${flag.name} needs a value: ${flag.name} ${describeValue(setting)}`)
    else if (flag.value === null && isFlag(value))
      this.#report(
        flag.name,
        `${flag.name} needs a value, and '${value}' looks like a flag; write --${setting.name}=${value} if you mean it`,
      )
    else this.#addValue(setting, value)
  }

  /** The next word as the value. Null if there is none, or it is a flag of ours. */
  #takeValue(setting?: Setting): string | null {
    const word = this.#words[this.#next]
    if (word === undefined || word.startsWith('--')) return null
    // Other servers have it without a value: the next word is the application.
    if (setting !== undefined && isOnOrOff(setting) && /[.:/]/.test(word)) return null
    if (setting !== undefined && switchValue(setting.name) !== null && APPLICATION.test(word)) return null
    if (isFlag(word) && [...FLAGS, ...ACTIONS].some(one => isNamed(one, splitFlag(word).name))) return null
    this.#next++
    return word
  }

  #addValue(setting: Setting, value: string): void {
    const before = this.#values.get(setting.name)
    const given = splitCommas(setting, value, 'flag').map((text): Given => ({ text, origin: { from: 'flag' } }))
    if (before === undefined) this.#values.set(setting.name, given)
    else if (setting.repeatable) before.push(...given)
    else {
      const label = labelOf(setting)
      this.#report(label, `${label} may be given once, and is given as '${before[0]!.text}' and as '${value}'`)
    }
  }

  #reportUnknown(flag: Flag): void {
    // `-workers` as well as `--wrokers`; a letter alone resembles nothing.
    const name = flag.name.replace(/^--?(?:no-)?/, '')
    const meant = flag.name.length <= 2 ? null : meantName(name)
    const setting = FLAGS.find(one => one.name === meant)
    const written = flag.name.startsWith('--no-') && setting?.kind.isSwitch ? `--no-${meant}` : `--${meant}`
    this.#report(flag.name, `there is no flag ${flag.name}${meant === null ? '' : `; did you mean ${written}?`}`)
    const following = this.#words[this.#next]
    if (flag.value !== null || following === undefined || isFlag(following)) return
    // The next word is the value of a misspelt flag.
    if (setting === undefined) this.#isPositionalUncertain = true
    else if (!setting.kind.isSwitch) this.#next++
  }

  #assignPositionals(): void {
    const setting = SETTINGS.find(one => one.positional)
    if (setting === undefined || this.#isPositionalUncertain) return
    for (const word of this.#rewrite.command(this.#positionals)) {
      this.#addValue(setting, word)
      this.#rewrite.app(word)
    }
  }

  #report(subject: string, message: string): void {
    this.#diagnostics.push({ subject, message })
  }
}

const FLAGS: readonly Setting[] = SETTINGS.filter(one => !one.positional && isFrom(one, 'flag'))

/** `shop:app`, `shop:create_app()`. Hardly any file has such a name. */
const APPLICATION = /^[\w.]+:[\w.]+(?:\(\))?$/

/** `-` alone is a value: standard output. */
function isFlag(word: string): boolean {
  return word.startsWith('-') && word !== '-'
}

/** After one letter the rest of the word is the value, unless the word is a long name that lacks a hyphen. */
function splitFlag(word: string): Flag {
  const equals = word.indexOf('=')
  const name = equals < 0 ? word : word.slice(0, equals)
  const isLong = word.startsWith('--') || [...SETTINGS, ...ACTIONS].some(one => name === `-${one.name}`)
  if (isLong) return { name, value: equals < 0 ? null : word.slice(equals + 1) }
  return { name: word.slice(0, 2), value: word.length > 2 ? word.slice(2).replace(/^=/, '') : null }
}

/** `N`, or the allowed words. */
function describeValue(setting: Setting): string {
  return isOnOrOff(setting) ? setting.kind.says.replaceAll('`', '').replace(/, (\w+)$/, ' or $1') : setting.placeholder
}

function isOnOrOff({ kind }: Setting): boolean {
  return kind.literals.includes('boolean') && kind.isSwitch !== true
}

function isNamed(definition: Definition, flag: string): boolean {
  return flag === `--${definition.name}` || (definition.short !== undefined && flag === `-${definition.short}`)
}
