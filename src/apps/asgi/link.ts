/**
 * The link to one worker of an ASGI application, or of a WSGI application in greenlets, with all exchanges that the worker runs. Runs in
 * the gateway. Turns exchanges into frames; `sink.ts` turns the worker's frames into responses.
 *
 * Invariants: one connection, never renewed: the worker is lost with it. The link is always read: credit holds back what a slow client
 * does not take. A call leaves `#calls` exactly once; from then on frames for it are ignored. A slot is held until the response head;
 * streams and WebSockets count by themselves (`capacity.ts`).
 * Not here: which call goes to which worker (`pool/dispatcher.ts`), what becomes of calls whose link is gone (`pool/retry.ts`),
 * deadlines and the heartbeat (`watch.ts`).
 */
import { Deadline, type DeadlineList } from '../../base/deadlines.ts'
import { HttpError } from '../../http/errors.ts'
import { CloseCode } from '../../http/websocket.ts'
import type { Call } from '../pool/call.ts'
import { type Fate, fatesApart } from '../pool/dispatch-rules.ts'
import type { LinkOwner } from '../pool/link-owner.ts'
import type { PoolWorker, RunningCall } from '../pool/worker.ts'
import { handshakeOf } from '../raw/handshake.ts'
import { MultiplexDecoder } from '../wire/multiplex-decode.ts'
import {
  type HeadWriter,
  writeCancel,
  writeDisconnect,
  writeHandshake,
  writeHello,
  writeRequest,
} from '../wire/multiplex-encode.ts'
import { WireViolation } from '../wire/violation.ts'
import { type LinkAddress, WorkerConnection } from '../worker/connection.ts'
import type { RelayLimits } from '../worker/relay.ts'
import type { RequestTimes } from '../worker/request-times.ts'
import { Attachments, type HandshakeSettings } from './attachments.ts'
import { MultiplexedCall } from './call.ts'
import { CallTable } from './call-table.ts'
import { Capacity } from './capacity.ts'
import { ContentFeed } from './content-feed.ts'
import { GradualClose } from './gradual-close.ts'
import type { Heartbeat } from './heartbeat.ts'
import { Outbox } from './outbox.ts'
import { MultiplexedSink, type SinkLink } from './sink.ts'
import type { Ticker } from './ticker.ts'
import { LinkWatch, type WatchedLink } from './watch.ts'

/** What all links of workers of one kind share. */
export interface MultiplexedSettings {
  readonly helloDeadlines: DeadlineList
  readonly times: RequestTimes
  /** `timeouts.streamIdle`; 0: none. */
  readonly streamIdleMs: number
  /** Threads of the gateway that have a link to the worker. */
  readonly threads: number
  readonly relayLimits: RelayLimits
  readonly head: HeadWriter
  /** Of WSGI: what an application may ask for in a handshake. Null: handshakes are as other requests (ASGI). */
  readonly handshakes: HandshakeSettings | null
}

export class MultiplexedLink implements SinkLink, WatchedLink {
  readonly address: LinkAddress
  readonly worker: PoolWorker
  readonly capacity: number
  /** Each call runs at once: none is sent behind another. */
  takesAhead = false
  firstSince = 0
  isAlive = true
  isOpen = false
  /** WebSockets take no slot: they have a bound of their own. */
  readonly isTunnel = false
  readonly #owner: LinkOwner
  readonly #settings: MultiplexedSettings
  readonly #calls = new CallTable<MultiplexedCall>()
  readonly #capacity: Capacity<MultiplexedCall>
  readonly #heartbeat: Heartbeat
  readonly #helloDeadline: Deadline
  readonly #ticker: Ticker
  #mayUse = false
  /** A call was sent since the last flush. */
  #isUnflushed = false
  #connection: WorkerConnection | null = null
  #outbox: Outbox | null = null
  #gradualClose: GradualClose<MultiplexedCall> | null = null
  readonly #attachments: Attachments | null

