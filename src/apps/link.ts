/**
 * One slot's link: the gateway's connection to one thread of a worker, and the calls that are on it, answered in order.
 * Runs in the gateway. Brings frames to exchanges and exchanges to frames; which call goes where, and what becomes of
 * calls whose link is gone, is `pool.ts`.
 *
 * Invariants: at most one connection at a time; events of a connection that was given up change nothing; a call leaves
 * `#calls` exactly once, by its end, by `abandon`, or by `close`. The worker is not trusted (`wire/decode.ts`).
 */
import { connect, type Socket } from 'node:net'
import { Deadline, type DeadlineList } from '../base/deadlines.ts'
import { HttpError } from '../http/errors.ts'
import type { ResponseHead } from '../http/exchange.ts'
import { BodySender } from './body-sender.ts'
import type { Call, CallPhase } from './call.ts'
import { type Fate, fatesOf } from './dispatch.ts'
import { readFailure } from './failure.ts'
import { openOffer } from './file-offer.ts'
import type { LinkAddress, PoolLink, PoolLinkOwner } from './pool-link.ts'
import type { PoolWorker } from './pool-worker.ts'
import { Relay, type RelayLimits } from './relay.ts'
import { type FileOffer, WorkerDecoder, type WorkerHello, type WorkerSink } from './wire/decode.ts'
import { encodeFileOpened, encodeHello, writeRequest } from './wire/encode.ts'
import type { FrameWriter } from './wire/frame-writer.ts'
import { WireViolation } from './wire/violation.ts'

export interface LinkOwner extends PoolLinkOwner {
  readonly relayLimits: RelayLimits
  /** SCRIPT_NAME: empty, or as in `/shop`. */
  readonly rootPath: string
  /** What it runs is wanted by nobody and would go on: give the connection up. */
  deserted(link: Link): void
  /** No progress within the time of the request that runs. */
  overdue(link: Link): void
  /** Those of requests for the path. */
  deadlinesOf(path: string): DeadlineList
}

/** One buffer for all reads of all links: what must outlive a read is copied. Larger than a Unix socket's own buffer. */
export const sharedReadBuffer = Buffer.allocUnsafeSlow(256 * 1024)

export class Link implements PoolLink {
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
  /** That runs the slot in the worker, by its hello. */
  thread = ''
  readonly #owner: LinkOwner
  readonly #deadline: Deadline
  /** Of the request that runs, or ran last: who must accept anew first ends it. Null before the first: that of hellos. */
  #deadlines: DeadlineList | null = null
  readonly #sink: WorkerSink
  #calls: Call[] = []
  #unsent: Call[] = []
  #socket: Socket | null = null
  #decoder: WorkerDecoder | null = null
  #sender: BodySender | null = null
  #held = false
  /** The worker waits for FILE_OPENED, and nothing but END may follow when the gateway holds the file. */
  #file: 'none' | 'opening' | 'opened' = 'none'
  /** Answered, but its content is still on the way; the slot is free after it. */
  #ended: { readonly call: Call; readonly runMicros: number } | null = null

  constructor(address: LinkAddress, worker: PoolWorker, owner: LinkOwner) {
    this.address = address
    this.worker = worker
    this.#owner = owner
    // A worker that waits for its client's content is not stuck.
    this.#deadline = new Deadline(() => (this.#sender?.isStarving ? this.#progress() : this.#owner.overdue(this)))
    this.#sink = this.#makeSink()
  }

  get isIdle(): boolean {
    return this.inFlight === 0
  }

  get first(): Call | undefined {
    return this.#calls[0]
  }

