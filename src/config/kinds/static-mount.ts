/** `/static/=dir`: a directory and the URL below which its files are served. */
import type { Parsed } from '../diagnostics.ts'
import type { Resolve } from './kinds.ts'

/** Files below `directory` are served at paths below `url`. */
export interface StaticMount {
  /** Begins and ends with a slash: `/static/`. */
  readonly url: string
  /** Absolute. */
  readonly directory: string
}

const FORM = 'must be URL=DIR, as in /static/=public, or off'

/** `/static=public` → the URL with a slash at its end, the directory as it was written; `off` → null. */
export function parseStatic(text: string): Parsed<StaticMount | null> {
  if (text === 'off') return { value: null }
  const equals = text.indexOf('=')
  if (equals < 0) return { problem: FORM }
  const [url, directory] = [text.slice(0, equals), text.slice(equals + 1)]
  if (directory === '' || directory.includes('\0')) return { problem: 'must have a directory after the equals sign' }
  const path = parsePlainPath(url)
  return 'problem' in path ? path : { value: { url: path.value, directory } }
}

/** The path before an equals sign, with a slash at its end: it is compared segment by segment. */
export function parsePlainPath(path: string): Parsed<string> {
  if (!path.startsWith('/')) return { problem: 'must have a path that begins with a slash before the equals sign' }
  if (!/^(?:\/[\w.~!$&'()*+,;:@-]+)*\/?$/.test(path) || /\/\.\.?(?:\/|$)/.test(path))
    return { problem: 'must have a plain path before the equals sign: no query, no escapes, no empty or dot segments' }
  return { value: path.endsWith('/') ? path : `${path}/` }
}

export function toAbsoluteStatic(text: string, from: Resolve): string {
  const equals = text.indexOf('=')
  if (equals < 0 || equals === text.length - 1) return text
  return text.slice(0, equals + 1) + from(text.slice(equals + 1))
}
