/**
 * The servers of one upstream as a thread has them: who gets the next request, and the connections to each. Runs in the gateway.
 *
 * Members may change while requests run: `setServers` when somebody adds or removes a server, `setAddresses` when a name has other addresses.
 * A member that stays keeps its connections, and what is known of it. One that goes gets no new request; those that it has go on.
 *
 * Invariant: a lease ends exactly once, by `done` or `failed`; until then it counts for `least-conn` and `max-conns`.
 * Not here: which server is best (`balance/`), what is sent (`call.ts`).
 */
import { DeadlineList } from '../base/deadlines.ts'
import type { ServerAddress, Upstream, UpstreamServer } from '../sites/upstream-model.ts'
import { choose, type Question } from './balance/choose.ts'
import type { Ejection } from './balance/ejection.ts'
import { Member, type MemberRules } from './balance/member.ts'
import type { GroupState } from './balance/member-state.ts'
import { RetryBudget } from './balance/retry-budget.ts'
import type { Sticky } from './balance/sticky.ts'
import { hostOf } from './connection.ts'
import { PeerPools } from './pool.ts'
import type { Dialect } from './protocols/dialect.ts'
import { dialectOf } from './protocols/dialects.ts'
import type { UpstreamQueue } from './queue.ts'
import type { ConnectionRoom } from './room.ts'

/** A server of the group, or one of its addresses, and this thread's connections to it. */
export interface Peer {
  /** As the configuration has it: with its name. */
  readonly server: UpstreamServer
  readonly address: ServerAddress
  readonly member: Member
  readonly pools: PeerPools
}

/** What a group is made of beside its servers. */
export interface GroupParts {
  readonly room: ConnectionRoom
  readonly sticky: Sticky | null
  readonly queue: UpstreamQueue | null
  /** Null: no server is ejected. */
  readonly ejection: Ejection | null
  /** A line for the log. */
  readonly warn: (message: string) => void
}

/** What a server has to do, for the status: see `ReportedServer`. */
export interface ServerReport {
  readonly label: string
  readonly running: number
  readonly requests: number
  readonly failures: number
  readonly isOut: boolean
  readonly isEjected: boolean
  readonly isDraining: boolean
}

/** What a name has come to. Weight and backup are the server's own, unless DNS says them (SRV). */
export interface FoundServer {
  readonly address: ServerAddress
  readonly weight?: number
  readonly isBackup?: boolean
}

export class UpstreamGroup {
  readonly upstream: Upstream
  readonly dialect: Dialect
  readonly retries = new RetryBudget()
  /** Its server tells when it begins with a request (`protocols/cgi.ts`). */
  readonly tellsBegin: boolean
  /** For a request that waits for that; null: any time. */
  readonly turn: DeadlineList | null
  readonly #idle: DeadlineList
  readonly #room: ConnectionRoom
  #servers: readonly UpstreamServer[]
  /** By the label of a server: the addresses that its name has. Not there: the system resolves the name for each connection. */
  readonly #addresses = new Map<string, readonly FoundServer[]>()
  #peers: readonly Peer[] = []
  readonly #peerOf = new Map<Member, Peer>()
  #members: readonly Member[] = []
  #isClosed = false
  /** Null: any server answers any client. */
  readonly sticky: Sticky | null
  /** Null: nobody waits. */
  readonly queue: UpstreamQueue | null
  /** Servers have come or gone. */
  onServers: () => void = () => {}

  readonly #state: GroupState
  readonly #ejection: Ejection | null
  readonly #warn: (message: string) => void

  constructor(upstream: Upstream, state: GroupState, { room, sticky, queue, ejection, warn }: GroupParts) {
    this.upstream = upstream
    this.#ejection = ejection
    this.#warn = warn
    this.sticky = sticky
    this.queue = queue
    this.dialect = dialectOf(upstream)
    this.tellsBegin = upstream.protocol === 'cgi'
    this.turn = upstream.queueTimeout === 0 ? null : new DeadlineList(upstream.queueTimeout)
    this.#state = state
    this.#idle = new DeadlineList(upstream.keepaliveTimeout)
    this.#room = room
    this.#servers = upstream.servers
    this.#build()
  }

  /** One for each address of each server. Another list after a change. */
  get peers(): readonly Peer[] {
    return this.#peers
  }

  /** Of the peers. Another list after a change. */
  get members(): readonly Member[] {
    return this.#members
  }

  get servers(): readonly UpstreamServer[] {
    return this.#servers
  }

