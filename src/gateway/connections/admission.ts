/**
 * Which accepted sockets become client connections: counts those that are open against the limits, of all and of one address, and tells
 * those that are not let in why. Runs in the gateway, in the thread that accepts.
 *
 * Invariants: never more than `limits.connections` are in, besides a bounded number of refused ones. Not here: the connections that are
 * in (`connections.ts`).
 */
import type { Limits, ListenScheme } from '../../config/types.ts'
import type { Transport } from '../../http/transport.ts'
import { Addresses } from './addresses.ts'

/** A refused client can read why (lingering close), but it holds a descriptor for no longer than this. */
const REFUSED_LINGER_MS = 2000
/** At most so many refused connections linger; others are closed without a word. They are within the descriptors kept in reserve. */
const MAX_REFUSED = 64
const REFUSED_SHARE = 1 / 8

export interface AdmissionOptions {
  readonly limits: Pick<Limits, 'connections' | 'connectionsPerAddress'>
  /** The limit for one address does not bind it: a proxy, whose connections are those of many clients. */
  readonly isExempt: (address: string) => boolean
  /** The whole response to a client that is not let in. */
  readonly tooManyConnections: Buffer
  /** A connection is refused because `limits.connections` are open. */
  readonly onFull: () => void
  /** A connection is refused because its address has `limits.connectionsPerAddress` open. */
  readonly onAddressFull: (address: string) => void
}

export class Admission {
  readonly #options: AdmissionOptions
  readonly #maxRefused: number
  readonly #addresses: Addresses
  #open = 0
  #refused = 0

  constructor(options: AdmissionOptions) {
    const { limits, isExempt } = options
    this.#options = options
    this.#maxRefused = Math.min(MAX_REFUSED, Math.ceil(limits.connections * REFUSED_SHARE))
    this.#addresses = new Addresses(limits.connectionsPerAddress, isExempt)
  }

  /** `address`: empty for a Unix socket. Returns what to give to `leave` when the connection has closed; null: `refuse` it. */
  admit(address: string): string | null {
    if (this.#open >= this.#options.limits.connections) {
      this.#options.onFull()
      return null
    }
    const network = this.#addresses.add(address)
    if (network === null) this.#options.onAddressFull(address)
    else this.#open++
    return network
  }

  leave(network: string): void {
    this.#open--
    this.#addresses.remove(network)
  }

  /**
   * Sets the transport's handler. The client is told why, and has a while to read it. With TLS it is not: that would cost a handshake; nor by
   * FastCGI, where no request has begun that could be answered.
   */
  refuse(scheme: ListenScheme, transport: Transport): void {
    if (scheme === 'https' || scheme === 'fastcgi' || this.#refused >= this.#maxRefused) {
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
    transport.write(this.#options.tooManyConnections)
    transport.end()
  }
}
