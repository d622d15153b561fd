import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deadline, DeadlineList } from './deadlines.ts'

/** Time that only moves when the test says so. */
function fakeTime(t: import('node:test').TestContext): (ms: number) => void {
  let now = 1000
  t.mock.method(performance, 'now', () => now)
  t.mock.timers.enable({ apis: ['setInterval'] })
  return ms => {
    const stride = ms > 100_000 ? 1000 : 50
    for (let step = 0; step < ms; step += stride) {
      now += stride
      t.mock.timers.tick(stride)
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

test('a deadline that moves to a list with duration 0 never expires', t => {
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

test('a deadline that rests does not expire, and works again when it is armed', t => {
  const advance = fakeTime(t)
  const list = new DeadlineList(1000)
  let expired = 0
  const deadline = new Deadline(() => expired++)
  list.arm(deadline)
  advance(500)
  deadline.rest()
  assert.equal(deadline.isArmed, false)
  advance(400)
  list.arm(deadline)
  advance(900)
  assert.equal(expired, 0)
  advance(300)
  assert.equal(expired, 1)
})

test('the list forgets a deadline that rests for a whole duration', t => {
  const advance = fakeTime(t)
  const list = new DeadlineList(1000)
  const deadline = new Deadline(() => assert.fail('expired'))
  list.arm(deadline)
  deadline.rest()
  assert.equal(deadline.list, list)
  advance(1200)
  assert.equal(deadline.list, null)
})

test('a deadline that is armed all the time expires when the arming ends', t => {
  const advance = fakeTime(t)
  const list = new DeadlineList(1000)
  let expired = 0
  const deadline = new Deadline(() => expired++)
  for (let i = 0; i < 100; i++) {
    list.arm(deadline)
    advance(150)
  }
  assert.equal(expired, 0)
  advance(1000)
  assert.equal(expired, 1)
})

test('a duration of a day expires within twelve minutes of it', t => {
  const advance = fakeTime(t)
  const hour = 3_600_000
  const list = new DeadlineList(24 * hour)
  let expired = 0
  list.arm(new Deadline(() => expired++))
  advance(24 * hour - 1000)
  assert.equal(expired, 0)
  advance(12 * 60_000)
  assert.equal(expired, 1)
})

test('disarming one deadline leaves the others, wherever it stood in the list', t => {
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

test('a duration of 0 means no deadline', t => {
  const advance = fakeTime(t)
  const list = new DeadlineList(0)
  list.arm(new Deadline(() => assert.fail('expired')))
  advance(10_000)
})

test('when very many are due at once, each turn of the event loop expires a few of them', async t => {
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

test('ticks are whole milliseconds: timers cut a part of one away, and deadlines would come early', t => {
  const { mock } = t.mock.method(globalThis, 'setInterval')
  for (const duration of [1500, 2015, 3_600_000]) {
    const deadline = new Deadline(() => {})
    new DeadlineList(duration).arm(deadline)
    const tick = mock.calls.at(-1)!.arguments[1]!
    assert.equal(tick % 1, 0, `${duration} ms`)
    assert.ok((deadline.at - 1) * tick >= duration)
  }
})
