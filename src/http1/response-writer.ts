/**
 * One response on an HTTP/1.1 connection: its framing, in as few writes as possible. Runs in the gateway, for each exchange. A response
 * whose head, content and end come in one turn of the event loop leaves in one write. A head alone leaves at the end of the turn.
 *
 * Invariants: never more bytes than Content-Length says; `responseEnded` or `responseAborted` is called once, unless the client goes;
 * the `done` of `sendFile` is called exactly once. Not here: the text of a head (`serializer.ts`), how a file is read (`file-sending.ts`), and
 * what follows a response.
 */
import type { ResponseHead, ResponseState, ResponseWriter } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import { FileSending, type FileTarget } from '../protocols/file-sending.ts'
import type { Output } from './output.ts'
import { type Framing, type ResponseForm, serializeHead, serializeInterim, serializeTrailers } from './serializer.ts'

/** What the writer asks of its connection. */
export interface ResponseOwner {
  /** The whole response was written. `keepAlive`: the connection can take another request. */
  responseEnded(keepAlive: boolean): void
  /** The response cannot be completed: close, so that the client notices. `reset`: after an orderly close it would look complete. */
  responseAborted(cause: Error, reset: boolean): void
  /** False: the connection must close after this response. */
  mayKeepAlive(): boolean
}

/** Where the bytes go (`output.ts`). */
export type ResponseOutput = Pick<
  Output,
  'send' | 'sendJoined' | 'sendBehind' | 'sendView' | 'flushLater' | 'fileBuffers' | 'isAllTaken' | 'endsWithConnection'
>

/** Content up to this size is copied behind the head, to save a system call. Beyond it the copy costs more. */
const JOIN_LIMIT = 64 * 1024
/** Content up to this size may wait for the end of the turn, to leave with what follows. */
const SMALL = 16 * 1024
const NOTHING = Buffer.alloc(0)
const LAST_CHUNK = Buffer.from('0\r\n\r\n')

export class Http1Response implements ResponseWriter, FileTarget {
  state: ResponseState = 'idle'
  status = 0
  bytesWritten = 0
  head: ResponseHead | null = null
  readonly #owner: ResponseOwner
  readonly #output: ResponseOutput
  readonly #form: ResponseForm
  readonly #isHead: boolean
  #framing: Framing = 'none'
  #declared = -1
  #keepAlive = false
  /** Serialized, not sent yet. */
  #head: string | null = null
  /** Content that waits with the head for the end of the turn. */
  #first: Buffer | null = null
  #onDrain: (() => void) | null = null
  #file: FileSending | null = null
  /** The head waits for the first piece of a file, and leaves with it. */
  #headAwaitsFile = false

  constructor(owner: ResponseOwner, output: ResponseOutput, form: ResponseForm, isHead: boolean) {
    this.#owner = owner
    this.#output = output
    this.#form = form
    this.#isHead = isHead
  }

  inform(head: ResponseHead): void {
    if (this.state !== 'idle' || this.#form !== '1.1') return
    this.#output.send(Buffer.from(serializeInterim(head), 'latin1'))
  }

  start(head: ResponseHead): void {
    if (this.state !== 'idle') throw new Error(`the response was started when it was ${this.state}`)
    this.#head = this.#begin(head)
    this.#output.flushLater(this)
  }

  /** Returns the serialized head. */
  #begin(head: ResponseHead): string {
    const { text, framing, length, keepAlive } = serializeHead(
      head,
      this.#form,
      this.#isHead,
      this.#owner.mayKeepAlive(),
    )
    this.state = 'started'
    this.status = head.status
    this.head = head
    this.#framing = framing
    this.#declared = length
    this.#keepAlive = keepAlive
    if (framing === 'close') this.#output.endsWithConnection()
    return text
  }

  respond(head: ResponseHead, content: Buffer): void {
    if (this.state !== 'idle') throw new Error(`the response was started when it was ${this.state}`)
    const text = this.#begin(head)
    if (this.#framing === 'length' && content.length === this.#declared && content.length <= JOIN_LIMIT) {
      this.bytesWritten = content.length
      this.state = 'ended'
      this.#output.sendJoined(text, content)
      this.#owner.responseEnded(this.#keepAlive)
    } else {
      this.#head = text
      this.write(Buffer.from(content))
      this.end()
    }
  }

  write(chunk: Buffer): boolean {
    const data = this.#allowed(chunk)
    if (data.length === 0) return true
    if (this.#head !== null && this.#first === null) {
      this.#first = data
      return true
    }
    this.flush()
    return this.#framing === 'chunked' ? this.#output.send(framedChunk('', data, false)) : this.#output.send(data)
  }

