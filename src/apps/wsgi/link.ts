/**
 * One slot's link: the gateway's connection to one thread of a WSGI worker, and the calls on it, which are answered in order.
 * Runs in the gateway. Turns exchanges into frames; `sink.ts` turns the worker's frames into responses.
 *
 * Invariants: at most one connection at a time. A call leaves `#calls` exactly once: by its end, by `giveUp`, or by `close`.
 * The worker is not trusted (`wire/decode.ts`).
 * Not here: which call goes where (`pool/dispatcher.ts`), what becomes of calls whose link is gone (`pool/retry.ts`).
 */
import { Deadline, DeadlineList } from '../../base/deadlines.ts'
import type { ApplicationRoot } from '../../http/application-root.ts'
import { HttpError } from '../../http/errors.ts'
import { CloseCode } from '../../http/websocket.ts'
import type { Call, CallPhase } from '../pool/call.ts'
import { type Fate, fatesOf, MAX_CONTENT_AHEAD } from '../pool/dispatch-rules.ts'
import type { LinkOwner } from '../pool/link-owner.ts'
import type { PoolLink, PoolWorker, RunningCall } from '../pool/worker.ts'
import type { RawAnswer, RawLink } from '../raw/answer.ts'
import { handshakeOf } from '../raw/handshake.ts'
import type { TunnelSettings } from '../raw/tunnel.ts'
import { WorkerDecoder } from '../wire/decode.ts'
import { encodeHello, writeRequest } from '../wire/encode.ts'
import type { FrameWriter } from '../wire/frame-writer.ts'
import { type LinkAddress, WorkerConnection } from '../worker/connection.ts'
import type { RelayLimits } from '../worker/relay.ts'
import type { RequestDeadlines } from '../worker/request-times.ts'
import { BodySender } from './body-sender.ts'
import { type SinkLink, SlotSink } from './sink.ts'

/** What all links of WSGI workers share. */
export interface SlotLinkSettings {
  readonly helloDeadlines: DeadlineList
  readonly requestDeadlines: RequestDeadlines
  readonly relayLimits: RelayLimits
  /** For SCRIPT_NAME and PATH_INFO. */
  readonly root: ApplicationRoot
  /** Collects the requests of one `flush`. */
  readonly writer: FrameWriter
  readonly tunnels: TunnelSettings
}

/** Nothing is expected of the worker. */
const NEVER = new DeadlineList(0)

export class SlotLink implements PoolLink, SinkLink {
  readonly address: LinkAddress
  readonly worker: PoolWorker
  usable = false
  readonly capacity = 1
  readonly streams = 0
  inFlight = 0
  takesAhead = true
  firstSince = 0
  isAlive = true
  isOpen = false
  /** A busy thread cannot be asked whether it is alive: the request's deadline decides. */
  readonly isBlocked = false
  /** The worker's thread that runs the slot, from its hello. */
  #thread = ''
  readonly #owner: LinkOwner
  readonly #settings: SlotLinkSettings
  readonly #deadline: Deadline
  /**
   * For the request that runs or ran last; null before the first request. Also the time for the next hello: the thread accepts only
   * after it has ended this request, or the request of a gateway that has crashed.
   */
  #deadlines: DeadlineList | null = null
  #calls: Call[] = []
  /** Bytes of content inside the requests in flight. */
  #content = 0
  #unsent: Call[] = []
  #connection: WorkerConnection | null = null
  #sender: BodySender | null = null
  /** A call that is answered while its content is still on the way. The slot is free after the content. */
  #ended: { readonly call: Call; readonly runMicros: number } | null = null
  /** Key of the handshake that was sent last. */
  #key = ''
  /** The application of the oldest call has the link. */
  #raw: RawAnswer | null = null
  /** Cuts a tunnel at the end of a drain. */
  #dismissal: NodeJS.Timeout | undefined

  constructor(address: LinkAddress, worker: PoolWorker, owner: LinkOwner, settings: SlotLinkSettings) {
    this.address = address
    this.worker = worker
    this.#owner = owner
    this.#settings = settings
    this.#deadline = new Deadline(() => {
      // A worker that waits for its client's content is not stuck.
      if (this.#sender?.isStarving || this.worker.isDebugged) this.progressed()
      else if (this.#deadlines === null && this.worker.hasServed) this.#expectLate()
      else this.#owner.overdue(this, this.oldest, this.#thread)
    })
  }

  get isIdle(): boolean {
    return this.inFlight === 0
  }

