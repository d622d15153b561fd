/** What a pool tells, kept for tests that wait for it, and how full the pool is. */
import { EventEmitter } from 'node:events'
import type { PoolEvents } from '../pool/events.ts'
import type { AppPool } from '../pool/pool.ts'
import { PoolReader, type PoolStats } from './pool-stats.ts'

export abstract class PoolRecord {
  abstract readonly pool: AppPool
  readonly events = new EventEmitter()
  readonly logs: string[] = []
  readonly lost: [number, string][] = []
  readonly stuck: [number, string][] = []
  readonly blocked: [number, string][] = []
  readonly drained: number[] = []
  readonly spent: [number, number][] = []
  readonly cold: [number, string][] = []
  protected readonly reader = new PoolReader()

  protected readonly listeners: PoolEvents = {
    linked: id => this.events.emit('linked', id),
    drained: id => this.#keep('drained', this.drained, id),
    lost: (id, reason) => this.#keep('lost', this.lost, [id, reason]),
    stuck: (id, note) => this.#keep('stuck', this.stuck, [id, note]),
    warming: id => this.events.emit('warming', id),
    cold: (id, note) => this.#keep('cold', this.cold, [id, note]),
    spent: (id, requests) => this.spent.push([id, requests]),
    blocked: (id, note) => this.#keep('blocked', this.blocked, [id, note]),
    log: (_, message) => this.logs.push(message),
  }

  stats(): PoolStats {
    return this.reader.stats(this.pool)
  }

  #keep<T>(name: string, list: T[], one: T): void {
    list.push(one)
    this.events.emit(name)
  }
}
