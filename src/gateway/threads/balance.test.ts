import assert from 'node:assert/strict'
import { test } from 'node:test'
import { balance, choose, connectionsWith } from './balance.ts'

test('a connection goes to the thread with the fewest, and of nearly as few to the one that is least busy', () => {
  const of = (...loads: [number, number][]) =>
    choose(loads.map(([connections, busy]) => ({ connections, busy, isLate: false })))
  assert.equal(of([3, 0], [2, 0.9], [4, 0]), 1)
  assert.equal(of([0, 0], [0, 0]), 0)
  assert.equal(of([100, 0.9], [110, 0.1]), 1)
  assert.equal(of([100, 0.9], [113, 0.1]), 0)
})

test('a thread that takes nothing gets nothing, unless none takes anything', () => {
  const of = (...late: boolean[]) => choose(late.map((isLate, connections) => ({ connections, busy: 0, isLate })))
  assert.equal(of(true, true, false, false), 2)
  assert.equal(of(true, true), 0)
  const loads = [true, false].map(isLate => ({ connections: 10, busy: isLate ? 0 : 1, isLate }))
  assert.equal(balance(loads), null)
})

test('nothing moves between threads that are equal, nearly idle, or have one connection', () => {
  const of = (...busy: number[]) => balance(busy.map(one => ({ busy: one, connections: 10, isLate: false })))
  assert.equal(of(0.8, 0.78), null)
  assert.equal(of(0.09, 0), null)
  assert.equal(
    balance([
      { busy: 1, connections: 1, isLate: false },
      { busy: 0, connections: 0, isLate: false },
    ]),
    null,
  )
  assert.deepEqual(of(0.25, 0.75), { from: 1, to: 0, share: 1 / 3 })
})

test('never more work than the share is given away, the busiest connections first', () => {
  assert.deepEqual(connectionsWith(0.5, [1, 10, 0, 5, 4], 9), [1])
  assert.deepEqual(connectionsWith(0.4, [1, 10, 0, 5, 4], 9), [3, 0])
  assert.deepEqual(connectionsWith(1, [1, 1, 1], 2), [0, 1])
  assert.deepEqual(connectionsWith(1, [0, 0], 2), [])
})

/** The same numbers each time. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** 64 connections come before anything is known of them. Half of them, which ones by chance, send ten times as much. Returns busiest by mean. */
function simulate(threads: number, seed: number, seconds: number): number {
  const next = random(seed)
  const heavy = Array.from({ length: 64 }, (_, i) => ({ i, at: next() }))
    .sort((one, other) => one.at - other.at)
    .slice(0, 32)
    .map(({ i }) => i)
  const work = Array.from({ length: 64 }, (_, i) => (heavy.includes(i) ? 10 : 1))
  const held: number[][] = Array.from({ length: threads }, () => [])
  for (let i = 0; i < 64; i++)
    held[choose(held.map(({ length }) => ({ connections: length, busy: 0, isLate: false })))]!.push(i)
  const sums = () => held.map(own => own.reduce((sum, i) => sum + work[i]!, 0))
  const mean = (32 * 10 + 32) / threads
  for (let second = 0; second < seconds; second++) {
    // A second is not enough to see the exact share.
    const loads = sums().map((sum, i) => ({
      connections: held[i]!.length,
      busy: (sum / mean) * 0.5 * (0.98 + 0.04 * next()),
      isLate: false,
    }))
    const move = balance(loads)
    if (move === null) continue
    const own = held[move.from]!
    const chosen = connectionsWith(
      move.share,
      own.map(i => work[i]!),
      32,
    ).map(at => own[at]!)
    held[move.from] = own.filter(i => !chosen.includes(i))
    held[move.to]!.push(...chosen)
  }
  return Math.max(...sums()) / mean
}

for (const [threads, seconds] of [
  [2, 3],
  [4, 6],
] as const)
  test(`${threads} threads: half of 64 connections do ten times as much, and the busiest thread has 1.25 of the mean at most`, () => {
    const worst = { before: 0, after: 0 }
    for (let seed = 1; seed <= 200; seed++) {
      worst.before = Math.max(worst.before, simulate(threads, seed, 0))
      worst.after = Math.max(worst.after, simulate(threads, seed, seconds))
    }
    assert.ok(worst.before > 1.25, `by the number of connections alone it would be ${worst.before}`)
    assert.ok(worst.after <= 1.2, `${worst.after}`)
  })
