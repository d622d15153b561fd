/**
 * Pools of one application in several threads of the gateway, for tests: all of them on this thread, with the words that they would share
 * and workers that they would all have links to. Each slot of a worker runs one request at a time, and says so when that is broken.
 */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import { after, afterEach, type TestContext } from 'node:test'
import { MemoryBudget } from '../../base/memory-budget.ts'
import { TemporarySpace } from '../../base/temporary-space.ts'
import { testApp } from '../../config/testing/config.ts'
import type { AppLimits, QueueOrder } from '../../config/types.ts'
import { sharedWords } from '../../shared/cells.ts'
import { poolMemory } from '../../shared/client-homes.ts'
import { slotWords } from '../../shared/slot-table.ts'
import { linkFactory } from '../links.ts'
import type { PoolAffinity } from '../pool/affinity.ts'
import { AppPool } from '../pool/pool.ts'
import { type SharedSlots, sharedSlots } from '../threads/shared-slots.ts'
import { type AsgiScript, FakeAsgiWorker } from './fake-asgi-worker.ts'
import { FakeExchange, type FakeRequest } from './fake-exchange.ts'
import { FakeWorker, type FakeWorkerRequest, type Script } from './fake-worker.ts'
import { directory } from './pool-bench.ts'
import { PoolRecord } from './pool-record.ts'

const cleanups: (() => void)[] = []
const cleanUp = () => {
  for (const cleanup of cleanups.splice(0)) cleanup()
}
afterEach(cleanUp)
after(cleanUp)

let nextSocket = 0

export interface ThreadChanges {
  readonly limits?: Partial<AppLimits>
  readonly queueOrder?: QueueOrder
  readonly affinity?: PoolAffinity
}

/** The pool of one thread. */
export class PoolThread extends PoolRecord {
  readonly pool: AppPool
  slots!: SharedSlots
  /** Messages do not reach it: its event loop is busy. */
  isBusy = false

  constructor(bench: ThreadBench, thread: number, cells: SharedArrayBuffer, changes: ThreadChanges) {
    super()
    const { limits, timeouts } = testApp({
      limits: { memoryBuffer: 64 * 1024, responseBuffer: 512 * 1024, queue: 100, ...changes.limits },
      timeouts: { request: 0, streamIdle: 0, queue: 0, graceful: 0 },
    })
    const space = new TemporarySpace(directory)
    const threads = bench.count
    const order = changes.queueOrder ?? 'fifo'
    const wake = (other: number) => bench.wake(other)
    this.pool = new AppPool({
      limits,
      timeouts,
      queueOrder: order,
      links: this.reader.links(
        linkFactory({ limits, timeouts, space, memory: new MemoryBudget(), build: 'b1', rootPath: '', threads }),
      ),
      onError: FakeExchange.failed,
      events: this.listeners,
      affinity: changes.affinity ?? null,
      slotSource: sharedSlots({ cells, threads, thread, order, wake }, slots => {
        this.slots = slots
      }),
    })
    cleanups.push(() => this.pool.close())
  }

  send(request: FakeRequest = {}): FakeExchange {
    const exchange = new FakeExchange(request)
    this.pool.handle(exchange, null)
    return exchange
  }
}

/** A WSGI worker: a socket for each slot. */
export class SlottedWorker {
  readonly id: number
  readonly slots: readonly FakeWorker[]

  constructor(id: number, slots: readonly FakeWorker[]) {
    this.id = id
    this.slots = slots
  }

  die(): void {
    for (const slot of this.slots) slot.die()
  }
}

export class ThreadBench {
  readonly count: number
  readonly threads: PoolThread[]
  readonly #cells: SharedArrayBuffer
  readonly #changes: ThreadChanges
  readonly #workers: ((thread: PoolThread) => void)[] = []

