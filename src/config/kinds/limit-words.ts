/**
 * The small languages of limits: `rate` of a `[[limit]]`, and an entry of `limits`. Text to plain data. Runs in the command line, and in the
 * master when it reloads. Pure.
 */
import type { LimitUse } from '../../sites/model.ts'
import type { Parsed } from '../diagnostics.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }
const US_PER_SECOND = 1_000_000
/** A microsecond for each request: no gateway serves so many. */
const MOST_PER_SECOND = 1_000_000
/** Larger ones would hold a client's requests for a whole day at 1/s. */
const MOST_BURST = 100_000
/**
 * RFC6585§4: it is about this client alone. nginx says 503, which tells load balancers, and whoever watches, that the program is overloaded.
 */
const TOO_MANY_REQUESTS = 429

/** `10/s`, `30/m`; nginx's `10r/s` too. The value: microseconds from one request to the next. */
export function parseRate(text: string): Parsed<number> {
  const [, number, unit] = /^(\d{1,7})r?\/([smhd])$/.exec(text.trim()) ?? []
  const perUnit = Number(number)
  if (unit === undefined || perUnit === 0)
    return { problem: 'must be requests in a time, as in "10/s", "30/m", "5/h" or "100/d"' }
  if (perUnit / UNITS[unit]! > MOST_PER_SECOND) return { problem: `must be at most ${MOST_PER_SECOND}/s` }
  return { value: (UNITS[unit]! * US_PER_SECOND) / perUnit }
}

const FORMS =
  'must be the name of a [[limit]], and then burst=N, nodelay or delay=N, status=N, dry-run, as in "login burst=5 nodelay"; or "off"'

/** `login burst=5 nodelay`. Null: `off`. */
export function parseLimitUse(text: string): Parsed<LimitUse | null> {
  const [name = '', ...words] = text.trim().split(/\s+/)
  if (name === 'off' && words.length === 0) return { value: null }
  if (!/^[a-z0-9][a-z0-9_-]{0,31}$/.test(name)) return { problem: FORMS }
  let [burst, delay, status] = [0, 0, TOO_MANY_REQUESTS]
  const given = new Set<string>()
  for (const word of words) {
    const [key = '', number] = word.split('=')
    if (given.has(key)) return { problem: `must have ${key} once` }
    given.add(key)
    const value = number !== undefined && /^\d{1,6}$/.test(number) ? Number(number) : -1
    if (key === 'burst' && value >= 0) burst = value
    else if (key === 'delay' && value >= 0) delay = value
    else if (key === 'status' && value >= 400 && value <= 599) status = value
    else if (!((key === 'nodelay' || key === 'dry-run') && number === undefined)) return { problem: FORMS }
  }
  if (burst > MOST_BURST) return { problem: `must have a burst of at most ${MOST_BURST}` }
  if (given.has('nodelay') && given.has('delay')) return { problem: 'must have nodelay or delay, not both' }
  if (!given.has('burst') && (given.has('nodelay') || given.has('delay')))
    return { problem: 'must have a burst beside nodelay or delay: without it nothing waits' }
  const isDryRun = given.has('dry-run')
  return { value: { name, burst, delay: given.has('nodelay') ? burst : delay, status, isDryRun } }
}
