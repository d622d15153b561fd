/** Small forms of text that an `[[upstream]]` has about its servers as a group: how requests are shared, whether servers are well. Pure. */
import { TOKEN } from '../../base/token.ts'
import type {
  Balance,
  EjectionSettings,
  HealthCheck,
  QueueSettings,
  StickySettings,
} from '../../sites/upstream-model.ts'
import type { Parsed } from '../diagnostics.ts'
import { parseDuration } from './duration.ts'

export interface BalanceWords {
  readonly method: Balance
  readonly key: string | null
}

/** `least-conn`, `hash $remote_addr consistent`, `random two`. */
export function parseBalance(text: string): Parsed<BalanceWords> {
  const words = text.trim().split(/\s+/)
  const [method, key, more] = words
  if (
    words.length === 1 &&
    (method === 'round-robin' || method === 'least-conn' || method === 'ip-hash' || method === 'random')
  )
    return { value: { method, key: null } }
  if (method === 'random' && key === 'two' && words.length === 2) return { value: { method: 'random-two', key: null } }
  if (method === 'hash' && key !== undefined && (more === undefined || (more === 'consistent' && words.length === 3)))
    return { value: { method: more === undefined ? 'hash' : 'consistent-hash', key } }
  return {
    problem: 'must be round-robin, least-conn, ip-hash, random, "random two", "hash $KEY" or "hash $KEY consistent"',
  }
}

const CHECK_TIMES = { interval: 5000, timeout: 2000 } as const
const CHECK_COUNTS = { fails: 2, passes: 2 } as const

/** How it is asked, is said by locations. */
type CheckWords = Omit<HealthCheck, 'tls'>

