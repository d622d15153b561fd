import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deadline, DeadlineList } from './deadlines.ts'

/** Time that only moves when the test says so. */
function fakeTime(t: import('node:test').TestContext): (ms: number) => void {
  let now = 1000
  t.mock.method(performance, 'now', () => now)
  t.mock.timers.enable({ apis: ['setInterval'] })
  return ms => {
    for (let step = 0; step < ms; step += 50) {
      now += 50
      t.mock.timers.tick(50)
    }
  }
}

test('a deadline expires once, after its duration', t => {
  const advance = fakeTime(t)
  const list = new DeadlineList(1000)
  let expired = 0
  list.arm(new Deadline(() => expired++))
  advance(950)
  assert.equal(expired, 0)
  advance(200)
  assert.equal(expired, 1)
  advance(5000)
  assert.equal(expired, 1)
})

test('a deadline that moves to a list of 0 has none', t => {
  const advance = fakeTime(t)
  let expired = 0
  const deadline = new Deadline(() => expired++)
  new DeadlineList(1000).arm(deadline)
  new DeadlineList(0).arm(deadline)
  advance(5000)
  assert.equal(expired, 0)
})

test('arming again starts the duration anew', t => {
  const advance = fakeTime(t)
  const list = new DeadlineList(1000)
  let expired = 0
  const deadline = new Deadline(() => expired++)
  list.arm(deadline)
  advance(900)
  list.arm(deadline)
  advance(900)
  assert.equal(expired, 0)
  advance(200)
  assert.equal(expired, 1)
})

test('disarming one leaves the others, wherever it stood in the list', t => {
  const advance = fakeTime(t)
  const list = new DeadlineList(1000)
  const expired: string[] = []
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(name => new Deadline(() => expired.push(name)))
  for (const deadline of [a!, b!, c!, d!]) list.arm(deadline)
  a!.disarm()
  c!.disarm()
  d!.disarm()
  d!.disarm()
  advance(1200)
  assert.deepEqual(expired, ['b'])
})

test('a deadline moves from one list to another', t => {
  const advance = fakeTime(t)
  const [short, long] = [new DeadlineList(1000), new DeadlineList(3000)]
  let expired = 0
  const deadline = new Deadline(() => expired++)
  short.arm(deadline)
  long.arm(deadline)
  advance(2000)
  assert.equal(expired, 0)
  advance(2000)
  assert.equal(expired, 1)
})

test('a callback may arm deadlines of the same list', t => {
  const advance = fakeTime(t)
  const list = new DeadlineList(1000)
  let expired = 0
  const deadline: Deadline = new Deadline(() => {
    if (++expired < 3) list.arm(deadline)
  })
  list.arm(deadline)
  advance(4000)
  assert.equal(expired, 3)
})

test('a duration of 0 means none', t => {
  const advance = fakeTime(t)
  const list = new DeadlineList(0)
  list.arm(new Deadline(() => assert.fail('expired')))
  advance(10_000)
})

test('of very many that are due at once each turn of the event loop expires a few, until all are', async t => {
  const advance = fakeTime(t)
  const list = new DeadlineList(1000)
  let expired = 0
  for (let i = 0; i < 1000; i++) list.arm(new Deadline(() => expired++))
  advance(1200)
  const turns = [expired]
  while (expired < 1000) {
    const before = expired
    await new Promise(resolve => setImmediate(resolve))
    turns.push(expired - before)
    assert.notEqual(expired, before, 'nothing follows')
  }
  assert.ok(Math.max(...turns) <= 16, `a turn expired ${Math.max(...turns)}`)
})
