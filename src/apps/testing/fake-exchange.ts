/** An exchange in memory for the tests of this folder: records what a client would see, and lets a test be a slow client. */
import { EventEmitter, once } from 'node:events'
import { readSync } from 'node:fs'
import type { BodyConsumer, Exchange, RequestHead, ResponseHead, ResponseState } from '../../http/exchange.ts'

export interface FakeRequest extends Partial<RequestHead> {
  readonly body?: Buffer
  /** Size of the chunks in which the body arrives. */
  readonly chunkSize?: number
  /** The body arrives up to here, and then the client breaks off with this error. */
  readonly bodyError?: Error
}

let nextId = 0

export class FakeResponse {
  state: ResponseState = 'idle'
  status = 0
  bytesWritten = 0
  head: ResponseHead | null = null
  readonly informed: ResponseHead[] = []
  readonly chunks: Buffer[] = []
  abortCause: Error | null = null
  /** What `write` answers: false makes the client a slow one until `drain()`. */
  accepts = true
  readonly events = new EventEmitter()
  readonly #drains: (() => void)[] = []

  inform(head: ResponseHead): void {
    this.informed.push(head)
  }
  start(head: ResponseHead): void {
    this.head = head
    this.status = head.status
    this.state = 'started'
    this.events.emit('start')
  }
  write(chunk: Buffer): boolean {
    this.chunks.push(Buffer.from(chunk))
    this.bytesWritten += chunk.length
    this.events.emit('write')
    return this.accepts
  }
  onDrain(callback: () => void): void {
    this.#drains.push(callback)
  }
  drain(): void {
    for (const callback of this.#drains) callback()
  }
  sendFile(fd: number, offset: number, length: number, done: (error: Error | null) => void): void {
    const buffer = Buffer.alloc(length)
    const read = readSync(fd, buffer, 0, length, offset)
    this.write(buffer.subarray(0, read))
    setImmediate(done, null)
  }
  end(): void {
    this.state = 'ended'
    this.events.emit('over')
  }
  abort(cause: Error): void {
    this.state = 'aborted'
    this.abortCause = cause
    this.events.emit('over')
  }
  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1')
  }
}

export class FakeExchange implements Exchange {
  readonly id = `x${nextId++}`
  readonly request: RequestHead
  readonly peer = { address: '192.0.2.1', port: 4711, socketAddress: '192.0.2.1' }
  readonly local = { address: '127.0.0.1', port: 8000 }
  isHalfClosed = false
  isWebSocket = false
  readonly receivedAt = 0
  readonly response = new FakeResponse()
  readonly body: Exchange['body'] & { resumed: number }
  /** What `onError` received. */
  error: Error | null = null
  readonly #aborted: (() => void)[] = []
  #gone = false

  constructor(request: FakeRequest = {}) {
    const { body = Buffer.alloc(0), chunkSize = 16 * 1024, bodyError, ...head } = request
    const path = head.path ?? '/'
    this.request = {
      method: 'GET',
      target: path,
      query: '',
      scheme: 'http',
      authority: 'example.com',
      version: '1.1',
      headers: [],
      ...head,
      path,
    }
    let position = 0
    let consumer: BodyConsumer | null = null
    const deliver = () => {
      while (position < body.length) {
        const chunk = Buffer.from(body.subarray(position, position + chunkSize))
        position += chunk.length
        if (!consumer!.onData(chunk)) return
      }
      if (bodyError) consumer!.onError(bodyError)
      else consumer!.onEnd([])
    }
    this.body = {
      length: body.length,
      resumed: 0,
      pull: given => {
        consumer = given
        deliver()
      },
      resume() {
        this.resumed++
        deliver()
      },
    }
  }

  onAborted(callback: () => void): void {
    if (this.#gone) callback()
    else this.#aborted.push(callback)
  }
  onClosed(): void {}
  checkWebSocket(): void {}
  acceptWebSocket(): never {
    throw new Error('this exchange is no WebSocket')
  }

  /** The client leaves. */
  leave(): void {
    this.#gone = true
    this.response.state = 'aborted'
    this.response.events.emit('over')
    for (const callback of this.#aborted) callback()
  }

  /** Ended, cut, or failed. */
  async over(): Promise<void> {
    while (this.error === null && this.response.state !== 'ended' && this.response.state !== 'aborted') {
      await once(this.response.events, 'over')
    }
  }

  /** The `onError` of pools and handlers under test. */
  static failed(exchange: Exchange, error: Error): void {
    const fake = exchange as FakeExchange
    fake.error = error
    if (fake.response.state === 'started') fake.response.abort(error)
    else fake.response.events.emit('over')
  }
}