/** `/health interval=5s timeout=2s fails=2 passes=2 status=200-399 header=X-State:up body='all is well'`. */
export function parseHealthCheck(text: string): Parsed<CheckWords> {
  if ((text.split("'").length - 1) % 2 !== 0) return { problem: "must have a ' at the end of what begins with one" }
  const [path = '', ...words] = text.match(/(?:[^\s']|'[^']*')+/g) ?? []
  if (!/^\/[!-~]*$/.test(path) || path.includes('#')) return { problem: 'must begin with a path, as in /health' }
  const check: { -readonly [Key in keyof CheckWords]: CheckWords[Key] } = {
    path,
    ...CHECK_TIMES,
    ...CHECK_COUNTS,
    leastStatus: 200,
    mostStatus: 399,
    header: null,
    body: null,
  }
  for (const word of words) {
    const [name = '', quoted = ''] = split(word)
    const value = quoted.replaceAll("'", '')
    if (Object.hasOwn(CHECK_TIMES, name)) {
      const time = parseDuration(value)
      if ('problem' in time || time.value < 100)
        return { problem: `must have a time of 100ms and more as ${name}, as in ${name}=5s` }
      check[name as keyof typeof CHECK_TIMES] = time.value
    } else if (Object.hasOwn(CHECK_COUNTS, name)) {
      if (!/^(?:[1-9]\d?|100)$/.test(value)) return { problem: `must have a whole number from 1 to 100 as ${name}` }
      check[name as keyof typeof CHECK_COUNTS] = Number(value)
    } else if (name === 'status') {
      const range = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(value)
      if (range === null) return { problem: 'must have a status or a range of them as status, as in status=200-299' }
      check.leastStatus = Number(range[1])
      check.mostStatus = Number(range[2] ?? range[1])
    } else if (name === 'header') {
      const [, field = '', wanted] = /^([^:]*)(?::(.*))?$/.exec(value) ?? []
      if (!TOKEN.test(field)) return { problem: 'must have a field as header, as in header=X-State:up' }
      check.header = { name: field.toLowerCase(), value: wanted?.trim() ?? null }
    } else if (name === 'body') {
      if (value === '') return { problem: "must have a text as body, as in body='all is well'" }
      check.body = value
    } else
      return {
        problem: `must have after its path only interval=, timeout=, fails=, passes=, status=, header= or body=, not '${word}'`,
      }
  }
  return { value: check }
}

const MOST_QUEUED = 100_000
/** nginx's. */
const QUEUE_TIMEOUT = 60_000

/** `100 timeout=5s`; `0`: null. */
export function parseQueue(text: string): Parsed<QueueSettings | null> {
  const [number = '', ...words] = text.trim().split(/\s+/)
  const most = /^\d{1,6}$/.test(number) ? Number(number) : -1
  if (most < 0 || most > MOST_QUEUED)
    return { problem: `must begin with a whole number from 0 to ${MOST_QUEUED}, as in "100 timeout=5s"` }
  let timeout = QUEUE_TIMEOUT
  for (const word of words) {
    const [name = '', value = ''] = split(word)
    if (name !== 'timeout') return { problem: `must have after the number only timeout=, not '${word}'` }
    const time = parseDuration(value)
    if ('problem' in time || time.value < 100)
      return { problem: 'must have a time of 100ms and more as timeout, as in timeout=5s' }
    timeout = time.value
  }
  return { value: most === 0 ? null : { most, timeout } }
}

const EJECTION: EjectionSettings = { failures: 5, rate: 50, requests: 20, window: 10_000, time: 30_000, share: 50 }
const EJECTION_TIMES = ['window', 'time'] as const
const EJECTION_COUNTS = { failures: [0, 1000], requests: [1, 1_000_000] } as const
const EJECTION_PERCENT = { rate: 0, share: 1 } as const

/** `on`, or what differs: `failures=5 rate=50% requests=20 window=10s time=30s share=50%`; `off`: null. */
export function parseEjection(text: string): Parsed<EjectionSettings | null> {
  if (text.trim() === 'off') return { value: null }
  const ejection: { -readonly [Key in keyof EjectionSettings]: EjectionSettings[Key] } = { ...EJECTION }
  for (const word of text.trim() === 'on' ? [] : text.trim().split(/\s+/)) {
    const [name = '', value = ''] = split(word)
    const time = EJECTION_TIMES.find(one => one === name)
    if (time !== undefined) {
      const parsed = parseDuration(value)
      if ('problem' in parsed || parsed.value < 100 || parsed.value > 24 * 3600 * 1000)
        return { problem: `must have a time from 100ms to 24h as ${name}, as in ${name}=30s` }
      ejection[time] = parsed.value
    } else if (Object.hasOwn(EJECTION_COUNTS, name)) {
      const key = name as keyof typeof EJECTION_COUNTS
      const [least, most] = EJECTION_COUNTS[key]
      const number = /^\d{1,7}$/.test(value) ? Number(value) : -1
      if (number < least || number > most)
        return { problem: `must have a whole number from ${least} to ${most} as ${name}` }
      ejection[key] = number
    } else if (Object.hasOwn(EJECTION_PERCENT, name)) {
      const key = name as keyof typeof EJECTION_PERCENT
      const number = /^\d{1,3}%$/.test(value) ? Number(value.slice(0, -1)) : -1
      if (number < EJECTION_PERCENT[key] || number > 100)
        return { problem: `must have per cent from ${EJECTION_PERCENT[key]}% to 100% as ${name}, as in ${name}=50%` }
      ejection[key] = number
    } else
      return {
        problem: `must be on, off, or have only failures=, rate=, requests=, window=, time= and share=, not '${word}'`,
      }
  }
  if (ejection.failures === 0 && ejection.rate === 0) return { problem: 'must have failures= or rate= above 0' }
  return { value: ejection }
}

const SAME_SITE = { strict: 'Strict', lax: 'Lax', none: 'None' } as const
/** Browsers keep no cookie for longer (RFC6265bis§5.5). */
const MOST_TTL = 400 * 24 * 3600 * 1000

/** `cookie srv ttl=1h path=/shop domain=example.com samesite=strict`. */
export function parseSticky(text: string): Parsed<StickySettings> {
  const [kind, cookie = '', ...words] = text.trim().split(/\s+/)
  if (kind !== 'cookie' || !TOKEN.test(cookie) || cookie.length > 64)
    return { problem: 'must be the word cookie and the name of the cookie, as in "cookie srv ttl=1h"' }
  const sticky: { -readonly [Key in keyof StickySettings]: StickySettings[Key] } = {
    cookie,
    ttl: null,
    path: '/',
    domain: null,
    sameSite: 'Lax',
  }
  for (const word of words) {
    const [name = '', value = ''] = split(word)
    if (name === 'ttl') {
      const time = parseDuration(value)
      if ('problem' in time || time.value < 1000 || time.value > MOST_TTL)
        return { problem: 'must have a time from 1s to 400d as ttl, as in ttl=1h' }
      sticky.ttl = Math.floor(time.value / 1000)
    } else if (name === 'path') {
      if (!/^\/[!-:<-~]*$/.test(value)) return { problem: 'must have a path as path, as in path=/shop' }
      sticky.path = value
    } else if (name === 'domain') {
      if (!/^\.?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/.test(value))
        return { problem: 'must have the name of a host as domain, as in domain=example.com' }
      sticky.domain = value
    } else if (name === 'samesite') {
      if (!Object.hasOwn(SAME_SITE, value)) return { problem: 'must have strict, lax or none as samesite' }
      sticky.sameSite = SAME_SITE[value as keyof typeof SAME_SITE]
    } else return { problem: `must have after the name only ttl=, path=, domain= or samesite=, not '${word}'` }
  }
  return { value: sticky }
}

/** `NAME=VALUE`, of which the value may have an equals sign itself. */
function split(word: string): readonly [name: string, value: string] {
  const equals = word.indexOf('=')
  return equals < 0 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)]
}
