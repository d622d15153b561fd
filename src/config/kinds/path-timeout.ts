/** `/export=5m`: a timeout for a path and all below it. */
import type { Parsed } from '../diagnostics.ts'
import { parseDuration } from './duration.ts'
import { parsePlainPath } from './static-mount.ts'

export interface PathTimeout {
  /** Begins and ends with a slash: `/export/`. It also means the path without the last slash. */
  readonly prefix: string
  readonly timeout: number
}

/** `/export=5m` → the path with a slash at its end, and milliseconds. */
export function parsePathTimeout(text: string): Parsed<PathTimeout> {
  const equals = text.lastIndexOf('=')
  if (equals < 0) return { problem: 'must be PREFIX=TIME, as in /export=5m' }
  const path = parsePlainPath(text.slice(0, equals))
  if ('problem' in path) return path
  const time = parseDuration(text.slice(equals + 1))
  return 'problem' in time
    ? { problem: `${time.problem} after the equals sign` }
    : { value: { prefix: path.value, timeout: time.value } }
}
