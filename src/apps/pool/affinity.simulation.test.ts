/**
 * A pool with affinity under any order of requests, answers, deaths, drains, reloads, and links that open late. Links are played, the rest is
 * the real pool. Each call is answered or refused once; a client stays while its worker lives; nothing waits while its worker is free.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { testApp } from '../../config/testing/config.ts'
import { applicationRoot } from '../../http/application-root.ts'
import { FakeExchange } from '../testing/fake-exchange.ts'
import { type Dice, numbers } from '../testing/numbers.ts'
import type { PoolAffinity } from './affinity.ts'
import type { Call } from './call.ts'
import { type Fate, fatesApart } from './dispatch-rules.ts'
import type { LinkOwner } from './link-owner.ts'
import { AppPool } from './pool.ts'
import type { PoolLink, PoolWorker } from './worker.ts'

const CLIENTS = 12
const LIMIT = 30

class PlayedLink implements PoolLink {
  readonly isTunnel = false
  readonly worker: PoolWorker
  readonly capacity: number
  usable = false
  inFlight = 0
  readonly streams = 0
  takesAhead = true
  firstSince = 0
  isAlive = true
  isOpen = false
  readonly isBlocked = false
  readonly calls: Call[] = []
  readonly #owner: LinkOwner
  readonly #onSent: (call: Call, worker: PoolWorker) => void

  constructor(worker: PoolWorker, owner: LinkOwner, capacity: number, onSent: PlayedLink['onSent']) {
    this.worker = worker
    this.#owner = owner
    this.capacity = capacity
    this.#onSent = onSent
  }
  declare onSent: (call: Call, worker: PoolWorker) => void
  get isIdle(): boolean {
    return this.calls.length === 0
  }
  open(): void {}
  flush(): void {}
  running(): [] {
    return []
  }
  goOn(): void {}
  dismiss(): void {}
  left(call: Call): void {
    const index = this.calls.indexOf(call)
    if (index >= 0) this.#over(index)
  }
  send(call: Call): boolean {
    call.phase = 'sent'
    call.link = this
    call.exchange.servedBy = { worker: this.worker.id, pid: 1 }
    this.inFlight = this.calls.push(call)
    this.#onSent(call, this.worker)
    return true
  }
  fatesOf(calls: readonly Call[], mayBeGuilty: boolean): Fate[] {
    return fatesApart(calls, mayBeGuilty)
  }
  close(): Call[] {
    this.isAlive = this.isOpen = this.usable = false
    const calls = this.calls.splice(0)
    for (const call of calls) call.link = null
    this.inFlight = 0
    return calls
  }

  /** The worker says hello. */
  greet(): void {
    this.isOpen = true
    this.#owner.opened(this)
  }
  answer(index: number): void {
    const call = this.calls[index]!
    call.phase = 'done'
    this.#over(index)
    call.exchange.response.respond({ status: 200, reason: '', headers: [] }, Buffer.alloc(0))
  }
  #over(index: number): void {
    const [call] = this.calls.splice(index, 1)
    call!.link = null
    this.inFlight = this.calls.length
    this.#owner.freed(this, 5000)
  }
  die(): void {
    this.isAlive = false
    this.#owner.broke(this, 'played')
  }
}

interface Sent {
  readonly exchange: FakeExchange
  readonly client: string
  overs: number
  wasSent: boolean
}

class Play {
  readonly #dice: Dice
  readonly #links: PlayedLink[] = []
  readonly #all: Sent[] = []
  readonly #cookies = new Map<string, string>()
  /** Where each client's last call went. */
  readonly #homes = new Map<string, PoolWorker>()
  readonly #pool: AppPool
  readonly #kind: 'cookie' | 'header'
  #workers = 0
  #generation = 1