  writeView(chunk: Buffer): boolean {
    const data = this.#allowed(chunk)
    if (data.length === 0) return true
    const mayWait = this.#head !== null && this.#first === null
    if (mayWait && data.length <= SMALL) {
      this.#first = Buffer.from(data)
      return true
    }
    const head = mayWait ? this.#head! : ''
    if (mayWait) this.#head = null
    else this.flush()
    if (this.#framing !== 'chunked') return this.#output.sendView(head, data, '')
    return this.#output.sendView(`${head}${data.length.toString(16)}\r\n`, data, '\r\n')
  }

  /** What of `chunk` may be sent, which is counted. */
  #allowed(chunk: Buffer): Buffer {
    if (this.state !== 'started' || this.#framing === 'none') return NOTHING
    let data = chunk
    if (this.#framing === 'length' && this.bytesWritten + data.length > this.#declared) {
      // More than was promised: the client would read the rest as the next response. Cut it, and close the connection. The worker
      // checks too, and tells its log; here it holds for whatever is sent.
      data = data.subarray(0, this.#declared - this.bytesWritten)
      this.#keepAlive = false
    }
    this.bytesWritten += data.length
    return data
  }

  onDrain(callback: () => void): void {
    this.#onDrain = callback
  }

  /** From the connection: 101 was sent, and what follows is another protocol's. */
  switched(): void {
    this.state = 'started'
    this.status = 101
  }

  /** From the connection: the other protocol has ended. `bytes`: what it has sent. */
  switchEnded(bytes: number): void {
    this.bytesWritten = bytes
    if (this.state === 'started') this.state = 'ended'
  }

  /** From the connection: the client has taken all that was written. */
  drained(): void {
    if (this.#file?.isWaiting) this.#file.go()
    else this.#onDrain?.()
  }

  /** From the connection: the client has gone. */
  clientGone(): void {
    if (this.state === 'ended' || this.state === 'aborted') return
    this.state = 'aborted'
    this.#head = this.#first = null
    if (this.#file?.isWaiting) this.#file.cancel(new Error('the client has gone'))
  }

  end(trailers?: HeaderLines): void {
    if (this.state !== 'started') return
    if (this.#framing === 'length' && this.bytesWritten < this.#declared) {
      this.abort(new Error(`the response ended after ${this.bytesWritten} of ${this.#declared} bytes`))
      return
    }
    const hasTrailers = trailers !== undefined && trailers.length > 0 && this.#framing === 'chunked'
    const last = hasTrailers ? Buffer.from(serializeTrailers(trailers), 'latin1') : LAST_CHUNK
    // Trailers come after everything else.
    if (hasTrailers) this.flush()
    this.state = 'ended'
    if (this.#head !== null) this.#sendHead(true)
    else if (this.#framing === 'chunked') this.#output.send(last)
    this.#owner.responseEnded(this.#keepAlive)
  }

  abort(cause: Error): void {
    if (this.state === 'ended' || this.state === 'aborted') return
    // Send what there is, so that the client sees a cut response: an empty one would tell it nothing.
    this.#headAwaitsFile = false
    this.flush()
    const begun = this.state === 'started'
    this.state = 'aborted'
    this.#head = this.#first = null
    if (this.#file?.isWaiting) this.#file.cancel(cause)
    // Content that ends with the connection would look complete after an orderly close.
    this.#owner.responseAborted(cause, begun && this.#framing === 'close')
  }

  /** Sends what waits: at the end of the turn, and before anything that must come after it. */
  flush(): void {
    if (this.#head !== null && this.state === 'started' && !this.#headAwaitsFile) this.#sendHead(false)
  }

  #sendHead(last: boolean): void {
    const head = this.#head!
    const first = this.#first
    this.#head = this.#first = null
    if (first === null) {
      this.#output.send(Buffer.from(last && this.#framing === 'chunked' ? `${head}0\r\n\r\n` : head, 'latin1'))
    } else if (this.#framing === 'chunked') {
      this.#output.send(framedChunk(head, first, last))
    } else this.#output.sendBehind(head, first)
  }

  sendFile(fd: number, offset: number, length: number, done: (error: Error | null) => void): void {
    this.#headAwaitsFile = this.#first === null && this.#framing === 'length'
    const end = this.#framing === 'none' ? offset : offset + length
    this.#file = new FileSending(this, this.#output.fileBuffers, fd, offset, end, error => {
      this.#file = null
      this.#headAwaitsFile = false
      done(error)
    })
    this.#file.go()
  }

  /** From the file. */
  get isAborted(): boolean {
    return this.state === 'aborted'
  }

  /** From the file. */
  get bytesBefore(): number {
    return this.#headAwaitsFile ? (this.#head?.length ?? 0) : 0
  }

  /** From the file. Content that waits with the head is in its buffer still. */
  get isAllTaken(): boolean {
    return this.#first === null && this.#output.isAllTaken
  }

  /** From the file: the piece, behind the head if that has waited for it. */
  writePiece(buffer: Buffer, before: number, bytes: number): boolean {
    const head = this.#head
    const isWithHead = this.#headAwaitsFile && head !== null && this.bytesWritten + bytes <= this.#declared
    this.#headAwaitsFile = false
    if (!isWithHead) return this.write(buffer.subarray(before, before + bytes))
    this.#head = null
    this.bytesWritten += bytes
    buffer.write(head, 0, 'latin1')
    return this.#output.send(buffer.subarray(0, before + bytes))
  }
}

/** Head (may be empty), one chunk, and the last chunk if this is the end: one buffer (RFC9112§7.1). */
function framedChunk(head: string, data: Buffer, last: boolean): Buffer {
  const before = `${head}${data.length.toString(16)}\r\n`
  const after = last ? '\r\n0\r\n\r\n' : '\r\n'
  const joined = Buffer.allocUnsafe(before.length + data.length + after.length)
  joined.write(before, 0, 'latin1')
  data.copy(joined, before.length)
  joined.write(after, before.length + data.length, 'latin1')
  return joined
}
