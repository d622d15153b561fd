/**
 * One response on a stream of HTTP/2. Runs in the gateway, for each exchange.
 *
 * Invariants: never more content than Content-Length says, and never less without an abort; the stream hears of the end or the abort once, unless
 * the client goes; the `done` of `sendFile` is called exactly once. Not here: frames and windows (`stream.ts`), the fields of a head
 * (`response-fields.ts`).
 */
import type { ResponseHead, ResponseState, ResponseWriter } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import type { FileBuffers } from '../protocols/file-buffers.ts'
import { FileSending, type FileTarget } from '../protocols/file-sending.ts'
import { interimLines, type ResponseFields, responseFields, trailerLines } from './response-fields.ts'

/** What the writer asks of its stream. */
export interface ResponseStream {
  readonly fileBuffers: FileBuffers
  /** All content that was written is in frames: its buffers may be used again. */
  readonly isAllFramed: boolean
  inform(status: number, fields: HeaderLines): void
  /** `isLast`: no content follows. */
  sendHead(fields: ResponseFields, isLast: boolean): void
  /** The whole response. `content` is copied. */
  respond(fields: ResponseFields, content: Buffer): void
  /** Owns `content`. False: the client is slow; `drained` of the writer is called when it has caught up. */
  sendContent(content: Buffer): boolean
  /** The same for `content` that is valid during the call only. */
  sendView(content: Buffer): boolean
  /** Nothing follows but `trailers`. */
  sendEnd(trailers: HeaderLines): void
  /** The response has ended, for its handler. What it has written may still be on its way. */
  responseEnded(): void
  responseAborted(): void
}

const NO_TRAILERS: HeaderLines = []
const NOTHING = Buffer.alloc(0)

/** Extended CONNECT that was answered as if it were a GET: with 2xx the client would believe that its WebSocket is open (RFC8441§5). */
const NO_WEBSOCKET: ResponseHead = { status: 501, reason: '', headers: ['Content-Length', '0'] }

export class Http2Response implements ResponseWriter, FileTarget {
  state: ResponseState = 'idle'
  status = 0
  bytesWritten = 0
  head: ResponseHead | null = null
  readonly #stream: ResponseStream
  readonly #isHead: boolean
  readonly #isConnect: boolean
  #mayHaveContent = false
  #hasTrailers = false
  /** Bytes of content; -1: any number. */
  #declared = -1
  #onDrain: (() => void) | null = null
  #file: FileSending | null = null

  /** `isConnect`: the request is an extended CONNECT. */
  constructor(stream: ResponseStream, isHead: boolean, isConnect: boolean) {
    this.#stream = stream
    this.#isHead = isHead
    this.#isConnect = isConnect
  }

  inform(head: ResponseHead): void {
    if (this.state === 'idle') this.#stream.inform(head.status, interimLines(head))
  }

  start(head: ResponseHead): void {
    const fields = this.#begin(head)
    this.#stream.sendHead(fields, !fields.mayHaveContent)
  }

  #begin(asked: ResponseHead): ResponseFields {
    if (this.state !== 'idle') throw new Error(`the response was started when it was ${this.state}`)
    const isNoWebSocket = this.#isConnect && asked.status >= 200 && asked.status <= 299
    const head = isNoWebSocket ? NO_WEBSOCKET : asked
    const fields = responseFields(head, this.#isHead || isNoWebSocket)
    this.state = 'started'
    this.status = head.status
    this.head = head
    this.#mayHaveContent = fields.mayHaveContent
    this.#declared = fields.length
    this.#hasTrailers = head.hasTrailers === true && fields.mayHaveContent
    return fields
  }

  respond(head: ResponseHead, content: Buffer): void {
    const fields = this.#begin(head)
    if (fields.mayHaveContent && content.length > 0 && (fields.length < 0 || fields.length === content.length)) {
      this.bytesWritten = content.length
      this.state = 'ended'
      this.#stream.respond(fields, content)
      this.#stream.responseEnded()
      return
    }
    const isLast = !fields.mayHaveContent || (content.length === 0 && fields.length <= 0)
    this.#stream.sendHead(fields, isLast)
    if (isLast) {
      this.state = 'ended'
      this.#stream.responseEnded()
    } else {
      this.write(Buffer.from(content))
      this.end()
    }
  }

  write(chunk: Buffer): boolean {
    const data = this.#allowed(chunk)
    return data.length === 0 || this.#stream.sendContent(data)
  }

  writeView(chunk: Buffer): boolean {
    const data = this.#allowed(chunk)
    return data.length === 0 || this.#stream.sendView(data)
  }

  /** What of `chunk` may be sent, which is counted. */
  #allowed(chunk: Buffer): Buffer {
    if (this.state !== 'started' || !this.#mayHaveContent) return NOTHING
    let data = chunk
    // More than was promised would make the whole response malformed (RFC9113§8.1.1).
    if (this.#declared >= 0 && this.bytesWritten + data.length > this.#declared)
      data = data.subarray(0, this.#declared - this.bytesWritten)
    this.bytesWritten += data.length
    return data
  }

  onDrain(callback: () => void): void {
    this.#onDrain = callback
  }

  end(trailers: HeaderLines = NO_TRAILERS): void {
    if (this.state !== 'started') return
    if (this.#mayHaveContent && this.bytesWritten < this.#declared) {
      this.abort(new Error(`the response ended after ${this.bytesWritten} of ${this.#declared} bytes`))
      return
    }
    this.state = 'ended'
    if (this.#mayHaveContent) this.#stream.sendEnd(this.#hasTrailers ? trailerLines(trailers) : NO_TRAILERS)
    this.#stream.responseEnded()
  }

  abort(cause: Error): void {
    if (this.state === 'ended' || this.state === 'aborted') return
    this.state = 'aborted'
    if (this.#file?.isWaiting) this.#file.cancel(cause)
    this.#stream.responseAborted()
  }

  sendFile(fd: number, offset: number, length: number, done: (error: Error | null) => void): void {
    const end = this.#mayHaveContent ? offset + length : offset
    this.#file = new FileSending(this, this.#stream.fileBuffers, fd, offset, end, error => {
      this.#file = null
      done(error)
    })
    this.#file.go()
  }

  get isSendingFile(): boolean {
    return this.#file !== null
  }

  // -- from the file

  get isAborted(): boolean {
    return this.state === 'aborted'
  }

  get isAllTaken(): boolean {
    return this.#stream.isAllFramed
  }

  /** The head is a frame of its own. */
  readonly bytesBefore = 0

  writePiece(buffer: Buffer, before: number, bytes: number): boolean {
    return this.write(buffer.subarray(before, before + bytes))
  }

  // -- from the stream

  /** The client has taken what was written. */
  drained(): void {
    if (this.#file?.isWaiting) this.#file.go()
    else this.#onDrain?.()
  }

  clientGone(): void {
    if (this.state === 'ended' || this.state === 'aborted') return
    this.state = 'aborted'
    if (this.#file?.isWaiting) this.#file.cancel(new Error('the client has gone'))
  }

  /** The stream is a WebSocket now. */
  switched(): void {
    this.state = 'started'
    this.status = 200
  }

  /** The WebSocket has ended, after so many bytes. */
  switchEnded(bytes: number): void {
    this.bytesWritten = bytes
    if (this.state === 'started') this.state = 'ended'
  }
}
