/**
 * The cookie that names a client's worker. Runs in the gateway.
 *
 *   jumak-home=1.17.Zm9vYmFyYmF6cXV4.3q2-7wAAAAAAAAAAAAAAAA
 *              │ │  │                └ HMAC-SHA256 over the name of the application and all before it, its first 128 bits
 *              │ │  └ the client's own name: 96 random bits
 *              │ └ number of the worker
 *              └ version of this form
 *
 * Invariants: what is not signed with our key, or is signed for another application, counts as no cookie. The cookie is no secret and no
 * proof of anything: who has another client's cookie is served by that client's worker, and that is all.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { type ApplicationRoot, fullRoot } from '../../http/application-root.ts'
import { findCookie } from '../../http/cookies.ts'
import type { RequestHead } from '../../http/exchange.ts'
import type { PoolAffinity } from './affinity.ts'

const SIGNATURE_BYTES = 16
const FORM = /^1\.([1-9]\d{0,9})\.([\w-]{16})\.([\w-]{22})$/
/** The longest value that has this form. */
const MAX_VALUE = 52

export interface NamedHome {
  readonly worker: number
  readonly client: string
}

export class HomeCookie {
  readonly #name: string
  readonly #app: string
  readonly #root: () => ApplicationRoot
  readonly #key: Buffer

  constructor({ name, app, root, key }: Extract<PoolAffinity, { kind: 'cookie' }>) {
    this.#name = name
    this.#app = app
    this.#root = root
    this.#key = key
  }

  /** `headers`: of the request. Null: there is no cookie of ours. An application at `/` and one at `/shop` have cookies of the same name. */
  read(headers: readonly string[]): NamedHome | null {
    return findCookie(headers, this.#name, MAX_VALUE, value => this.#verify(value))
  }

  #verify(value: string): NamedHome | null {
    const match = FORM.exec(value)
    if (match === null) return null
    const [, worker = '', client = '', signature = ''] = match
    const given = Buffer.from(signature, 'base64url')
    return timingSafeEqual(given, this.#sign(worker, client)) ? { worker: Number(worker), client } : null
  }

  #sign(worker: string, client: string): Buffer {
    const text = `${this.#app} 1.${worker}.${client}`
    return createHmac('sha256', this.#key).update(text).digest().subarray(0, SIGNATURE_BYTES)
  }

  /** The value of Set-Cookie. It ends with the browser: a home does not outlive its session. */
  write(worker: number, client: string, { scheme, rootPath }: RequestHead): string {
    const signature = this.#sign(String(worker), client).toString('base64url')
    const secure = scheme === 'https' ? '; Secure' : ''
    const path = cookiePath(fullRoot(this.#root(), rootPath))
    return `${this.#name}=1.${worker}.${client}.${signature}; Path=${path}; HttpOnly; SameSite=Lax${secure}`
  }
}

/** Browsers compare it with the path as it is in the URL, so it is percent-encoded. `path`: empty, or in latin-1 as in `/shop`. */
function cookiePath(path: string): string {
  if (path === '') return '/'
  return path.replace(
    /[^\w/.~!$&'()*+,=:@-]/g,
    octet => `%${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}
