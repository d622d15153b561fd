/**
 * A streamed response of an ASGI application on its way to the client. Runs in the gateway. A slow client holds back, by credit, the
 * application's `send` of this response and nothing else. So at most the window is kept: in memory, or near the limit of memory in a
 * temporary file.
 *
 * Order: chunks and files leave in the order in which they came.
 * Not here: complete responses (`sink.ts`); streams of WSGI applications (`worker/relay.ts`), which must free their thread.
 */
import { SMALL_PIECE, Spool } from '../../base/spool.ts'
import type { Exchange, ResponseHead } from '../../http/exchange.ts'
import type { HeaderLines } from '../../http/headers.ts'
import { acceptsTrailers, isEventStream } from '../../http/response-rules.ts'
import { WINDOW } from '../wire/multiplex.ts'
import type { RelayLimits } from '../worker/relay.ts'
import type { CreditReturn } from './credit.ts'

interface OpenFile {
  readonly fd: number
  readonly offset: number
  readonly length: number
}

/** Beyond its credit a worker sends at most one frame. So everything fits into memory, as long as there is some. */
const SPOOLED = 2 * WINDOW

export interface StreamEvents {
  /** The response cannot be completed. */
  failed(error: Error): void
  /** A temporary file could not be used. The response goes on without it. */
  warn(message: string): void
}

export class StreamRelay {
  /** An event stream may be idle for long. It may be ended at any time, for its client connects again. */
  isEventStream = false
  readonly #exchange: Exchange
  readonly #credit: CreditReturn
  readonly #limits: RelayLimits
  readonly #events: StreamEvents
  #isSendingFile = false
  /** The client has not taken what was written last. */
  #isBlocked = false
  /** Content that came while a file was being sent, or near the limit of memory: within the window. */
  #spool: Spool | null = null
  #onFileSent: (() => void) | null = null
  #trailers: HeaderLines | null = null
  /** Trailers are announced, and the client wants them. */
  #passesTrailers = false
  #isClosed = false

  constructor(exchange: Exchange, credit: CreditReturn, limits: RelayLimits, events: StreamEvents) {
    this.#exchange = exchange
    this.#credit = credit
    this.#limits = limits
    this.#events = events
  }

  /** The client is waited for, not the worker. */
  get isHeld(): boolean {
    return this.#credit.isHeld || this.#isSendingFile
  }

  start(head: ResponseHead, content: Buffer): void {
    const { response } = this.#exchange
    this.isEventStream = isEventStream(head.headers)
    this.#passesTrailers = head.hasTrailers === true && acceptsTrailers(this.#exchange.request.headers)
    response.onDrain(() => {
      this.#isBlocked = false
      this.#pump()
    })
    response.start(head.hasTrailers === true && !this.#passesTrailers ? { ...head, hasTrailers: false } : head)
    if (content.length > 0) this.chunk(content)
  }

  chunk(content: Buffer): void {
    if (this.#isClosed) return
    if (!this.#isDirect) {
      this.#keep(content)
    } else if (content.length <= SMALL_PIECE || !this.#limits.memory.isNear) {
      this.#write(content)
    } else {
      // What the client does not take of a write stays in memory, so only a little is tried.
      this.#write(content.subarray(0, SMALL_PIECE))
      this.#keep(content.subarray(SMALL_PIECE))
      this.#pump()
    }
    this.#credit.add(content.length)
  }

  /** Calls back when no file is being sent, so that an exchange has at most one descriptor. */
  whenFileSent(callback: () => void): void {
    if (this.#isSendingFile || (this.#spool !== null && !this.#spool.isEmpty)) this.#onFileSent = callback
    else callback()
  }

  /** Sends part of an open file after all content so far, and closes `fd`. Not while another file is being sent. */
  file({ fd, offset, length }: OpenFile): void {
    if (this.#isClosed) {
      this.#limits.space.files.close(fd)
      return
    }
    this.#isSendingFile = true
    this.#exchange.response.sendFile(fd, offset, length, error => {
      this.#limits.space.files.close(fd)
      this.#isSendingFile = false
      if (this.#isClosed) return
      if (error !== null) this.#events.failed(error)
      else this.#pump()
    })
  }

  /** The worker has given everything. */
  end(trailers: HeaderLines): void {
    this.#trailers = trailers
    this.#pump()
  }

  /** The exchange is over, or about to be cut: nothing more is written. A file that is being sent is closed when that ends. */
  close(): void {
    this.#isClosed = true
    this.#spool?.close()
  }

  /** Content goes straight to the client, even to one that is a little slow: no more than the window may come for it. */
  get #isDirect(): boolean {
    if (this.#isSendingFile || (this.#spool !== null && !this.#spool.isEmpty)) return false
    return !this.#isBlocked || !this.#limits.memory.isNear
  }

  readonly #write = (content: Buffer): void => {
    if (!this.#exchange.response.writeView(content)) this.#isBlocked = this.#credit.isHeld = true
  }

  #keep(content: Buffer): void {
    this.#spool ??= this.#openSpool()
    this.#spool.append(content)
    this.#credit.isHeld = true
  }

  #openSpool(): Spool {
    return new Spool({
      space: this.#limits.space,
      memory: this.#limits.memory,
      memoryBytes: SPOOLED,
      totalBytes: 2 * SPOOLED,
      onChange: () => this.#pump(),
      onFileError: error => this.#events.warn(`a response is buffered in memory only: ${error.message}`),
      onLost: error => this.#events.failed(error),
    })
  }

  /** Sends what there is, in order: content, then a file or the end. */
  #pump(): void {
    if (this.#isClosed || this.#isSendingFile) return
    const spool = this.#spool
    while (spool !== null && !this.#isBlocked) {
      if (!spool.take(this.#write)) break
      if (this.#isClosed) return
    }
    if (spool !== null && !spool.isEmpty) return
    if (!this.#isBlocked && this.#trailers === null) this.#credit.release()
    const callback = this.#onFileSent
    this.#onFileSent = null
    callback?.()
    if (this.#trailers !== null && !this.#isSendingFile) this.#finish(this.#trailers)
  }

  #finish(trailers: HeaderLines): void {
    if (this.#isClosed) return
    this.close()
    this.#exchange.response.end(this.#passesTrailers ? trailers : undefined)
  }
}
