/** Small forms of text that the keys of an application have: its name, its path, the paths of its pools. Pure. */
import type { Parsed } from '../diagnostics.ts'
import { parseRootPath } from './forms.ts'

/** The application of the flat settings. */
export const DEFAULT_NAME = 'default'

/** Each is a preloader with workers, so more are a mistake. Tables for requests are as large as these bounds allow. */
export const MAX_APPLICATIONS = 256
export const MAX_HOSTS = 1000
export const MAX_POOLS = 32
export const MAX_POOL_PATHS = 1000

/** Characters. Nobody writes a longer one, and a request is compared with it. */
const MAX_PATH = 1000

/** It is in the log, in commands, and the name of a directory. */
const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/
const NAME_SAYS = 'lower-case letters, digits, - and _, 32 at most, the first a letter or a digit'

export function parseApplicationName(text: string): Parsed<string> {
  if (text === DEFAULT_NAME)
    return { problem: `must not be ${DEFAULT_NAME}: this is the application of the settings at the top of the file` }
  return NAME.test(text) ? { value: text } : { problem: `must be ${NAME_SAYS}` }
}

/** Empty, or a path without a slash at its end, as the application sees it. */
export function parseApplicationPath(text: string): Parsed<string> {
  const path = parseRootPath(text)
  if ('problem' in path) return path
  if (/%[0-9A-Fa-f]{2}/.test(text)) return { problem: 'must be written decoded, as in /café' }
  return text.length > MAX_PATH ? { problem: `must have ${MAX_PATH} characters at most` } : path
}

export function parsePoolName(text: string): Parsed<string> {
  return NAME.test(text) ? { value: text } : { problem: `must be ${NAME_SAYS}` }
}

/** Below the application's root, without a slash at its end: `/export`. */
export function parsePoolPath(text: string): Parsed<string> {
  const path = parseApplicationPath(text)
  if ('value' in path && path.value === '')
    return {
      problem: 'must be a path below the root of the application, as in /export: the rest is for its other workers',
    }
  return path
}

/** `/export/csv` → `export-csv`; empty: no name can be made of it. */
export function nameOfPath(path: string): string {
  const words = path.toLowerCase().match(/[a-z0-9_]+/g) ?? []
  return words.join('-').replace(/^_+/, '').slice(0, 32)
}
