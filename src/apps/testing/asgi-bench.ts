/** A pool with ASGI workers, for the tests of `apps/`. */
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryBudget } from '../../base/memory-budget.ts'
import { TemporarySpace } from '../../base/temporary-space.ts'
import { testApp } from '../../config/testing/config.ts'
import type { AppTimeouts } from '../../config/types.ts'
import { appHandler } from '../../handlers/app.ts'
import { linkFactory } from '../links.ts'
import type { PoolAffinity } from '../pool/affinity.ts'
import { AppPool } from '../pool/pool.ts'
import { type AsgiScript, type FakeAsgiExchange, FakeAsgiWorker } from './fake-asgi-worker.ts'
import { FakeExchange, type FakeRequest } from './fake-exchange.ts'
import { PoolRecord } from './pool-record.ts'

const LIMITS = { memoryBuffer: 64 * 1024, responseBuffer: 512 * 1024, queue: 1000 }
const TIMEOUTS = { request: 0, streamIdle: 0, queue: 0, graceful: 0 }

export class AsgiBench extends PoolRecord {
  readonly pool: AppPool
  readonly memory: MemoryBudget
  /** For the sockets of workers, and for temporary files. */
  readonly directory = mkdtempSync(join(tmpdir(), 'jumak-asgi-'))
  readonly #workers: FakeAsgiWorker[] = []
  readonly #handler: ReturnType<typeof appHandler>
  readonly #maxRequests: number
  readonly #isGreen: boolean

  constructor(
    changes: {
      timeouts?: Partial<AppTimeouts>
      rootPath?: string
      maxRequests?: number
      /** WSGI in greenlets. */
      isGreen?: boolean
      memory?: MemoryBudget
      affinity?: PoolAffinity
    } = {},
  ) {
    super()
    this.memory = changes.memory ?? new MemoryBudget()
    this.#maxRequests = changes.maxRequests ?? 0
    this.#isGreen = changes.isGreen ?? false
    const { limits, timeouts } = testApp({ limits: LIMITS, timeouts: { ...TIMEOUTS, ...changes.timeouts } })
    const space = new TemporarySpace(this.directory)
    const { rootPath = '' } = changes
    this.pool = new AppPool({
      limits,
      timeouts,
      links: this.reader.links(linkFactory({ limits, timeouts, space, memory: this.memory, build: 'b1', rootPath })),
      onError: FakeExchange.failed,
      events: this.listeners,
      affinity: changes.affinity ?? null,
    })
    this.#handler = appHandler(this.pool, {
      requestBuffering: true,
      limits,
      space,
      memory: this.memory,
      onError: FakeExchange.failed,
    })
  }

  async worker(id: number, slots: number, script: AsgiScript, generation = 1): Promise<FakeAsgiWorker> {
    const linked = once(this.events, 'linked')
    const worker = await this.unlinkedWorker(id, slots, script, 'b1', generation)
    await linked
    return worker
  }

  async unlinkedWorker(id: number, slots: number, script: AsgiScript, build: string, generation = 1) {
    const path = join(this.directory, `w${this.#workers.length}.sock`)
    const worker = await new FakeAsgiWorker(path, id, script, build, slots).listen()
    this.#workers.push(worker)
    this.pool.addWorker({
      worker: id,
      pid: process.pid,
      socket: path,
      slots,
      generation,
      maxRequests: this.#maxRequests,
      isApart: false,
      interface: this.#isGreen ? 'wsgi' : 'asgi',
      isGreen: this.#isGreen,
    })
    return worker
  }

  /** Sends through the handler, as the gateway does: content is collected or streamed. */
  send(request: FakeRequest = {}): FakeExchange {
    const exchange = new FakeExchange(request)
    void this.#handler(exchange)
    return exchange
  }

  webSocket(request: FakeRequest = {}): FakeExchange {
    return this.send({ ...request, isWebSocket: true })
  }

  close(): void {
    this.pool.close()
    for (const worker of this.#workers) worker.die()
    rmSync(this.directory, { recursive: true })
  }
}

/** A script that keeps exchanges until the test answers them. */
export function holdingAsgi() {
  const exchanges: FakeAsgiExchange[] = []
  const events = new EventEmitter()
  const script: AsgiScript = exchange => {
    exchanges.push(exchange)
    events.emit('exchange')
  }
  /** Waits for the exchange of this number. */
  const the = async (index: number): Promise<FakeAsgiExchange> => {
    while (exchanges.length <= index) await once(events, 'exchange')
    return exchanges[index]!
  }
  return { exchanges, script, the }
}

/** Waits until the condition is true; tests it after each of these events. */
export async function until(emitter: EventEmitter, event: string, condition: () => boolean): Promise<void> {
  while (!condition()) await once(emitter, event)
}

export const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