  get oldest(): Call | undefined {
    return this.#calls[0]
  }

  get answering(): Call | undefined {
    return this.#ended === null ? this.#calls[0] : undefined
  }

  get isTunnel(): boolean {
    return this.#raw?.isTunnel ?? false
  }

  get isSendingBody(): boolean {
    return this.#sender !== null
  }

  open(): void {
    const decoder = new WorkerDecoder(new SlotSink(this, this.#owner, this.#settings.relayLimits))
    this.#connection = new WorkerConnection(
      this.address.socket,
      decoder,
      chunk => {
        const { oldest } = this
        decoder.push(chunk)
        // The clock is read once for all answers of this chunk.
        if (this.oldest !== oldest) this.firstSince = performance.now()
      },
      reason => {
        if (this.#raw !== null) {
          this.#rawEnded(this.#raw)
          return
        }
        this.isAlive = false
        this.#owner.broke(this, reason)
      },
    )
    this.write(encodeHello(this.address.build))
    if (this.#deadlines === null) this.firstSince = performance.now()
    this.#arm()
  }

  opened(thread: string): void {
    this.#thread = thread
    this.#deadline.disarm()
    this.isOpen = true
    this.#owner.opened(this)
  }

  write(bytes: Buffer): void {
    this.#connection!.socket.write(bytes)
  }

  /** True for the first call since the last flush. */
  send(call: Call): boolean {
    call.phase = 'sent'
    call.link = this
    call.exchange.servedBy = this.address
    this.inFlight++
    this.#content += call.inlineBytes
    if (!call.mayGoAhead || this.#content > MAX_CONTENT_AHEAD) this.takesAhead = false
    if (this.#calls.push(call) === 1) {
      this.firstSince = performance.now()
      this.#startFirst()
    }
    return this.#unsent.push(call) === 1
  }

  flush(): void {
    const calls = this.#unsent
    if (this.#connection === null || calls.length === 0) return
    const { socket } = this.#connection
    const { writer, root } = this.#settings
    this.#unsent = []
    writer.start()
    for (const call of calls) {
      if (call.isHandshake) this.#writeHandshake(call)
      else writeRequest(writer, call.exchange, call.inline, call.bodyLength, root)
    }
    socket.write(writer.bytes())
    // The kernel did not take all of the bytes: the socket keeps the buffer.
    if (socket.writableLength > 0) writer.detach()
    const last = calls[calls.length - 1]!
    if (last.inline === null) this.#sendBody(last)
  }

  /** Nothing was sent ahead of it, and nothing is sent behind it. */
  #writeHandshake(call: Call): void {
    const { writer, root } = this.#settings
    const { asked, key } = handshakeOf(call.exchange)
    this.#key = key
    writeRequest(writer, asked, call.inline, call.bodyLength, root, true)
  }

  /** Returns the calls. `open` may follow: the worker accepts anew. */
  #disconnect(): Call[] {
    const calls = this.#calls
    this.#calls = []
    this.#unsent = []
    this.inFlight = this.#content = 0
    for (const call of calls) call.link = null
    this.#forgetEnded()
    this.#forgetRaw()
    this.takesAhead = true
    this.usable = this.isOpen = false
    this.#deadline.disarm()
    this.#sender?.stop()
    this.#sender = null
    this.#connection?.destroy()
    this.#connection = null
    return calls
  }

  /** A stream would go on for nobody, and content that still arrives from the client will never be complete. */
  left(call: Call, phase: CallPhase): void {
    if (phase === 'streaming' || call.body?.isLive) this.giveUp()
  }

  giveUp(): void {
    const wasRunning = this.inFlight > 0
    this.#owner.gaveUp(this, this.#disconnect(), wasRunning)
  }

  goOn(): void {
    if (this.inFlight > 0) this.progressed()
  }

  /**
   * A thread cannot be told to end its request: the request is cut when the worker's time is over. A WebSocket is cut a little before, so
   * that its application ends in order; when the program stops, the end of its client's connection does that.
   */
  dismiss(code: number, afterMs: number, spanMs: number): void {
    if (code === CloseCode.GOING_AWAY) return
    clearTimeout(this.#dismissal)
    this.#dismissal = setTimeout(() => {
      if (this.isTunnel) this.tunnelOver()
    }, afterMs + spanMs).unref()
  }

  running(): RunningCall[] {
    return this.#calls.map((call, i) => ({
      call,
      since: i === 0 ? this.firstSince : call.leftQueueAt,
      isBehind: i > 0,
    }))
  }

  fatesOf(calls: readonly Call[], mayBeGuilty: boolean): Fate[] {
    return fatesOf(calls, mayBeGuilty)
  }

  close(): Call[] {
    this.isAlive = false
    clearTimeout(this.#dismissal)
    return this.#disconnect()
  }

  /** The deadline begins anew, unless the gateway itself holds the link. */
  progressed(): void {
    if (!this.#connection?.isHeld) this.#arm()
  }

  hold(): void {
    this.#deadline.disarm()
    this.#connection?.hold()
  }

  release(): void {
    if (!this.#connection?.isHeld) return
    this.#connection.release()
    this.#arm()
  }

  taken(waits: boolean, answer: (link: RawLink) => RawAnswer): RawAnswer {
    const tunnels = this.#settings.tunnels
    this.#raw = answer({
      connection: this.#connection!,
      key: this.#key,
      workerId: this.address.worker,
      tunnels,
      waits,
      isTrusted: !this.address.isApart,
      progressed: () => this.progressed(),
      becameTunnel: () => this.#becameTunnel(),
      tunnelOver: () => this.tunnelOver(),
    })
    return this.#raw
  }

  /** The slot is free when the request's content has been sent as well. */
  end(call: Call, runMicros: number): void {
    this.#calls.shift()
    this.#content -= call.inlineBytes
    call.exchange.runMicros = runMicros
    this.release()
    if (this.#sender?.isLive) {
      this.#sender.finish()
      this.#sender = null
    }
    if (this.#sender !== null) {
      this.#ended = { call, runMicros }
      return
    }
    call.link = null
    call.releaseBody()
    this.#free(runMicros)
  }

  /** The thread may be busy with a request of the gateway before this one. */
  #expectLate(): void {
    this.#deadlines = this.#settings.requestDeadlines.longest
    this.#arm()
  }

  #startFirst(): void {
    const { request, limits } = this.#calls[0]!.exchange
    this.#deadlines = this.#settings.requestDeadlines.of(request.path, limits?.timeout ?? null)
    this.#arm()
  }

  #arm(): void {
    const deadlines = this.#deadlines ?? this.#settings.helloDeadlines
    deadlines.arm(this.#deadline)
  }

  #sendBody(call: Call): void {
    this.#sender = new BodySender(this.#connection!.socket, call.body!, error => {
      this.#sender = null
      if (error !== null) {
        this.#owner.failed(call, new HttpError(500, 'The content of the request could not be read back', 'operator'))
        this.giveUp()
        return
      }
      if (this.#ended !== null) {
        const { runMicros } = this.#ended
        this.#forgetEnded()
        this.#free(runMicros)
        this.firstSince = performance.now()
      } else if (call.phase !== 'sent') {
        call.releaseBody()
      }
    })
    this.#sender.onLivePiece = () => this.progressed()
    this.#sender.start()
  }

  /** Nothing is late any more: the thread runs as long as the WebSocket is open. And it may need any time to notice its end. */
  #becameTunnel(): void {
    this.#deadlines = NEVER
    this.#arm()
    this.worker.share?.countTunnel(1)
    this.#owner.tunnelled(this)
  }

  /** Nobody wants what the application still sends. Its thread reads what the client has sent, and then the end. */
  tunnelOver(): void {
    const connection = this.#connection!
    this.#connection = null
    connection.leave()
    this.#calls.shift()!.link = null
    this.giveUp()
  }

  /** The worker has closed the link: its application has returned, or it has died. */
  #rawEnded(raw: RawAnswer): void {
    if (raw.isAnswered) this.#calls.shift()!.link = null
    raw.workerEnded()
    // A call that fails has given the link up.
    if (this.#raw === raw) this.giveUp()
  }

  #forgetRaw(): void {
    const raw = this.#raw
    if (raw === null) return
    this.#raw = null
    if (raw.isTunnel) this.worker.share?.countTunnel(-1)
    raw.cut()
  }

  #forgetEnded(): void {
    if (this.#ended === null) return
    const { call } = this.#ended
    this.#ended = null
    call.link = null
    call.releaseBody()
  }

  #free(runMicros: number): void {
    this.inFlight--
    // A call behind another one is short and no suspect. So only the amount of content counts.
    this.takesAhead = this.#content <= MAX_CONTENT_AHEAD
    if (this.#calls.length > 0) this.#startFirst()
    else this.#deadline.rest()
    this.#owner.freed(this, runMicros)
  }
}
