import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DEFAULT_PRIORITY, type Priority, parsePriority } from './priority.ts'
import { MAX_CONTENT, type ScheduledStream, Scheduler } from './scheduler.ts'

class Stream implements ScheduledStream {
  readonly id: number
  priority: Priority
  isReady = false
  content: number
  window: number
  readonly #log: string[]

  constructor(id: number, log: string[], priority = DEFAULT_PRIORITY, content = 40_000, window = 1_000_000) {
    this.id = id
    this.#log = log
    this.priority = priority
    this.content = content
    this.window = window
  }

  get sendable(): number {
    return Math.min(this.content, this.window)
  }

  writeContent(bytes: number): void {
    assert.ok(bytes > 0 && bytes <= this.sendable && bytes <= MAX_CONTENT)
    this.content -= bytes
    this.window -= bytes
    this.#log.push(`${this.id}:${bytes}`)
  }
}

function setUp(...priorities: readonly string[]) {
  const log: string[] = []
  const scheduler = new Scheduler()
  scheduler.openWindow(1_000_000)
  const streams = priorities.map((text, i) => new Stream(2 * i + 1, log, parsePriority(text)))
  return { log, scheduler, streams, ids: () => log.map(line => line.split(':')[0]).join(' ') }
}

function writeAll(scheduler: Scheduler): void {
  while (scheduler.writeNext());
}

test('streams of use only as a whole go one after the other, in the order of their numbers', () => {
  const { scheduler, streams, log, ids } = setUp('', '', '')
  for (const stream of [...streams].reverse()) scheduler.add(stream)
  writeAll(scheduler)
  assert.equal(ids(), '1 1 1 3 3 3 5 5 5')
  assert.deepEqual(log.slice(0, 3), ['1:16375', '1:16375', '1:7250'])
  assert.ok(scheduler.isEmpty && !scheduler.isStalled)
})

test('incremental streams take turns, a frame each', () => {
  const { scheduler, streams, ids } = setUp('i', 'i', 'i')
  for (const stream of streams) scheduler.add(stream)
  writeAll(scheduler)
  assert.equal(ids(), '1 3 5 1 3 5 1 3 5')
})

test('the most urgent go first, also those that come later', () => {
  const { scheduler, streams, ids } = setUp('u=7', 'u=0', 'u=3')
  for (const stream of streams.slice(0, 2)) scheduler.add(stream)
  scheduler.writeNext()
  scheduler.add(streams[2]!)
  writeAll(scheduler)
  assert.equal(ids(), '3 3 3 5 5 5 1 1 1')
})

test('incremental ones and others of the same urgency: nobody waits for ever', () => {
  const { scheduler, streams, ids } = setUp('i', '', 'i')
  for (const stream of streams) scheduler.add(stream)
  writeAll(scheduler)
  assert.equal(ids(), '1 3 3 3 5 1 5 1 5')
})

test('a priority that changes: taken out, and put in again', () => {
  const { scheduler, streams, ids } = setUp('', '', '')
  for (const stream of streams) scheduler.add(stream)
  scheduler.writeNext()
  scheduler.remove(streams[2]!)
  streams[2]!.priority = parsePriority('u=1')
  scheduler.add(streams[2]!)
  writeAll(scheduler)
  assert.equal(ids(), '1 5 5 5 1 1 3 3 3')
})

test('adding twice, and removing what is not there, changes nothing', () => {
  const { scheduler, streams, ids } = setUp('', '')
  scheduler.add(streams[0]!)
  scheduler.add(streams[0]!)
  scheduler.remove(streams[1]!)
  writeAll(scheduler)
  assert.equal(ids(), '1 1 1')
  scheduler.remove(streams[0]!)
  assert.ok(scheduler.isEmpty)
})

test('the window of the connection is never overdrawn, and then all wait', () => {
  const log: string[] = []
  const scheduler = new Scheduler()
  scheduler.add(new Stream(1, log, DEFAULT_PRIORITY, 100_000))
  writeAll(scheduler)
  assert.deepEqual([scheduler.window, scheduler.isStalled, log.at(-1)], [0, true, `1:${65_535 % MAX_CONTENT}`])
  assert.ok(scheduler.openWindow(5))
  writeAll(scheduler)
  assert.equal(log.at(-1), '1:5')
  assert.ok(scheduler.openWindow(0x7fff_ffff))
  assert.ok(!scheduler.openWindow(1))
})

test('a stream whose window ends leaves its place to the next', () => {
  const { scheduler, streams, ids } = setUp('', '')
  streams[0]!.window = 20_000
  for (const stream of streams) scheduler.add(stream)
  writeAll(scheduler)
  assert.equal(ids(), '1 1 3 3 3')
  streams[0]!.window = 50_000
  scheduler.add(streams[0]!)
  writeAll(scheduler)
  assert.equal(streams[0]!.content, 0)
})

test('any streams, priorities and windows: all is written that windows allow, and the most urgent first', () => {
  const stream = fc.record({
    urgency: fc.nat(7),
    isIncremental: fc.boolean(),
    content: fc.nat(60_000),
    window: fc.integer({ min: -10, max: 60_000 }),
  })
  fc.assert(
    fc.property(fc.array(stream, { maxLength: 12 }), fc.nat(300_000), (all, window) => {
      const log: string[] = []
      const scheduler = new Scheduler()
      scheduler.window = window
      const streams = all.map(
        ({ urgency, isIncremental, content, window }, i) =>
          new Stream(2 * i + 1, log, { urgency, isIncremental }, content, window),
      )
      const wanted = streams.map(({ sendable }) => Math.max(0, sendable))
      for (const one of streams) if (one.sendable > 0) scheduler.add(one)
      let before = 0
      while (true) {
        const most = Math.min(...streams.filter(({ sendable }) => sendable > 0).map(({ priority }) => priority.urgency))
        if (!scheduler.writeNext()) break
        const written = streams.find(({ id }) => id === Number(log.at(-1)!.split(':')[0]))!
        assert.equal(written.priority.urgency, most)
        assert.ok(most >= before)
        before = most
      }
      const sent = log.reduce((sum, line) => sum + Number(line.split(':')[1]), 0)
      assert.equal(
        sent,
        Math.min(
          window,
          wanted.reduce((sum, bytes) => sum + bytes, 0),
        ),
      )
      assert.equal(scheduler.window, window - sent)
    }),
    { numRuns: 500 },
  )
})
