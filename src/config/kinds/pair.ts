/**
 * An entry of a table as one text, `NAME=VALUE`. A name that has an equals sign itself stands in quotes, as in a file: `"a=b"=VALUE`. Pure.
 */

export function joinPair(name: string, value: string): string {
  return `${name.includes('=') || name.startsWith('"') ? JSON.stringify(name) : name}=${value}`
}

/** The opposite. Without an equals sign the name is empty. */
export function splitPair(text: string): readonly [name: string, value: string] {
  const quoted = /^("(?:[^"\\]|\\.)*")=/.exec(text)?.[1]
  const equals = quoted === undefined ? text.indexOf('=') : quoted.length
  return [quoted === undefined ? text.slice(0, Math.max(0, equals)) : JSON.parse(quoted), text.slice(equals + 1)]
}
