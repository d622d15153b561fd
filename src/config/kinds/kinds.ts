/**
 * Kinds of values: how text becomes a value, the phrase that says what is allowed, what a file may have in place of text, and the
 * words for JSON Schema and the reference. The texts of all sources go through the same `parse`. Runs in the command line, and in the
 * master when it reloads. Pure.
 */
import type { Parsed } from '../diagnostics.ts'
import { parseDuration } from './duration.ts'
import { parseSize } from './size.ts'

/** What TOML has besides text. A `boolean` becomes the text `on` or `off`, a number becomes its digits as text. */
export type Literal = 'integer' | 'float' | 'boolean' | 'false'

/** Makes a relative path absolute, from the place where it was given. */
export type Resolve = (path: string) => string

export type JsonSchema = Readonly<Record<string, unknown>>

export interface Kind<Value> {
  /** From the user's text to the value. A problem is a phrase that says what is allowed (`must be ...`). */
  readonly parse: (text: string) => Parsed<Value>
  /** What a file may have besides text in quotes. */
  readonly literals: readonly Literal[]
  /** One value, for editors. */
  readonly json: JsonSchema
  /** One value, for the reference. */
  readonly says: string
  /** For a text with a relative path in it: the same text with an absolute path. */
  readonly absolute?: (text: string, from: Resolve) => string
  /** The flag takes no value; `--no-name` is its opposite. */
  readonly isSwitch?: true
  /** Words of other servers → our words. */
  readonly otherWords?: ReadonlyMap<string, string>
  /** `KEY=VALUE`. In a file it is a table (`only`), or may be one (`also`). */
  readonly table?: 'only' | 'also'
}

/** Text with a form of its own. */
export function text<Value>(
  says: string,
  parse: (text: string) => Parsed<Value>,
  more: Partial<Pick<Kind<Value>, 'literals' | 'json' | 'absolute' | 'table'>> = {},
): Kind<Value> {
  return { parse, literals: [], json: { type: 'string' }, says, ...more }
}

/** A whole number from `minimum` to `maximum`. */
export function count(minimum: number, maximum: number): Kind<number> {
  const problem = `must be a whole number from ${minimum} to ${maximum}`
  return {
    parse: text => {
      const value = parseCount(text, minimum, maximum)
      return value === null ? { problem } : { value }
    },
    literals: ['integer'],
    json: { type: 'integer', minimum, maximum },
    says: `whole number, ${minimum} to ${maximum}`,
  }
}

/** The same, or one word. */
export function countOr<const Word extends string>(word: Word, minimum: number, maximum: number): Kind<number | Word> {
  const number = count(minimum, maximum)
  return {
    parse: text => {
      const value = text === word ? word : parseCount(text, minimum, maximum)
      return value === null
        ? { problem: `must be a whole number from ${minimum} to ${maximum}, or ${word}` }
        : { value }
    },
    literals: ['integer'],
    json: { anyOf: [number.json, { const: word }] },
    says: `${number.says}, or \`${word}\``,
  }
}

function parseCount(text: string, minimum: number, maximum: number): number | null {
  const value = /^\d+$/.test(text) ? Number(text) : -1
  return value >= minimum && value <= maximum ? value : null
}

/** `others`: words of other servers for some of our words, for "did you mean". */
export function oneOf<const Word extends string>(
  words: readonly [Word, ...Word[]],
  others: Readonly<Record<string, NoInfer<Word>>> = {},
): Kind<Word> {
  const otherWords = new Map(Object.entries(others))
  const hasSwitch = words.some(word => word === 'on') && words.some(word => word === 'off')
  return {
    parse: text => {
      const value = words.find(word => word === text)
      if (value !== undefined) return { value }
      const meant = otherWords.get(text)
      return { problem: `must be ${enumerate(words)}${meant === undefined ? '' : ` (did you mean ${meant}?)`}` }
    },
    otherWords,
    literals: hasSwitch ? ['boolean'] : [],
    json: hasSwitch ? { enum: [...words, true, false] } : { enum: [...words] },
    says: words.map(word => `\`${word}\``).join(', '),
  }
}

