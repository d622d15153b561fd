/**
 * The connections of one thread to one server: those that wait for a request, and the number of those that have one. Runs in the gateway.
 *
 * Bounds: `keepalive` connections wait, each for `idle` at most; those with a request are as many as there are requests, which
 * `max-conns` and `limit-connections` bound, and as many as there is room for (`room.ts`). The youngest is used first, so that the others can go.
 * Invariant: a connection is in `#idle` only while nothing is expected on it.
 */
import type { DeadlineList } from '../base/deadlines.ts'
import { type ServerEnd, type SocketMaker, UpstreamConnection } from './connection.ts'
import type { Dialect } from './protocols/dialect.ts'
import type { ConnectionRoom } from './room.ts'

export interface PoolSettings {
  /** Connections that wait at most. 0: each request has its own. */
  readonly keepalive: number
  /** How long one waits. */
  readonly idle: DeadlineList
  readonly room: ConnectionRoom
  readonly dialect: Dialect
}

export class ConnectionPool {
  readonly #settings: PoolSettings
  /** The youngest is last. */
  readonly #idle: UpstreamConnection[] = []
  #isClosed = false
  readonly #owner = {
    freed: (connection: UpstreamConnection) => this.#freed(connection),
    gone: (connection: UpstreamConnection) => this.#gone(connection),
    closed: () => this.#settings.room.remove(),
  }
  readonly #end: ServerEnd
  readonly #sockets: SocketMaker

  constructor(end: ServerEnd, sockets: SocketMaker, settings: PoolSettings) {
    this.#end = end
    this.#sockets = sockets
    this.#settings = settings
  }

  /** One that waits, or a new one, which is not connected yet. Null: there is no room for a new one now. */
  take(isNew = false): UpstreamConnection | null {
    const { room, dialect } = this.#settings
    const waiting = isNew ? undefined : this.#idle.pop()
    if (waiting !== undefined) {
      if (this.#idle.length === 0) room.hasNoIdle(this)
      waiting.idleClock.rest()
      return waiting
    }
    if (!room.isFree) return null
    room.add()
    return new UpstreamConnection(this.#end, this.#sockets, dialect, this.#owner)
  }

  /** Those that wait are closed, and those that come back. */
  close(): void {
    this.#isClosed = true
    for (const connection of this.#idle.slice()) connection.destroy()
  }

  /** The one that waits longest, for the room that it takes. False: none waits. */
  closeIdle(): boolean {
    const oldest = this.#idle[0]
    oldest?.destroy()
    return oldest !== undefined
  }

  #freed(connection: UpstreamConnection): void {
    if (this.#isClosed || this.#idle.length >= this.#settings.keepalive) {
      connection.destroy()
      return
    }
    this.#idle.push(connection)
    if (this.#idle.length === 1) this.#settings.room.hasIdle(this)
    this.#settings.idle.arm(connection.idleClock)
  }

  #gone(connection: UpstreamConnection): void {
    connection.idleClock.disarm()
    const at = this.#idle.indexOf(connection)
    if (at < 0) return
    this.#idle.splice(at, 1)
    if (this.#idle.length === 0) this.#settings.room.hasNoIdle(this)
  }
}

/** The pools of one server: with TLS for one location a connection is not as with TLS for another, so they do not mix. As many as the settings. */
export class PeerPools {
  readonly #end: ServerEnd
  readonly #settings: PoolSettings
  readonly #pools = new Map<SocketMaker, ConnectionPool>()
  #isClosed = false

  constructor(end: ServerEnd, settings: PoolSettings) {
    this.#end = end
    this.#settings = settings
  }

  of(sockets: SocketMaker): ConnectionPool {
    let pool = this.#pools.get(sockets)
    if (pool !== undefined) return pool
    pool = new ConnectionPool(this.#end, sockets, this.#settings)
    this.#pools.set(sockets, pool)
    if (this.#isClosed) pool.close()
    return pool
  }

  /** Connections that wait are closed, and those that come back. */
  close(): void {
    this.#isClosed = true
    for (const pool of this.#pools.values()) pool.close()
  }
}