  constructor(seed: number, kind: 'cookie' | 'header') {
    this.#dice = numbers(seed)
    this.#kind = kind
    const key = Buffer.alloc(32, seed)
    const affinity: PoolAffinity =
      kind === 'cookie'
        ? { kind, name: 'home', app: 'shop', root: () => applicationRoot('', ''), key }
        : { kind, name: 'x-client', key }
    const { limits, timeouts } = testApp({
      limits: { queue: LIMIT },
      timeouts: { request: 0, queue: 0, graceful: 0 },
    })
    const nothing = () => {}
    this.#pool = new AppPool({
      limits,
      timeouts,
      queueOrder: this.#dice(4) === 0 ? 'newest-first' : 'fifo',
      links: (address, worker, owner) => {
        const sizes = address.interface === 'asgi' ? [5] : Array.from({ length: address.slots }, () => 1)
        const made = sizes.map(size => new PlayedLink(worker, owner, size, (call, home) => this.#sent(call, home)))
        this.#links.push(...made)
        return made
      },
      onError: FakeExchange.failed,
      affinity,
      events: {
        linked: nothing,
        drained: nothing,
        lost: nothing,
        stuck: nothing,
        warming: nothing,
        cold: nothing,
        spent: nothing,
        blocked: nothing,
        log: nothing,
      },
    })
    this.#pool.serve(1)
  }