  constructor(address: LinkAddress, worker: PoolWorker, owner: LinkOwner, settings: MultiplexedSettings) {
    const { times, streamIdleMs, threads, handshakes } = settings
    this.address = address
    this.capacity = address.slots
    this.#capacity = new Capacity(address.slots, threads)
    this.worker = worker
    this.#owner = owner
    this.#settings = settings
    this.#attachments = handshakes && new Attachments(this, owner, handshakes.tunnels, settings.relayLimits)
    const { ticker, heartbeat } = new LinkWatch(this, this.#calls, owner, times, streamIdleMs)
    this.#ticker = ticker
    this.#heartbeat = heartbeat
    this.#helloDeadline = new Deadline(() => this.#broke('it did not say hello in time'))
  }

  get inFlight(): number {
    return this.#capacity.inFlight
  }

  get streams(): number {
    return this.#capacity.streams
  }

  get usable(): boolean {
    return this.#mayUse && !this.#outbox!.isCongested && !this.isBlocked
  }

  set usable(value: boolean) {
    this.#mayUse = value
  }

  get isBlocked(): boolean {
    return this.#heartbeat.isBlocked
  }

  get isIdle(): boolean {
    return this.#calls.size === 0
  }

  get outbox(): Outbox {
    return this.#outbox!
  }

  open(): void {
    const { relayLimits, streamIdleMs, helloDeadlines } = this.#settings
    const sink = new MultiplexedSink(this, this.#owner, relayLimits, streamIdleMs)
    const decoder = new MultiplexDecoder<MultiplexedCall>(sink)
    this.#connection = new WorkerConnection(
      this.address.socket,
      decoder,
      chunk => this.#read(decoder, chunk),
      reason => this.#broke(reason),
    )
    this.#outbox = new Outbox(this.#connection.socket, relayLimits.memory, () => this.#hasRoom())
    writeHello(this.#outbox.begin(), this.address.build)
    helloDeadlines.arm(this.#helloDeadline)
  }

  opened(): void {
    this.#helloDeadline.disarm()
    this.isOpen = true
    this.#owner.opened(this)
  }

  send(call: Call): boolean {
    const one = new MultiplexedCall(this.#calls.newId(), call)
    call.phase = 'sent'
    call.link = this
    call.exchange.servedBy = this.address
    call.wireId = one.id
    this.#calls.add(one)
    this.#capacity.enter(one)
    const { head, handshakes } = this.#settings
    if (handshakes !== null && call.isHandshake) {
      const { asked, key } = handshakeOf(call.exchange)
      one.key = key
      writeHandshake(this.outbox.begin(), one.id, asked, handshakes.root)
    } else {
      writeRequest(this.outbox.begin(), one.id, call.exchange, head, call)
    }
    if (call.inline === null) this.#feed(one)
    this.#ticker.start()
    const isFirst = !this.#isUnflushed
    this.#isUnflushed = true
    return isFirst
  }

  flush(): void {
    this.#isUnflushed = false
    this.#outbox?.flush()
  }

  left(call: Call): void {
    const one = this.#calls.get(call.wireId)
    if (one?.call !== call) return
    this.remove(one)
    one.attachment?.giveUp()
    if (one.isCancelled && one.attachment === null) writeCancel(this.outbox.begin(), one.id)
    else this.disconnect(one, one.isWebSocket ? CloseCode.ABNORMAL : 0, '')
    this.release(one, null)
  }

  find(id: number): MultiplexedCall | null {
    const one = this.#calls.get(id)
    if (one === null && !this.#calls.mayHaveBeen(id))
      throw new WireViolation(`a frame for exchange ${id}, which never was`)
    return one
  }

  isCurrent(one: MultiplexedCall): boolean {
    return this.#calls.get(one.id) === one
  }

  remove(one: MultiplexedCall): void {
    this.#calls.delete(one)
    one.feed?.stop()
    one.call.link = null
  }

  disconnect(one: MultiplexedCall, code: number, reason: string): void {
    writeDisconnect(this.outbox.begin(), one.id, code, reason)
  }

  release(one: MultiplexedCall, runMicros: number | null): void {
    this.#capacity.leave(one)
    this.#owner.freed(this, runMicros)
  }

  attach(one: MultiplexedCall, token: number, waits: boolean): void {
    if (this.#attachments === null) throw new WireViolation('TAKEN of a worker that has no sockets')
    this.#attachments.add(one, token, waits)
  }

  becomeStream(one: MultiplexedCall): void {
    if (this.#capacity.becomeStream(one)) this.#owner.hasRoom(this)
  }

  /** Nothing to do: `watch.ts` did not count the time in the debugger. */
  goOn(): void {}

  dismiss(code: number, afterMs: number, spanMs: number): void {
    this.#gradualClose?.stop()
    this.#gradualClose = new GradualClose(
      () => this.#calls.values().filter(one => one.isEndless),
      one => this.#dismissOne(one, code),
    )
    this.#gradualClose.start(afterMs, spanMs)
    if (code !== CloseCode.GOING_AWAY) this.#attachments?.endAfter(afterMs + spanMs)
  }

  close(code: number): Call[] {
    const isIdle = this.isIdle
    const connection = this.#connection
    this.#connection = null
    this.isAlive = this.isOpen = this.#mayUse = false
    this.#helloDeadline.disarm()
    this.#gradualClose?.stop()
    this.#attachments?.close()
    this.#ticker.stop()
    const calls: Call[] = []
    for (const { call, feed, socket: relay, attachment } of this.#calls.values()) {
      feed?.stop()
      call.link = null
      attachment?.giveUp()
      if (relay === null) calls.push(call)
      else relay.end(code, '')
    }
    this.#calls.clear()
    this.#capacity.clear()
    if (isIdle && connection?.socket.readyState === 'open') {
      // The worker has done all of its work. It still receives what was written.
      this.outbox.finish()
      connection.finish()
    } else {
      this.#outbox?.close()
      connection?.destroy()
    }
    return calls
  }

  running(): RunningCall[] {
    return this.#calls.values().map(({ call }) => ({ call, since: call.leftQueueAt, isBehind: false }))
  }

  fatesOf(calls: readonly Call[], mayBeGuilty: boolean): Fate[] {
    return fatesApart(calls, mayBeGuilty)
  }

  /** The outbox has room again. */
  #hasRoom(): void {
    this.#owner.hasRoom(this)
    for (const { socket, feed } of this.#calls.values()) {
      socket?.roomAgain()
      feed?.roomAgain()
    }
  }

  #broke(reason: string): void {
    this.isAlive = false
    this.#owner.broke(this, reason)
  }

  #read(decoder: MultiplexDecoder<MultiplexedCall>, chunk: Buffer): void {
    const wasBlocked = this.#heartbeat.isBlocked
    this.#heartbeat.heard()
    this.outbox.hasSpoken = false
    decoder.push(chunk)
    if (wasBlocked) this.#owner.hasRoom(this)
  }

  #feed(one: MultiplexedCall): void {
    const { call, id } = one
    one.feed = new ContentFeed(call.body!, this.outbox, id, () =>
      this.#owner.failed(call, new HttpError(500, 'The content of the request could not be read back', 'operator')),
    )
    one.feed.start()
  }

  #dismissOne(one: MultiplexedCall, code: number): void {
    if (!this.isCurrent(one)) return
    const { call, relay, socket } = one
    this.remove(one)
    this.disconnect(one, socket === null ? 0 : code, '')
    this.release(one, null)
    if (socket !== null) {
      socket.end(code, '')
    } else {
      call.phase = 'relaying'
      relay!.end([])
    }
  }
}