  open(): void {
    const decoder = new WorkerDecoder(this.#sink)
    const socket: Socket = connect({
      path: this.address.socket,
      onread: {
        buffer: sharedReadBuffer,
        callback: (length, buffer) => {
          if (socket === this.#socket) this.#read(decoder, (buffer as Buffer).subarray(0, length))
          return !(socket === this.#socket && this.#held)
        },
      },
    })
    let reason = 'closed by the worker'
    socket.on('error', error => {
      reason = error.message
    })
    socket.on('close', () => {
      if (socket === this.#socket) this.#break(reason)
    })
    socket.write(encodeHello(this.address.build))
    this.#socket = socket
    this.#decoder = decoder
    this.#arm()
  }

  /** Puts a call on the link; true when it must be flushed (the first since the last flush). */
  send(call: Call): boolean {
    call.phase = 'sent'
    call.link = this
    call.exchange.servedBy = this.address
    this.inFlight++
    if (!call.mayGoAhead) this.takesAhead = false
    if (this.#calls.push(call) === 1) this.#startFirst()
    return this.#unsent.push(call) === 1
  }

  /** Writes all requests since the last flush at once. `writer` is shared by all links. */
  flush(writer: FrameWriter): void {
    const socket = this.#socket
    const calls = this.#unsent
    if (socket === null || calls.length === 0) return
    this.#unsent = []
    writer.start()
    for (const call of calls) writeRequest(writer, call.exchange, call.inline, call.bodyLength, this.#owner.rootPath)
    socket.write(writer.bytes())
    // The kernel did not take all of it: the socket keeps the buffer.
    if (socket.writableLength > 0) writer.detach()
    const last = calls[calls.length - 1]!
    if (last.inline === null) this.#sendBody(socket, last)
  }

  /** Gives the connection up; the calls are returned. `open` may follow: the worker then accepts anew. */
  disconnect(): Call[] {
    const calls = this.#calls
    this.#calls = []
    this.#unsent = []
    this.inFlight = 0
    for (const call of calls) call.link = null
    this.#forgetEnded()
    this.#file = 'none'
    this.#held = false
    this.takesAhead = true
    this.usable = this.isOpen = false
    this.#deadline.disarm()
    this.#sender?.stop()
    this.#sender = null
    this.#decoder?.stop()
    const socket = this.#socket
    this.#socket = null
    socket?.destroy()
    return calls
  }

  /** A stream would go on for nobody, and content that is still to come never will. */
  left(call: Call, phase: CallPhase): void {
    if (phase === 'streaming' || call.body?.isLive) this.#owner.deserted(this)
  }

  /** What runs in a thread is not told to end: it is cut when the worker's time is over. */
  dismiss(): void {}

  fatesOf(calls: readonly Call[], blame: boolean): Fate[] {
    return fatesOf(calls, blame)
  }

  /** For good. */
  close(): Call[] {
    this.isAlive = false
    return this.disconnect()
  }

  #break(reason: string): void {
    this.isAlive = false
    this.#owner.broke(this, reason)
  }

  #read(decoder: WorkerDecoder, chunk: Buffer): void {
    try {
      decoder.push(chunk)
    } catch (error) {
      if (!(error instanceof WireViolation)) throw error
      this.#break(`it broke the rules of the wire: ${error.message}`)
    }
  }

  #startFirst(): void {
    this.firstSince = performance.now()
    this.#deadlines = this.#owner.deadlinesOf(this.#calls[0]!.exchange.request.path)
    this.#arm()
  }

  #arm(): void {
    if (this.#deadlines === null) this.#owner.armHello(this.#deadline)
    else this.#deadlines.arm(this.#deadline)
  }

  #sendBody(socket: Socket, call: Call): void {
    this.#sender = new BodySender(socket, call.body!, error => {
      this.#sender = null
      if (error !== null) {
        this.#owner.failed(call, new HttpError(500, 'The content of the request could not be read back', 'operator'))
        this.#owner.deserted(this)
        return
      }
      if (this.#ended !== null) {
        const { runMicros } = this.#ended
        this.#forgetEnded()
        this.#free(runMicros)
      } else if (call.phase !== 'sent') {
        call.releaseBody()
      }
    })
    this.#sender.onLivePiece = () => this.#progress()
    this.#sender.start()
  }

