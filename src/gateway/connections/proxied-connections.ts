/**
 * Connections of listeners with the PROXY protocol (`bind = ":443 proxy-protocol"`): reads the header, tells the transport who its client
 * is, and gives the connection to TLS or HTTP. Runs in each event loop of the gateway, only where a listener has it.
 *
 * Invariants: `onClose` is called once. Nothing reaches TLS or HTTP before the whole header. Who is not in `proxy-protocol-from` is closed before
 * a byte of it is read; so is who sends something else than a header, or no whole one in time. The local address stays that of our socket, as
 * in nginx: sites are chosen by it.
 * Not here: bytes of the header (`http/proxy-header.ts`).
 */
import { Deadline, DeadlineList } from '../../base/deadlines.ts'
import type { AddressRanges } from '../../http/address-ranges.ts'
import type { Protocol, ProtocolConnection } from '../../http/protocol.ts'
import { type ProxiedEnd, ProxyHeader } from '../../http/proxy-header.ts'
import type { Transport } from '../../http/transport.ts'
import type { Addresses } from './addresses.ts'

/** A sender that has just connected when a drain begins has so long for its header. No request has come. */
const DRAIN_MS = 1000

export interface ProxiedOptions {
  readonly senders: AddressRanges
  /** Milliseconds for the header. 0: no limit. */
  readonly timeoutMs: number
  /** Counts what clients have open, by the addresses in headers. Those of senders are not counted. */
  readonly clients: Addresses
  /** It was closed. `sender`: its address; empty: of a Unix socket. */
  readonly onRefused: (sender: string, reason: string) => void
  /** It was closed: this client has as many open as it may. */
  readonly onAddressFull: (client: string) => void
}

/** A transport that can be told who is at its other end. */
export interface ProxiedTransport extends Transport {
  comesFrom(client: ProxiedEnd): void
}

/** For all connections with a header of one event loop. */
export class ProxiedConnections {
  readonly options: ProxiedOptions
  readonly deadlines: DeadlineList
  readonly drainDeadlines = new DeadlineList(DRAIN_MS)
  isDraining = false

  constructor(options: ProxiedOptions) {
    this.options = options
    this.deadlines = new DeadlineList(options.timeoutMs)
  }

  /** As `Protocol.open`. `inner`: what follows the header. */
  open(transport: ProxiedTransport, inner: Protocol, onClose: () => void): ProtocolConnection {
    return new ProxiedConnection(this, transport, inner, onClose)
  }

  startDrain(): void {
    this.isDraining = true
  }
}

class ProxiedConnection implements ProtocolConnection {
  readonly #all: ProxiedConnections
  readonly #transport: ProxiedTransport
  readonly #sender: string
  readonly #onClose: () => void
  readonly #deadline = new Deadline(() => this.#refuse('its PROXY header took too long'))
  /** Of the client, to be counted off at the end. */
  #network: string | null = null
  /** After the header. */
  #inner: ProtocolConnection | null = null
  #isRefused = false
  #isClosed = false

  constructor(all: ProxiedConnections, transport: ProxiedTransport, inner: Protocol, onClose: () => void) {
    this.#all = all
    this.#transport = transport
    this.#sender = transport.remoteAddress
    this.#onClose = onClose
    const header = new ProxyHeader()
    transport.handler = {
      onData: chunk => this.#onHeader(header, inner, chunk),
      onEnd: () => transport.destroy(),
      onDrain() {},
      onClose: () => this.#closed(),
    }
    if (!all.options.senders.has(this.#sender)) {
      this.#refuse('it is not in proxy-protocol-from')
      return
    }
    all.deadlines.arm(this.#deadline)
    if (all.isDraining) this.startDrain()
  }

  #onHeader(header: ProxyHeader, inner: Protocol, chunk: Buffer): void {
    if (this.#isRefused) return
    const verdict = header.push(chunk)
    switch (verdict.kind) {
      case 'more':
        return
      case 'refused':
        this.#refuse(verdict.reason)
        return
      case 'done':
        this.#begin(inner, verdict.client, chunk.subarray(chunk.length - verdict.rest))
    }
  }

  #begin(inner: Protocol, client: ProxiedEnd | null, rest: Buffer): void {
    const { clients, onAddressFull } = this.#all.options
    this.#deadline.disarm()
    if (client !== null) {
      this.#network = clients.add(client.address)
      if (this.#network === null) {
        onAddressFull(client.address)
        this.#drop()
        return
      }
      this.#transport.comesFrom(client)
    }
    this.#inner = inner.open(this.#transport, () => this.#closed())
    if (rest.length > 0) this.#transport.handler.onData(rest)
  }

  #refuse(reason: string): void {
    this.#all.options.onRefused(this.#sender, reason)
    this.#drop()
  }

  /** What has come is not read any more: the close may be a reset. */
  #drop(): void {
    this.#isRefused = true
    this.#transport.destroy()
  }

  #closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#deadline.disarm()
    if (this.#network !== null) this.#all.options.clients.remove(this.#network)
    this.#onClose()
  }

  get isReading(): boolean {
    return this.#inner?.isReading ?? true
  }

  get isIdle(): boolean {
    return this.#inner?.isIdle ?? true
  }

  get isOver(): boolean {
    return this.#inner?.isOver ?? (this.#isClosed || this.#isRefused)
  }

  get streamCount(): number | null {
    return this.#inner?.streamCount ?? null
  }

  startDrain(): void {
    if (this.#inner !== null) this.#inner.startDrain()
    else if (!this.#isRefused) this.#all.drainDeadlines.arm(this.#deadline)
  }

  /** The header was read here: another thread would wait for one. */
  release(onDone: (isReleased: boolean) => void): void {
    onDone(false)
  }

  destroy(): void {
    if (this.#inner === null) this.#transport.destroy()
    else this.#inner.destroy()
  }
}
