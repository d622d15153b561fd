/** Settings of TLS: the certificate of the flat settings, and what plain addresses and browsers are told. */
import type { Parsed } from '../diagnostics.ts'
import { type Kind, oneOf, onOrOff } from '../kinds/kinds.ts'
import { input, plain } from './setting.ts'
import { flatEntry } from './tls-entry.ts'

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }
/** Ten years: a longer time is a typing mistake. */
const MAX_SECONDS = 10 * 365 * 86_400

/** Seconds; null: off. Longer than the times of timers. */
const maxAge: Kind<number | null> = {
  parse: parseMaxAge,
  literals: ['integer', 'false'],
  json: {
    anyOf: [
      { type: 'integer', minimum: 0, maximum: MAX_SECONDS },
      { type: 'string', pattern: '^(\\d+[smhd]?|off)$' },
      { const: false },
    ],
  },
  says: 'time: seconds, or with a unit (30m, 24h, 365d), or `off`',
}

function parseMaxAge(text: string): Parsed<number | null> {
  if (text === 'off') return { value: null }
  const match = /^(\d{1,10})([smhd]?)$/.exec(text)
  if (match === null) return { problem: 'must be seconds (3600) or a number with a unit (30m, 24h, 365d), or off' }
  const seconds = Number(match[1]) * SECONDS[match[2] || 's']!
  return seconds <= MAX_SECONDS ? { value: seconds } : { problem: 'must be at most ten years, or off' }
}

export const tls = {
  ...flatEntry,
  selfSigned: input<'off' | 'self-signed'>({
    name: 'tls',
    section: 'TLS',
    placeholder: 'HOW',
    kind: oneOf(['off', 'self-signed']),
    default: 'off',
    why: 'A certificate of one’s own is for development.',
    doc: 'A certificate for this machine while developing: self-signed, or off.',
    more: 'A local authority signs it. That is made once for each user, below `$XDG_DATA_HOME/jumak` or `~/.local/share/jumak`, and the first start prints the commands that make browsers believe it. It is for localhost, for names that end in .localhost, .local, .test or .home.arpa, and for private addresses alone. Nobody else trusts it.',
    change: 'restart',
  }),
  https: {
    redirect: plain({
      name: 'redirect-to-https',
      section: 'TLS',
      placeholder: '',
      kind: onOrOff('flag'),
      default: 'off',
      why: 'A plain address may be for health checks, or for a proxy.',
      doc: 'Redirect requests on plain addresses to https.',
      more: '308, and only to a host that a certificate names. Health checks and `/.well-known/acme-challenge/` are answered as they are.',
      change: 'live',
    }),
    hsts: plain<number | null>({
      name: 'hsts',
      section: 'TLS',
      placeholder: 'TIME',
      kind: maxAge,
      default: 'off',
      why: 'Browsers remember it, also where they do not come back to be told otherwise.',
      doc: 'How long browsers use https alone (Strict-Transport-Security).',
      more: 'Begin with a few minutes; `365d` is a year. 0 tells browsers to forget it. An application that sends the header by itself is right.',
      change: 'live',
    }),
  },
}