  #makeSink(): WorkerSink {
    return {
      onHello: hello => this.#onHello(hello),
      onResponse: (head, body, complete, runMicros) => this.#onResponse(head, body, complete, runMicros),
      onChunk: chunk => {
        const call = this.#streaming()
        this.#progress()
        this.#guarded(call, () => call.relay!.chunk(chunk))
      },
      onEnd: runMicros => {
        const call = this.#current()
        call.phase = 'relaying'
        this.#end(call, runMicros)
        this.#guarded(call, () => call.relay!.end())
      },
      onFile: file => this.#onFile(file),
      onInform: head => {
        const { exchange, phase } = this.#current()
        if (phase === 'sent' && exchange.response.state === 'idle') exchange.response.inform(head)
      },
      onFailed: (reason, runMicros) => this.#onFailed(reason, runMicros),
    }
  }

  #onHello(hello: WorkerHello): void {
    const { build, worker } = this.address
    if (hello.build !== build) throw new WireViolation(`it is build ${hello.build}, this is ${build}`)
    if (hello.worker !== worker) throw new WireViolation(`it is worker ${hello.worker}, not ${worker}`)
    this.thread = hello.thread ?? ''
    this.#deadline.disarm()
    this.isOpen = true
    this.#owner.opened(this)
  }

  #onResponse(head: ResponseHead, body: Buffer, complete: boolean, runMicros: number): void {
    const call = this.#current()
    const { response } = call.exchange
    const wanted = call.phase === 'sent' && response.state === 'idle'
    if (this.#sender === null) call.releaseBody()
    if (complete) {
      if (wanted) call.phase = 'relaying'
      this.#end(call, runMicros)
      if (wanted) this.#guarded(call, () => answer(call, head, body))
    } else if (wanted) {
      this.#progress()
      this.takesAhead = false
      call.phase = 'streaming'
      const relay = this.#makeRelay(call)
      call.relay = relay
      this.#guarded(call, () => relay.start(head, body))
    } else {
      this.#owner.deserted(this)
    }
  }

  /** A bug on the way to the client fails its exchange, and not the link and all others that share it. */
  #guarded(call: Call, act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#owner.failed(call, error as Error)
    }
  }

  #onFailed(reason: string, runMicros: number): void {
    const call = this.#current()
    const wanted = call.phase !== 'done'
    if (wanted) call.phase = 'relaying'
    this.#end(call, runMicros)
    if (!wanted) return
    const { sentence, error } = readFailure(reason)
    this.#owner.warn(`${call.describe()} failed in worker ${this.address.worker}: ${sentence}`, call.exchange.id)
    this.#owner.failed(call, error)
  }

  #onFile(offer: FileOffer): void {
    const call = this.#streaming()
    this.#progress()
    this.#file = 'opening'
    const socket = this.#socket
    openOffer(this.address.pid, offer, this.#owner.relayLimits.space.files, fd => {
      const current = socket !== null && socket === this.#socket && call === this.#calls[0]
      // The relay closes the descriptor when the exchange is over meanwhile.
      if (fd !== null) call.relay!.file(fd, offer.offset, offer.length)
      if (!current) return
      this.#file = fd === null ? 'none' : 'opened'
      this.#progress()
      socket.write(encodeFileOpened(fd !== null))
    })
  }

  /** The call that the worker speaks of. */
  #current(): Call {
    const call = this.#calls[0]
    if (call === undefined || this.#ended !== null) throw new WireViolation('it answered what nobody asked')
    if (this.#file === 'opening') throw new WireViolation('a frame before FILE_OPENED')
    return call
  }

  /** The same, for content: none may follow a file that the gateway has taken over. */
  #streaming(): Call {
    const call = this.#current()
    if (this.#file !== 'none') throw new WireViolation('content after a file')
    return call
  }

  /** The worker gave a sign of life: time-outs between chunks begin anew. Not while we hold the link ourselves. */
  #progress(): void {
    if (!this.#held) this.#arm()
  }

  /** The worker is done with its first call; the slot is free when the request's content is through as well. */
  #end(call: Call, runMicros: number): void {
    this.#calls.shift()
    call.exchange.runMicros = runMicros
    this.#file = 'none'
    this.#resume()
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
    this.takesAhead = true
    if (this.#calls.length > 0) this.#startFirst()
    else this.#deadline.disarm()
    this.#owner.freed(this, runMicros)
  }

  #makeRelay(call: Call): Relay {
    return new Relay(call.exchange, this.#owner.relayLimits, {
      hold: () => {
        if (call !== this.#calls[0]) return
        this.#held = true
        this.#deadline.disarm()
        this.#socket?.pause()
      },
      release: () => {
        if (call === this.#calls[0]) this.#resume()
      },
      failed: error => this.#owner.failed(call, error),
      warn: message => this.#owner.warn(message, call.exchange.id),
    })
  }

  #resume(): void {
    if (!this.#held) return
    this.#held = false
    this.#arm()
    this.#socket?.resume()
  }
}

/** The whole response at once: no relay, no buffering of ours. `body` may be a view of the shared read buffer. */
export function answer(call: Call, head: ResponseHead, body: Buffer): void {
  call.exchange.response.respond(head, body)
  call.phase = 'done'
}