  /** A client that has a living worker is not sent elsewhere, and its calls are sent in their order. */
  #sent(call: Call, worker: PoolWorker): void {
    const index = this.#all.findIndex(({ exchange }) => exchange === call.exchange)
    const sent = this.#all[index]!
    const home = this.#homes.get(sent.client)
    const isKnown = this.#kind === 'header' || call.client?.isNew === false
    if (isKnown && home?.isHome) assert.equal(worker.id, home.id, `${sent.client} has moved`)
    if (isKnown && !sent.wasSent) {
      const earlier = this.#all.slice(0, index).find(one => one.client === sent.client && this.#waitsUnsent(one))
      assert.equal(earlier, undefined, 'an earlier call of the same client waits')
    }
    sent.wasSent = true
    if (isKnown) this.#homes.set(sent.client, worker)
  }

  #waitsUnsent({ exchange, overs, wasSent }: Sent): boolean {
    return !wasSent && overs === 0 && exchange.queueMillis < 0 && exchange.error === null
  }

  request(): void {
    const client = this.#dice(8) === 0 ? '' : `client ${this.#dice(CLIENTS)}`
    const cookie = this.#cookies.get(client)
    const headers =
      this.#kind === 'header'
        ? client === ''
          ? []
          : ['x-client', client]
        : cookie === undefined
          ? []
          : ['cookie', cookie]
    const exchange = new FakeExchange({ method: this.#dice(3) === 0 ? 'POST' : 'GET', headers })
    const sent: Sent = { exchange, client: this.#identify(client, cookie), overs: 0, wasSent: false }
    exchange.sent.events.on('over', () => {
      sent.overs++
      const lines = exchange.sent.head?.headers ?? []
      const setCookie = lines[lines.indexOf('Set-Cookie') + 1]
      if (this.#kind !== 'cookie' || exchange.error !== null || !lines.includes('Set-Cookie') || client === '') return
      const value = setCookie!.slice(0, setCookie!.indexOf(';'))
      this.#cookies.set(client, value)
      this.#homes.set(
        this.#identify(client, value),
        this.#links.find(({ worker }) => worker.id === exchange.servedBy!.worker)!.worker,
      )
    })
    this.#all.push(sent)
    this.#pool.handle(exchange, null)
  }

  /** What the pool knows the client by. */
  #identify(client: string, cookie: string | undefined): string {
    if (this.#kind === 'header' && client !== '') return client
    return cookie?.split('.')[2] ?? `nobody ${this.#all.length}`
  }

  addWorker(hasServed = false): void {
    const isAsgi = this.#dice(2) === 0
    this.#pool.addWorker({
      worker: ++this.#workers,
      pid: 1,
      socket: '',
      slots: isAsgi ? 5 : 1 + this.#dice(2),
      generation: this.#generation,
      maxRequests: 0,
      isApart: false,
      interface: isAsgi ? 'asgi' : 'wsgi',
      hasServed,
    })
  }

  #one<T>(list: readonly T[]): T | undefined {
    return list[this.#dice(Math.max(1, list.length))]
  }

  step(): void {
    const roll = this.#dice(100)
    if (roll < 50) this.request()
    else if (roll < 85) {
      const link = this.#one(this.#links.filter(({ isOpen, calls }) => isOpen && calls.length > 0))
      link?.answer(this.#dice(link.calls.length))
    } else if (roll < 91) this.#one(this.#links.filter(({ isAlive, isOpen }) => isAlive && !isOpen))?.greet()
    else if (roll < 93) this.#one(this.#links.filter(({ isAlive }) => isAlive))?.die()
    else if (roll < 95) this.#pool.drainWorker(this.#one(this.#links)?.worker.id ?? 0)
    else if (roll < 98) this.addWorker(this.#dice(3) === 0)
    else if (roll < 99) this.#reload()
    else {
      const waiting = this.#one(this.#all.filter(({ overs, exchange }) => overs === 0 && exchange.error === null))
      waiting?.exchange.leave()
    }
  }

  #reload(): void {
    const old = new Set(this.#links.map(({ worker }) => worker.id))
    this.#generation++
    for (let i = 0; i < 3; i++) this.addWorker()
    for (const link of this.#links) if (!old.has(link.worker.id)) link.greet()
    this.#pool.serve(this.#generation)
    for (const id of old) this.#pool.drainWorker(id)
  }

  /** At the end of a turn. */
  check(): void {
    const { waiting } = this
    const hasSuspects = this.#links.some(({ worker }) => worker.suspectSince > 0)
    const free = this.#links.filter(({ usable, inFlight, capacity }) => usable && inFlight < capacity)
    if (free.length === 0 || hasSuspects) return
    const ids = new Set(free.map(({ worker }) => worker.id))
    for (const { client } of waiting) {
      const home = this.#homes.get(client)
      if (home?.isHome) assert.ok(!ids.has(home.id), `${client} waits, though worker ${home.id} is free`)
      else if (home === undefined && this.#kind === 'cookie') assert.fail(`${client} waits, though workers are free`)
    }
  }

  get waiting(): Sent[] {
    const isOnLink = new Set(this.#links.flatMap(({ calls }) => calls.map(({ exchange }) => exchange as FakeExchange)))
    return this.#all.filter(({ exchange, overs }) => overs === 0 && exchange.error === null && !isOnLink.has(exchange))
  }

  /** Answers everything. Returns the share of calls that a worker got. */
  async finish(): Promise<number> {
    this.addWorker()
    while (this.#all.some(({ overs }) => overs === 0)) {
      for (const link of this.#links) {
        if (link.isAlive && !link.isOpen) link.greet()
        while (link.calls.length > 0) link.answer(0)
      }
      await setImmediate()
    }
    assert.equal(this.#pool.inFlight, 0)
    for (const { overs } of this.#all) assert.equal(overs, 1)
    this.#pool.close()
    return this.#all.filter(({ wasSent }) => wasSent).length / this.#all.length
  }
}

for (const kind of ['cookie', 'header'] as const)
  test(`with a ${kind}: nothing is lost, nobody moves without need, nothing waits for nothing`, async () => {
    const shares: number[] = []
    for (let seed = 1; seed <= 150; seed++) {
      const play = new Play(seed, kind)
      for (let i = 0; i < 3; i++) play.addWorker()
      for (let i = 0; i < 200; i++) {
        play.step()
        if (i % 3 !== 0) continue
        await setImmediate()
        play.check()
        assert.ok(play.waiting.length <= LIMIT + 15, 'more wait than the limit allows, and what came back')
      }
      shares.push(await play.finish())
    }
    const share = shares.reduce((sum, one) => sum + one, 0) / shares.length
    assert.ok(share > 0.7, `only ${share} of all calls were sent`)
  })
