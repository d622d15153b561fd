/**
 * The small languages of access in the values of a site: `access` and `limit-except`. Text to plain data. Runs in the command line, and in
 * the master when it reloads. Pure.
 */
import { bytesOf } from '../../base/bytes.ts'
import { TOKEN } from '../../base/token.ts'
import type { AccessRule, PatternText } from '../../sites/model.ts'
import type { Parsed } from '../diagnostics.ts'
import { isAddressOrRange } from './ip.ts'
import { parseSiteName } from './site-words.ts'

/** `allow 10.0.0.0/8`, `deny all`, `allow unix:`. */
export function parseAccessRule(text: string): Parsed<AccessRule> {
  const [, word, from = ''] = /^(allow|deny)\s+(\S+)$/.exec(text.trim()) ?? []
  if (word === undefined) return { problem: 'must be as in "allow 10.0.0.0/8" or "deny all"' }
  const name = from === 'unix:' ? 'unix' : from
  if (name !== 'all' && name !== 'unix' && !isAddressOrRange(name))
    return { problem: `must have an IP address, a range as in 10.0.0.0/8, unix: or all after ${word}` }
  return { value: { allows: word === 'allow', from: name } }
}

/** `GET POST`. */
export function parseMethods(text: string): Parsed<readonly string[]> {
  const methods = text.trim().split(/\s+/)
  return methods.every(method => TOKEN.test(method) && method === method.toUpperCase())
    ? { value: methods }
    : { problem: 'must have methods in capitals, as in "GET POST"' }
}

/** Text with variables; `off` is none. */
export function parseRealm(text: string): Parsed<string> {
  return text === '' || /[\x00-\x1f\x7f]/.test(text)
    ? { problem: 'must be a name as in "Staff", or off' }
    : { value: text }
}

/** Decoded, as bytes; `off` is none. */
export function parseAskedPath(text: string): Parsed<string> {
  if (text === 'off') return { value: text }
  return /^\/[^$?#\x00-\x1f\x7f]*$/.test(text) && !/\/\/|\/\.\.?(?:\/|$)/.test(text)
    ? { value: bytesOf(text) }
    : { problem: 'must be a path of the site, as in /auth, without variables and query, or off' }
}

/** An entry of `valid-referers`. */
export type RefererWord =
  | { readonly kind: 'none' | 'blocked' | 'server_names' }
  | { readonly kind: 'exact' | 'suffix' | 'prefix'; readonly name: string; readonly path: string }
  | { readonly kind: 'regex'; readonly pattern: PatternText }

/** `.example.kr` is two of them. */
export function parseReferer(text: string): Parsed<readonly RefererWord[]> {
  if (text === 'none' || text === 'blocked' || text === 'server_names') return { value: [{ kind: text }] }
  const slash = text.startsWith('~') ? -1 : text.indexOf('/')
  const parsed = text === '' || text === '_' ? null : parseSiteName(slash < 0 ? text : text.slice(0, slash))
  if (parsed === null || 'problem' in parsed)
    return { problem: 'must be none, blocked, server_names, a name as in *.example.kr or example.kr/shop/, or ~regex' }
  const path = slash < 0 ? '' : bytesOf(text.slice(slash))
  return { value: parsed.value.map(one => (one.kind === 'regex' ? one : { ...one, path })) }
}