/** `a, b or c`. */
export function enumerate(words: readonly string[]): string {
  return words.length === 1 ? words[0]! : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

/** A Map, because a plain object also has `constructor`. */
const SWITCH_WORDS: ReadonlyMap<string, boolean> = new Map([
  ['on', true],
  ['off', false],
  ['true', true],
  ['false', false],
  ['yes', true],
  ['no', false],
  ['1', true],
  ['0', false],
])

/** `flag`: the flag takes no value. */
export function onOrOff(form: 'value' | 'flag'): Kind<boolean> {
  const kind: Kind<boolean> = {
    parse: text => {
      const value = SWITCH_WORDS.get(text.toLowerCase())
      return value === undefined ? { problem: 'must be on or off' } : { value }
    },
    literals: ['boolean'],
    json: { enum: [true, false, 'on', 'off'] },
    says: '`on`, `off`',
  }
  return form === 'flag' ? { ...kind, isSwitch: true } : kind
}

/** Milliseconds. `none`: what 0 means; null: 0 is refused. */
export function duration(none: string | null): Kind<number> {
  return {
    parse: text => {
      const parsed = parseDuration(text)
      return none === null && 'value' in parsed && parsed.value === 0 ? { problem: 'must be a time above 0' } : parsed
    },
    literals: ['integer', 'float'],
    json: {
      anyOf: [
        { type: 'number', minimum: 0, description: 'seconds' },
        { type: 'string', pattern: '^\\d+(\\.\\d+)?(ms|s|m|h)?$' },
      ],
    },
    says: `time: seconds, or with a unit (500ms, 30s, 2m, 1h)${none === null ? '' : `; 0 is ${none}`}`,
  }
}

/** Bytes from `minimum` to `maximum`. `none`: what 0 means; null: 0 is refused unless it is in the range. */
export function size(minimum: number, maximum: number, none: string | null = null): Kind<number> {
  const range = `must be from ${formatSize(minimum)} to ${formatSize(maximum)}${none === null ? '' : ', or 0'}`
  return {
    parse: text => {
      const parsed = parseSize(text)
      if (!('value' in parsed) || (parsed.value === 0 && none !== null)) return parsed
      return parsed.value >= minimum && parsed.value <= maximum ? parsed : { problem: range }
    },
    literals: ['integer'],
    json: {
      anyOf: [
        { type: 'integer', minimum: none === null ? minimum : 0, maximum },
        { type: 'string', pattern: '^\\d+(\\.\\d+)?([kKmMgGtT]([iI]?[bB])?)?$' },
      ],
    },
    says: `size: bytes, or with a unit (512K, 300M, 1G)${none === null ? '' : `; 0 is ${none}`}`,
  }
}

/** The same, or one word. */
export function sizeOr<const Word extends string>(word: Word, minimum: number, maximum: number): Kind<number | Word> {
  const plain = size(minimum, maximum)
  return {
    parse: text => {
      if (text === word) return { value: word }
      const parsed = plain.parse(text)
      return 'value' in parsed ? parsed : { problem: `${parsed.problem}, or ${word}` }
    },
    literals: ['integer'],
    json: { anyOf: [plain.json, { const: word }] },
    says: `${plain.says}, or \`${word}\``,
  }
}

/** In the largest unit that gives a whole number. `size` reads it back. */
export function formatSize(bytes: number): string {
  const units = ['', 'K', 'M', 'G', 'T']
  let power = 0
  while (power < 4 && bytes > 0 && bytes % 1024 === 0) {
    bytes /= 1024
    power++
  }
  return `${bytes}${units[power]}`
}

/** File permissions. In a file they are text: the numbers 660 and 0o660 would differ. */
export function octal(): Kind<number> {
  const problem = 'must be octal, from 0 to 777, as in 027'
  return text('octal, as text: `"027"`', written => parseOctal(written, problem), {
    json: { type: 'string', pattern: '^(0o)?0?[0-7]{1,3}$' },
  })
}

/** The same, or one word, which becomes null. */
export function octalOr(word: string): Kind<number | null> {
  const problem = `must be octal, from 0 to 777, as in 027, or ${word}`
  const parse = (written: string) => (written === word ? { value: null } : parseOctal(written, problem))
  return text<number | null>(`octal, as text: \`"027"\`, or \`${word}\``, parse, {
    json: { type: 'string', pattern: `^((0o)?0?[0-7]{1,3}|${word})$` },
  })
}

function parseOctal(written: string, problem: string): Parsed<number> {
  const digits = /^(?:0o)?([0-7]{1,4})$/.exec(written)?.[1]
  const value = Number.parseInt(digits ?? '', 8)
  return value <= 0o777 ? { value } : { problem }
}

/** Absolute path, or one of the words, which becomes null. `-` is no path, and stays as it is if it is none of the words. */
export function path(problem: string, words: readonly string[] = []): Kind<string | null> {
  const isWord = (written: string) => written === '-' || words.includes(written)
  return {
    parse: written => {
      if (written === '' || written.includes('\0')) return { problem }
      return { value: words.includes(written) ? null : written }
    },
    literals: words.includes('off') ? ['false'] : [],
    json: words.includes('off')
      ? { anyOf: [{ type: 'string', minLength: 1 }, { const: false }] }
      : { type: 'string', minLength: 1 },
    says: ['path', ...words.map(word => `\`${word}\``)].join(', or '),
    absolute: (written, from) => (written === '' || isWord(written) ? written : from(written)),
  }
}