  /** The group has these servers from now on. Labels are unique. A server with the label of another one takes its place. */
  setServers(servers: readonly UpstreamServer[]): void {
    this.#servers = servers
    for (const label of [...this.#addresses.keys()])
      if (!servers.some(server => server.label === label)) this.#addresses.delete(label)
    this.#build()
    this.onServers()
  }

  /** The name of a server has these addresses, of which each is a member, as in nginx. Not empty. */
  setAddresses(server: UpstreamServer, addresses: readonly FoundServer[]): void {
    if (!this.#servers.includes(server)) return
    this.#addresses.set(server.label, addresses)
    this.#build()
  }

  /** Null: all are down, full, or were tried. The lease has begun. */
  lease(question: Question, tried: ReadonlySet<Member>): Peer | null {
    const now = performance.now()
    let out = tried
    for (;;) {
      const member = choose(this.#members, this.upstream.balance, question, out, now, Math.random)
      if (member === null) return null
      if (member.begin(now)) return this.#peerOf.get(member)!
      // Another request has taken its last place, or tries it after its failures.
      out = new Set([...out, member])
    }
  }

  /** No server can be asked now, but one that this request has not tried only has no room. */
  mayComeFree(tried: ReadonlySet<Member>): boolean {
    return this.#members.some(member => member.isOnlyFull && !tried.has(member))
  }

  /** It has begun to answer as it should. The lease goes on: it may be a stream of hours. */
  answered({ member }: Peer): void {
    if (member.hasFailed) member.succeeded(performance.now())
    if (this.#ejection !== null) this.#judge(member, false, this.#ejection)
  }

  /** It has begun to answer with an error (5xx), which its client gets. The lease goes on. */
  erred({ member }: Peer): void {
    if (this.#ejection !== null) this.#judge(member, true, this.#ejection)
  }

  /** The server did what it should. */
  done({ member }: Peer): void {
    member.end()
    this.queue?.placeCame()
    if (member.hasFailed) member.succeeded(performance.now())
  }

  /** `counts`: it is the server's failure. */
  failed({ member }: Peer, counts: boolean): void {
    member.end()
    this.queue?.placeCame()
    if (!counts) return
    member.failed(performance.now())
    if (this.#ejection !== null) this.#judge(member, true, this.#ejection)
  }

  #judge(member: Member, isFailure: boolean, ejection: Ejection): void {
    const told = ejection.record(member, isFailure, this.#members, performance.now())
    if (told !== null) this.#warn(`upstream ${this.upstream.name}: ${member.name} ${told}`)
  }

  /** Each server, with all of its addresses. */
  report(): ServerReport[] {
    const now = performance.now()
    return this.#servers.map(({ label, isDraining }) => {
      const members = this.#peers.filter(({ server }) => server.label === label).map(({ member }) => member)
      const sum = (of: (member: Member) => number) => members.reduce((total, member) => total + of(member), 0)
      return {
        label,
        running: sum(({ active }) => active),
        requests: sum(({ requests }) => requests),
        failures: sum(({ failures }) => failures),
        isOut: members.length > 0 && members.every(member => member.isUnhealthy || member.isOut(now)),
        isEjected: members.length > 0 && members.every(member => member.isEjected(now)),
        isDraining,
      }
    })
  }

  /** The configuration has no such group any more. Requests that run go on. */
  close(): void {
    this.#isClosed = true
    for (const { pools, member } of this.#peers) {
      pools.close()
      member.state.release()
    }
  }

  #build(): void {
    if (this.#isClosed) return
    const wanted = this.#servers.flatMap(server => {
      const addresses = this.#addresses.get(server.label)
      if (addresses === undefined)
        return server.address.kind === 'srv' ? [] : [{ server, address: server.address, name: server.label }]
      // A name with one address is known by its name alone.
      return addresses.map(({ address, weight = server.weight, isBackup = server.isBackup }) => ({
        server: weight === server.weight && isBackup === server.isBackup ? server : { ...server, weight, isBackup },
        address,
        name: addresses.length === 1 ? server.label : `${server.label} (${textOf(address)})`,
      }))
    })
    const before = new Map(this.#peers.map(peer => [peer.member.name, peer]))
    // As in nginx: a server that is alone is always asked, however often it has failed.
    const isAlone = wanted.length === 1
    this.#peers = wanted.map(({ server, address, name }, index) => {
      const rules = { ...rulesOf(server, isAlone), isEjectable: this.#ejection !== null }
      const old = before.get(name)
      if (old === undefined || textOf(old.address) !== textOf(address)) {
        const settings = {
          keepalive: this.upstream.keepalive,
          idle: this.#idle,
          room: this.#room,
          dialect: this.dialect,
        }
        const pools = new PeerPools({ address, host: hostOf(server) }, settings)
        const member = new Member(name, index, rules, this.#state.of(name))
        // What an earlier configuration had found out by its check.
        if (this.upstream.healthCheck === null) member.setHealthy(true, performance.now())
        return { server, address, member, pools }
      }
      before.delete(name)
      old.member.rules = rules
      return { ...old, server }
    })
    this.#members = this.#peers.map(({ member }) => member)
    this.#peerOf.clear()
    for (const peer of this.#peers) this.#peerOf.set(peer.member, peer)
    for (const { pools, member } of before.values()) {
      pools.close()
      member.state.release()
    }
    this.queue?.placeCame()
  }
}

function rulesOf(server: UpstreamServer, isAlone: boolean): Omit<MemberRules, 'isEjectable'> {
  return {
    weight: server.weight,
    maxFails: isAlone ? 0 : server.maxFails,
    failTimeoutMs: server.failTimeout,
    maxConns: server.maxConns,
    slowStartMs: isAlone ? 0 : server.slowStart,
    isBackup: server.isBackup,
    isDown: server.isDown,
    isDraining: server.isDraining,
  }
}

export function textOf(address: ServerAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
}
