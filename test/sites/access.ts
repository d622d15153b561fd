/**
 * Who is let in, at random, put upon a site that `generate.ts` has made. It draws from a seed of its own, so the sites stay what they are.
 */
import { hash } from 'node:crypto'
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
  if (chance(0.15)) return withLinks({ site, requests }, random)
  if (!chance(0.4)) return { site, requests }
  const guarded = ownPages({ ...site, ...drawn(0.1), locations: [...site.locations.map(within), ...DECIDING] })
  return {
    site: guarded,
    requests: requests.map((one): SpecRequest => (chance(0.5) ? { ...one, authorization: pick(SENT) } : one)),
  }
}

/**
 * nginx gives also the location that `auth_request` asks the page of its error, and goes by the status of that page. Jumak does not (see the
 * README), so a site that asks has no such pages here.
 */
function ownPages(site: SpecSite): SpecSite {
  const asks = (one: SpecSite | SpecLocation): boolean =>
    (one.request !== undefined && one.request !== 'off') || one.locations.some(asks)
  const withoutPages = (one: SpecLocation): SpecLocation => {
    const { errorPage: _, ...kept } = one
    return { ...kept, locations: one.locations.map(withoutPages) }
  }
  if (!asks(site)) return site
  const { errorPage: _, ...kept } = site
  return { ...kept, locations: site.locations.map(withoutPages) }
}

const REFERERS: readonly (readonly string[])[] = [
  ['none', 'blocked', 'server_names'],
  ['server_names', '*.else.test', 'other.*'],
  ['none', 'www.else.test/in/', '~\\.google\\.'],
  ['blocked', '.else.test'],
]
const LED_FROM: readonly string[] = [
  'http://www.else.test/in/x',
  'https://WWW.else.test:8080/in/x',
  'http://www.else.test/out',
  'http://else.test',
  'http://other.kr/',
  'http://www.google.kr/?q',
  'nothing',
  'ftp://else.test/',
  'http://a',
  'http://',
]
/** One for `/page.html secret`, one that has expired, and others. */
const hashOf = (text: string) => hash('md5', text, 'base64url')
const QUERIES: readonly string[] = [
  `?m=${hashOf('/page.html secret')}`,
  `?m=${hashOf('2147483647/page.html secret')}&e=2147483647`,
  `?m=${hashOf('1000/page.html secret')}&e=1000`,
  `?m=${hashOf('2147483647/page.html secret')}&e=2147483646`,
  `?m=${hashOf('2147483647/page.html secret')}==&e=2147483647`,
  '?m=x&e=1',
  '?e=2147483647',
  `?m=${hashOf('/page.html secret')}&e=x`,
]

/** What links say, in a text; the requests have links and pages that lead here. */
function withLinks({ site, requests }: Case, random: Random): Case {
  const pick = <Value>(from: readonly Value[]): Value => from[random.below(from.length)]!
  const says = (match: string, link: string): SpecLocation => ({
    match,
    secureLink: [link, '$secure_link_expires$uri secret'],
    referers: pick(REFERERS),
    steps: [{ kind: 'return', status: 200, text: '$secure_link|$secure_link_expires|$invalid_referer' }],
    locations: [],
  })
  const locations = [says('= /page.html', '$arg_m,$arg_e'), says('= /once', '$arg_m')]
  const others = site.locations.filter(({ match }) => match !== '= /page.html' && match !== '= /once')
  return {
    site: { ...site, locations: [...others, ...locations] },
    requests: requests.map(one => ({
      ...one,
      target: pick(['/page.html', '/page.html', '/once']) + pick(QUERIES),
      ...(random.below(4) === 0 ? {} : { referer: random.below(5) === 0 ? `http://${site.name}/` : pick(LED_FROM) }),
    })),
  }
}
