/**
 * One slot's link: the gateway's connection to one thread of a worker, and the calls that are on it, answered in order.
 * Runs in the gateway. Brings exchanges to frames, and frames to exchanges (`sink.ts`); which call goes where is
 * `dispatcher.ts`, what becomes of calls whose link is gone `retry.ts`.
 *
 * Invariants: at most one connection at a time; a call leaves `#calls` exactly once, by its end, by `disconnect`, or by `close`.
 * The worker is not trusted (`wire/decode.ts`).
 */
import { Deadline, type DeadlineList } from '../../base/deadlines.ts'
import { HttpError } from '../../http/errors.ts'
import type { Call, CallPhase } from '../pool/call.ts'
import { type Fate, fatesOf, MAX_CONTENT_AHEAD } from '../pool/dispatch-rules.ts'
import type { LinkOwner } from '../pool/link-owner.ts'
import type { PoolLink, PoolWorker } from '../pool/worker.ts'
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
  /** SCRIPT_NAME: empty, or as in `/shop`. */
  readonly rootPath: string
  /** Collects the requests of one `flush`. */
  readonly writer: FrameWriter
}

export class SlotLink implements PoolLink, SinkLink {
  readonly address: LinkAddress
  readonly worker: PoolWorker
  usable = false
  readonly capacity = 1
  readonly streams = 0
  inFlight = 0
  takesAhead = true
  firstSince = 0
  /** False: it has no connection, and will not make another. */
  isAlive = true
  /** It said hello on its present connection. */
  isOpen = false
  /** A thread is asked for nothing while it runs: its deadline tells. */
  readonly isBlocked = false
  /** The worker's thread that runs the slot, from its hello. */
  #thread = ''
  readonly #owner: LinkOwner
  readonly #settings: SlotLinkSettings
  readonly #deadline: Deadline
  /** Of the request that runs, or ran last: who must accept anew first ends it. Null before the first: that of hellos. */
  #deadlines: DeadlineList | null = null
  #calls: Call[] = []
  /** Bytes of content that travel inside the requests in flight. */
  #content = 0
  #unsent: Call[] = []
  #connection: WorkerConnection | null = null
  #sender: BodySender | null = null
  /** Answered, but its content is still on the way; the slot is free after it. */
  #ended: { readonly call: Call; readonly runMicros: number } | null = null

  constructor(address: LinkAddress, worker: PoolWorker, owner: LinkOwner, settings: SlotLinkSettings) {
    this.address = address
    this.worker = worker
    this.#owner = owner
    this.#settings = settings
    this.#deadline = new Deadline(() => {
      // A worker that waits for its client's content is not stuck.
      if (this.#sender?.isStarving || this.worker.isDebugged) this.progressed()
      else this.#owner.overdue(this, this.first, this.#thread)
    })
  }

  get isIdle(): boolean {
    return this.inFlight === 0
  }

  get first(): Call | undefined {
    return this.#calls[0]
  }

  /** The call that the worker speaks of next; undefined: nobody waits for an answer. */
  get current(): Call | undefined {
    return this.#ended === null ? this.#calls[0] : undefined
  }

  /** Content of the first call is still on the way to the worker. */
  get isSendingBody(): boolean {
    return this.#sender !== null
  }

  open(): void {
    const decoder = new WorkerDecoder(new SlotSink(this, this.#owner, this.#settings.relayLimits))
    this.#connection = new WorkerConnection(
      this.address.socket,
      decoder,
      chunk => {
        const first = this.first
        decoder.push(chunk)
        // One reading of the clock for all that it has answered in this read.
        if (this.first !== first) this.firstSince = performance.now()
      },
      reason => {
        this.isAlive = false
        this.#owner.broke(this, reason)
      },
    )
    this.write(encodeHello(this.address.build))
    this.#arm()
  }

  /** The worker said hello, and who runs the slot. */
  opened(thread: string): void {
    this.#thread = thread
    this.#deadline.disarm()
    this.isOpen = true
    this.#owner.opened(this)
  }

  write(bytes: Buffer): void {
    this.#connection!.socket.write(bytes)
  }

  /** Puts a call on the link; true when it must be flushed (the first since the last flush). */
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

  /** Writes all requests since the last flush at once. */
  flush(): void {
    const calls = this.#unsent
    if (this.#connection === null || calls.length === 0) return
    const { socket } = this.#connection
    const { writer, rootPath } = this.#settings
    this.#unsent = []
    writer.start()
    for (const call of calls) writeRequest(writer, call.exchange, call.inline, call.bodyLength, rootPath)
    socket.write(writer.bytes())
    // The kernel did not take all of it: the socket keeps the buffer.
    if (socket.writableLength > 0) writer.detach()
    const last = calls[calls.length - 1]!
    if (last.inline === null) this.#sendBody(last)
  }

  /** Returns the calls. `open` may follow: the worker accepts anew. */
  #disconnect(): Call[] {
    const calls = this.#calls
    this.#calls = []
    this.#unsent = []
    this.inFlight = this.#content = 0
    for (const call of calls) call.link = null
    this.#forgetEnded()
    this.takesAhead = true
    this.usable = this.isOpen = false
    this.#deadline.disarm()
    this.#sender?.stop()
    this.#sender = null
    this.#connection?.destroy()
    this.#connection = null
    return calls
  }

  /** A stream would go on for nobody, and content that is still to come never will. */
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

  /** What runs in a thread is not told to end: it is cut when the worker's time is over. */
  dismiss(): void {}

  fatesOf(calls: readonly Call[], blame: boolean): Fate[] {
    return fatesOf(calls, blame)
  }

  /** For good. */
  close(): Call[] {
    this.isAlive = false
    return this.#disconnect()
  }

  /** The worker gave a sign of life: time-outs between chunks begin anew. Not while we hold the link ourselves. */
  progressed(): void {
    if (!this.#connection?.isHeld) this.#arm()
  }

  /** Nothing is read, and nothing expected of the worker, until `release`. */
  hold(): void {
    this.#deadline.disarm()
    this.#connection?.hold()
  }

  release(): void {
    if (!this.#connection?.isHeld) return
    this.#connection.release()
    this.#arm()
  }

  /** The worker is done with its first call; the slot is free when the request's content is through as well. */
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

  #startFirst(): void {
    this.#deadlines = this.#settings.requestDeadlines.of(this.#calls[0]!.exchange.request.path)
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

  #forgetEnded(): void {
    if (this.#ended === null) return
    const { call } = this.#ended
    this.#ended = null
    call.link = null
    call.releaseBody()
  }

  #free(runMicros: number): void {
    this.inFlight--
    // Only calls that may wait, and be waited for, are ever behind another.
    this.takesAhead = this.#content <= MAX_CONTENT_AHEAD
    if (this.#calls.length > 0) this.#startFirst()
    else this.#deadline.rest()
    this.#owner.freed(this, runMicros)
  }
}
