import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  AHEAD_BUDGET_MICROS,
  aheadBudget,
  aheadSlot,
  fatesApart,
  fatesOf,
  idleSlot,
  LONE_BUDGET_MICROS,
  MAX_AHEAD,
  MAX_LOSSES,
  RunTimes,
  type Slot,
  type Unanswered,
  type WorkerSlots,
} from './dispatch-rules.ts'

interface NamedSlot extends Slot {
  readonly name: string
}

function slot(name: string, inFlight = 0, changes: Partial<Slot> = {}): NamedSlot {
  return { name, usable: true, capacity: 1, streams: 0, inFlight, takesAhead: true, firstSince: 0, ...changes }
}

function worker(generation: number, ...slots: NamedSlot[]): WorkerSlots<NamedSlot> {
  return { generation, slots, suspectSince: 0 }
}

test('an idle slot of the worker with the fewest busy slots is chosen', () => {
  const workers = [worker(1, slot('a1', 1), slot('a2')), worker(1, slot('b1'), slot('b2')), worker(1, slot('c1', 1))]
  assert.match(idleSlot(workers)!.name, /^b/)
})

test('a newer generation is preferred while it has an idle slot', () => {
  const newer = worker(2, slot('n1', 1), slot('n2'))
  assert.equal(idleSlot([worker(1, slot('o1')), newer])!.name, 'n2')
  newer.slots[1]!.inFlight = 1
  assert.equal(idleSlot([worker(1, slot('o1')), newer])!.name, 'o1')
})

test('where workers have room for many, the one with the fewest requests is chosen, then the one with the fewest streams', () => {
  const many = (name: string, inFlight: number, streams: number) => slot(name, inFlight, { capacity: 10, streams })
  assert.equal(idleSlot([worker(1, many('a', 3, 0)), worker(1, many('b', 2, 9))])!.name, 'b')
  assert.equal(idleSlot([worker(1, many('a', 2, 5)), worker(1, many('b', 2, 4))])!.name, 'b')
  assert.equal(idleSlot([worker(1, many('a', 10, 0))]), null)
  assert.equal(idleSlot([worker(2, many('new', 9, 0)), worker(1, many('old', 0, 0))])!.name, 'new')
})

test('a slot that is not usable is never chosen', () => {
  const workers = [worker(1, slot('a', 0, { usable: false }))]
  assert.equal(idleSlot(workers), null)
  assert.equal(aheadSlot(workers, MAX_AHEAD, 0, AHEAD_BUDGET_MICROS), null)
})

test('a request goes ahead to the slot with the fewest requests', () => {
  const workers = [worker(1, slot('a', 3), slot('b', 2)), worker(1, slot('c', 4))]
  assert.equal(aheadSlot(workers, 4, 0, AHEAD_BUDGET_MICROS)!.name, 'b')
  assert.equal(aheadSlot(workers, 1, 0, AHEAD_BUDGET_MICROS), null)
})

test('nothing is sent behind a stream, a long body, or a request that has run for longer than the budget', () => {
  assert.equal(aheadSlot([worker(1, slot('a', 1, { takesAhead: false }))], 5, 0, AHEAD_BUDGET_MICROS), null)
  assert.equal(aheadSlot([worker(1, slot('a', 1, { firstSince: 10 }))], 5, 11.5, AHEAD_BUDGET_MICROS), null)
  assert.equal(aheadSlot([worker(1, slot('a', 1, { firstSince: 10 }))], 5, 10.9, AHEAD_BUDGET_MICROS)!.name, 'a')
})

test('nothing is sent ahead before run times are known, nor for an application that takes a millisecond', () => {
  const times = new RunTimes()
  assert.equal(times.allowedAhead(AHEAD_BUDGET_MICROS), 0)
  for (let i = 0; i < 10_000; i++) times.add(AHEAD_BUDGET_MICROS)
  assert.equal(times.allowedAhead(AHEAD_BUDGET_MICROS), 0)
})

