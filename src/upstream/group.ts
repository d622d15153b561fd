/**
 * The servers of one upstream as a thread has them: who gets the next request, and the connections to each. Runs in the gateway.
 *
 * Invariant: a lease ends exactly once, by `done` or `failed`; until then it counts for `least-conn` and `max-conns`.
 * Not here: which server is best (`balance/`), what is sent (`call.ts`).
 */
import { DeadlineList } from '../base/deadlines.ts'
import type { Upstream, UpstreamServer } from '../sites/upstream-model.ts'
import { choose, type Question } from './balance/choose.ts'
import { Member } from './balance/member.ts'
import { RetryBudget } from './balance/retry-budget.ts'
import { ConnectionPool } from './pool.ts'
import type { Dialect } from './protocols/dialect.ts'
import { dialectOf } from './protocols/dialects.ts'

/** A server of the group, and this thread's connections to it. */
export interface Peer {
  readonly server: UpstreamServer
  readonly member: Member
  readonly pool: ConnectionPool
}

export class UpstreamGroup {
  readonly upstream: Upstream
  readonly dialect: Dialect
  readonly peers: readonly Peer[]
  readonly retries = new RetryBudget()
  readonly #peerOf = new Map<Member, Peer>()
  readonly #members: readonly Member[]

  constructor(upstream: Upstream) {
    this.upstream = upstream
    const dialect = dialectOf(upstream)
    this.dialect = dialect
    const idle = new DeadlineList(upstream.keepaliveTimeout)
    // As in nginx: a server that is alone is always asked, however often it has failed.
    const isAlone = upstream.servers.length === 1
    this.peers = upstream.servers.map((server, index) => ({
      server,
      member: new Member(server.label, index, {
        weight: server.weight,
        maxFails: isAlone ? 0 : server.maxFails,
        failTimeoutMs: server.failTimeout,
        maxConns: server.maxConns,
        slowStartMs: isAlone ? 0 : server.slowStart,
        isBackup: server.isBackup,
        isDown: server.isDown,
      }),
      pool: new ConnectionPool(server.address, { keepalive: upstream.keepalive, idle, dialect }),
    }))
    this.#members = this.peers.map(({ member }) => member)
    for (const peer of this.peers) this.#peerOf.set(peer.member, peer)
  }

  /** Null: all are down, full, or were tried. The lease has begun. */
  lease(question: Question, tried: ReadonlySet<Member>): Peer | null {
    const member = choose(this.#members, this.upstream.balance, question, tried, performance.now(), Math.random)
    if (member === null) return null
    member.active++
    return this.#peerOf.get(member)!
  }

  /** The server did what it should. */
  done({ member }: Peer): void {
    member.active--
    if (member.hasFailed) member.succeeded(performance.now())
  }

  /** `counts`: it is the server's failure. */
  failed({ member }: Peer, counts: boolean): void {
    member.active--
    if (counts) member.failed(performance.now())
  }

  /** The configuration has no such group any more. Requests that run go on. */
  close(): void {
    for (const { pool } of this.peers) pool.close()
  }
}