  constructor(count: number, changes: ThreadChanges = {}) {
    this.count = count
    this.#changes = changes
    this.#cells = poolMemory(count)
    this.threads = Array.from({ length: count }, (_, thread) => new PoolThread(this, thread, this.#cells, changes))
  }

  /** A message to the thread. */
  wake(thread: number): void {
    setImmediate(() => {
      const { isBusy, slots } = this.threads[thread]!
      if (!isBusy) slots.woken()
    })
  }

  /** A WSGI worker, to which all threads are linked. The script gets its requests, and the number of the slot. */
  async worker(
    id: number,
    slots: number,
    script: (request: FakeWorkerRequest, slot: number) => void,
    maxRequests = 0,
    generation = 1,
  ): Promise<SlottedWorker> {
    const path = join(directory, `t${nextSocket++}.sock`)
    const fakes: FakeWorker[] = []
    for (let slot = 0; slot < slots; slot++) {
      const own: Script = request => script(request, slot)
      fakes.push(await new FakeWorker(`${path}.${slot}`, id, own, 'b1', slots).listen())
    }
    cleanups.push(() => fakes.map(fake => fake.die()))
    await this.#add({ worker: id, socket: path, slots, maxRequests, generation, interface: 'wsgi' }, slots)
    return new SlottedWorker(id, fakes)
  }

  async asgiWorker(id: number, concurrency: number, script: AsgiScript): Promise<FakeAsgiWorker> {
    const path = join(directory, `t${nextSocket++}.sock`)
    const worker = await new FakeAsgiWorker(path, id, script, 'b1', concurrency).listen()
    cleanups.push(() => worker.die())
    const address = { worker: id, socket: path, slots: concurrency, maxRequests: 0, generation: 1 }
    await this.#add({ ...address, interface: 'asgi' }, 1)
    return worker
  }

  /** Waits until each thread has `links` to the worker. */
  async #add(
    address: Pick<Address, 'worker' | 'socket' | 'slots' | 'maxRequests' | 'generation' | 'interface'>,
    links: number,
  ) {
    const cells = sharedWords(slotWords(this.count, address.slots))
    const add = ({ pool }: PoolThread) => pool.addWorker({ ...address, pid: process.pid, isApart: false, cells })
    this.#workers.push(add)
    for (const thread of this.threads) add(thread)
    const isOpen = ({ pool }: PoolThread) =>
      pool.workers.find(({ id }) => id === address.worker)!.slots.filter(link => link.isOpen).length >= links
    while (!this.threads.every(isOpen)) await turn()
  }

  /** The thread dies: its links are cut, and nothing of it is given back. A new one has its index. */
  replace(thread: number): PoolThread {
    const dead = this.threads[thread]!
    dead.isBusy = true
    dead.pool.close()
    const made = new PoolThread(this, thread, this.#cells, this.#changes)
    this.threads[thread] = made
    for (const add of this.#workers) add(made)
    return made
  }
}

type Address = Parameters<AppPool['addWorker']>[0]

export const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Waits until it is true. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

/** A clock that stands still, so that it is known which call has waited for longer, however slow the machine is. */
export class StoppedClock {
  #now = performance.now()

  constructor(t: TestContext) {
    t.mock.method(performance, 'now', () => this.#now)
  }

  pass(milliseconds: number): void {
    this.#now += milliseconds
  }
}

/** A script that keeps requests until the test answers them, and checks that a slot runs one at a time. */
export function keeping() {
  const running: { readonly path: string; readonly slot: number; readonly request: FakeWorkerRequest }[] = []
  const events = new EventEmitter()
  const script = (request: FakeWorkerRequest, slot: number) => {
    assert.ok(!running.some(one => one.slot === slot), 'a slot runs one request at a time')
    running.push({ path: request.environ.get('PATH_INFO')!, slot, request })
    events.emit('request')
  }
  /** Waits until the request runs. */
  const runs = async (path: string) => {
    while (!running.some(one => one.path === path)) await once(events, 'request')
  }
  const answer = (path: string) => {
    const [one] = running.splice(
      running.findIndex(each => each.path === path),
      1,
    )
    one!.request.link.respond(200, [], path)
  }
  return { running, script, runs, answer, paths: () => running.map(({ path }) => path) }
}
