/**
 * A streamed response of an ASGI application on its way to the client. Runs in the gateway. A slow client holds back the
 * application's `send`, by credit, and nothing else: at most the window is kept, in memory, and in a temporary file only near the
 * limit of all buffers' memory.
 *
 * Order: chunks and files leave in the order in which they came.
 * Not here: a response that is complete in one frame; a WSGI application's (`relay.ts`), which must free its thread.
 */
import { SMALL_PIECE, Spool } from '../../base/spool.ts'
import type { Exchange, ResponseHead } from '../../http/exchange.ts'
import { type HeaderLines, headerValues } from '../../http/headers.ts'
import { WINDOW } from '../wire/multiplex.ts'
import type { RelayLimits } from '../worker/relay.ts'
import type { CreditReturn } from './credit.ts'

interface OpenFile {
  readonly fd: number
  readonly offset: number
  readonly length: number
}

/** Beyond its credit a worker sends one frame at most: so memory is enough, as long as there is some. */
const SPOOLED = 2 * WINDOW

export interface StreamEvents {
  /** The response cannot be completed. */
  failed(error: Error): void
  /** A temporary file could not be used; the response goes on without it. */
  warn(message: string): void
}

export class StreamRelay {
  /** An event stream: it may be idle for long, and ended at any time, since its client connects anew. */
  isEventStream = false
  readonly #exchange: Exchange
  readonly #credit: CreditReturn
  readonly #limits: RelayLimits
  readonly #events: StreamEvents
  #isSendingFile = false
  /** The client has not taken what was written last. */
  #isBlocked = false
  /** What comes while a file is being sent, or near the limit of memory: within the window. */
  #spool: Spool | null = null
  #onFileSent: (() => void) | null = null
  #trailers: HeaderLines | null = null
  /** They are announced, and the client wants them. */
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
    this.#passesTrailers = head.hasTrailers === true && acceptsTrailers(this.#exchange)
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
      // What the client does not take of a write stays in memory: little is tried. As a copy, for a view would keep all of it there.
      this.#write(Buffer.from(content.subarray(0, SMALL_PIECE)))
      this.#keep(content.subarray(SMALL_PIECE))
      this.#pump()
    }
    this.#credit.add(content.length)
  }

  /** Calls back when no file is being sent: one descriptor for each exchange is enough. */
  whenFileSent(callback: () => void): void {
    if (this.#isSendingFile || (this.#spool !== null && !this.#spool.isEmpty)) this.#onFileSent = callback
    else callback()
  }

  /** Sends part of an open file after all content so far; owns `fd`. Not while another one is being sent. */
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

  /** The exchange is over, or about to be cut: nothing more is written. A file that is being sent is closed by its own end. */
  close(): void {
    this.#isClosed = true
    this.#spool?.close()
  }

  /** It goes straight to the client: a client that is a little slow needs no more than that, for the window is all that may come. */
  get #isDirect(): boolean {
    if (this.#isSendingFile || (this.#spool !== null && !this.#spool.isEmpty)) return false
    return !this.#isBlocked || !this.#limits.memory.isNear
  }

  #write(content: Buffer): void {
    if (!this.#exchange.response.write(content)) this.#isBlocked = this.#credit.isHeld = true
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

  /** Goes on with what there is, in order: content, then a file or the end. */
  #pump(): void {
    if (this.#isClosed || this.#isSendingFile) return
    const spool = this.#spool
    while (spool !== null && !this.#isBlocked) {
      const content = spool.take()
      if (content === null) break
      this.#write(content)
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

function isEventStream(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2)
    if (headers[i]!.toLowerCase() === 'content-type') return /^text\/event-stream\b/i.test(headers[i + 1]!)
  return false
}

/** RFC9110§10.1.4: a client that says so wants them; others, and what is between, may drop them. */
function acceptsTrailers({ request }: Exchange): boolean {
  return headerValues(request.headers, 'te').some(value => /(?:^|,)\s*trailers\s*(?:,|;|$)/i.test(value))
}
