/**
 * The small languages in the values of a site: `match`, names, `try-files`, `error-page`, `expires`, `return`, the condition of a rewrite, the
 * part of a split.
 * nginx's forms, because everybody has learned them. Text to plain data. Runs in the command line, and in the master when it reloads. Pure.
 */

import { bytesOf } from '../../base/bytes.ts'
import type {
  Condition,
  ErrorTarget,
  Expires,
  Match,
  PatternText,
  RewriteAction,
  SiteName,
  SplitPart,
  TryFile,
} from '../../sites/model.ts'
import type { Parsed } from '../diagnostics.ts'
import { parseHostName } from './host-name.ts'

const MATCH_FORMS = 'must be as in "/static/", "= /exact", "^~ /before-regex/", "~ regex", "~* regex" or "@name"'

export function parseMatch(text: string): Parsed<Match> {
  const [, sign = '', rest = ''] = /^(=|\^~|~\*?)?\s*(.*)$/s.exec(text)!
  if (sign.startsWith('~')) {
    if (rest === '') return { problem: MATCH_FORMS }
    return { value: { kind: 'regex', pattern: { source: rest, ignoresCase: sign === '~*' } } }
  }
  if (rest.startsWith('@') && sign === '') {
    return /^@[\w-]+$/.test(rest)
      ? { value: { kind: 'named', name: rest.slice(1) } }
      : { problem: 'must have letters, digits, - and _ after the @' }
  }
  if (!rest.startsWith('/')) return { problem: MATCH_FORMS }
  if (/%[0-9A-Fa-f]{2}/.test(rest))
    return { problem: 'must be written decoded, as in "/a b/": a request is decoded before it is compared' }
  if (/\/\/|\/\.\.?(?:\/|$)|[?#\0]/.test(rest))
    return { problem: 'can never match: a request is compared without its query, double slashes and dot segments' }
  const path = bytesOf(rest)
  return { value: sign === '=' ? { kind: 'exact', path } : { kind: 'prefix', path, beatsRegex: sign === '^~' } }
}

/** `.example.kr` is two names. */
export function parseSiteName(text: string): Parsed<readonly SiteName[]> {
  if (text === '' || text === '_') return { value: [{ kind: 'exact', name: text }] }
  if (text.startsWith('~')) {
    if (text.length === 1) return { problem: 'must have a regular expression after the ~' }
    return { value: [{ kind: 'regex', pattern: { source: text.slice(1).trim(), ignoresCase: true } }] }
  }
  if (text.endsWith('.*')) {
    const parsed = parseHostName(text.slice(0, -2))
    return 'problem' in parsed ? parsed : { value: [{ kind: 'prefix', name: `${parsed.value}.` }] }
  }
  const parsed = parseHostName(text.startsWith('.') ? text.slice(1) : text)
  if ('problem' in parsed)
    return { problem: 'must be a name as in shop.example.kr, *.example.kr, .example.kr, www.* or ~regex' }
  const { value } = parsed
  if (value.startsWith('*.')) return { value: [{ kind: 'suffix', name: value.slice(1) }] }
  const exact: SiteName = { kind: 'exact', name: value }
  return { value: text.startsWith('.') ? [exact, { kind: 'suffix', name: `.${value}` }] : [exact] }
}

/** `isLast`: it is where the list ends. */
export function parseTry(text: string, isLast: boolean): Parsed<TryFile> {
  if (!isLast) {
    if (text.startsWith('@') || text.startsWith('=')) return { problem: `must have '${text}' at its end` }
    const isDirectory = text.length > 1 && text.endsWith('/')
    return { value: { kind: isDirectory ? 'directory' : 'file', path: isDirectory ? text.slice(0, -1) : text } }
  }
  if (text.startsWith('@')) return { value: { kind: 'named', name: text.slice(1) } }
  if (!text.startsWith('=')) return { value: { kind: 'uri', uri: text } }
  const status = Number(text.slice(1))
  return isStatus(status, 200)
    ? { value: { kind: 'status', status } }
    : { problem: 'must have a status after the =, as in =404' }
}

/** `404 /404.html`, `500 502 503 =200 @other`. */
export function parseErrorTarget(text: string): Parsed<ErrorTarget> {
  const words = text.trim().split(/\s+/)
  const target = words.pop() ?? ''
  const sign = words.at(-1)?.startsWith('=') ? words.pop()! : null
  const statuses = words.map(Number)
  if (statuses.length === 0 || target === '')
    return { problem: 'must be as in "404 /404.html" or "500 502 =200 @other"' }
  if (statuses.some(status => !isStatus(status, 300) || status === 499))
    return { problem: 'must have statuses from 300 to 599, but 499' }
  if (!/^(?:\/|@|https?:\/\/|\$)/.test(target)) return { problem: 'must have a path, a URL or @name at its end' }
  const becomes = sign === null ? null : Number(sign.slice(1))
  if (becomes !== null && becomes !== 0 && !isStatus(becomes, 200))
    return { problem: 'must have a status after the =, or nothing, for that of the page' }
  return { value: { statuses, becomes, target } }
}

function isStatus(status: number, least: number): boolean {
  return Number.isInteger(status) && status >= least && status <= 599
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
  M: 2_592_000,
  y: 31_536_000,
}

/** `off`, `auto`, `epoch`, `max`, `1y`, `-1`, `modified +24h`. */
export function parseExpires(text: string): Parsed<Expires> {
  if (text === 'off' || text === 'auto' || text === 'epoch' || text === 'max') return { value: { kind: text } }
  const problem = { problem: 'must be a time as in 30d or 1y, off, auto, epoch or max' }
  const words = text.trim().split(/\s+/)
  const modified = words[0] === 'modified'
  if (modified) words.shift()
  const [sign] = words[0] ?? ''
  const parts = words
    .join('')
    .replace(/^[+-]/, '')
    .split(/(?<=[smhdwMy])/)
  let seconds = 0
  for (const part of parts) {
    const [, number, unit] = /^(\d{1,12})([smhdwMy])?$/.exec(part) ?? []
    if (number === undefined) return problem
    seconds += Number(number) * UNITS[unit ?? 's']!
  }
  if (seconds > 68 * UNITS['y']!) return { problem: 'must be at most 68 years' }
  return { value: { kind: 'after', seconds: sign === '-' ? -seconds : seconds, modified } }
}

/** `404`, `301 https://…`, `200 text`. */
export function parseReturn(text: string): Parsed<Extract<RewriteAction, { readonly kind: 'return' }>> {
  const [, code, rest] = /^(\d{3})(?:\s+(.*))?$/s.exec(text) ?? []
  if (code === undefined) {
    return /^(?:https?:\/\/|\$scheme|\/)/.test(text)
      ? { value: { kind: 'return', status: 302, text } }
      : { problem: 'must be a status, as in 404 or "301 https://example.kr$request_uri", or a URL' }
  }
  const status = Number(code)
  if (status !== 444 && !isStatus(status, 200)) return { problem: 'must have a status from 200 to 599' }
  return { value: { kind: 'return', status, text: rest ?? null } }
}

/** `20% new`, `0.5% other`, `* old`. The value may be empty. */
export function parseSplitPart(text: string): Parsed<SplitPart> {
  const [sign, number, value = ''] = /^(?:(\d{1,3}(?:\.\d{1,2})?)%|\*)(?:\s+(.*))?$/s.exec(text.trim()) ?? []
  if (sign === undefined || /[\0\r\n]/.test(value))
    return { problem: 'must be a percentage or * and a value, as in "20% new" or "* old"' }
  if (number === undefined) return { value: { share: null, value } }
  const share = Math.round(Number(number) * 100)
  return share > 0 && share <= 10_000
    ? { value: { share, value } }
    : { problem: 'must have a percentage from 0.01% to 100%' }
}

const FILE_TESTS = { f: 'file', d: 'directory', e: 'exists', x: 'executable' } as const

/** `$x`, `$x = text`, `$x != text`, `$x ~ regex`, `$x !~* regex`, `-f $request_filename`, `!-e /run/x`. */
export function parseCondition(text: string): Parsed<Condition> {
  const [, bang, letter, path] = /^(!?)-([fdex])\s+(.+)$/s.exec(text.trim()) ?? []
  if (letter !== undefined) {
    const name = unquoted(path!)
    if (!/^[/$]/.test(name)) return { problem: `must have an absolute path or a variable after -${letter}` }
    const test = FILE_TESTS[letter as keyof typeof FILE_TESTS]
    return { value: { kind: 'file', path: name, test, not: bang === '!' } }
  }
  const [, value, sign, rest] = /^(\$\S+)(?:\s+(=|!=|!?~\*?)\s+(.*))?$/s.exec(text.trim()) ?? []
  if (value === undefined)
    return {
      problem:
        'must be as in "$arg_x", "$host = name", "$uri ~ regex" (or !=, ~*, !~, !~*), "-f $request_filename" (or -d, -e, -x, !-f …)',
    }
  if (sign === undefined) return { value: { kind: 'true', value } }
  const not = sign.startsWith('!')
  const to = unquoted(rest ?? '')
  if (sign.endsWith('=')) return { value: { kind: 'equal', value, to, not } }
  const pattern: PatternText = { source: to, ignoresCase: sign.endsWith('*') }
  return { value: { kind: 'matches', value, pattern, not } }
}

function unquoted(text: string): string {
  const isQuoted = text.length > 1 && text[0] === text.at(-1) && (text[0] === '"' || text[0] === "'")
  return isQuoted ? text.slice(1, -1) : text
}
