/**
 * A streamed response of an ASGI application on its way to the client. Runs in the gateway. A slow client holds back the
 * application's `send`, by credit, and nothing else: no temporary file, at most the window is kept.
 *
 * Order: chunks and files leave in the order in which they came.
 * Not here: a response that is complete in one frame; a WSGI application's (`relay.ts`), which must free its thread.
 */
import type { OpenFiles } from '../base/open-files.ts'
import type { Exchange, ResponseHead } from '../http/exchange.ts'
import { type HeaderLines, headerValues } from '../http/headers.ts'
import type { CreditReturn } from './credit.ts'

interface OpenFile {
  readonly fd: number
  readonly offset: number
  readonly length: number
}

export class StreamRelay {
  /** An event stream: it may be idle for long, and ended at any time, since its client connects anew. */
  isEventStream = false
  readonly #exchange: Exchange
  readonly #credit: CreditReturn
  readonly #files: OpenFiles
  readonly #onFailed: (error: Error) => void
  #isSendingFile = false
  /** What came after a file that is being sent; within the window. */
  #behind: Buffer[] = []
  #onFileSent: (() => void) | null = null
  #trailers: HeaderLines | null = null
  /** They are announced, and the client wants them. */
  #passesTrailers = false
  #isClosed = false

  constructor(exchange: Exchange, credit: CreditReturn, files: OpenFiles, onFailed: (error: Error) => void) {
    this.#exchange = exchange
    this.#credit = credit
    this.#files = files
    this.#onFailed = onFailed
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
      if (!this.#isClosed) this.#credit.release()
    })
    response.start(head.hasTrailers === true && !this.#passesTrailers ? { ...head, hasTrailers: false } : head)
    if (content.length > 0) this.chunk(content)
  }

  chunk(content: Buffer): void {
    if (this.#isClosed) return
    if (this.#isSendingFile) {
      this.#behind.push(content)
      return
    }
    if (!this.#exchange.response.write(content)) this.#credit.isHeld = true
    this.#credit.add(content.length)
  }

  /** Calls back when no file is being sent: one descriptor for each exchange is enough. */
  whenFileSent(callback: () => void): void {
    if (this.#isSendingFile) this.#onFileSent = callback
    else callback()
  }

  /** Sends part of an open file after all content so far; owns `fd`. Not while another one is being sent. */
  file({ fd, offset, length }: OpenFile): void {
    if (this.#isClosed) {
      this.#files.close(fd)
      return
    }
    this.#isSendingFile = true
    this.#exchange.response.sendFile(fd, offset, length, error => {
      this.#files.close(fd)
      this.#isSendingFile = false
      if (this.#isClosed) return
      if (error !== null) this.#onFailed(error)
      else this.#goOn()
    })
  }

  /** The worker has given everything. */
  end(trailers: HeaderLines): void {
    this.#trailers = trailers
    if (!this.#isSendingFile) this.#finish(trailers)
  }

  /** The exchange is over, or about to be cut: nothing more is written. A file that is being sent is closed by its own end. */
  close(): void {
    this.#isClosed = true
    this.#behind = []
  }

  #goOn(): void {
    const chunks = this.#behind
    this.#behind = []
    for (const chunk of chunks) this.chunk(chunk)
    const callback = this.#onFileSent
    this.#onFileSent = null
    callback?.()
    if (this.#trailers !== null) this.#finish(this.#trailers)
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
