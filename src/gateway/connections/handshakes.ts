/**
 * What comes before HTTP on a connection with TLS: reads the ClientHello, chooses certificate and rules by it, and gives the encrypted
 * connection to HTTP when the handshake is over. Runs in each event loop of the gateway.
 *
 * A handshake costs as much as dozens of requests. So only a few begin in one turn of the event loop, and requests have their turns between
 * them. What waits is bounded by the limit on connections.
 *
 * Invariants: `onClose` is called once. A client that has not finished its handshake in time is closed. Nothing reaches HTTP before the
 * handshake is over.
 * Not here: what OpenSSL is told (`tls/contexts.ts`), the encrypted bytes (`transports/tls.ts`).
 */
import type { TLSSocketOptions } from 'node:tls'
import { Deadline, DeadlineList } from '../../base/deadlines.ts'
import type { MemoryBudget } from '../../base/memory-budget.ts'
import type { GatewayTls, GatewayTlsEntry } from '../../control/tls-messages.ts'
import type { Protocol, ProtocolConnection } from '../../http/protocol.ts'
import { ClientHello } from '../../tls/client-hello.ts'
import { Contexts } from '../../tls/contexts.ts'
import { factsOf } from '../../tls/facts.ts'
import { EntryNames } from '../../tls/names.ts'
import type { SocketTransport } from '../transports/plain.ts'
import { TlsTransport } from '../transports/tls.ts'
import { RecordFloods, WatchedRecords } from './record-floods.ts'

/** So many begin in one turn: a millisecond or two. */
const MOST_AT_ONCE = 4
/** A client that has just connected when a drain begins has so long to finish its handshake. It has sent no request yet. */
const DRAIN_MS = 1000

/** For ALPN (RFC7301), the best first. */
const HTTP1 = ['http/1.1', 'http/1.0']
const ALL = ['h2', ...HTTP1]

/** An alert that ends a handshake before it has begun (RFC8446§6): fatal, unrecognized_name. */
const UNRECOGNIZED_NAME = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 112])

export interface HandshakeOptions {
  readonly tls: GatewayTls
  /** What gets the connection after the handshake. */
  readonly protocol: Protocol
  readonly memory: MemoryBudget
  readonly offersHttp2: boolean
  /** Milliseconds for the whole handshake. 0: no limit. */
  readonly timeoutMs: number
  /** The whole answer to a client that speaks plain HTTP here. */
  readonly plainHttpAnswer: Buffer
  /** A handshake failed: for the log. `client`: its address. */
  readonly onFailed: (client: string, reason: string) => void
  /** A client was ended because its records had no content. */
  readonly onFlood: (client: string) => void
  /** OpenSSL refuses what the entry has, though the master has asked it: told once for each entry that is in force. */
  readonly onUnusable: (names: readonly string[], reason: string) => void
}

/** What requests over TLS are kept to. */
export interface TlsRules {
  readonly entries: readonly GatewayTlsEntry[]
  readonly names: EntryNames<GatewayTlsEntry>
}

type Begin = (rules: TlsRules, contexts: Contexts) => void

function rulesOf({ entries }: GatewayTls): TlsRules {
  return { entries, names: new EntryNames(entries) }
}

/** For all connections with TLS of one event loop. */
export class Handshakes {
  readonly options: HandshakeOptions
  readonly deadlines: DeadlineList
  readonly drainDeadlines = new DeadlineList(DRAIN_MS)
  #rules: TlsRules
  #contexts: Contexts
  readonly #ready: Begin[] = []
  readonly #unusable = new WeakSet<GatewayTlsEntry>()
  readonly floods = new RecordFloods()
  #isDraining = false

  constructor(options: HandshakeOptions) {
    this.options = options
    this.deadlines = new DeadlineList(options.timeoutMs)
    this.#rules = rulesOf(options.tls)
    this.#contexts = this.#makeContexts(options.tls)
  }

  /** In force now. */
  get rules(): TlsRules {
    return this.#rules
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** For handshakes that begin later. */
  replace(tls: GatewayTls): void {
    this.#rules = rulesOf(tls)
    this.#contexts = this.#makeContexts(tls)
  }

  #makeContexts(tls: GatewayTls): Contexts {
    return new Contexts(tls, this.options.offersHttp2 ? ALL : HTTP1)
  }

  open(transport: SocketTransport, onClose: () => void): ProtocolConnection {
    return new Handshake(this, transport, onClose)
  }

  startDrain(): void {
    this.#isDraining = true
  }

