/**
 * A group under load in virtual time, a thousand requests a second, with everything that decides who gets a request: choice, failures, slow start, retries.
 * Each request runs as long as its server takes, and goes to another server where the budget allows it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Balance } from '../../sites/upstream-model.ts'
import { membersOf } from '../testing/members.ts'
import { choose } from './choose.ts'
import type { Member, MemberRules } from './member.ts'
import { RetryBudget } from './retry-budget.ts'

const SECOND = 1000

interface Server {
  readonly rules?: Partial<MemberRules>
  /** Milliseconds that an answer takes. */
  readonly takes?: number
  readonly isDead?: (now: number) => boolean
}

class Load {
  readonly members: Member[]
  /** Tries of each server, in each second. */
  readonly tries: number[][] = []
  requests = 0
  /** Requests without an answer, in each second. */
  readonly errors: number[] = []
  /** Requests at once, of each server. */
  readonly most: number[]
  readonly #servers: readonly Server[]
  readonly #balance: Balance
  readonly #budget = new RetryBudget()
  readonly #events = new Map<number, (() => void)[]>()
  #now = 0
  #chance = 1

  constructor(servers: readonly Server[], balance: Balance = 'round-robin') {
    this.#servers = servers
    this.#balance = balance
    this.members = membersOf(...servers.map(({ rules = {} }) => rules))
    this.most = servers.map(() => 0)
  }

  /** Runs for so long, with a request in each millisecond. */
  run(seconds: number): this {
    for (const end = this.#now + seconds * SECOND; this.#now < end; this.#now++) {
      const events = this.#events.get(this.#now) ?? []
      this.#events.delete(this.#now)
      for (const event of events) event()
      this.requests++
      this.#budget.earn()
      this.#ask(new Set())
    }
    return this
  }

  /** Which part of the tries from one second to another each server has got. */
  shares(from: number, to: number): number[] {
    const sums = this.members.map((_, i) => this.tries.slice(from, to).reduce((sum, counts) => sum + counts[i]!, 0))
    const all = sums.reduce((sum, one) => sum + one, 0)
    return sums.map(one => one / all)
  }

  lost(from = 0, to = Number.POSITIVE_INFINITY): number {
    return this.errors.slice(from, to).reduce((sum, one) => sum + (one ?? 0), 0)
  }

  get triesInAll(): number {
    return this.tries.flat().reduce((sum, one) => sum + one, 0)
  }

  get #second(): number {
    return Math.floor(this.#now / SECOND)
  }

