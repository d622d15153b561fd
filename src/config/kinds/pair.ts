/**
 * An entry of a table as one text, `NAME=VALUE`. A name that has an equals sign itself stands in quotes, as in a file: `"a=b"=VALUE`. Pure.
 */
import { type Kind, text } from './kinds.ts'

export function joinPair(name: string, value: string): string {
  return `${name.includes('=') || name.startsWith('"') ? JSON.stringify(name) : name}=${value}`
}

/** The opposite. Without an equals sign the name is empty. */
export function splitPair(text: string): readonly [name: string, value: string] {
  const quoted = /^("(?:[^"\\]|\\.)*")=/.exec(text)?.[1]
  const equals = quoted === undefined ? text.indexOf('=') : quoted.length
  return [quoted === undefined ? text.slice(0, Math.max(0, equals)) : JSON.parse(quoted), text.slice(equals + 1)]
}

/** A table of texts, of which each value is one line. */
export function pair(check: RegExp, problem: string): Kind<{ readonly name: string; readonly value: string }> {
  return text(
    'table of texts',
    written => {
      const [name, value] = splitPair(written)
      if (!check.test(name)) return { problem }
      return /[\0\r\n]/.test(value) ? { problem: 'must have one line as each value' } : { value: { name, value } }
    },
    { table: 'only' },
  )
}
