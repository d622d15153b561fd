/**
 * The open client connections of this gateway. Gives each accepted socket to the protocol, counts connections against the limits (of all,
 * and of one address), and ends them when the gateway drains.
 *
 * Invariants: never more than `limits.connections` are open, besides a bounded number of refused ones. Not here: bytes and states of a
 * version of HTTP (`http/protocol.ts` is the seam), and listening sockets (`last-accepts.ts`, `transports/`).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Limits } from '../../config/types.ts'
import type { Protocol, ProtocolConnection } from '../../http/protocol.ts'
import type { Transport } from '../../http/transport.ts'
import { Addresses } from './addresses.ts'

/** A refused client can read why (lingering close), but it holds a descriptor for no longer than this. */
const REFUSED_LINGER_MS = 2000
/** At most so many refused connections linger; others are closed without a word. They are within the descriptors kept in reserve. */
const MAX_REFUSED = 64
const REFUSED_SHARE = 1 / 8
/** How often a drain looks whether anything still runs. The last response delays a stop by no more than this. */
const LOOK_MS = 20
/** How long clients have after the drain to read their last response and to close. The workers are stopped meanwhile. */
const LINGER_MS = 400

export interface ConnectionsOptions {
  readonly limits: Pick<Limits, 'connections' | 'connectionsPerAddress'>
  /** The limit for one address does not bind it: a proxy, whose connections are those of many clients. */
  readonly isExempt: (address: string) => boolean
  /** A connection is refused because `limits.connections` are open. */
  readonly onFull: () => void
  /** A connection is refused because its address has `limits.connectionsPerAddress` open. */
  readonly onAddressFull: (address: string) => void
}

export class Connections {
  readonly #protocol: Protocol
  readonly #options: ConnectionsOptions
  readonly #maxRefused: number
  readonly #addresses: Addresses
  readonly #open = new Set<ProtocolConnection>()
  #refused = 0

  constructor(protocol: Protocol, options: ConnectionsOptions) {
    const { limits, isExempt } = options
    this.#protocol = protocol
    this.#options = options
    this.#maxRefused = Math.min(MAX_REFUSED, Math.ceil(limits.connections * REFUSED_SHARE))
    this.#addresses = new Addresses(limits.connectionsPerAddress, isExempt)
  }

  accept(transport: Transport): void {
    if (this.#open.size >= this.#options.limits.connections) {
      this.#options.onFull()
      this.#refuse(transport)
      return
    }
    const network = this.#addresses.add(transport.remoteAddress)
    if (network === null) {
      this.#options.onAddressFull(transport.remoteAddress)
      this.#refuse(transport)
      return
    }
    const connection = this.#protocol.open(transport, () => {
      this.#open.delete(connection)
      this.#addresses.remove(network)
    })
    this.#open.add(connection)
  }

  #refuse(transport: Transport): void {
    if (this.#refused >= this.#maxRefused) {
      transport.destroy()
      return
    }
    this.#refused++
    const timer = setTimeout(() => transport.destroy(), REFUSED_LINGER_MS)
    transport.handler = {
      onData() {},
      onDrain() {},
      onEnd: () => transport.destroy(),
      onClose: () => {
        clearTimeout(timer)
        this.#refused--
      },
    }
    transport.write(this.#protocol.tooManyConnections)
    transport.end()
  }

  get size(): number {
    return this.#open.size
  }

  get active(): number {
    let count = 0
    for (const connection of this.#open) if (!connection.isIdle) count++
    return count
  }

  /** Each connection ends with its next response, or a second later if no request comes. */
  startDrain(): void {
    this.#protocol.startDrain()
    for (const connection of this.#open) connection.startDrain()
  }

  /**
   * After `startDrain`, when no new connection comes. Resolves when nothing runs on any connection, or at the deadline, with the number
   * of connections that are cut in an exchange.
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
