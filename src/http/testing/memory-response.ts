/**
 * A response in memory, as strict as a protocol's: the end of a chain of filters in their tests. It holds the source to its promises
 * (Content-Length), takes no content for HEAD, 204, 205 and 304, and can be a slow client. `apps/testing/fake-exchange.ts` is laxer, and
 * has the rest of an exchange.
 */
import { readSync } from 'node:fs'
import type { RequestHead, ResponseHead, ResponseState, ResponseWriter } from '../exchange.ts'
import { type HeaderLines, headerValue } from '../headers.ts'
import type { FilteredExchange } from '../response-filter.ts'

/** What the client has got in the end. */
export interface Outcome {
  readonly status: number
  readonly headers: HeaderLines
  readonly content: string
  readonly trailers: HeaderLines
  readonly isComplete: boolean
}

export class MemoryExchange implements FilteredExchange {
  readonly id = 'memory-1'
  readonly request: RequestHead
  response: ResponseWriter
  /** The end of the chain. */
  readonly client: MemoryResponse
  readonly #onClosed: (() => void)[] = []
  #isClosed = false

  constructor(method = 'GET', headers: HeaderLines = []) {
    const target = { target: '/', path: '/', query: '', scheme: 'http', authority: 'a', version: '1.1' } as const
    this.request = { method, headers, ...target }
    this.client = new MemoryResponse(method === 'HEAD', () => this.#close())
    this.response = this.client
  }

  onClosed(callback: () => void): void {
    if (this.#isClosed) callback()
    else this.#onClosed.push(callback)
  }

  /** The client leaves. */
  leave(): void {
    this.client.cut()
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const callback of this.#onClosed) callback()
  }
}

export class MemoryResponse implements ResponseWriter {
  state: ResponseState = 'idle'
  status = 0
  bytesWritten = 0
  head: ResponseHead | null = null
  /** The calls that came, by name. */
  readonly calls: string[] = []
  readonly informed: ResponseHead[] = []
  readonly chunks: Buffer[] = []
  trailers: HeaderLines = []
  /** What `write` answers. */
  accepts: () => boolean = () => true
  readonly #isHead: boolean
  readonly #onOver: () => void
  #onDrain: (() => void) | null = null
  #hasContent = true
  #promised = -1

  constructor(isHead: boolean, onOver: () => void) {
    this.#isHead = isHead
    this.#onOver = onOver
  }

  inform(head: ResponseHead): void {
    this.calls.push('inform')
    this.informed.push(head)
  }

  start(head: ResponseHead): void {
    if (this.state !== 'idle') throw new Error(`the response was started when it was ${this.state}`)
    this.calls.push('start')
    const length = headerValue(lowerCase(head.headers), 'content-length')
    if (length !== undefined && !/^\d+$/.test(length)) throw new Error(`invalid Content-Length: ${length}`)
    this.state = 'started'
    this.head = head
    this.status = head.status
    this.#hasContent = !this.#isHead && ![204, 205, 304].includes(head.status)
    this.#promised = length === undefined || head.hasTrailers === true ? -1 : Number(length)
  }

  respond(head: ResponseHead, content: Buffer): void {
    this.start(head)
    this.calls[this.calls.length - 1] = 'respond'
    this.#keep(Buffer.from(content))
    this.#finish([])
  }

  write(chunk: Buffer): boolean {
    this.calls.push('write')
    if (this.state !== 'started') return true
    return this.#keep(chunk)
  }

  writeView(chunk: Buffer): boolean {
    return this.write(Buffer.from(chunk))
  }

  #keep(chunk: Buffer): boolean {
    const left = this.#promised < 0 ? chunk.length : this.#promised - this.bytesWritten
    const data = chunk.subarray(0, left)
    if (!this.#hasContent || data.length === 0) return true
    this.bytesWritten += data.length
    this.chunks.push(data)
    return this.accepts()
  }

  onDrain(callback: () => void): void {
    this.#onDrain = callback
  }

  /** The client takes what was written. */
  drain(): void {
    if (this.state === 'started') this.#onDrain?.()
  }

  sendFile(fd: number, offset: number, length: number, done: (error: Error | null) => void): void {
    this.calls.push('sendFile')
    const content = Buffer.alloc(length)
    this.#keep(content.subarray(0, readSync(fd, content, 0, length, offset)))
    setImmediate(done, null)
  }

  end(trailers: HeaderLines = []): void {
    this.calls.push('end')
    if (this.state === 'started') this.#finish(trailers)
  }

  #finish(trailers: HeaderLines): void {
    if (this.#hasContent && this.bytesWritten < this.#promised) {
      this.cut()
      return
    }
    this.trailers = this.#hasContent ? trailers : []
    this.state = 'ended'
    this.#onOver()
  }

  abort(): void {
    this.calls.push('abort')
    this.cut()
  }

  /** Whoever does it. */
  cut(): void {
    if (this.state === 'ended' || this.state === 'aborted') return
    this.state = 'aborted'
    this.#onOver()
  }

  get outcome(): Outcome {
    return {
      status: this.status,
      headers: this.head?.headers ?? [],
      content: Buffer.concat(this.chunks).toString('latin1'),
      trailers: this.trailers,
      isComplete: this.state === 'ended',
    }
  }
}

function lowerCase(headers: HeaderLines): HeaderLines {
  return headers.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text))
}
