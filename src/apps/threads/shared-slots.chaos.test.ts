import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FakeExchange } from '../testing/fake-exchange.ts'
import type { FakeWorkerRequest } from '../testing/fake-worker.ts'
import { numbers } from '../testing/numbers.ts'
import { type SlottedWorker, ThreadBench, turn, until } from '../testing/thread-bench.ts'

const THREADS = 3
const SLOTS = 2
const STEPS = 700

/** What runs on each slot of each worker, in the order in which it came. */
class Running {
  readonly #bySlot = new Map<string, FakeWorkerRequest[]>()

  start(slot: string, request: FakeWorkerRequest): void {
    const there = this.#bySlot.get(slot) ?? []
    for (const other of there) assert.equal(other.link, request.link, 'only requests of one thread are on a slot')
    there.push(request)
    this.#bySlot.set(slot, there)
  }

  /** Calls back for the first request of each slot. */
  first(answer: (request: FakeWorkerRequest) => void, ofSlot: (index: number) => boolean): void {
    for (const [index, requests] of [...this.#bySlot.values()].entries())
      if (ofSlot(index) && requests.length > 0) answer(requests.shift()!)
  }

  die(worker: number): void {
    for (const slot of this.#bySlot.keys()) if (slot.startsWith(`${worker}/`)) this.#bySlot.delete(slot)
  }
}

for (const seed of [1, 2, 3])
  test(`whatever clients, workers and threads do, each request is answered or given up (seed ${seed})`, async () => {
    const dice = numbers(seed)
    const bench = new ThreadBench(THREADS)
    const running = new Running()
    const workers: SlottedWorker[] = []
    let next = 1
    const addWorker = async () => {
      const id = next++
      workers.push(await bench.worker(id, SLOTS, (request, slot) => running.start(`${id}/${slot}`, request)))
    }
    const answer = (request: FakeWorkerRequest) => request.link.respond(200, [], request.environ.get('PATH_INFO')!)
    await addWorker()
    await addWorker()
    const sent: { readonly exchange: FakeExchange; readonly path: string; isGone: boolean }[] = []
    for (let step = 0; step < STEPS; step++) {
      const what = dice(100)
      if (what < 55) {
        const path = `/${step}`
        sent.push({ exchange: bench.threads[dice(THREADS)]!.send({ path }), path, isGone: false })
      } else if (what < 60 && sent.length > 0) {
        const one = sent[dice(sent.length)]!
        one.isGone = true
        one.exchange.leave()
      } else if (what < 62) {
        const thread = bench.threads[dice(THREADS)]!
        thread.isBusy = !thread.isBusy
      } else if (what === 62) {
        const [worker] = workers.splice(0, 1)
        running.die(worker!.id)
        worker!.die()
        await until(() => bench.threads.every(({ pool }) => !pool.has(worker!.id)))
        await addWorker()
      } else {
        running.first(answer, () => dice(2) === 0)
      }
      if (dice(3) === 0) await turn()
    }
    for (const thread of bench.threads) thread.isBusy = false
    const isOver = ({ exchange, isGone }: (typeof sent)[number]) =>
      isGone || exchange.error !== null || ['ended', 'aborted'].includes(exchange.response.state)
    await until(() => {
      running.first(answer, () => true)
      return sent.every(isOver)
    })
    for (const { exchange, path } of sent)
      if (exchange.response.status === 200) assert.equal(exchange.response.text, path)
    await until(() => bench.threads.every(({ pool }) => pool.inFlight === 0))
    const ends = bench.threads.map(({ pool }) => pool.workers.map(({ id }) => id).sort())
    assert.deepEqual(ends, [ends[0], ends[0], ends[0]])
  })