test('requests are sent ahead after many short ones, and not any more after a slow one', () => {
  const times = new RunTimes()
  for (let i = 0; i < 2000; i++) times.add(10)
  assert.equal(times.allowedAhead(AHEAD_BUDGET_MICROS), MAX_AHEAD)
  times.add(100_000)
  assert.equal(times.allowedAhead(AHEAD_BUDGET_MICROS), 0)
  for (let i = 0; i < 100; i++) times.add(10)
  assert.equal(times.allowedAhead(AHEAD_BUDGET_MICROS), 0, 'still remembered a hundred requests later')
})

test('with one slot in all, requests of a few milliseconds are sent ahead as well, once their times are similar', () => {
  assert.equal(aheadBudget([worker(1, slot('a', 1))]), LONE_BUDGET_MICROS)
  assert.equal(aheadBudget([worker(1, slot('a', 1), slot('b', 1))]), AHEAD_BUDGET_MICROS)
  assert.equal(aheadBudget([worker(1, slot('a', 1)), worker(2, slot('b', 0, { usable: false }))]), AHEAD_BUDGET_MICROS)
  const times = new RunTimes()
  assert.equal(times.allowedAhead(LONE_BUDGET_MICROS), 0)
  for (let i = 0; i < 1000; i++) times.add(2000)
  assert.equal(times.allowedAhead(LONE_BUDGET_MICROS), 4)
  times.add(500_000)
  assert.equal(times.allowedAhead(LONE_BUDGET_MICROS), 0)
})

test('expected work ahead stays under the budget, whatever the run times', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 500 }), samples => {
      const times = new RunTimes()
      for (const micros of samples) times.add(micros)
      const allowed = times.allowedAhead(AHEAD_BUDGET_MICROS)
      assert.ok(allowed >= 0 && allowed <= MAX_AHEAD)
      if (allowed > 0) assert.ok(allowed * (times.mean + 4 * times.deviation) < AHEAD_BUDGET_MICROS)
    }),
  )
})

test('a suspect gets a worker without another suspect, and new requests go elsewhere', () => {
  const suspected = { ...worker(1, slot('a')), suspectSince: 5 }
  const busy = worker(1, slot('b1', 1), slot('b2'))
  assert.equal(idleSlot([suspected, busy])!.name, 'b2')
  assert.equal(idleSlot([busy, suspected])!.name, 'b2')
  assert.equal(idleSlot([suspected])!.name, 'a', 'better beside a suspect than not at all')
  assert.equal(idleSlot([suspected], 5), null)
  assert.equal(
    idleSlot([suspected, worker(1, slot('c', 1), slot('d'))], -100)!.name,
    'd',
    'a clock that has just begun',
  )
  assert.equal(idleSlot([suspected], 6)!.name, 'a', 'it has run for long enough')
  assert.equal(idleSlot([{ ...worker(2, slot('new')), suspectSince: 5 }, worker(1, slot('old'))])!.name, 'new')
})

function call(idempotent: boolean, changes: Partial<Unanswered> = {}): Unanswered {
  return { idempotent, begun: false, losses: 0, ...changes }
}

test('the first request is retried only if its method is idempotent and its response has not begun', () => {
  assert.deepEqual(fatesOf([call(true)], true), ['retry'])
  assert.deepEqual(fatesOf([call(false)], true), ['fail'])
  assert.deepEqual(fatesOf([call(true, { begun: true })], true), ['fail'])
})

test('a POST behind an unanswered request was never started and is retried', () => {
  assert.deepEqual(fatesOf([call(true), call(false), call(true)], true), ['retry', 'retry', 'retry'])
  assert.deepEqual(fatesOf([call(false), call(false)], true), ['fail', 'retry'])
})

test('a request costs two workers at most, and is not blamed for requests before it', () => {
  const killer = call(true)
  const bystander = call(true)
  const behind = call(false)
  assert.deepEqual(fatesOf([killer, bystander, behind], true), ['retry', 'retry', 'retry'])
  assert.deepEqual([killer.losses, bystander.losses, behind.losses], [1, 1, 0])
  assert.deepEqual(fatesOf([killer], true), ['fail'])
  assert.equal(killer.losses, MAX_LOSSES)
})

test('a barred request is not retried, unless it was never started', () => {
  assert.deepEqual(fatesOf([call(true, { isBarred: true })], true), ['fail'])
  assert.deepEqual(fatesOf([call(false), call(true, { isBarred: true })], true), ['fail', 'retry'])
})

