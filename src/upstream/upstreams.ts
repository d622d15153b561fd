/**
 * All upstreams of one configuration in one thread: the door of this folder. Loaded only where a location has `proxy`. Runs in the gateway.
 *
 * Invariant: after `close` no connection waits; requests that run go on to their end.
 */
import { DeadlineList } from '../base/deadlines.ts'
import { loadNow } from '../base/load-now.ts'
import type { Exchange } from '../http/exchange.ts'
import type {
  EjectionSettings,
  ProxySettings,
  QueueSettings,
  StickySettings,
  Upstream,
  UpstreamTls,
} from '../sites/upstream-model.ts'
import type { Ejection } from './balance/ejection.ts'
import type { GroupSource } from './balance/group-memories.ts'
import { GroupState } from './balance/member-state.ts'
import type { Sticky } from './balance/sticky.ts'
import { UpstreamCall } from './call.ts'
import type { CallParts, CallRequest } from './call-request.ts'
import { callWatch } from './call-watch.ts'
import { isNamed, PLAIN, type SocketMaker } from './connection.ts'
import { type ServerReport, UpstreamGroup } from './group.ts'
import type { HealthWatch } from './health.ts'
import type { NameWatch } from './names.ts'
import type { UpstreamQueue } from './queue.ts'
import type { CallRules } from './tries.ts'

export class Upstreams {
  readonly #groups: ReadonlyMap<string, UpstreamGroup>
  readonly #parts: CallParts
  /** By the numbers in the settings of locations. */
  readonly #tls: readonly SocketMaker[]
  /** Null: no server has a name. */
  #names: NameWatch | null = null
  readonly #health: readonly HealthWatch[]
  /** By their duration: calls with the same time-out share a list. As many as the configuration names. */
  readonly #deadlines = new Map<number, DeadlineList>()
  readonly #rules = new WeakMap<ProxySettings, CallRules>()

  /** `source`: memory of these groups. `secret`: signs cookies. */
  constructor(
    upstreams: readonly Upstream[],
    tls: readonly UpstreamTls[],
    source: GroupSource,
    secret: Buffer,
    parts: CallParts,
  ) {
    const memories = source.memoriesOf(upstreams)
    const stateOf = (name: string) => new GroupState(memories.get(name)!, source.threads, source.thread)
    const groupOf = (one: Upstream) =>
      new UpstreamGroup(one, stateOf(one.name), {
        room: parts.room,
        sticky: one.sticky === null ? null : makeSticky(one.sticky, secret),
        queue: one.queue === null ? null : makeQueue(one.queue),
        ejection: one.ejection === null ? null : makeEjection(one.ejection),
        warn: message => parts.log('warn', message, ''),
      })
    this.#groups = new Map(upstreams.map(one => [one.name, groupOf(one)]))
    this.#parts = parts
    this.#tls = tls.length > 0 ? makeTls(tls) : []
    for (const group of this.#groups.values()) group.onServers = () => this.#watchNames()
    this.#watchNames()
    // One thread asks for all.
    this.#health = source.thread === 0 ? makeHealth([...this.#groups.values()], this.#tls, this.#tell) : []
  }

  /** `name`: of an upstream that there is. */
  groupOf(name: string): UpstreamGroup {
    return this.#groups.get(name)!
  }

  /** Passes the exchange on. It is answered in whatever case. */
  handle(
    exchange: Exchange,
    group: UpstreamGroup,
    request: Omit<CallRequest, 'sockets' | 'sticky'> & { readonly isTls: boolean },
    settings: ProxySettings,
  ): void {
    const sockets = request.isTls ? this.#tls[settings.tls]! : PLAIN
    const sticky = group.sticky?.clientOf(exchange.request, group.members, Date.now()) ?? null
    new UpstreamCall(exchange, group, { ...request, sockets, sticky }, this.#rulesOf(settings), this.#parts).start()
  }

  /** Their servers have changed. A group that is not there is none of ours. */
  setServers(upstreams: readonly Upstream[]): void {
    for (const { name, servers } of upstreams) this.#groups.get(name)?.setServers(servers)
  }

  report(): { readonly name: string; readonly waiting: number; readonly servers: ServerReport[] }[] {
    return [...this.#groups].map(([name, group]) => ({
      name,
      waiting: group.queue?.waiting ?? 0,
      servers: group.report(),
    }))
  }

