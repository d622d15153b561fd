/** Outlier ejection in virtual time: who is left out, for how long, and that never too many are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EjectionSettings } from '../../sites/upstream-model.ts'
import { membersOf, rulesOf } from '../testing/members.ts'
import { choose } from './choose.ts'
import { Ejection } from './ejection.ts'
import { Member, type MemberRules } from './member.ts'
import { GroupState, makeGroupMemory } from './member-state.ts'

const SETTINGS: EjectionSettings = { failures: 5, rate: 50, requests: 20, window: 10_000, time: 30_000, share: 50 }
const RULES: Partial<MemberRules> = { maxFails: 0, isEjectable: true }
const NOBODY: ReadonlySet<Member> = new Set()

function eligible(...rules: Partial<MemberRules>[]): Member[] {
  return membersOf(...rules.map(one => ({ ...RULES, ...one })))
}

function ejection(more: Partial<EjectionSettings> = {}): Ejection {
  return new Ejection({ ...SETTINGS, ...more })
}

/** Each of the answers at this time; returns what was told. */
function record(one: Ejection, members: Member[], index: number, answers: string, now: number): (string | null)[] {
  return [...answers]
    .map(answer => one.record(members[index]!, answer === 'x', members, now))
    .filter(told => told !== null)
}

test('failures in a row eject; an answer between them does not', () => {
  const [one, members] = [ejection({ rate: 0 }), eligible({}, {})]
  assert.deepEqual(record(one, members, 0, 'xxxx.xxxx', 1), [])
  assert.deepEqual(record(one, members, 0, 'x', 1), [
    'gets no requests for 30 s: 5 failures in a row (outlier-ejection)',
  ])
  const at = (now: number) => members[0]!.isUsable(now)
  assert.deepEqual([at(2), at(30_000), at(30_001)], [false, false, true])
  // Requests that it had before its ejection.
  assert.deepEqual(record(one, members, 0, 'xxxxxx', 10), [])
})

test('a rate ejects when the window has enough requests, and an old window does not count', () => {
  const [one, members] = [ejection({ failures: 0 }), eligible({}, {})]
  assert.deepEqual(record(one, members, 0, 'x.'.repeat(9), 1), [])
  assert.deepEqual(record(one, members, 0, '.x'.repeat(9), 10_001), [])
  assert.deepEqual(record(one, members, 0, '.x', 10_002), [
    'gets no requests for 30 s: 10 of 20 requests failed (outlier-ejection)',
  ])
  assert.deepEqual(record(one, members, 1, 'x..'.repeat(100), 1), [])
})

test('each ejection that follows another is longer, up to ten times; one that was well for long begins anew', () => {
  const [one, members] = [ejection(), eligible({}, {})]
  let now = 1
  const next = (after: number) => {
    now += after
    const [told] = record(one, members, 0, 'xxxxx', now)
    const seconds = Number(/for (\d+) s/.exec(told!)![1])
    now += seconds * 1000
    return seconds
  }
  const times = Array.from({ length: 12 }, () => next(1000))
  assert.deepEqual(times, [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])
  assert.equal(next(299_000), 300)
  assert.equal(next(300_000), 30)
})

test('never more than the share is out: a mistake of all servers ejects half of them, and of one server none', () => {
  for (const [count, most] of [
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [9, 4],
  ] as const) {
    const [one, members] = [ejection(), eligible(...Array.from({ length: count }, () => ({})))]
    for (let now = 1; now < 100_000; now += 100) {
      for (const { index } of members) record(one, members, index, 'x', now)
      const out = members.filter(member => !member.isUsable(now)).length
      assert.ok(out <= most, `${out} of ${count} at ${now}`)
    }
  }
})

test('servers that are down and backups are no part of the share of the others', () => {
  const [one, members] = [ejection(), eligible({}, {}, { isDown: true }, { isBackup: true }, { isBackup: true })]
  for (const index of [0, 1, 3, 4]) record(one, members, index, 'xxxxx', 1)
  assert.deepEqual(
    members.map(member => member.isEjected(2)),
    [true, false, false, true, false],
  )
})

test('two threads see the same ejection, and count failures together', () => {
  const memory = makeGroupMemory(2, 8, true)
  const threads = [0, 1].map(thread =>
    ['a', 'b'].map((name, i) => new Member(name, i, rulesOf(RULES), new GroupState(memory, 2, thread).of(name))),
  ) as [Member[], Member[]]
  const both = [ejection(), ejection()] as const
  assert.deepEqual(record(both[0], threads[0], 0, 'xx', 1), [])
  assert.equal(record(both[1], threads[1], 0, 'xxx', 1).length, 1)
  assert.equal(threads[0][0]!.isUsable(2), false)
  assert.deepEqual(record(both[0], threads[0], 1, 'xxxxx', 2), [], 'the share is that of all threads')
})

test('a group without ejection does not look at what another configuration has found out', () => {
  const members = eligible({}, {})
  record(ejection(), members, 0, 'xxxxx', 1)
  const [member] = members
  assert.equal(member!.isUsable(2), false)
  member!.rules = { ...member!.rules, isEjectable: false }
  assert.equal(member!.isUsable(2), true)
})

test('a simulation: one of four servers fails a third of its requests for two minutes; clients see few of the errors', () => {
  const one = ejection({ rate: 25 })
  const members = eligible({ slowStartMs: 10_000 }, {}, {}, {})
  const bad = members[0]!
  let [errors, withoutErrors] = [0, 0]
  const got: number[][] = []
  let chance = 1
  const random = () => {
    chance = (Math.imul(chance, 1664525) + 1013904223) >>> 0
    return chance / 2 ** 32
  }
  // 200 requests a second, for ten minutes.
  for (let now = 1; now < 600_000; now += 5) {
    const member = choose(members, 'round-robin', { address: '', key: '', home: null }, NOBODY, now, random)!
    const isIll = member === bad && now > 60_000 && now < 180_000
    const isFailure = isIll && random() < 1 / 3
    if (isFailure) errors++
    else withoutErrors++
    const minute = Math.floor(now / 60_000)
    const counts = got[minute] ?? [0, 0, 0, 0]
    counts[member.index]!++
    got[minute] = counts
    one.record(member, isFailure, members, now)
  }
  // Without ejection a quarter of 24,000 requests come to it, and 2,000 fail.
  assert.ok(errors < 100, String(errors))
  assert.ok(withoutErrors > 119_000)
  const share = (minute: number) => got[minute]![0]! / 12_000
  assert.ok(Math.abs(share(0) - 0.25) < 0.02)
  assert.ok(share(1) < 0.12, String(share(1)))
  assert.ok(Math.abs(share(9) - 0.25) < 0.02, String(share(9)))
})
