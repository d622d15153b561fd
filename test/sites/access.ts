/**
 * Who is let in, at random, put upon a site that `generate.ts` has made. It draws from a seed of its own, so the sites stay what they are.
 */
import type { Random } from '../fuzz/random.ts'
import type { Case, SpecAccess, SpecLocation, SpecRequest, SpecSite } from './spec.ts'

/** Requests come from 127.0.0.1, those with a password from other addresses of 127.0.0.0/8. */
const RULES: readonly (readonly string[])[] = [
  ['deny all'],
  ['deny 127.0.0.1'],
  ['allow 127.0.0.0/8', 'deny all'],
  ['deny 127.0.0.0/30', 'allow all'],
  ['allow 10.0.0.0/8', 'deny ::1', 'allow 127.0.0.1', 'deny all'],
  ['allow 10.0.0.0/8'],
  ['allow all'],
  ['deny 192.0.2.1', 'deny fe80::/10', 'allow unix:'],
]

/** Passwords in the forms that nginx checks itself; `cid` has no right one. The realm is off for `?q=1`. */
export const USERS =
  'ann:{PLAIN}sesame\nbob:$apr1$aB3./xyz$4w.XAl3Mr4qXmLWObj1R..\ncid:{SHA}5en6G6MezRroT3XKqkdPOmY/BfR=\ndan:{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0\n'

/** Locations that say who is let in. */
const ASKED = ['/yes', '/yes', '/no', '/login', '/odd', '/asked', '/x.txt', '/nowhere', '/a/', 'off']
const DECIDING: readonly SpecLocation[] = [
  { match: '= /yes', steps: [{ kind: 'return', status: 204 }], locations: [], internal: true },
  { match: '= /no', steps: [{ kind: 'return', status: 403 }], locations: [] },
  { match: '= /login', steps: [{ kind: 'return', status: 401 }], locations: [] },
  { match: '= /odd', steps: [{ kind: 'return', status: 302, text: '/login' }], locations: [] },
  { match: '= /asked', steps: [], locations: [], app: true },
]

const REALMS = ['Staff', 'Staff', 'off', 'at $host']
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
const SENT: readonly string[] = [
  basic('ann:sesame'),
  basic('ann:sesame'),
  basic('bob:secret'),
  basic('dan:secret'),
  basic('dan:secret').replace('Basic', 'bAsIc  '),
  basic('ann:Sesame'),
  basic('cid:x'),
  basic('eve:sesame'),
  basic(':sesame'),
  basic('ann'),
  'Basic',
  'Basic !',
  'Bearer sesame',
]

export function withAccess({ site, requests }: Case, random: Random): Case {
  const chance = (of: number) => random.below(1000) < of * 1000
  const pick = <Value>(from: readonly Value[]): Value => from[random.below(from.length)]!
  const drawn = (of: number): SpecAccess => ({
    ...(chance(of) ? { access: pick(RULES) } : {}),
    ...(chance(of) ? { basic: pick(REALMS) } : {}),
    ...(chance(of) ? { request: pick(ASKED) } : {}),
    ...(chance(of) ? { satisfy: pick(['any', 'all'] as const) } : {}),
  })
  const within = (location: SpecLocation): SpecLocation => {
    // In limit_except nginx forgets the steps and try_files of its location.
    const isPlain = location.steps.length === 0 && location.tryFiles === undefined
    return {
      ...location,
      ...drawn(0.2),
      ...(isPlain && !location.match.startsWith('@') && chance(0.15)
        ? { limitExcept: { methods: pick(['GET', 'POST', 'GET POST', 'PUT HEAD']), access: pick(RULES) } }
        : {}),
      locations: location.locations.map(within),
    }
  }
  if (!chance(0.4)) return { site, requests }
  const guarded: SpecSite = { ...site, ...drawn(0.1), locations: [...site.locations.map(within), ...DECIDING] }
  return {
    site: guarded,
    requests: requests.map((one): SpecRequest => (chance(0.5) ? { ...one, authorization: pick(SENT) } : one)),
  }
}
