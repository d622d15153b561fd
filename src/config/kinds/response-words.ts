/**
 * The small languages of what a location adds to responses: `headers`, `cors`, `cookie-flags`. Text to plain data. Runs in the command line, and
 * in the master when it reloads. Pure.
 */
import type { CookieFlags } from '../../sites/model.ts'
import type { Parsed } from '../diagnostics.ts'

/**
 * `headers = "secure"`: what the OWASP Secure Headers Project and MDN's Observatory ask of every page, as of 2026, and what breaks no ordinary
 * one. Not here: Strict-Transport-Security (`hsts`), and Content-Security-Policy, which has to know the page.
 */
export const SECURE_HEADERS: readonly string[] = [
  ...['X-Content-Type-Options', 'nosniff'],
  ...['X-Frame-Options', 'SAMEORIGIN'],
  ...['Referrer-Policy', 'strict-origin-when-cross-origin'],
  ...['Cross-Origin-Opener-Policy', 'same-origin'],
]

/** `https://app.example.kr`, `https://*.example.kr:8443`, `*`; `off` is null. */
export function parseOrigin(text: string): Parsed<string | null> {
  if (text === 'off') return { value: null }
  if (text === '*') return { value: text }
  return /^https?:\/\/(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?$/.test(text)
    ? { value: text }
    : {
        problem:
          'must be an origin in lower case as in "https://app.example.kr" or "https://*.example.kr", without a slash at its end; "*" for all; or "off"',
      }
}

const FLAGS: Readonly<Record<string, string>> = {
  secure: 'Secure',
  httponly: 'HttpOnly',
  partitioned: 'Partitioned',
  'samesite=lax': 'SameSite=Lax',
  'samesite=strict': 'SameSite=Strict',
  'samesite=none': 'SameSite=None',
}

/** `sessionid secure httponly samesite=lax`, `* secure`; `off` is null. */
export function parseCookieFlags(text: string): Parsed<CookieFlags | null> {
  if (text === 'off') return { value: null }
  const [name = '', ...words] = text.trim().split(/\s+/)
  const flags = words.map(word => (Object.hasOwn(FLAGS, word.toLowerCase()) ? FLAGS[word.toLowerCase()]! : null))
  if (words.length === 0 || !/^(?:\*|[!#$%&'+.^`|~\w-]+)$/.test(name) || flags.includes(null))
    return { problem: `must be the name of a cookie or *, and then ${Object.keys(FLAGS).join(', ')}; or "off"` }
  if (flags.includes('SameSite=None') && !flags.includes('Secure'))
    return { problem: 'must have secure beside samesite=none: browsers throw such a cookie away' }
  if (flags.filter(flag => flag!.startsWith('SameSite')).length > 1) return { problem: 'must have samesite once' }
  return { value: { name: name === '*' ? null : name, flags: flags as string[] } }
}
