/** Small forms of text that one setting each has. Runs in the command line and in the master; looks at no files. */
import { checkAccessFormat } from '../../base/access-format.ts'
import type { Parsed } from '../diagnostics.ts'
import { isDottedName } from './app-name.ts'

export interface Assignment {
  readonly key: string
  readonly value: string
}

/** `KEY=VALUE`. The value may be empty, and may have every character but NUL. */
export function parseAssignment(text: string): Parsed<Assignment> {
  const equals = text.indexOf('=')
  if (equals < 0) return { problem: 'must be KEY=VALUE' }
  const [key, value] = [text.slice(0, equals), text.slice(equals + 1)]
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key))
    return { problem: 'must have a name of letters, digits and underscores before the equals sign' }
  return value.includes('\0') ? { problem: 'must not have a NUL in its value' } : { value: { key, value } }
}

export interface FunctionName {
  readonly module: string
  readonly attribute: string
}

/** `module:function`. */
export function parseFunctionName(text: string): Parsed<FunctionName> {
  const [module = '', attribute, ...more] = text.split(':')
  if (attribute === undefined || more.length > 0)
    return { problem: 'must be module:function, as in shop.hooks:after_fork' }
  if (attribute.endsWith('()')) return { problem: 'must name its function without parentheses' }
  if (!isDottedName(module)) return { problem: 'must have a Python module before the colon' }
  if (!isDottedName(attribute)) return { problem: 'must have the name of a function after the colon' }
  return { value: { module, attribute } }
}

/** Loggers that another server has. */
export interface Loggers {
  readonly server: 'uvicorn'
  /** As Python's `logging` counts: 20 is INFO. Null: as the server, or the file of the logging, has it. */
  readonly level: number | null
}

/** Those of Python, and one that uvicorn has. */
const LOGGER_LEVELS: Readonly<Record<string, number>> = {
  trace: 5,
  debug: 10,
  info: 20,
  warning: 30,
  error: 40,
  critical: 50,
}

/** Null: none. */
export function parseLoggers(text: string): Parsed<Loggers | null> {
  if (text === 'none') return { value: null }
  const [server, level, ...more] = text.split(':')
  const isKnown = level === undefined || Object.hasOwn(LOGGER_LEVELS, level)
  if (server !== 'uvicorn' || !isKnown || more.length > 0)
    return { problem: `must be none, uvicorn, or uvicorn: and one of ${Object.keys(LOGGER_LEVELS).join(', ')}` }
  return { value: { server, level: level === undefined ? null : LOGGER_LEVELS[level]! } }
}

/** A GET that each worker answers before it serves, as a client of this host would send it. */
export interface WarmupRequest {
  readonly scheme: 'http' | 'https'
  /** The Host. */
  readonly authority: string
  /** Path and query: `/shop?page=1`. */
  readonly target: string
}

/** A path with its query, or a URL, which gives the host as well. */
export function parseWarmup(text: string): Parsed<WarmupRequest> {
  const found =
    /^(?:(https?):\/\/([A-Za-z0-9._~-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?))?(\/[\x21-\x7e]*)$/.exec(text)
  if (found === null || found[3]!.includes('#'))
    return { problem: 'must be a path that begins with a slash, or a URL, as in /health or https://shop.example/' }
  const [, scheme = 'http', authority = 'localhost', target = '/'] = found
  return { value: { scheme: scheme === 'https' ? 'https' : 'http', authority, target } }
}

/** Empty, or a path without a slash at its end: `/shop`. */
export function parseRootPath(text: string): Parsed<string> {
  if (text === '' || text === '/') return { value: '' }
  if (!text.startsWith('/')) return { problem: 'must begin with a slash, as in /shop' }
  if (text.includes('//') || /[?#\s\x00-\x1f\x7f]/.test(text) || /\/\.\.?(?:\/|$)/.test(text))
    return { problem: 'must be a plain path: no query, no spaces, no empty or dot segments' }
  // Other servers write it so.
  if (text.includes('*')) return { problem: 'must be without *, as in /shop: all below a path is meant anyway' }
  return { value: text.replace(/\/$/, '') }
}

/** A path as clients send it: absolute and encoded. Null: off. */
export function parseHealthPath(text: string): Parsed<string | null> {
  if (text === 'off') return { value: null }
  if (!text.startsWith('/')) return { problem: 'must begin with a slash, as in /-/ready, or be off' }
  if (!/^[\x21-\x7e]+$/.test(text) || /[?#]/.test(text))
    return { problem: 'must be a plain path as clients send it: no query, no spaces, nothing but ASCII' }
  return { value: text }
}

export function parseAccessLogFormat(text: string): Parsed<string> {
  const problem = checkAccessFormat(text)
  return problem === null ? { value: text } : { problem }
}

/** A name or a number. Null: no change. */
export function parseAccount(text: string): Parsed<string | null> {
  if (text === 'none') return { value: null }
  if (/^(?:\d{1,10}|[A-Za-z_][A-Za-z0-9_.@-]*\$?)$/.test(text)) return { value: text }
  return { problem: 'must be a name or a number' }
}

/** A status of HTTP, or 0. */
export function parseStatus(text: string): Parsed<number> {
  const value = /^\d{1,3}$/.test(text) ? Number(text) : -1
  return value === 0 || (value >= 100 && value <= 599)
    ? { value }
    : { problem: 'must be a status from 100 to 599, or 0' }
}
