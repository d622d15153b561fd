/** An exchange in memory, for tests of handlers and of all below: records what a client would see, and can be a slow client. */
import { EventEmitter, once } from 'node:events'
import { readSync } from 'node:fs'
import { contentTooLarge } from '../../http/errors.ts'
import type {
  BodyConsumer,
  Exchange,
  LocalEnd,
  Peer,
  RequestHead,
  ResponseHead,
  ResponseState,
  ServedBy,
} from '../../http/exchange.ts'
import type { HeaderLines } from '../../http/headers.ts'
import { MemoryTransport } from '../../http/testing/memory-transport.ts'
import type { TlsFacts } from '../../http/tls-facts.ts'
import {
  MAX_PIECE,
  type SwitchedConnection,
  type TakeStream,
  type WebSocketAccept,
  type WebSocketChannel,
  type WebSocketEvents,
} from '../../http/websocket.ts'

export interface FakeRequest extends Partial<RequestHead> {
  readonly body?: Buffer
  /** Size of the pieces in which the body arrives. */
  readonly chunkSize?: number
  /** The body arrives, and then the client breaks off with this error instead of the end. */
  readonly bodyError?: Error
  /** The length of the body is not known before its end. */
  readonly isChunked?: boolean
  readonly isWebSocket?: boolean
  /** Of the client. */
  readonly address?: string
  /** The connection is encrypted. */
  readonly tls?: TlsFacts
  /** The client pauses after so many bytes, until `goOn()`. */
  readonly stopsAfter?: number
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
  trailers: HeaderLines = []
  /** What `write` returns. False: a slow client, until `drain()`. */
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
  writeView(chunk: Buffer): boolean {
    return this.write(chunk)
  }
  respond(head: ResponseHead, content: Buffer): void {
    this.start(head)
    if (content.length > 0) this.write(content)
    this.end()
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
  end(trailers: HeaderLines = []): void {
    this.trailers = trailers
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

/** The client's side of an accepted WebSocket. */
export class FakeChannel implements WebSocketChannel {
  readonly sent: (string | Buffer)[] = []
  readonly events = new EventEmitter()
  readonly client: WebSocketEvents
  /** What `send` returns. */
  accepts = true
  isPaused = false
  closed: [number, string] | null = null
  /** Pieces that the client has sent while it was paused. */
  readonly #pieces: Parameters<WebSocketEvents['onMessage']>[] = []

  constructor(client: WebSocketEvents) {
    this.client = client
  }
  /** The client sends a message. */
  receive(message: string | Buffer): void {
    const data = Buffer.from(message as string)
    for (let at = 0; at === 0 || at < data.length; at += MAX_PIECE)
      this.#pieces.push([data.subarray(at, at + MAX_PIECE), typeof message === 'string', at + MAX_PIECE < data.length])
    this.#deliver()
  }
  #deliver(): void {
    while (!this.isPaused && this.#pieces.length > 0) this.client.onMessage(...this.#pieces.shift()!)
  }
  send(data: Buffer, isText: boolean): boolean {
    this.sent.push(isText ? data.toString() : Buffer.from(data))
    this.events.emit('sent')
    return this.accepts
  }
  close(code: number, reason: string): void {
    this.closed ??= [code, reason]
    this.events.emit('closed')
  }
  pause(): void {
    this.isPaused = true
    this.events.emit('paused')
  }
  resume(): void {
    this.isPaused = false
    this.events.emit('resumed')
    this.#deliver()
  }
}

export class FakeExchange implements Exchange {
  id = `x${nextId++}`
  readonly request: RequestHead
  readonly peer: Peer
  local: LocalEnd
  isHalfClosed = false
  errorPage: ((error: Error) => boolean) | null = null
  limits: Exchange['limits'] = null
  isWebSocket: boolean
  readonly receivedAt = 0
  queueMillis = -1
  runMicros = -1
  servedBy: ServedBy | null = null
  user = ''
  app = ''
  readonly response = new FakeResponse()
  /** What the client gets. A filter may take the place of `response`, which writes here then. */
  readonly sent: FakeResponse = this.response
  readonly body: Exchange['body'] & { isPulled: boolean; resumed: number }
  /** What `onError` received. */
  error: Error | null = null
  readonly #aborted: (() => void)[] = []
  #gone = false

  constructor(request: FakeRequest = {}) {
    const {
      body = Buffer.alloc(0),
      chunkSize = 16 * 1024,
      bodyError,
      isChunked,
      isWebSocket = false,
      stopsAfter = Number.POSITIVE_INFINITY,
      tls = null,
      address = '192.0.2.1',
      ...head
    } = request
    this.isWebSocket = isWebSocket
    this.peer = { address, port: 4711, socketAddress: address }
    this.local = { address: '127.0.0.1', port: 8000, tls }
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
    let stopsAt = stopsAfter
    let consumer: BodyConsumer | null = null
    const deliver = () => {
      while (position < body.length) {
        if (position >= stopsAt) return
        const chunk = Buffer.from(body.subarray(position, position + chunkSize))
        position += chunk.length
        const wantsMore = consumer!.onData(chunk)
        // The piece was lent for the call only.
        chunk.fill('~')
        if (!wantsMore) return
      }
      if (bodyError) consumer!.onError(bodyError)
      else consumer!.onEnd([])
    }
    this.goOn = () => {
      stopsAt = Number.POSITIVE_INFINITY
      deliver()
    }
    this.body = {
      length: isChunked ? undefined : body.length,
      isPulled: false,
      resumed: 0,
      limitTo: bytes => (body.length > bytes ? contentTooLarge(bytes) : null),
      pull(given) {
        this.isPulled = true
        consumer = given
        deliver()
      },
      resume() {
        this.resumed++
        deliver()
      },
    }
  }

  /** The client sends the rest of its content. */
  goOn: () => void

  onAborted(callback: () => void): void {
    if (this.#gone) callback()
    else this.#aborted.push(callback)
  }
  onClosed(): void {}
  accepted: WebSocketAccept | null = null
  channel: FakeChannel | null = null
  /** What `acceptWebSocket` throws. */
  handshakeError: Error | null = null

  checkWebSocket(): void {
    if (this.handshakeError !== null) throw this.handshakeError
  }

  acceptWebSocket(accept: WebSocketAccept, events: WebSocketEvents): WebSocketChannel {
    if (!this.isWebSocket) throw new Error('this exchange is no WebSocket')
    if (this.handshakeError !== null) throw this.handshakeError
    this.accepted = accept
    this.channel = new FakeChannel(events)
    this.sent.events.emit('accepted')
    return this.channel
  }

  /** The headers of an accepted tunnel. */
  tunnelHeaders: HeaderLines | null = null
  /** The client's end of a tunnel. */
  readonly transport = new MemoryTransport()
  tunnel: SwitchedConnection | null = null
  /** What the client has sent behind its handshake. */
  early: Buffer | null = null
  isTunnelEnded = false

  acceptTunnel(headers: HeaderLines, take: TakeStream): void {
    if (!this.isWebSocket) throw new Error('this exchange is no WebSocket')
    this.tunnelHeaders = headers
    this.tunnel = take(this.transport, this.early, () => {
      this.isTunnelEnded = true
      this.sent.events.emit('tunnel-ended')
    })
    this.sent.events.emit('accepted')
  }

  /** The client leaves. */
  leave(): void {
    this.#gone = true
    this.sent.state = 'aborted'
    this.sent.events.emit('over')
    for (const callback of this.#aborted) callback()
  }

  /** Waits until the exchange has ended, is cut, or has failed. */
  async over(): Promise<void> {
    while (this.error === null && this.sent.state !== 'ended' && this.sent.state !== 'aborted') {
      await once(this.sent.events, 'over')
    }
  }

  /** The `onError` of pools and handlers under test. */
  static failed(exchange: Exchange, error: Error): void {
    const fake = exchange as FakeExchange
    fake.error = error
    if (fake.sent.state === 'started') fake.sent.abort(error)
    else fake.sent.events.emit('over')
  }
}