test('no request is blamed when the gateway closed the link', () => {
  const calls = [call(true), call(true)]
  assert.deepEqual(fatesOf(calls, false), ['retry', 'retry'])
  assert.deepEqual(
    calls.map(({ losses }) => losses),
    [0, 0],
  )
})

test('no request behind a stream is blamed', () => {
  const behind = call(true)
  assert.deepEqual(fatesOf([call(true, { begun: true }), behind], true), ['fail', 'retry'])
  assert.equal(behind.losses, 0)
})

/**
 * Simulates arrivals that do not wait for answers, on workers with one slot each; time in microseconds. Returns the longest time that a
 * request stood behind others on its slot, and whether a slot was ever idle while a request waited.
 */
function simulate(arrivals: readonly { readonly gap: number; readonly run: number }[], slotCount: number) {
  const times = new RunTimes()
  for (let i = 0; i < 1000; i++) times.add(50)
  const slots = Array.from({ length: slotCount }, (_, i) => slot(`s${i}`))
  const workers = slots.map(each => worker(1, each))
  const onSlot = new Map(slots.map(each => [each, [] as { run: number; sent: number }[]]))
  const queue: { run: number }[] = []
  let now = 0
  let worstExpected = 0
  const pump = () => {
    while (queue.length > 0) {
      const budget = aheadBudget(workers)
      const allowed = times.allowedAhead(budget)
      const chosen = idleSlot(workers) ?? aheadSlot(workers, allowed, now / 1000, budget)
      if (chosen === null) {
        assert.ok(
          slots.every(each => each.inFlight > 0),
          'no slot is idle while a request waits',
        )
        return
      }
      worstExpected = Math.max(worstExpected, chosen.inFlight * (times.mean + 4 * times.deviation))
      if (chosen.inFlight++ === 0) chosen.firstSince = now / 1000
      onSlot.get(chosen)!.push({ run: queue.shift()!.run, sent: now })
    }
  }
  const nextEnd = () => {
    let next: { at: number; slot: NamedSlot } | null = null
    for (const each of slots) {
      const first = onSlot.get(each)![0]
      if (first === undefined) continue
      const at = each.firstSince * 1000 + first.run
      if (next === null || at < next.at) next = { at, slot: each }
    }
    return next
  }
  const finish = (end: { at: number; slot: NamedSlot }) => {
    now = Math.max(now, end.at)
    const [done] = onSlot.get(end.slot)!.splice(0, 1)
    times.add(done!.run)
    end.slot.inFlight--
    end.slot.firstSince = now / 1000
    pump()
  }
  let at = 0
  for (const { gap, run } of arrivals) {
    at += gap
    for (let end = nextEnd(); end !== null && end.at <= at; end = nextEnd()) finish(end)
    now = Math.max(now, at)
    queue.push({ run })
    pump()
  }
  for (let end = nextEnd(); end !== null; end = nextEnd()) finish(end)
  return { worstExpected, left: queue.length }
}

test('a lost link with many calls: each is judged by itself, and retried only if its content is kept', () => {
  const calls = [call(true), call(false), call(true, { begun: true }), call(true, { isContentGone: true }), call(true)]
  assert.deepEqual(fatesApart(calls, true), ['retry', 'fail', 'fail', 'fail', 'retry'])
  assert.deepEqual(fatesApart(calls, true), ['fail', 'fail', 'fail', 'fail', 'fail'])
})

test('simulation: no slot is idle while a request waits, every request is served, expected work ahead stays within the budget', () => {
  const arrival = fc.record({
    gap: fc.integer({ min: 0, max: 200 }),
    run: fc.oneof({ weight: 20, arbitrary: fc.integer({ min: 5, max: 100 }) }, fc.integer({ min: 1000, max: 50_000 })),
  })
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 300 }), fc.integer({ min: 1, max: 4 }), (arrivals, slotCount) => {
      const { worstExpected, left } = simulate(arrivals, slotCount)
      assert.equal(left, 0)
      assert.ok(worstExpected < (slotCount === 1 ? LONE_BUDGET_MICROS : AHEAD_BUDGET_MICROS))
    }),
    { numRuns: 60 },
  )
})
