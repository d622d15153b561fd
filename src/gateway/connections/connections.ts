/**
 * The open client connections of one event loop of the gateway: gives each admitted transport to the protocol, and ends them when the
 * gateway drains.
 *
 * Not here: who is let in (`admission.ts`), bytes and states of a version of HTTP (`http/protocol.ts` is the seam), and listening sockets
 * (`last-accepts.ts`, `transports/`).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Traffic } from '../../base/traffic.ts'
import type { ListenScheme } from '../../config/types.ts'
import type { InheritedListener } from '../../control/messages.ts'
import type { Protocol, ProtocolConnection } from '../../http/protocol.ts'
import type { ProxiedConnections, ProxiedTransport } from './proxied-connections.ts'

/** By the scheme of the listener. Null, or left out: no listener has it. */
export type ProtocolsOfListeners = Readonly<Partial<Record<ListenScheme, Protocol | null>>>

/** What is open, for `jumak status`. */
export interface ConnectionCounts {
  readonly connections: number
  /** Of them, those that speak HTTP/2. */
  readonly http2Connections: number
  /** Requests on them. */
  readonly streams: number
}

/** How often a drain looks whether anything still runs. The last response delays a stop by no more than this. */
const LOOK_MS = 20
/** How long clients have after the drain to read their last response and to close. The workers are stopped meanwhile. */
const LINGER_MS = 400

export class Connections {
  readonly #protocols: ProtocolsOfListeners
  readonly #proxied: ProxiedConnections | null
  readonly #open = new Set<ProtocolConnection>()
  #accepted = 0

  /** `proxied`: for listeners with the PROXY protocol. Null: there are none. */
  constructor(protocols: ProtocolsOfListeners, proxied: ProxiedConnections | null = null) {
    this.#protocols = protocols
    this.#proxied = proxied
  }

  /** Sets the transport's handler. `onClosed` is called once: the connection has closed, or was released. */
  open(
    { scheme, hasProxyHeader }: Pick<InheritedListener, 'scheme' | 'hasProxyHeader'>,
    transport: ProxiedTransport,
    onClosed: () => void,
  ): ProtocolConnection {
    const protocol = this.#protocols[scheme]!
    const onClose = () => {
      this.#open.delete(connection)
      onClosed()
    }
    const connection = hasProxyHeader
      ? this.#proxied!.open(transport, protocol, onClose)
      : protocol.open(transport, onClose)
    this.#open.add(connection)
    this.#accepted++
    return connection
  }

  get size(): number {
    return this.#open.size
  }

  /** Looks at each connection: for a question now and then. */
  count(): ConnectionCounts {
    let http2Connections = 0
    let streams = 0
    for (const { streamCount } of this.#open) {
      if (streamCount === null) continue
      http2Connections++
      streams += streamCount
    }
    return { connections: this.size, http2Connections, streams }
  }

  /** Looks at each connection, as `count`. */
  traffic(): Omit<Traffic, 'requests'> {
    let [reading, waiting] = [0, 0]
    for (const connection of this.#open)
      if (connection.isReading) reading++
      else if (connection.isIdle) waiting++
    return { accepted: this.#accepted, reading, waiting, writing: this.size - reading - waiting }
  }

  /** Requests that run; a connection whose last bytes are being sent counts as one. */
  get active(): number {
    let count = 0
    for (const connection of this.#open) if (!connection.isIdle) count += Math.max(1, connection.streamCount ?? 1)
    return count
  }

  /** Each connection ends with its next response, or a second later if no request comes. */
  startDrain(): void {
    for (const protocol of Object.values(this.#protocols)) protocol?.startDrain()
    this.#proxied?.startDrain()
    for (const connection of this.#open) connection.startDrain()
  }

  /**
   * After `startDrain`, when no new connection comes. Resolves when nothing runs on any connection, or at the deadline, with the number
   * of exchanges that are cut.
   */
  async drain(deadlineMs: number): Promise<number> {
    const deadline = performance.now() + deadlineMs
    while (!this.#isOver && performance.now() < deadline)
      await sleep(Math.min(LOOK_MS, Math.max(0, deadline - performance.now())))
    const cut = this.active
    for (const connection of this.#open) if (!connection.isOver) connection.destroy()
    return cut
  }

  /** After `drain`. Gives clients LINGER_MS to close, then closes the rest. Resolves when all are closed. */
  async linger(): Promise<void> {
    const end = performance.now() + LINGER_MS
    while (this.#open.size > 0 && performance.now() < end) await sleep(LOOK_MS)
    for (const connection of this.#open) connection.destroy()
    // A transport tells of its close a turn later.
    if (this.#open.size > 0) await sleep(LOOK_MS)
  }

  get #isOver(): boolean {
    for (const connection of this.#open) if (!connection.isOver) return false
    return true
  }
}
