/** A pool with WSGI workers, for the tests of `apps/`. */
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach } from 'node:test'
import { MemoryBudget } from '../../base/memory-budget.ts'
import { TemporarySpace } from '../../base/temporary-space.ts'
import { testApp } from '../../config/testing/config.ts'
import type { AppLimits, AppTimeouts, QueueOrder } from '../../config/types.ts'
import { type LinkOptions, linkFactory } from '../links.ts'
import type { AddressLimit } from '../pool/address-limit.ts'
import type { PoolAffinity } from '../pool/affinity.ts'
import { RequestBody } from '../pool/body.ts'
import { AppPool } from '../pool/pool.ts'
import { FakeExchange, type FakeRequest } from './fake-exchange.ts'
import { FakeWorker, type FakeWorkerRequest, type Script } from './fake-worker.ts'
import { PoolRecord } from './pool-record.ts'

/** For the sockets of workers, and for temporary files. */
export const directory = mkdtempSync(join(tmpdir(), 'jumak-pool-'))
after(() => rmSync(directory, { recursive: true }))

const LIMITS = { memoryBuffer: 64 * 1024, responseBuffer: 512 * 1024, queue: 100 }
const TIMEOUTS = { request: 0, streamIdle: 0, queue: 0, graceful: 0 }

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

let nextSocket = 0

export class Bench extends PoolRecord {
  readonly pool: AppPool
  /** Of the links. */
  readonly memory = new MemoryBudget()

  constructor(
    changes: {
      limits?: Partial<AppLimits>
      timeouts?: Partial<AppTimeouts>
      queueOrder?: QueueOrder
      retry?: boolean
      beforeDispatch?: () => void
      affinity?: PoolAffinity
      perAddress?: AddressLimit
      clientTimeouts?: LinkOptions['clientTimeouts']
      passing?: LinkOptions['passing']
    } = {},
  ) {
    super()
    const { limits, timeouts } = testApp({
      limits: { ...LIMITS, ...changes.limits },
      timeouts: { ...TIMEOUTS, ...changes.timeouts },
    })
    const space = new TemporarySpace(directory)
    this.pool = new AppPool({
      limits,
      timeouts,
      queueOrder: changes.queueOrder ?? 'fifo',
      retry: changes.retry ?? true,
      links: this.reader.links(
        linkFactory({
          ...{ limits, timeouts, space, memory: this.memory, build: 'b1', rootPath: '' },
          ...(changes.clientTimeouts && { clientTimeouts: changes.clientTimeouts }),
          ...(changes.passing && { passing: changes.passing }),
        }),
      ),
      onError: FakeExchange.failed,
      beforeDispatch: changes.beforeDispatch,
      events: this.listeners,
      affinity: changes.affinity ?? null,
      ...(changes.perAddress && { perAddress: changes.perAddress }),
    })
    cleanups.push(() => this.pool.close())
  }

  async worker(
    id: number,
    slots: number,
    script: Script,
    build?: string,
    maxRequests = 0,
    generation = 1,
    warmup: readonly string[] = [],
    hasServed = false,
  ): Promise<FakeWorker> {
    const worker = await new FakeWorker(join(directory, `w${nextSocket++}.sock`), id, script, build, slots).listen()
    cleanups.push(() => worker.die())
    this.pool.addWorker({
      worker: id,
      pid: process.pid,
      socket: worker.path,
      slots,
      generation,
      maxRequests,
      isApart: false,
      interface: 'wsgi',
      hasServed,
      warmup: warmup.map(target => ({ scheme: 'https', authority: 'shop.example', target })),
    })
    return worker
  }

  async linkedWorker(id: number, slots: number, script: Script, maxRequests = 0): Promise<FakeWorker> {
    const linked = once(this.events, 'linked')
    const worker = await this.worker(id, slots, script, undefined, maxRequests)
    await linked
    return worker
  }

  send(request: FakeRequest = {}): FakeExchange {
    const exchange = new FakeExchange(request)
    if (request.body === undefined) {
      this.pool.handle(exchange, null)
      return exchange
    }
    const body = new RequestBody({
      space: new TemporarySpace(directory),
      memory: new MemoryBudget(),
      expected: undefined,
      memoryBytes: LIMITS.memoryBuffer,
      onRoom: () => {},
      onError: error => FakeExchange.failed(exchange, error),
    })
    for (let at = 0; at < request.body.length; at += 10_000) body.append(request.body.subarray(at, at + 10_000))
    body.seal(() => this.pool.handle(exchange, body))
    return exchange
  }
}

/** A script that keeps requests until the test answers them. */
export function holding() {
  const requests: FakeWorkerRequest[] = []
  const events = new EventEmitter()
  const script: Script = request => {
    requests.push(request)
    events.emit('request')
  }
  const until = async (count: number) => {
    while (requests.length < count) await once(events, 'request')
  }
  return { requests, script, until }
}

/** A bench whose only worker runs one request until the test answers it. */
export async function runningOne() {
  const bench = new Bench()
  const held = holding()
  const worker = await bench.linkedWorker(1, 1, held.script)
  const exchange = bench.send()
  await held.until(1)
  return { bench, held, worker, exchange }
}

export const echo: Script = ({ environ, body, link }) =>
  link.respond(200, ['X-Path', environ.get('PATH_INFO')!, 'X-Length', String(body.length)], body)
export const saying =
  (word: string): Script =>
  ({ link }) =>
    link.respond(200, [], Buffer.from(word))