  #ask(tried: Set<Member>): void {
    const member = this.#lease(tried)
    if (member === null) {
      this.#lose()
      return
    }
    tried.add(member)
    const { index } = member
    const counts = this.tries[this.#second] ?? this.members.map(() => 0)
    this.tries[this.#second] = counts
    counts[index]!++
    this.most[index] = Math.max(this.most[index]!, member.active)
    const { takes = 5, isDead = () => false } = this.#servers[index]!
    // It refuses the connection.
    if (isDead(this.#now)) this.#after(1, () => this.#failed(member, tried))
    else
      this.#after(takes, () => {
        member.end()
        if (member.hasFailed) member.succeeded(this.#now)
      })
  }

  /** As `UpstreamGroup.lease`. */
  #lease(tried: ReadonlySet<Member>): Member | null {
    let out = tried
    for (;;) {
      const question = { address: `10.0.${this.requests % 250}.1`, key: String(this.requests), home: null }
      const member = choose(this.members, this.#balance, question, out, this.#now, this.#random)
      if (member === null || member.begin(this.#now)) return member
      out = new Set([...out, member])
    }
  }

  #failed(member: Member, tried: Set<Member>): void {
    member.end()
    member.failed(this.#now)
    if (tried.size < this.members.length && this.#budget.spend()) this.#ask(tried)
    else this.#lose()
  }

  #lose(): void {
    this.errors[this.#second] = (this.errors[this.#second] ?? 0) + 1
  }

  #after(ms: number, event: () => void): void {
    const at = this.#now + ms
    const events = this.#events.get(at) ?? []
    events.push(event)
    this.#events.set(at, events)
  }

  readonly #random = (): number => {
    this.#chance = (Math.imul(this.#chance, 1664525) + 1013904223) >>> 0
    return this.#chance / 2 ** 32
  }
}

function near(actual: number, wanted: number, off = 0.02): void {
  assert.ok(Math.abs(actual - wanted) <= off, `${actual}, not ${wanted}`)
}

test('shares are the weights within 2 %, however long each server takes', () => {
  for (const balance of ['round-robin', 'random', 'hash', 'consistent-hash'] as const) {
    const servers: Server[] = [
      { rules: { weight: 5 }, takes: 3 },
      { rules: { weight: 3 }, takes: 40 },
      { rules: { weight: 2 }, takes: 200 },
    ]
    const shares = new Load(servers, balance).run(20).shares(0, 20)
    for (const [i, wanted] of [0.5, 0.3, 0.2].entries()) near(shares[i]!, wanted)
  }
})

test('least-conn gives a server half of the requests that takes twice as long', () => {
  const load = new Load([{ takes: 100 }, { takes: 200 }], 'least-conn').run(20)
  const [fast, slow] = load.shares(5, 20) as [number, number]
  near(fast / slow, 2, 0.1)
  assert.ok(Math.abs(load.most[0]! - load.most[1]!) <= 2, load.most.join(', '))
})

test('max-conns is never exceeded, and the others take what is left', () => {
  const load = new Load([{ rules: { maxConns: 10 }, takes: 100 }, {}]).run(10)
  assert.equal(load.most[0], 10)
  assert.equal(load.lost(), 0)
  near(load.shares(1, 10)[0]!, 0.1)
})

test('a server that dies costs no request, is tried once in each fail-timeout, and is back with its share', () => {
  const isDead = (now: number) => now >= 10 * SECOND && now < 45 * SECOND
  const load = new Load([{ isDead }, {}, {}]).run(80)
  assert.equal(load.lost(), 0)
  // The first one, and those that were asked before it had failed; then one in ten seconds.
  const whileDead = load.tries.slice(10, 45).reduce((sum, counts) => sum + counts[0]!, 0)
  assert.ok(whileDead >= 4 && whileDead <= 6, String(whileDead))
  near(load.shares(0, 10)[0]!, 1 / 3)
  near(load.shares(60, 80)[0]!, 1 / 3)
})

test('with slow-start it comes back little by little', () => {
  const isDead = (now: number) => now >= 10 * SECOND && now < 15 * SECOND
  const load = new Load([{ isDead, rules: { slowStartMs: 20 * SECOND } }, {}]).run(60)
  const back = load.tries.findIndex((counts, second) => second > 15 && counts[0]! > 0)
  const [first, middle, last] = [0, 10, 22].map(after => load.shares(back + after, back + after + 1)[0]!)
  assert.ok(first! < 0.06, String(first))
  assert.ok(middle! > 0.25 && middle! < 0.4, String(middle))
  near(last!, 0.5)
})

test('a server that flaps each second costs no request', () => {
  const isDead = (now: number) => Math.floor(now / SECOND) % 2 === 1
  const load = new Load([{ isDead, rules: { failTimeoutMs: 2000 } }, {}, {}]).run(60)
  assert.equal(load.lost(), 0)
})

test('when all servers die, retries are 20 % of the requests and no storm; when they are back, so is everybody', () => {
  const isDead = (now: number) => now >= 10 * SECOND && now < 40 * SECOND
  const load = new Load([{ isDead }, { isDead }, { isDead }]).run(60)
  const [retries, most] = [load.triesInAll - load.requests, 30 * SECOND * 0.2 + 200]
  assert.ok(retries > 0 && retries <= most, `${retries} retries, ${most} at most`)
  assert.ok(load.lost(10, 40) > 29_000)
  assert.equal(load.lost(0, 10), 0)
  // A group that is out as a whole is asked, so nobody waits for fail-timeout.
  assert.equal(load.lost(41), 0)
  for (const share of load.shares(51, 60)) near(share, 1 / 3)
})
