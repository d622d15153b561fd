/**
 * Header fields as a flat array: `[name, value, name, value, …]`, in order of arrival. It costs half of a Map, and keeps order and
 * duplicates (RFC9110§5.3). Names of requests are lower-case; names of responses keep the application's spelling.
 */
export type HeaderLines = string[]

/** The first value of a header, or undefined. `name` and the names in `lines` are lower-case. */
export function headerValue(lines: readonly string[], name: string): string | undefined {
  for (let i = 0; i < lines.length; i += 2) if (lines[i] === name) return lines[i + 1]
  return undefined
}

/** Every value of a header, in order of arrival. */
export function headerValues(lines: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < lines.length; i += 2) if (lines[i] === name) values.push(lines[i + 1]!)
  return values
}

/** The fields whose name is wanted, with their values. `isWanted` gets names as they are spelled. */
export function fieldsWith(lines: readonly string[], isWanted: (name: string) => boolean): HeaderLines {
  return lines.filter((_, i) => isWanted(lines[i - (i % 2)]!))
}

/** Finds a character that no field value may have (RFC9110§5.5): a control character other than TAB, or one that is no byte. */
export const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/

/** The members of a list (RFC9110§5.6.1), empty ones too. One pass: a client may send nothing but commas and blanks. */
export function listMembers(list: string): string[] {
  return list.split(',').map(member => withoutBlanks(member, 0, member.length))
}

/** `text` from `from` to `to`, without the blanks around it (OWS, RFC9110§5.6.3). `trim()` would take NBSP away too. */
export function withoutBlanks(text: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
