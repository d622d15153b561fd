/** Small forms of text that say what becomes of an upstream's Location and cookies. Pure. */
import type { ProxyRedirect, TextReplacement } from '../../sites/upstream-model.ts'
import type { Parsed } from '../diagnostics.ts'

/** `FROM TO`, `~REGEX TO`, `~*REGEX TO`; a blank in an expression is `\s`. */
export function parseReplacement(text: string): Parsed<TextReplacement> {
  const [from = '', to, ...more] = text.trim().split(/\s+/)
  if (from === '' || to === undefined || more.length > 0)
    return { problem: 'must have two words as in "/two/ /": what is replaced, and by what' }
  if (!from.startsWith('~')) return { value: { kind: 'text', from, to } }
  const source = from.replace(/^~\*?/, '')
  if (source === '') return { problem: 'must have a regular expression behind its ~' }
  return { value: { kind: 'regex', pattern: { source, ignoresCase: from.startsWith('~*') }, to } }
}

/** Also `default` and `off`; null: off. */
export function parseRedirect(text: string): Parsed<ProxyRedirect | null> {
  const word = text.trim()
  if (word === 'default') return { value: { kind: 'default' } }
  return word === 'off' ? { value: null } : parseReplacement(text)
}

/** Also `off`: null. */
export function parseCookiePath(text: string): Parsed<TextReplacement | null> {
  return text.trim() === 'off' ? { value: null } : parseReplacement(text)
}

/** A dot before a domain says nothing, and case neither. */
export function parseCookieDomain(text: string): Parsed<TextReplacement | null> {
  const parsed = parseCookiePath(text)
  if ('problem' in parsed || parsed.value === null) return parsed
  const { value } = parsed
  const to = value.to.replace(/^\./, '')
  return value.kind === 'text'
    ? { value: { ...value, from: value.from.replace(/^\./, ''), to } }
    : { value: { ...value, pattern: { ...value.pattern, ignoresCase: true }, to } }
}

const IGNORABLE: ReadonlySet<string> = new Set([
  'x-accel-redirect',
  'x-accel-limit-rate',
  'x-accel-charset',
  'x-accel-buffering',
  'x-accel-expires',
  'expires',
  'cache-control',
  'set-cookie',
  'vary',
])

/** nginx's list. */
export function parseIgnored(text: string): Parsed<string> {
  const name = text.trim().toLowerCase()
  return IGNORABLE.has(name) ? { value: name } : { problem: `must be one of ${[...IGNORABLE].join(', ')}` }
}
