/**
 * What the values of another program's options may be: as text of the command line and of variables, and as what its configuration file has
 * in Python, which comes as JSON. A problem is a phrase that follows the option's name (`must be …`). Runs in the command line, and in the
 * master when it reloads. Pure.
 */
import type { Parsed } from '../config/diagnostics.ts'

export interface Shape<Value> {
  /** Whether the flag takes a word after it. Without one, the text of `maybe` is empty, as is that of `nothing`. */
  readonly takes: 'value' | 'nothing' | 'maybe'
  /** It may be given more than once, and the values are collected. */
  readonly isList: boolean
  /** From one word; of a flag that takes none the text is empty. */
  readonly fromText: (text: string) => Parsed<Value>
  /** From a file. */
  readonly fromFile: (value: unknown) => Parsed<Value>
}

/** Text. `None` of a file is the same as nothing given, and does not come here. */
export function text(): Shape<string> {
  return scalar('text', written => ({ value: written }))
}

/** A whole number, from `minimum` on. In hexadecimal and octal as Python reads it with base 0. */
export function wholeNumber(minimum = 0): Shape<number> {
  const problem = `must be a whole number${minimum > Number.MIN_SAFE_INTEGER ? ` from ${minimum} on` : ''}`
  return scalar('number', written => {
    const plain = written.trim().replace(/(?<=\d)_(?=\d)/g, '')
    const isNumber = /^[+-]?(?:\d+|0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+)$/.test(plain)
    const value = isNumber ? Number(plain.replace(/^[+-]/, '')) * (plain.startsWith('-') ? -1 : 1) : Number.NaN
    return value >= minimum && Number.isSafeInteger(value) ? { value } : { problem }
  })
}

/** The same, where `022` of the command line is octal: permissions. */
export function permissions(): Shape<number> {
  const shape = wholeNumber()
  return { ...shape, fromText: written => shape.fromText(written.trim().replace(/^0(?=\d)/, '0o')) }
}

/** A number that may have a fraction. */
export function decimalNumber(minimum = 0): Shape<number> {
  return scalar('number', written => {
    const value = /^[\d.eE+-]+$/.test(written.trim()) ? Number(written) : Number.NaN
    return value >= minimum ? { value } : { problem: `must be a number from ${minimum} on` }
  })
}

/** One of these words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Shape<Word> {
  return scalar('text', written => {
    const found = words.find(word => word === written)
    return found === undefined ? { problem: `must be one of ${words.join(', ')}` } : { value: found }
  })
}

/** The same, and the flag alone means `alone`. */
export function oneOfOr<const Word extends string>(alone: Word, ...words: readonly Word[]): Shape<Word> {
  const shape = oneOf(...words)
  return {
    ...shape,
    takes: 'maybe',
    fromText: written => (written === '' ? { value: alone } : shape.fromText(written)),
  }
}

/** The flag alone is `value`; a file has a boolean. */
export function flag(value = true): Shape<boolean> {
  return {
    takes: 'nothing',
    isList: false,
    fromText: () => ({ value }),
    fromFile(written) {
      if (typeof written === 'boolean') return { value: written }
      const word = typeof written === 'string' ? written.trim().toLowerCase() : null
      return word === 'true' || word === 'false' ? { value: word === 'true' } : { problem: 'must be True or False' }
    },
  }
}

/** Text, or a number of a file as text: the name or the number of an account. */
export function textOrNumber(): Shape<string> {
  const { fromText, ...shape } = text()
  return {
    ...shape,
    fromText,
    fromFile: written => shape.fromFile(typeof written === 'number' ? `${written}` : written),
  }
}

/** The name of a class; a file may have the class itself. */
export function className(): Shape<string> {
  const { fromText, ...shape } = text()
  return { ...shape, fromText, fromFile: written => shape.fromFile(nameOfCallable(written) ?? written) }
}

/** Whatever it is: it changes nothing. */
export function anything(): Shape<string> {
  return { ...text(), fromFile: written => ({ value: JSON.stringify(written) }) }
}

/** Text that may be given more than once; `separator`: also several in one word. A file has a list, or one text. */
export function list(separator: string | null = null): Shape<readonly string[]> {
  const split = (written: string) =>
    separator === null
      ? [written]
      : written
          .split(separator)
          .map(part => part.trim())
          .filter(part => part !== '')
  return {
    takes: 'value',
    isList: true,
    fromText: written => ({ value: split(written) }),
    fromFile(written) {
      const parts = typeof written === 'string' ? [written] : written
      return Array.isArray(parts) && parts.every(part => typeof part === 'string')
        ? { value: parts.flatMap(split) }
        : { problem: 'must be a list of texts' }
    },
  }
}

/** A dictionary, in a file only. */
export function dictionary(): Shape<Readonly<Record<string, unknown>>> {
  return {
    takes: 'value',
    isList: false,
    fromText: () => ({ problem: 'must stand in the configuration file' }),
    fromFile: written =>
      typeof written === 'object' && written !== null && !Array.isArray(written)
        ? { value: written as Readonly<Record<string, unknown>> }
        : { problem: 'must be a dictionary' },
  }
}

/** A function, in a file only: itself, or `module.name`. It comes as its name: the object itself stays in Python. */
export function callable(): Shape<string> {
  return {
    takes: 'value',
    isList: false,
    fromText: () => ({ problem: 'must stand in the configuration file' }),
    fromFile: written => {
      const name = typeof written === 'string' && written.includes('.') ? written : nameOfCallable(written)
      return name === null ? { problem: 'must be a function' } : { value: name }
    },
  }
}

/** What the process that evaluates a file sends for an object that is no JSON: `{"callable": "name"}`. */
export function nameOfCallable(written: unknown): string | null {
  const name = typeof written === 'object' && written !== null ? (written as { callable?: unknown }).callable : null
  return typeof name === 'string' ? name : null
}

/** `type`: what a file may have besides text. */
function scalar<Value>(type: 'text' | 'number', parse: (text: string) => Parsed<Value>): Shape<Value> {
  return {
    takes: 'value',
    isList: false,
    fromText: parse,
    fromFile(written) {
      if (typeof written === 'string' || (type === 'number' && typeof written === 'number'))
        return parse(String(written))
      const shown = JSON.stringify(written) ?? 'nothing'
      return { problem: type === 'text' ? `must be a text, not ${shown}` : `must be a number, not ${shown}` }
    },
  }
}
