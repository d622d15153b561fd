/**
 * Small checks of single values, to be combined: what a field of a message may be. Each check looks at one value and says what is wrong
 * with it. Runs wherever a message is read: master, gateway.
 *
 * Invariants: a check never throws, whatever it gets, and looks at no more than its bound. Every number has a range, every text and
 * every list a greatest length.
 * Not here: the messages (`control/shapes.ts`, `apps/wire/`).
 */

export interface Problem {
  /** Where in the field: `.frames[3].line`. Empty: the field itself. */
  readonly path: string
  readonly value: unknown
  /** `a whole number from 1 to 10000`. */
  readonly expected: string
}

/** Null: the value is right. */
export type Check = (value: unknown) => Problem | null

/** One check for each field of `T`. The compiler complains when one is missing. */
export type Checks<T> = { readonly [Field in keyof T]-?: Check }

/** Characters of a wrong value that the log shows. */
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

/** `expected`: describes the pattern to people. */
export function textLike(pattern: RegExp, greatest: number, expected: string): Check {
  return value =>
    typeof value === 'string' && value.length <= greatest && pattern.test(value) ? null : wrong(value, expected)
}

/** Whatever is in it: who reads it checks each part. Its bound is that of the message. */
export const anObject: Check = value =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? null : wrong(value, 'an object')

export const flag: Check = value => (typeof value === 'boolean' ? null : wrong(value, 'true or false'))

export function oneOf(words: readonly string[], expected: string = `one of ${words.join(', ')}`): Check {
  return value => (typeof value === 'string' && words.includes(value) ? null : wrong(value, expected))
}

export function orNull(check: Check): Check {
  return value => (value === null ? null : check(value))
}

/** The field may be missing; if it is there, `check` applies. */
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

/** Unknown fields are ignored. */
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

/** Shows a wrong value in the log: short, on one line. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string') return String(value)
  const shown = JSON.stringify(value.slice(0, MAX_SHOWN))
  return value.length > MAX_SHOWN ? `${shown}… (${value.length} characters)` : shown
}
