/**
 * A gateway without sockets of clients, for tests: the real parts, their handler, and fake workers. It is told what the master would say,
 * and keeps what it says to the master.
 */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'node:test'
import { FakeExchange, type FakeRequest } from '../../apps/testing/fake-exchange.ts'
import { FakeWorker, type Script } from '../../apps/testing/fake-worker.ts'
import { NO_TRAFFIC } from '../../base/traffic.ts'
import { type AppChanges, type Changes, testApp, testConfig } from '../../config/testing/config.ts'
import type { AppConfig, PoolConfig } from '../../config/types.ts'
import { gatewayApp, gatewayPart } from '../../control/config-shape.ts'
import type { GatewayToMaster } from '../../control/messages.ts'
import { assembleHandler, type InForce } from '../assemble.ts'
import { type GatewayParts, makeParts } from '../parts.ts'
import type { Entry } from '../serve.ts'

export const MAIN: PoolConfig = { name: '', paths: [], workers: null }

const TIMEOUTS = { request: 0, streamIdle: 0, queue: 0, graceful: 0 }

/** Without time limits, and with these changes. */
export function app(name: string, changes: AppChanges = {}): AppConfig {
  return testApp({ name, ...changes, timeouts: { ...TIMEOUTS, ...changes.timeouts } })
}

export const KEY = '0'.repeat(64)

const benches = new Set<GatewayBench>()
afterEach(() => {
  for (const bench of benches) bench.close()
  benches.clear()
})

const WITHOUT_TLS: InForce = { sites: null, tls: null, https: { redirect: false, hsts: null } }

export class GatewayBench {
  readonly parts: GatewayParts
  readonly entry: Entry
  readonly messages: GatewayToMaster[] = []
  isStopping = false
  /** That which the master names with the next `configure`. */
  affinityKey = KEY
  readonly #events = new EventEmitter()
  readonly #directory = mkdtempSync(join(tmpdir(), 'jumak-gateway-'))
  readonly #workers: FakeWorker[] = []

  constructor(apps: readonly AppConfig[], changes: Changes = {}) {
    const config = gatewayPart(testConfig({ apps, temporaryDirectory: this.#directory, logLevel: 'debug', ...changes }))
    const send = (message: GatewayToMaster) => {
      this.messages.push(message)
      this.#events.emit('message')
    }
    const start = {
      type: 'start',
      build: 'b1',
      config,
      affinityKey: KEY,
      listeners: [],
      waits: false,
      tls: null,
    } as const
    this.parts = makeParts(
      start,
      send,
      () => this.isStopping,
      () => NO_TRAFFIC,
    )
    this.entry = { handler: assembleHandler(this.parts, WITHOUT_TLS) }
    benches.add(this)
  }

  /** HUP has read these applications. */
  configure(...apps: readonly AppConfig[]): void {
    this.parts.applications.prepare(apps.map(gatewayApp), this.affinityKey)()
    this.entry.handler = assembleHandler(this.parts, WITHOUT_TLS)
  }

  /** `path`: as the generation was started with; that of the configuration by default. */
  serve(name: string, generation: number, path = this.#pathOf(name)): void {
    if (this.parts.applications.serve({ type: 'serve', app: name, generation, path }))
      this.entry.handler = assembleHandler(this.parts, WITHOUT_TLS)
  }

  /** Waits for a message of this type about this worker. */
  async told(type: GatewayToMaster['type'], worker: number): Promise<void> {
    const isTold = () =>
      this.messages.some(message => message.type === type && 'worker' in message && message.worker === worker)
    while (!isTold()) await once(this.#events, 'message')
  }

  /** The text of each line for the log, with the application that it names. */
  get lines(): string[] {
    return this.messages.flatMap(message => (message.type === 'log' ? `${message.app}: ${message.message}` : []))
  }

  /** A worker with one slot that can serve when this resolves. */
  async worker(
    name: string,
    worker: number,
    script: Script,
    { pool = '', generation = 1, path = this.#pathOf(name) } = {},
  ): Promise<FakeWorker> {
    const fake = await new FakeWorker(join(this.#directory, `w${worker}.sock`), worker, script).listen()
    this.#workers.push(fake)
    this.parts.applications.addWorker({
      type: 'worker-add',
      app: name,
      pool,
      worker,
      pid: process.pid,
      socket: fake.path,
      slots: 1,
      generation,
      path,
      maxRequests: 0,
      interface: 'wsgi',
      isGreen: false,
      hasServed: false,
      isApart: false,
      warmup: [],
    })
    await this.told('worker-linked', worker)
    return fake
  }

  #pathOf(name: string): string {
    return this.parts.applications.get(name)?.config.path ?? ''
  }

  send(request: FakeRequest = {}): FakeExchange {
    const exchange = new FakeExchange(request)
    assert.equal(this.entry.handler(exchange), undefined)
    return exchange
  }

  /** Sends, and waits for the answer: its status and text. */
  async ask(request: FakeRequest = {}): Promise<[number, string]> {
    const exchange = new FakeExchange(request)
    // A filter may come between.
    const { response } = exchange
    void this.entry.handler(exchange)
    while (response.state === 'idle' || response.state === 'started') await once(response.events, 'over')
    return [response.status, response.text]
  }

  close(): void {
    this.parts.applications.close()
    for (const worker of this.#workers) worker.die()
    rmSync(this.#directory, { recursive: true })
  }
}
