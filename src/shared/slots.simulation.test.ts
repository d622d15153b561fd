/** Gateway threads that share 16 slots, in a simulation of the real protocol (`testing/simulation.ts`): how long requests wait. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  exponential,
  fixed,
  halfOnOne,
  idealWait,
  requestsOf,
  type Scene,
  type Service,
  simulate,
  twoPoint,
} from './testing/simulation.ts'

const WAKE_UPS: readonly number[] = JSON.parse(
  readFileSync(new URL('./testing/wake-ups.json', import.meta.url), 'utf8'),
).quantiles
const MEAN_WAKE_UP = WAKE_UPS.reduce((sum, one) => sum + one) / WAKE_UPS.length
const THREADS = [1, 2, 4, 16]
const [WORKERS, PLACES] = [4, 4]
const SLOTS = WORKERS * PLACES

const scene = (service: Service, load: number, threads: number, more: Partial<Scene> = {}): Scene => ({
  shares: halfOnOne(threads),
  workers: WORKERS,
  places: PLACES,
  load,
  service,
  requests: 20_000,
  seed: 7,
  wakeUps: WAKE_UPS,
  ...more,
})

/** Short requests, and long ones: ten milliseconds are the time of an ordinary page. */
const SHORT = [fixed(1000), exponential(2000), twoPoint(1000, 20_000, 0.1)]
const LONG = [fixed(20_000), exponential(20_000)]

for (const service of [...SHORT, ...LONG]) {
  for (const load of [0.5, 0.8, 0.95]) {
    test(`requests of ${service.name}, at ${100 * load} % of what the slots can do: the wait of one queue`, () => {
      const requests = requestsOf(scene(service, load, 1))
      const ideal = idealWait(requests, SLOTS)
      for (const threads of THREADS) {
        const one = scene(service, load, threads)
        const { meanWait } = simulate(one)
        // The same times and moments for any number of threads: no chance is in the comparison.
        assert.equal(idealWait(requestsOf(one), SLOTS), ideal)
        if (threads === 1) assert.ok(Math.abs(meanWait - ideal) < 0.01, `${meanWait} is not ${ideal}`)
        // Short requests at 95 %: an idle slot for 30 µs in each millisecond takes more than half of the 5 % that are left. Then the
        // queue to compare with is one whose slots are idle for a wake-up before each request that has waited.
        const isTight = load === 0.95 && SHORT.includes(service) && threads > 2
        const bound = isTight ? idealWait(requests, SLOTS, MEAN_WAKE_UP) : 1.05 * ideal + MEAN_WAKE_UP
        assert.ok(meanWait <= bound, `${threads} threads: ${meanWait} µs, more than ${bound}; one queue: ${ideal}`)
      }
    })
  }
}

const WAKE_UP = 25

test('no slot is free for longer than a wake-up while a request waits, but where a grant goes on from thread to thread', () => {
  for (const service of [...SHORT, ...LONG]) {
    for (const load of [0.5, 0.8, 0.95]) {
      for (const threads of THREADS) {
        const { longestUnused, timesUnused } = simulate(scene(service, load, threads, { wakeUps: [WAKE_UP] }))
        assert.ok(longestUnused <= 3 * WAKE_UP + 0.01, `${longestUnused} µs`)
        assert.ok(timesUnused <= 20_000 / 100, `${timesUnused} times`)
      }
    }
  }
})

test('with a thread that is blocked for 10 ms again and again no slot is unused for 3 ms while requests wait elsewhere', () => {
  for (const service of [...SHORT, ...LONG]) {
    for (const threads of [2, 4, 16]) {
      const blocks = { thread: 1, every: 50_000, length: 10_000 }
      const { longestUnused } = simulate(scene(service, 0.8, threads, { wakeUps: [WAKE_UP], blocks }))
      assert.ok(longestUnused <= 3000 + WAKE_UP, `${longestUnused} µs`)
    }
  }
})

test('no request waits much longer than the longest wait in one queue', () => {
  const one = scene(exponential(20_000), 0.8, 1)
  const several = scene(exponential(20_000), 0.8, 4)
  // A request may be overtaken by one that has waited four fifths of its time: a slot stays with its thread for so long.
  assert.ok(simulate(several).longestWait <= 1.5 * simulate(one).longestWait)
})
