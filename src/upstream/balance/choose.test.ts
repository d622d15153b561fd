/** Simulations of balancing: shares, failures and recovery, slow start, and retries that cannot become a storm. Time is a number. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Balance } from '../../sites/upstream-model.ts'
import { membersOf } from '../testing/members.ts'
import { choose } from './choose.ts'
import type { Member } from './member.ts'
import { RetryBudget } from './retry-budget.ts'

const NOBODY: ReadonlySet<Member> = new Set()

function begin(member: Member, requests: number): void {
  for (let i = 0; i < requests; i++) assert.ok(member.begin(0))
}

/** Numbers from 0 to below 1, the same in each run. */
function chances(): () => number {
  let state = 1
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** How many of `count` requests each member gets; each request ends before the next. */
function shares(members: Member[], balance: Balance, count: number, now = 0, key = (i: number) => String(i)): number[] {
  const got = members.map(() => 0)
  const chance = chances()
  for (let i = 0; i < count; i++) {
    const question = { address: `10.${i % 250}.${(i >> 3) % 250}.1`, key: key(i), home: null }
    const member = choose(members, balance, question, NOBODY, now, chance)!
    got[member.index]!++
  }
  return got
}

test('weights are kept within 2 %, and in turn', () => {
  for (const balance of ['round-robin', 'least-conn', 'random', 'random-two'] as const) {
    const [a, b, c] = shares(membersOf({ weight: 5 }, { weight: 3 }, { weight: 2 }), balance, 10_000)
    // Of two that are free the first one is taken: a weight is what both draws have in common.
    const off = balance === 'random-two' ? 0.25 : 0.02
    assert.ok(Math.abs(a! / 10_000 - 0.5) <= off, `${balance} ${a}`)
    assert.ok(Math.abs(b! / 10_000 - 0.3) <= off, `${balance} ${b}`)
    assert.ok(Math.abs(c! / 10_000 - 0.2) <= off, `${balance} ${c}`)
  }
  const members = membersOf({ weight: 5 }, {}, {})
  const order = Array.from(
    { length: 7 },
    () => choose(members, 'round-robin', { address: '', key: '', home: null }, NOBODY, 0, Math.random)!.index,
  )
  assert.deepEqual(order, [0, 0, 1, 0, 2, 0, 0])
})

test('hashes share by weight, and each key keeps its server', () => {
  for (const balance of ['hash', 'consistent-hash'] as const) {
    const members = membersOf({ weight: 2 }, {}, {})
    const [a] = shares(members, balance, 20_000)
    assert.ok(Math.abs(a! / 20_000 - 0.5) < 0.02, `${balance} ${a}`)
    const first = shares(members, balance, 50, 0, () => 'one')
    assert.equal(first.filter(count => count > 0).length, 1)
  }
})

test('with a consistent hash only the keys of the server that goes move', () => {
  const [three, two] = [membersOf({}, {}, {}), membersOf({}, {}, { isDown: true })]
  let moved = 0
  for (let i = 0; i < 3000; i++) {
    const question = { address: '', key: `key ${i}`, home: null }
    const before = choose(three, 'consistent-hash', question, NOBODY, 0, Math.random)!.index
    const after = choose(two, 'consistent-hash', question, NOBODY, 0, Math.random)!.index
    if (before !== 2) assert.equal(after, before)
    else moved++
  }
  assert.ok(moved > 800 && moved < 1200, String(moved))
})

test('ip-hash sends a network to one server', () => {
  const members = membersOf({}, {}, {})
  const of = (address: string) =>
    choose(members, 'ip-hash', { address, key: '', home: null }, NOBODY, 0, Math.random)!.index
  assert.equal(of('192.0.2.1'), of('192.0.2.200'))
  const all = new Set(Array.from({ length: 30 }, (_, i) => of(`10.0.${i}.1`)))
  assert.equal(all.size, 3)
})

test('least-conn takes the one with the fewest for its weight', () => {
  const members = membersOf({ weight: 2 }, {}, {})
  begin(members[0]!, 3)
  begin(members[1]!, 2)
  begin(members[2]!, 1)
  assert.equal(choose(members, 'least-conn', { address: '', key: '', home: null }, NOBODY, 0, Math.random)!.index, 2)
  begin(members[2]!, 1)
  assert.equal(choose(members, 'least-conn', { address: '', key: '', home: null }, NOBODY, 0, Math.random)!.index, 0)
})

test('one that fails is out for fail-timeout, then gets its share again', () => {
  const members = membersOf({ maxFails: 2 }, {})
  members[0]!.failed(0)
  assert.deepEqual(shares(members, 'round-robin', 10, 1), [5, 5])
  members[0]!.failed(2)
  assert.deepEqual(shares(members, 'round-robin', 10, 3), [0, 10])
  // One of them may try it now (`begin`): here none begins.
  assert.deepEqual(shares(members, 'round-robin', 10, 10_003), [5, 5])
  // Nobody knows whether it is well: one failure takes it out again.
  members[0]!.failed(10_004)
  assert.deepEqual(shares(members, 'round-robin', 10, 10_005), [0, 10])
  members[0]!.succeeded(10_006)
  members[0]!.failed(10_007)
  assert.deepEqual(shares(members, 'round-robin', 10, 10_008), [5, 5])
})

test('one request at a time finds out whether a server that was out is well', () => {
  const [member] = membersOf({ failTimeoutMs: 1000 })
  member!.failed(0)
  // The group may ask it all the same, if it has no other.
  assert.equal(member!.isUsable(500), false)
  assert.equal(member!.begin(500), true)
  assert.equal(member!.isUsable(1001), true)
  assert.equal(member!.begin(1001), true)
  assert.equal(member!.isUsable(1002), false)
  // No answer, and no failure yet: it may be a long one.
  assert.equal(member!.isUsable(2002), true)
  assert.equal(member!.begin(2002), true)
  assert.equal(member!.isUsable(2003), false)
  member!.succeeded(2004)
  assert.equal(member!.isUsable(2004), true)
})

test('failures that are long ago do not add up', () => {
  const members = membersOf({ maxFails: 2 }, {})
  members[0]!.failed(0)
  members[0]!.failed(20_000)
  assert.deepEqual(shares(members, 'round-robin', 10, 20_001), [5, 5])
})

test('backups wait until no other can be asked, and a group that is out as a whole is asked', () => {
  const members = membersOf({}, {}, { isBackup: true })
  assert.deepEqual(shares(members, 'round-robin', 10), [5, 5, 0])
  members[0]!.failed(5)
  members[1]!.failed(6)
  assert.deepEqual(shares(members, 'round-robin', 10, 7), [0, 0, 10])
  members[2]!.failed(8)
  assert.deepEqual(shares(members, 'round-robin', 3, 9), [3, 0, 0])
})

test('one that its health check has found ill is asked only where all are', () => {
  const members = membersOf({ maxConns: 1 }, {}, { isBackup: true })
  const [well, ill, backup] = members
  ill!.setHealthy(false, 0)
  backup!.setHealthy(false, 0)
  const ask = (tried: ReadonlySet<Member> = NOBODY) =>
    choose(members, 'round-robin', { address: '', key: '', home: null }, tried, 1, Math.random)
  assert.equal(ask(), well)
  assert.equal(ask(new Set([well!])), null)
  well!.failed(0)
  assert.equal(ask(), well)
  begin(well!, 1)
  assert.equal(ask(), null)
  well!.end()
  well!.setHealthy(false, 0)
  assert.notEqual(ask(new Set([well!])), null)
})

test('max-conns and down are kept whatever happens', () => {
  const members = membersOf({ maxConns: 1 }, { isDown: true })
  begin(members[0]!, 1)
  assert.equal(choose(members, 'round-robin', { address: '', key: '', home: null }, NOBODY, 0, Math.random), null)
})

test('slow start grows from nothing to its share', () => {
  const members = membersOf({ slowStartMs: 10_000, failTimeoutMs: 1000 }, {})
  assert.deepEqual(shares(members, 'round-robin', 100), [50, 50])
  members[0]!.failed(0)
  assert.equal(members[0]!.begin(1001), true)
  members[0]!.succeeded(1001)
  const [early] = shares(members, 'round-robin', 1000, 1001)
  const [middle] = shares(members, 'round-robin', 1000, 6001)
  const [late] = shares(members, 'round-robin', 1000, 12_000)
  assert.ok(early! < 30, String(early))
  assert.ok(middle! > 300 && middle! < 370, String(middle))
  assert.equal(late, 500)
})

test('a retry storm ends at 20 % of the requests', () => {
  const budget = new RetryBudget()
  let retries = 0
  for (let i = 0; i < 10_000; i++) {
    budget.earn()
    // Each request would like two.
    for (let again = 0; again < 2; again++) if (budget.spend()) retries++
  }
  assert.ok(retries <= 2010, String(retries))
  assert.ok(retries >= 1990, String(retries))
})
