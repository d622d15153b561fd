/**
 * Header fields as a flat array: `[name, value, name, value, …]`, in order of arrival. Request names are lower-case;
 * response names keep the application's spelling. Half the cost of a Map, and keeps order and duplicates (RFC9110§5.3).
 */
export type HeaderLines = string[]

/** The first value of a header, or undefined. `name` is lower-case; names in `lines` must be lower-case too (requests). */
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
