/** Cookies in a request (RFC6265§4.2). */
import { headerValues } from './headers.ts'

/** Cookies of one name come from different paths. More than a few of them are an attack: each may cost its reader a hash. */
const MAX_TRIED = 4

/**
 * What `read` makes of the first cookie of this name that it takes; null: it takes none of the first four. `headers`: `[name, value, …]` of a
 * request. `longest`: of a value, in characters: of a longer one `read` gets one character more than that, and must not take it.
 */
export function findCookie<T>(
  headers: readonly string[],
  name: string,
  longest: number,
  read: (value: string) => T | null,
): T | null {
  let tried = 0
  for (const line of headerValues(headers, 'cookie')) {
    for (let at = line.indexOf(name); at >= 0; at = line.indexOf(name, at + 1)) {
      const equals = at + name.length
      if (line[equals] !== '=' || (at > 0 && !/[; ]/.test(line[at - 1]!))) continue
      if (++tried > MAX_TRIED) return null
      const end = line.indexOf(';', equals)
      const value = line.slice(equals + 1, Math.min(end < 0 ? line.length : end, equals + 2 + longest))
      const found = read(value.trimEnd())
      if (found !== null) return found
    }
  }
  return null
}
