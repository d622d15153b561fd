/**
 * What a field of a message may be, as small checks that are put together: each looks at one value and says what is wrong with
 * it. `shapes.ts` has the messages. Runs wherever a message is read.
 *
 * Invariants: a check never throws, whatever it is given, and looks at no more than its own bound; every number has a range, every
 * text and list a length.
 */

export interface Problem {
  /** Below the field that the check is for: `.frames[3].line`; empty: the field itself. */
  readonly path: string
  readonly value: unknown
  /** `a whole number from 1 to 10000`. */
  readonly expected: string
}

/** Null: the value is as it should be. */
export type Check = (value: unknown) => Problem | null

/** One check for each field of `T`: the compiler complains when one is missing. */
export type Checks<T> = { readonly [Field in keyof T]-?: Check }

/** Characters of a wrong value that are shown. */
const MAX_SHOWN = 60

function wrong(value: unknown, expected: string): Problem {
  return { path: '', value, expected }
}

export function wholeNumber(least: number, greatest: number): Check {
  const expected = `a whole number from ${least} to ${greatest}`
  return value =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= greatest
      ? null
      : wrong(value, expected)
}

export function numberFrom(least: number, greatest: number): Check {
  const expected = `a number from ${least} to ${greatest}`
  return value => (typeof value === 'number' && value >= least && value <= greatest ? null : wrong(value, expected))
}

export function text(greatest: number): Check {
  const expected = `text of ${greatest} characters at most`
  return value => (typeof value === 'string' && value.length <= greatest ? null : wrong(value, expected))
}

/** `expected`: what the text must be, for people. */
export function textLike(pattern: RegExp, greatest: number, expected: string): Check {
  return value =>
    typeof value === 'string' && value.length <= greatest && pattern.test(value) ? null : wrong(value, expected)
}

export const flag: Check = value => (typeof value === 'boolean' ? null : wrong(value, 'true or false'))

export function oneOf(words: readonly string[], expected: string = `one of ${words.join(', ')}`): Check {
  return value => (typeof value === 'string' && words.includes(value) ? null : wrong(value, expected))
}

export function orNull(check: Check): Check {
  return value => (value === null ? null : check(value))
}

/** Left out, or as `check` says. */
export function optional(check: Check): Check {
  return value => (value === undefined ? null : check(value))
}

export function listOf(check: Check, greatest: number): Check {
  return value => {
    if (!Array.isArray(value) || value.length > greatest) return wrong(value, `a list of ${greatest} at most`)
    for (let i = 0; i < value.length; i++) {
      const problem = check(value[i])
      if (problem !== null) return { ...problem, path: `[${i}]${problem.path}` }
    }
    return null
  }
}

/** Fields that it does not know are ignored. */
export function object<T>(checks: Checks<T>): Check {
  const fields = Object.entries(checks) as [string, Check][]
  return value => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong(value, 'an object')
    for (const [name, check] of fields) {
      const problem = check((value as Record<string, unknown>)[name])
      if (problem !== null) return { ...problem, path: `.${name}${problem.path}` }
    }
    return null
  }
}

/** A wrong value for the log: not endless, on one line. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string') return String(value)
  const shown = JSON.stringify(value.slice(0, MAX_SHOWN))
  return value.length > MAX_SHOWN ? `${shown}… (${value.length} characters)` : shown
}
