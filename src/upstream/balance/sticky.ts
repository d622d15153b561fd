/**
 * Sticky clients: the cookie that names the server of a group to which a client belongs (`sticky`). Loaded only where a group has it. Time is an
 * argument, in milliseconds of `Date.now()`. Runs in the gateway, one for each group and thread.
 *
 *   srv=1.Zm9vYmFyYmF6.t5ko2w.3q2-7wAAAAAAAAAAAAAAAA
 *       │ │            │      └ HMAC-SHA256 over the name of the cookie and all before it, its first 128 bits
 *       │ │            └ when it was made: seconds since 1970, in base 36
 *       │ └ the server: 72 bits of an HMAC over its name. It stays the same over restarts, and says nothing of an address
 *       └ version of this form
 *
 * Invariants: what is not signed with our key, is too old, or names a server that is not there, counts as no cookie. The cookie is no proof of
 * anything: who has another client's cookie is answered by that client's server, and that is all.
 * Not here: what the member of a client is asked before others (`choose.ts`).
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { findCookie } from '../../http/cookies.ts'
import type { StickySettings } from '../../sites/upstream-model.ts'
import type { Member } from './member.ts'

const SIGNATURE_BYTES = 16
const ID_BYTES = 9
const FORM = /^1\.([\w-]{12})\.([0-9a-z]{1,9})\.([\w-]{22})$/
/** The longest value that has this form. */
const MAX_VALUE = 47

/** What is needed of a request. */
export interface StickyRequest {
  /** `[name, value, …]` */
  readonly headers: readonly string[]
  readonly scheme: string
}

export class Sticky {
  readonly #settings: StickySettings
  readonly #key: Buffer
  /** `#ids` and `#members` are of this list. */
  #list: readonly Member[] = []
  readonly #ids = new Map<Member, string>()
  readonly #members = new Map<string, Member>()

  /** `secret`: survives restarts of the program. Others sign with it, so the key is another one. */
  constructor(settings: StickySettings, secret: Buffer) {
    this.#settings = settings
    this.#key = createHmac('sha256', secret).update('sticky cookies of upstreams').digest()
  }

  /** Who has sent the request. `members`: of the group now. */
  clientOf({ headers, scheme }: StickyRequest, members: readonly Member[], now: number): StickyClient {
    this.#know(members)
    const { cookie } = this.#settings
    const seconds = Math.floor(now / 1000)
    const found = findCookie(headers, cookie, MAX_VALUE, value => this.#verify(value, seconds))
    const write = (member: Member) => this.#write(member, seconds, scheme === 'https')
    return new StickyClient(found?.home ?? null, found?.isAging ?? false, write)
  }

  #know(members: readonly Member[]): void {
    if (members === this.#list) return
    this.#list = members
    this.#ids.clear()
    this.#members.clear()
    for (const member of members) {
      const id = this.#hash(`server ${member.name}`, ID_BYTES).toString('base64url')
      this.#ids.set(member, id)
      this.#members.set(id, member)
    }
  }

  #verify(value: string, now: number): { readonly home: Member; readonly isAging: boolean } | null {
    const [, id = '', time = '', signature = ''] = FORM.exec(value) ?? []
    const home = this.#members.get(id)
    if (home === undefined) return null
    if (!timingSafeEqual(Buffer.from(signature, 'base64url'), this.#sign(id, time))) return null
    const { ttl } = this.#settings
    if (ttl === null) return { home, isAging: false }
    const age = now - Number.parseInt(time, 36)
    // The clock of another machine, or of this one before it was set, may be ahead.
    return age > ttl ? null : { home, isAging: age > ttl / 2 || age < -ttl }
  }

  #write(member: Member, now: number, isSecure: boolean): string | null {
    const id = this.#ids.get(member)
    // It came while the request ran: a later one gets its cookie.
    if (id === undefined) return null
    const { cookie, ttl, path, domain, sameSite } = this.#settings
    const time = now.toString(36)
    return [
      `${cookie}=1.${id}.${time}.${this.#sign(id, time).toString('base64url')}`,
      `Path=${path}`,
      ...(domain === null ? [] : [`Domain=${domain}`]),
      ...(ttl === null ? [] : [`Max-Age=${ttl}`]),
      'HttpOnly',
      `SameSite=${sameSite}`,
      // Browsers take SameSite=None only with it.
      ...(isSecure || sameSite === 'None' ? ['Secure'] : []),
    ].join('; ')
  }

  #sign(id: string, time: string): Buffer {
    return this.#hash(`cookie ${this.#settings.cookie}=1.${id}.${time}`, SIGNATURE_BYTES)
  }

  #hash(text: string, bytes: number): Buffer {
    return createHmac('sha256', this.#key).update(text).digest().subarray(0, bytes)
  }
}

/** The client of one request. */
export class StickyClient {
  /** Its server; null: none yet, or none that is there. */
  readonly home: Member | null
  readonly #isAging: boolean
  readonly #write: (member: Member) => string | null

  constructor(home: Member | null, isAging: boolean, write: (member: Member) => string | null) {
    this.home = home
    this.#isAging = isAging
    this.#write = write
  }

  /** The value of the Set-Cookie that a response of this server needs; null: none. `tried`: all that were asked. `now`: of `performance.now()`. */
  cookieFor(member: Member, tried: ReadonlySet<Member>, now: number): string | null {
    const { home } = this
    // The clients of a server that is drained go when their time is over.
    if (member === home) return this.#isAging && !home.rules.isDraining ? this.#write(member) : null
    // Its server has no room at this moment: the next request finds it again.
    if (home !== null && !home.rules.isBackup && !tried.has(home) && home.isWell(now)) return null
    return this.#write(member)
  }
}
