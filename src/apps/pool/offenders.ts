/**
 * Kinds of requests that cost workers: when one request has cost two, those like it are not sent again for a minute, for they
 * would cost two each. Alike are the same method and the same beginning of the path: its first two segments, without the last
 * one, which often is an id. Time is an argument; the oldest is forgotten when there are too many.
 */

const REMEMBERED_MS = 60_000
const MAX_REMEMBERED = 100
/** A path is the client's: no more of it than this is kept. */
const MAX_KEY = 200

export class Offenders {
  /** Until when; in order of conviction. */
  readonly #until = new Map<string, number>()

  /** Returns what is not sent again, for the log: `GET /orders/…`. */
  convict(method: string, path: string, now: number): string {
    const key = keyOf(method, path)
    this.#until.delete(key)
    if (this.#until.size >= MAX_REMEMBERED) this.#until.delete(this.#until.keys().next().value!)
    this.#until.set(key, now + REMEMBERED_MS)
    return key.endsWith('/') ? `${key}…` : key
  }

  has(method: string, path: string, now: number): boolean {
    if (this.#until.size === 0) return false
    const key = keyOf(method, path)
    const until = this.#until.get(key)
    if (until === undefined) return false
    if (until > now) return true
    this.#until.delete(key)
    return false
  }
}

function keyOf(method: string, path: string): string {
  const segments = path.split('/', 4)
  // ['', 'report'] is a whole path; of ['', 'orders', '17'] the last one goes, of ['', 'api', 'orders', '17'] as well.
  const prefix = segments.length <= 2 ? segments.join('/') : `${segments.slice(0, segments.length - 1).join('/')}/`
  return `${method} ${prefix}`.slice(0, MAX_KEY)
}
