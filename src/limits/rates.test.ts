import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { TO_COMMON_MS } from '../base/common-clock.ts'
import { Rate } from './rates.ts'
import { makeTable, SETS, WAYS } from './table.ts'

const SECOND = 1_000_000

function rateOf(memory: ArrayBufferLike, interval: number, burst: number): Rate {
  const rate = new Rate(memory, interval)
  rate.prepareFor(burst)
  return rate
}

/** nginx 1.22's `ngx_http_limit_req_lookup`, in milliseconds and thousandths of a request. */
class OfNginx {
  readonly #rate: number
  #excess = -1
  #last = 0

  /** `rate`: thousandths of a request for each second. */
  constructor(rate: number) {
    this.#rate = rate
  }

  /** Thousandths of a request; null: refused. */
  take(now: number, burst: number): number | null {
    const ms = now - this.#last
    const excess = this.#excess < 0 ? 0 : Math.max(0, this.#excess - Math.trunc((this.#rate * ms) / 1000) + 1000)
    if (excess > burst * 1000) return null
    this.#excess = excess
    this.#last = now
    return excess
  }
}

const isRefused = (ahead: number) => ahead < 0

function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

test('decides as nginx does, for any arrivals', () => {
  const next = random(22)
  for (let run = 0; run < 200; run++) {
    const perSecond = [1, 2, 5, 10, 100, 1000][Math.floor(next() * 6)]!
    const burst = Math.floor(next() * 8)
    const theirs = new OfNginx(perSecond * 1000)
    const ours = rateOf(makeTable(false), SECOND / perSecond, burst)
    let now = 1000 + Math.floor(next() * 1e6)
    for (let i = 0; i < 200; i++) {
      now += Math.floor(next() * next() * next() * 4000 * (1 / perSecond + 0.001) * 3)
      const [excess, ahead] = [theirs.take(now, burst), ours.take('192.0.2.1', now, burst)]
      const told = `run ${run}, request ${i} at ${now}, ${perSecond}/s burst ${burst}: nginx ${excess}, ours ${ahead}`
      assert.equal(ahead >= 0, excess !== null, told)
      // wait: no measurement, moments that the test has chosen
      if (excess !== null) assert.ok(Math.abs((ahead / SECOND) * perSecond * 1000 - excess) <= 2, told)
    }
  }
})

test('what is refused says when it would be let in', () => {
  const rate = rateOf(makeTable(false), SECOND / 2, 1)
  assert.deepEqual([rate.take('a', 1000, 1), rate.take('a', 1000, 1)], [0, 500_000])
  assert.equal(rate.take('a', 1100, 1), -400_000)
  assert.ok(isRefused(rate.take('a', 1499, 1)))
  assert.ok(!isRefused(rate.take('a', 1500, 1)))
})

test('what is given back can be taken again, and no more', () => {
  const rate = rateOf(makeTable(false), SECOND, 0)
  assert.equal(rate.take('a', 1000, 0), 0)
  rate.giveBack('a', 1000)
  rate.giveBack('a', 1000)
  assert.equal(rate.take('a', 1000, 0), 0)
  assert.ok(isRefused(rate.take('a', 1000, 0)))
})

test('keys have nothing in common', () => {
  const rate = rateOf(makeTable(false), SECOND, 0)
  for (let i = 0; i < 1000; i++) assert.equal(rate.take(`192.0.2.${i}`, 1000, 0), 0, `${i}`)
  for (let i = 0; i < 1000; i++) assert.ok(isRefused(rate.take(`192.0.2.${i}`, 1000, 0)), `${i}`)
})

test('a flood of keys makes nobody refused, and who has taken most is remembered', () => {
  const rate = rateOf(makeTable(false), SECOND, 10)
  for (let i = 0; i <= 10; i++) rate.take('the one who asks often', 1000, 10)
  const keys = SETS * WAYS * 2
  let refused = 0
  for (let i = 0; i < keys; i++) if (rate.take(`flood ${i}`, 1000, 10) < 0) refused++
  assert.equal(refused, 0)
  assert.ok(isRefused(rate.take('the one who asks often', 1000, 10)))
})

test('the clock wraps around', () => {
  const rate = rateOf(makeTable(false), SECOND, 1)
  const moment = 2 ** 44 / 1000 - TO_COMMON_MS - 300
  assert.equal(rate.take('a', moment, 1), 0)
  assert.ok(!isRefused(rate.take('a', moment + 500, 1)))
  assert.ok(isRefused(rate.take('a', moment + 600, 1)))
  assert.equal(rate.take('a', moment + 100_000, 1), 0)
})

const THREADS = 4
const REQUESTS = 50_000
const HAMMER = `
const { parentPort, workerData } = require('node:worker_threads')
import(workerData.url).then(({ Rate }) => {
  const rate = new Rate(workerData.memory, 100_000_000)
  rate.prepareFor(5000)
  const now = performance.now()
  let taken = 0
  for (let i = 0; i < ${REQUESTS}; i++) {
    if (rate.take('a', now, 5000) >= 0) taken++
    if (i % 100 === 0 && rate.take('b', now, 5000) >= 0) rate.giveBack('b', now)
  }
  parentPort.postMessage(taken)
})`

test('threads together let in exactly as many as one would', async () => {
  const memory = makeTable(true)
  const url = new URL('./rates.ts', import.meta.url).href
  const workers = Array.from({ length: THREADS }, () => new Worker(HAMMER, { eval: true, workerData: { url, memory } }))
  const taken = await Promise.all(workers.map(worker => once(worker, 'message')))
  assert.equal(
    taken.reduce((sum, [one]) => sum + (one as number), 0),
    5001,
  )
  const rate = rateOf(memory, 100_000_000, 5000)
  const again = rate.take('b', performance.now(), 0)
  // wait: no measurement, it is only let in or not
  assert.ok(!isRefused(again), 'all was given back')
})
