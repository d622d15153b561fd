/**
 * Whether a client may pass with the name and password that it sends, for the password files of one configuration. Runs in each thread of the
 * gateway. HUP makes a new one, so a changed password counts at once.
 *
 * Invariants:
 * - What was right is known for a minute, by a digest that needs a random secret. A connection that sends the same field again in that time costs
 *   no digest.
 * - What is being checked is not checked a second time: a browser sends several requests at once.
 * - A name that is not there costs what one that is there costs: its password is checked against the hash of somebody else.
 * - Each table is bounded. An address that was wrong waits (`login-delays.ts`), and passwords are checked one at a time (`hashes/hasher.ts`).
 */
import { hash as digestOf, randomBytes } from 'node:crypto'
import type { Peer } from '../http/exchange.ts'
import { parseBasic } from './credentials.ts'
import { type Begun, LoginDelays } from './login-delays.ts'
import type { PasswordLine } from './password-file.ts'

/** Checks one password against one hash. */
export interface PasswordChecker {
  readonly isFull: boolean
  check(password: Buffer, hash: string): Promise<boolean>
}

export type Login =
  | { readonly kind: 'right'; readonly name: string }
  /** The client has sent no password, or none in a form that can be right. */
  | { readonly kind: 'none' }
  | { readonly kind: 'wrong' }
  /** Too many passwords wait: of all, or of this address. */
  | { readonly kind: 'busy' | 'too-many' }

const [NONE, WRONG, BUSY, TOO_MANY] = (['none', 'wrong', 'busy', 'too-many'] as const).map(kind => ({ kind })) as [
  Login,
  Login,
  Login,
  Login,
]

const REMEMBERED_MS = 60_000
/** Users who were there within a minute. */
const MAX_REMEMBERED = 4096
/** Checked, or waiting for it; each holds a request. Of one address there are few (`login-delays.ts`). */
const MAX_RUNNING = 1024
/** Bytes. Some forms of hashes take time for each byte; nobody has a longer one. */
const MAX_PASSWORD = 512

/** One object for each connection; where a proxy speaks for a client, one for each request. */
export type Client = Pick<Peer, 'address' | 'socketAddress'>

/** A login that was right, and until when (milliseconds) it need not be checked again. */
interface Known {
  readonly login: Login
  readonly until: number
}

/** Of one file. */
interface Users {
  readonly byName: ReadonlyMap<string, string>
  readonly hashes: readonly string[]
}

export class Logins {
  readonly #files: ReadonlyMap<string, Users>
  readonly #checker: PasswordChecker
  readonly #delays = new LoginDelays()
  readonly #secret = randomBytes(32).toString('latin1')
  /** By digest; in the order in which they were checked. */
  readonly #verified = new Map<string, Known>()
  /** The last right field of each connection. */
  readonly #lastOf = new WeakMap<Client, Known & { readonly file: string; readonly authorization: string }>()
  readonly #running = new Map<string, Promise<Login>>()
  readonly #now: () => number
  readonly #wait: (ms: number) => Promise<void>

  /** `now`, `wait`: of tests. */
  constructor(
    files: readonly { readonly file: string; readonly users: readonly PasswordLine[] }[],
    checker: PasswordChecker,
    now: () => number = () => performance.now(),
    wait: (ms: number) => Promise<void> = waitFor,
  ) {
    this.#files = new Map(
      files.map(({ file, users }) => [
        file,
        { byName: new Map(users.map(({ name, hash }) => [name, hash])), hashes: users.map(({ hash }) => hash) },
      ]),
    )
    this.#checker = checker
    this.#now = now
    this.#wait = wait
  }

  /** `authorization`: the field of the request; empty: there is none. */
  check(file: string, authorization: string, client: Client): Login | Promise<Login> {
    if (authorization === '') return NONE
    const last = this.#lastOf.get(client)
    if (
      last !== undefined &&
      last.file === file &&
      areEqual(last.authorization, authorization) &&
      last.until > this.#now()
    )
      return last.login
    const { address, socketAddress } = client
    // Not an HMAC, which costs three times as much: nobody sees the digest, so nobody can lengthen what it is of.
    const key = digestOf('sha256', `${this.#secret}${file}\0${authorization}`, 'base64')
    const known = this.#verified.get(key)
    if (known !== undefined) {
      if (known.until > this.#now()) {
        // Behind a proxy it would be kept for one request.
        if (address === socketAddress) this.#lastOf.set(client, { ...known, file, authorization })
        return known.login
      }
      this.#verified.delete(key)
    }
    const credentials = parseBasic(authorization)
    if (credentials === null) return NONE
    const running = this.#running.get(key)
    if (running !== undefined) return running
    if (this.#checker.isFull || this.#running.size >= MAX_RUNNING) return BUSY
    const begun = this.#delays.begin(address, this.#now())
    if (begun === null) return TOO_MANY
    const { name, password } = credentials
    const checked = this.#checkLater(file, name, password, address, begun).then(
      login => {
        this.#running.delete(key)
        if (login.kind === 'right') this.#remember(key, login)
        return login
      },
      (error: Error) => {
        this.#running.delete(key)
        throw error
      },
    )
    this.#running.set(key, checked)
    return checked
  }

  async #checkLater(file: string, name: string, password: Buffer, address: string, begun: Begun): Promise<Login> {
    let isRight = false
    // A failure of ours is no mistake of the client's.
    let isClients = false
    try {
      if (begun.delay > 0) await this.#wait(begun.delay)
      if (this.#checker.isFull) return BUSY
      const { byName, hashes } = this.#files.get(file)!
      const own = byName.get(name)
      const other = this.#somebodys(hashes, name)
      const hash = own ?? other
      if (password.length <= MAX_PASSWORD && hash !== undefined) {
        const matches = await this.#checker.check(password, hash)
        isRight = matches && own !== undefined
      }
      isClients = true
      return isRight ? { kind: 'right', name } : WRONG
    } finally {
      this.#delays.ended(begun, address, isRight || !isClients, this.#now())
    }
  }

  /** One name always gets the same hash: else its time would tell that it is not there. Undefined: there are no users. */
  #somebodys(hashes: readonly string[], name: string): string | undefined {
    const number = digestOf('sha256', this.#secret + name, 'buffer').readUInt32LE(0)
    return hashes[number % Math.max(1, hashes.length)]
  }

  #remember(key: string, login: Login): void {
    if (this.#verified.size >= MAX_REMEMBERED) this.#verified.delete(this.#verified.keys().next().value!)
    this.#verified.set(key, { login, until: this.#now() + REMEMBERED_MS })
  }
}

/** In a time that says nothing of where they differ: a proxy that we do not know may have clients that share a connection. */
function areEqual(one: string, other: string): boolean {
  if (one.length !== other.length) return false
  let difference = 0
  for (let i = 0; i < one.length; i++) difference |= one.charCodeAt(i) ^ other.charCodeAt(i)
  return difference === 0
}

function waitFor(ms: number): Promise<void> {
  return new Promise(resolve => {
    setTimeout(resolve, ms)
  })
}
