/**
 * The command line of another program: which option has which value, as that program reads it. Runs in the command line, and in the master
 * when it reloads. Pure.
 *
 * `argparse` (gunicorn): a long flag may be shortened as long as it is clear which one it is. `click` (uvicorn): it may not.
 * Both: `--flag value`, `--flag=value`, `-f value`, `-fvalue`, `-ab` for `-a -b`; after `--` nothing is a flag; of an option that is given
 * twice the last counts, a list has all.
 */
import { closest } from '../base/closest.ts'
import type { Diagnostic } from '../config/diagnostics.ts'
import type { AnyOption, GivenOption } from './option.ts'

export interface Dialect {
  readonly mayShorten: boolean
  /** `-w=4` is `-w 4`; else the value is `=4`. */
  readonly takesEqualsAfterLetter: boolean
}

export const ARGPARSE: Dialect = { mayShorten: true, takesEqualsAfterLetter: true }
export const CLICK: Dialect = { mayShorten: false, takesEqualsAfterLetter: false }

export interface ReadWords {
  /** By the name of the option. */
  readonly given: Map<string, GivenOption>
  /** Words that are no flag, nor the value of one. */
  readonly positionals: string[]
  readonly problems: Diagnostic[]
}

/** `source`: for messages, in front of the flag: `GUNICORN_CMD_ARGS`; empty: the command line. */
export function readWords(
  words: readonly string[],
  options: readonly AnyOption[],
  dialect: Dialect,
  source = '',
): ReadWords {
  const given = new Map<string, GivenOption>()
  const positionals: string[] = []
  const problems: Diagnostic[] = []
  const report = (flag: string, problem: string) => {
    const subject = placeOf(flag, source)
    problems.push({ subject, message: `${subject} ${problem}` })
  }
  const left = [...words]
  while (left.length > 0) {
    const word = left.shift()!
    if (word === '--') {
      positionals.push(...left)
      break
    }
    if (!word.startsWith('-') || word === '-') {
      positionals.push(word)
      continue
    }
    const { flag, value } = splitFlag(word, dialect)
    const found = findOption(flag, options, dialect)
    if ('problem' in found) {
      report(flag, found.problem)
      continue
    }
    const { option, name } = found
    let text = value
    if (option.shape.takes === 'nothing') {
      if (text !== null && flag.startsWith('--')) {
        report(name, `takes no value, not even '${text}'`)
        continue
      }
      // The rest of the word is more letters.
      if (text !== null) left.unshift(`-${text}`)
      text = ''
    } else if (text === null) {
      const next = left[0]
      const hasValue = next !== undefined && !isFlagOf(next, options, dialect)
      if (!hasValue && option.shape.takes === 'value') {
        report(name, 'needs a value')
        continue
      }
      text = hasValue ? left.shift()! : ''
    }
    const parsed = option.shape.fromText(text)
    if ('problem' in parsed) report(name, `${parsed.problem}, not '${text}'`)
    else {
      const before = given.get(option.name)
      const isMore = option.shape.isList && before !== undefined
      const all = isMore ? [...(before.value as unknown[]), ...(parsed.value as unknown[])] : parsed.value
      given.set(option.name, { option, value: all, place: placeOf(name, source) })
    }
  }
  return { given, positionals, problems }
}

function placeOf(flag: string, source: string): string {
  return source === '' ? flag : `${source}: ${flag}`
}

/** `-b:8000`: after one letter the rest of the word is the value. */
function splitFlag(
  word: string,
  { takesEqualsAfterLetter }: Dialect,
): { readonly flag: string; readonly value: string | null } {
  if (!word.startsWith('--')) {
    const rest = takesEqualsAfterLetter && word[2] === '=' ? word.slice(3) : word.slice(2)
    return { flag: word.slice(0, 2), value: word.length > 2 ? rest : null }
  }
  const equals = word.indexOf('=')
  return equals < 0 ? { flag: word, value: null } : { flag: word.slice(0, equals), value: word.slice(equals + 1) }
}

type Found = { readonly option: AnyOption; readonly name: string } | { readonly problem: string }

function findOption(flag: string, options: readonly AnyOption[], { mayShorten }: Dialect): Found {
  const whole = options.find(({ flags }) => flags.includes(flag))
  if (whole !== undefined) return { option: whole, name: flag }
  const names = options.flatMap(option => option.flags.map(name => ({ option, name })))
  const begun = mayShorten && flag.startsWith('--') ? names.filter(({ name }) => name.startsWith(flag)) : []
  if (new Set(begun.map(({ option }) => option)).size === 1) return begun[0]!
  if (begun.length > 1) return { problem: `may be ${begun.map(({ name }) => name).join(' or ')}: write more of it` }
  const all = names.map(({ name }) => name).filter(name => name.startsWith('--'))
  const near = flag.startsWith('--') ? closest(flag, all) : null
  return { problem: `is unknown${near === null ? '' : `; did you mean ${near}?`}` }
}

function isFlagOf(word: string, options: readonly AnyOption[], dialect: Dialect): boolean {
  if (!word.startsWith('-') || word === '-') return false
  // A negative number is a value.
  if (/^-\d+(?:\.\d*)?$/.test(word)) return false
  return 'option' in findOption(splitFlag(word, dialect).flag, options, dialect) || word.startsWith('--')
}
