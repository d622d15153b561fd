/**
 * Affinity: which worker a client belongs to. Runs in the gateway, only for an application with `--affinity`.
 *
 *   cookie           a signed cookie names the worker (`home-cookie.ts`). A client without one is new: it belongs to the worker that answers it.
 *   address, header  a bounded table remembers the worker (`home-table.ts`). A client that it does not know gets one by rendezvous hashing.
 *
 * Invariants: a client stays with its worker while that is a home: known, admitted and not leaving. After that it gets another worker by
 * rendezvous hashing, so all of its requests that are on their way get the same one. Clients choose no worker: the cookie is signed, and
 * what hashes are made of is secret.
 * Not here: when a call is sent (`affine-dispatcher.ts`).
 */
import { randomBytes } from 'node:crypto'
import { addFilter } from '../../http/filtered-response.ts'
import { headerValue } from '../../http/headers.ts'
import { networkOf } from '../../http/network.ts'
import { type ResponseFilter, withHeaders } from '../../http/response-filter.ts'
import { mayBeShared } from '../../http/shared-caches.ts'
import type { Client, PoolAffinity } from './affinity.ts'
import type { Call } from './call.ts'
import { HomeCookie } from './home-cookie.ts'
import { type ClientTable, keyedHash, rendezvous } from './home-table.ts'
import type { PoolWorker } from './worker.ts'

export class Homes {
  readonly #workers: readonly PoolWorker[]
  readonly #known: KnownClients

  /** `workers`: of the pool, a list that its owner keeps up to date. `table`: has no clients, or those of all threads. */
  constructor(affinity: Exclude<PoolAffinity, null>, workers: readonly PoolWorker[], table: ClientTable) {
    this.#workers = workers
    const isHome = (id: number) => this.#find(id) !== null
    this.#known =
      affinity.kind === 'cookie' ? new CookieClients(affinity, isHome, table) : new TableClients(affinity, table)
  }

  /** Called once for each new call. Null: nobody who can be known again, so any worker will do. */
  meet(call: Call): Client | null {
    return this.#known.meet(call)
  }

  /** The worker that the client belongs to. Null: no worker can be a home now. */
  of(call: Call, client: Client): PoolWorker | null {
    const kept = this.#find(client.worker)
    if (kept !== null) return kept
    if (!this.areKnown) return null
    // Another call of the same client may have moved before.
    const home = this.#find(this.#known.workerOf(client.key)) ?? rendezvous(client.key, this.#candidates())
    if (home === null) return null
    client.worker = home.id
    this.#known.moved(call, client)
    return home
  }

  /**
   * Somebody can be a home, and a link is open. A gateway after a crash is told of all workers at once, before the first link opens: until
   * then a client whose worker is not known is not sent elsewhere.
   */
  get areKnown(): boolean {
    return this.#workers.some(({ isHome, isActive }) => isHome && isActive)
  }

  #find(id: number): PoolWorker | null {
    const worker = this.#workers.find(one => one.id === id)
    return worker?.isHome ? worker : null
  }

  /** Workers that get further clients: of the newest generation that serves, and not blocked, if there is one that is not. */
  #candidates(): PoolWorker[] {
    const homes = this.#workers.filter(({ isHome }) => isHome)
    const newest = Math.max(...homes.map(({ generation }) => generation))
    const best = homes.filter(({ generation }) => generation === newest)
    const turning = best.filter(({ slots }) => !slots.every(link => link.isBlocked))
    return turning.length > 0 ? turning : best
  }
}

interface KnownClients {
  meet(call: Call): Client | null
  /** Where the client was sent last, if that is not known by its cookie; 0: not known. */
  workerOf(key: string): number
  /** `client.worker` is new. */
  moved(call: Call, client: Client): void
}

/** Characters of a client's own name: 96 random bits in base64url. */
const NAME_BYTES = 12

class CookieClients implements KnownClients {
  readonly #cookie: HomeCookie
  readonly #isHome: (worker: number) => boolean
  /** Clients that have lost their worker, for their requests that are on their way still have the old cookie. */
  readonly #moved: ClientTable

  constructor(
    affinity: Extract<PoolAffinity, { kind: 'cookie' }>,
    isHome: (worker: number) => boolean,
    table: ClientTable,
  ) {
    this.#moved = table
    this.#cookie = new HomeCookie(affinity)
    this.#isHome = isHome
  }

  meet(call: Call): Client {
    const known = this.#cookie.read(call.exchange.request.headers)
    if (known === null) {
      const name = randomBytes(NAME_BYTES).toString('base64url')
      const client: Client = { key: name, worker: 0, isNew: true, setCookie: null }
      this.#announce(call, client, 0)
      return client
    }
    const { client: key, worker } = known
    if (this.#isHome(worker)) return { key, worker, isNew: false, setCookie: null }
    // After a crash of the gateway the worker may only not be known yet.
    const client: Client = { key, worker: this.workerOf(key) || worker, isNew: false, setCookie: null }
    this.#announce(call, client, worker)
    return client
  }

  workerOf(key: string): number {
    return this.#moved.get(key)
  }

  moved(call: Call, client: Client): void {
    this.#moved.set(client.key, client.worker)
    if (client.setCookie === null) this.#announce(call, client, 0)
  }

  /** The response tells the client where it belongs. `told`: the worker that its cookie names; 0: it has none. */
  #announce({ exchange }: Call, client: Client, told: number): void {
    const setCookie = () => {
      const worker = exchange.servedBy?.worker ?? 0
      // An answer of ours, for a worker that was lost.
      if (worker === told || !this.#isHome(worker)) return null
      return this.#cookie.write(worker, client.key, exchange.request)
    }
    const filter: ResponseFilter = head => {
      // A cache would give one client's cookie to all others.
      const cookie = mayBeShared(head.headers) ? null : setCookie()
      const isSet = cookie !== null
      return { head: isSet ? withHeaders(head, [...head.headers, 'Set-Cookie', cookie]) : head, content: null }
    }
    client.setCookie = setCookie
    addFilter(exchange, filter)
  }
}

class TableClients implements KnownClients {
  /** Lower-case; null: the address. */
  readonly #header: string | null
  readonly #table: ClientTable
  readonly #key: Buffer

  constructor(affinity: Extract<PoolAffinity, { kind: 'address' | 'header' }>, table: ClientTable) {
    this.#header = affinity.kind === 'header' ? affinity.name : null
    this.#key = affinity.key
    this.#table = table
  }

  /** No header, or a Unix socket: there is nothing to know the client by. */
  meet({ exchange }: Call): Client | null {
    const { request, peer } = exchange
    const value = this.#header === null ? networkOf(peer.address) : (headerValue(request.headers, this.#header) ?? '')
    if (value === '') return null
    const key = keyedHash(this.#key, value)
    return { key, worker: this.workerOf(key), isNew: false, setCookie: null }
  }

  workerOf(key: string): number {
    return this.#table.get(key)
  }

  moved(_call: Call, client: Client): void {
    this.#table.set(client.key, client.worker)
  }
}