  /** The gateway drains: event streams end, of earlier configurations too. */
  drain(): void {
    callWatch.drain()
  }

  close(): void {
    this.#names?.close()
    for (const watch of this.#health) watch.close()
    for (const group of this.#groups.values()) group.close()
  }

  readonly #tell = (level: 'info' | 'warn', message: string): void => this.#parts.log(level, message, '')

  #watchNames(): void {
    const groups = [...this.#groups.values()]
    if (this.#names === null && groups.some(({ servers }) => servers.some(({ address }) => isNamed(address))))
      this.#names = makeNames(groups, this.#tell)
    this.#names?.look()
  }

  #rulesOf(settings: ProxySettings): CallRules {
    const known = this.#rules.get(settings)
    if (known !== undefined) return known
    const rules: CallRules = {
      connect: this.#deadlinesOf(settings.connectTimeout),
      send: this.#deadlinesOf(settings.sendTimeout),
      read: this.#deadlinesOf(settings.readTimeout),
      nextUpstream: new Set(settings.nextUpstream),
      buffers: settings.buffers,
      hearsBuffering: !settings.ignoreHeaders.includes('x-accel-buffering'),
      tries: settings.nextUpstreamTries,
      triesTimeout: settings.nextUpstreamTimeout,
    }
    this.#rules.set(settings, rules)
    return rules
  }

  #deadlinesOf(milliseconds: number): DeadlineList {
    let list = this.#deadlines.get(milliseconds)
    if (list === undefined) {
      list = new DeadlineList(milliseconds)
      this.#deadlines.set(milliseconds, list)
    }
    return list
  }
}

/** Most upstreams are asked without TLS, so it is not loaded before. */
function makeTls(all: readonly UpstreamTls[]): SocketMaker[] {
  const { TlsSockets }: typeof import('./tls.ts') = loadNow(import.meta, './tls')
  return all.map(one => new TlsSockets(one))
}

/** Loaded where a group has clients that stay with their servers. */
function makeSticky(settings: StickySettings, secret: Buffer): Sticky {
  const { Sticky }: typeof import('./balance/sticky.ts') = loadNow(import.meta, './balance/sticky')
  return new Sticky(settings, secret)
}

/** Loaded where a group has requests that wait. */
function makeQueue(settings: QueueSettings): UpstreamQueue {
  const { UpstreamQueue }: typeof import('./queue.ts') = loadNow(import.meta, './queue')
  return new UpstreamQueue(settings)
}

/** Loaded where a group leaves out servers that fail more than they should. */
function makeEjection(settings: EjectionSettings): Ejection {
  const { Ejection }: typeof import('./balance/ejection.ts') = loadNow(import.meta, './balance/ejection')
  return new Ejection(settings)
}

/** Many configurations have addresses only, so it is not loaded before. */
function makeNames(
  groups: readonly UpstreamGroup[],
  log: (level: 'info' | 'warn', message: string) => void,
): NameWatch {
  const { NameWatch }: typeof import('./names.ts') = loadNow(import.meta, './names')
  return new NameWatch(groups, log)
}

/** Loaded where a group has a check. */
function makeHealth(
  groups: readonly UpstreamGroup[],
  tls: readonly SocketMaker[],
  log: (level: 'info' | 'warn', message: string) => void,
): HealthWatch[] {
  const checked = groups.filter(({ upstream }) => upstream.healthCheck !== null)
  if (checked.length === 0) return []
  const { HealthWatch }: typeof import('./health.ts') = loadNow(import.meta, './health')
  return checked.map(group => {
    const check = group.upstream.healthCheck!
    return new HealthWatch(group, check, log, check.tls === null ? PLAIN : tls[check.tls]!)
  })
}