  unusable(entry: GatewayTlsEntry, reason: string): void {
    if (this.#unusable.has(entry)) return
    this.#unusable.add(entry)
    this.options.onUnusable(entry.names, reason)
  }

  /** Calls it in its turn, with what is in force then. */
  enqueue(begin: Begin): void {
    if (this.#ready.push(begin) === 1) setImmediate(() => this.#turn())
  }

  #turn(): void {
    for (const begin of this.#ready.splice(0, MOST_AT_ONCE)) begin(this.#rules, this.#contexts)
    if (this.#ready.length > 0) setImmediate(() => this.#turn())
  }
}

/** One connection, from its first byte. */
class Handshake implements ProtocolConnection {
  readonly #all: Handshakes
  /** Null: it is encrypted. It would keep a socket in memory that has nothing to do any more. */
  #plain: SocketTransport | null
  readonly #client: string
  #secure: TlsTransport | null = null
  /** After the handshake. */
  #inner: ProtocolConnection | null = null
  readonly #deadline = new Deadline(() => this.#fail('it took too long'))
  readonly #onClose: () => void
  #isClosed = false
  #records: WatchedRecords | null = null

  constructor(all: Handshakes, plain: SocketTransport, onClose: () => void) {
    // Kept by nobody after OpenSSL has its bytes: a kilobyte or two.
    const hello = new ClientHello()
    this.#all = all
    this.#plain = plain
    this.#client = plain.remoteAddress
    this.#onClose = onClose
    plain.handler = {
      onData: chunk => this.#onHello(hello, chunk),
      onEnd: () => plain.destroy(),
      onDrain() {},
      onClose: () => this.#closed(),
    }
    all.deadlines.arm(this.#deadline)
    if (all.isDraining) this.startDrain()
  }

  get isReading(): boolean {
    return this.#inner?.isReading ?? true
  }

  get isIdle(): boolean {
    return this.#inner?.isIdle ?? true
  }

  get isOver(): boolean {
    return this.#inner?.isOver ?? this.#isClosed
  }

  get streamCount(): number | null {
    return this.#inner?.streamCount ?? null
  }

  startDrain(): void {
    if (this.#inner !== null) this.#inner.startDrain()
    else this.#all.drainDeadlines.arm(this.#deadline)
  }

  /** OpenSSL has secrets of the connection that no other thread can have. */
  release(onDone: (isReleased: boolean) => void): void {
    onDone(false)
  }

  destroy(): void {
    if (this.#inner !== null) this.#inner.destroy()
    else if (this.#secure !== null) this.#secure.destroy()
    else this.#plain!.destroy()
  }

  #closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#deadline.disarm()
    if (this.#records !== null) this.#all.floods.delete(this.#records)
    this.#onClose()
  }

  #fail(reason: string): void {
    this.#all.options.onFailed(this.#client, reason)
    this.destroy()
  }

  #onHello(hello: ClientHello, chunk: Buffer): void {
    switch (hello.push(chunk)) {
      case 'more':
        return
      case 'complete':
        this.#plain!.pause()
        this.#all.enqueue((rules, contexts) => this.#begin(hello, rules.names, contexts))
        return
      case 'plain-http':
        this.#all.options.onFailed(this.#client, 'it speaks plain HTTP')
        this.#answerAndClose(this.#all.options.plainHttpAnswer)
        return
      case 'refused':
        this.#fail(hello.reason)
    }
  }

  /** The deadline bounds how long the client may take to read it. */
  #answerAndClose(answer: Buffer): void {
    const plain = this.#plain!
    plain.handler = { onData() {}, onEnd: () => plain.destroy(), onDrain() {}, onClose: () => this.#closed() }
    plain.write(answer)
    plain.end()
    plain.resume()
  }

  #begin(hello: ClientHello, names: EntryNames<GatewayTlsEntry>, contexts: Contexts): void {
    if (this.#isClosed) return
    const { serverName } = hello
    const entry = names.find(serverName)
    if (entry === null) {
      this.#all.options.onFailed(this.#client, `no certificate is for ${serverName || 'clients that name no host'}`)
      this.#answerAndClose(UNRECOGNIZED_NAME)
      return
    }
    this.#encrypt(hello, entry, contexts)
  }

  #encrypt(hello: ClientHello, entry: GatewayTlsEntry, contexts: Contexts): void {
    const { memory, protocol } = this.#all.options
    const { serverName, bytes } = hello
    let options: TLSSocketOptions
    try {
      options = contexts.optionsFor(entry, hello)
    } catch (error) {
      const { message } = error as Error
      this.#all.unusable(entry, message)
      this.#fail(`the certificate cannot be used: ${message}`)
      return
    }
    const plain = this.#plain!
    const secure = new TlsTransport(
      plain.takeSocket(),
      plain,
      options,
      socket => factsOf(socket, serverName, entry),
      memory,
    )
    this.#secure = secure
    this.#plain = null
    secure.handler = { onData() {}, onEnd: () => secure.destroy(), onDrain() {}, onClose: () => this.#closed() }
    secure.shakeHands(
      bytes,
      () => {
        this.#deadline.disarm()
        this.#watch(secure)
        this.#inner = protocol.open(secure, () => this.#closed())
        secure.start()
      },
      error => {
        if (this.#inner === null) this.#all.options.onFailed(this.#client, error.message)
      },
    )
  }

  #watch(secure: TlsTransport): void {
    const { floods, options } = this.#all
    this.#records = new WatchedRecords(secure, () => {
      options.onFlood(this.#client)
      secure.reset()
    })
    floods.add(this.#records)
  }
}
