/**
 * Kinds of requests that cost workers. When one request has cost two workers, requests like it are not retried for a minute, for each
 * would cost two. Requests are alike that have the same method and the same beginning of the path: its first two segments, without the
 * last one, which often is an id. Time is an argument. When there are too many kinds the oldest is forgotten.
 */

const REMEMBERED_MS = 60_000
const MAX_REMEMBERED = 100
/** Clients choose paths, so no more than this of one is kept. */
const MAX_KEY = 200

export class Offenders {
  /** When each kind is forgotten; in order of conviction. */
  readonly #until = new Map<string, number>()
  readonly #onConvicted: (kind: string) => void

  /** `onConvicted`: with several threads of the gateway, the others `learn` the kind. */
  constructor(onConvicted: (kind: string) => void = () => {}) {
    this.#onConvicted = onConvicted
  }

  /** Returns the kind, for the log: `GET /orders/…`. */
  convict(method: string, path: string, now: number): string {
    const key = keyOf(method, path)
    this.learn(key, now)
    this.#onConvicted(key)
    return key.endsWith('/') ? `${key}…` : key
  }

  /** A request of this kind has cost two workers, here or in another thread. */
  learn(kind: string, now: number): void {
    this.#until.delete(kind)
    if (this.#until.size >= MAX_REMEMBERED) this.#until.delete(this.#until.keys().next().value!)
    this.#until.set(kind, now + REMEMBERED_MS)
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
  // ['', 'report'] is a whole path. Of ['', 'orders', '17'] and ['', 'api', 'orders', '17'] the last segment is left out.
  const prefix = segments.length <= 2 ? segments.join('/') : `${segments.slice(0, segments.length - 1).join('/')}/`
  return `${method} ${prefix}`.slice(0, MAX_KEY)
}
