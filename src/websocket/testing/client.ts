/** A client in memory for the tests of this folder. It makes frames, reads ours, and is also the transport. */
import assert from 'node:assert/strict'
import { MemoryBudget } from '../../base/memory-budget.ts'
import { MemoryTransport } from '../../http/testing/memory-transport.ts'
import {
  MAX_PIECE,
  type WebSocketAccept,
  type WebSocketConnection,
  type WebSocketEvents,
} from '../../http/websocket.ts'
import { createWebSocketEngine } from '../engine.ts'

export const TEXT = 1
export const BINARY = 2
export const CLOSE = 8
export const PING = 9
export const PONG = 10

export interface FrameOptions {
  readonly fin?: boolean
  /** The three reserved bits: 4, 2, 1. */
  readonly rsv?: number
  readonly masked?: boolean
}

const MASK = [0x37, 0xfa, 0x21, 0x3d]

/** A frame as a client sends it (RFC6455§5.2). */
export function frame(opcode: number, payload: string | Buffer = '', options: FrameOptions = {}): Buffer {
  const { fin = true, rsv = 0, masked = true } = options
  const data = Buffer.from(payload as string)
  const bit = masked ? 0x80 : 0
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  let head: Buffer
  if (data.length < 126) head = Buffer.from([first, bit | data.length])
  else if (data.length < 65536) head = Buffer.from([first, bit | 126, data.length >> 8, data.length & 0xff])
  else {
    head = Buffer.alloc(10)
    head.set([first, bit | 127])
    head.writeBigUInt64BE(BigInt(data.length), 2)
  }
  return masked
    ? Buffer.concat([head, Buffer.from(MASK), data.map((byte, i) => byte ^ MASK[i % 4]!)])
    : Buffer.concat([head, data])
}

export function closeFrame(code?: number, reason = ''): Buffer {
  if (code === undefined) return frame(CLOSE)
  return frame(CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]))
}

export interface ServerFrame {
  readonly opcode: number
  readonly compressed: boolean
  readonly payload: Buffer
}

/** The frames that we sent. Throws if a server may not send them. */
export function readFrames(bytes: Buffer): ServerFrame[] {
  const frames: ServerFrame[] = []
  let at = 0
  while (at < bytes.length) {
    const first = bytes[at]!
    if ((first & 0x80) === 0) throw new Error('a fragmented frame')
    let length = bytes[at + 1]!
    at += 2
    if (length === 126) {
      length = bytes.readUInt16BE(at)
      at += 2
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(at))
      at += 8
    } else if (length > 127) throw new Error('a masked frame')
    if (at + length > bytes.length) throw new Error('half a frame')
    frames.push({ opcode: first & 0x0f, compressed: (first & 0x40) !== 0, payload: bytes.subarray(at, at + length) })
    at += length
  }
  return frames
}

/** `text "a"`, `binary 3`, `close 1000 "bye"`, `pong "x"`. */
export function described({ opcode, payload }: ServerFrame): string {
  if (opcode === TEXT) return `text ${JSON.stringify(payload.toString())}`
  if (opcode === BINARY) return `binary ${payload.length}`
  if (opcode === CLOSE && payload.length === 0) return 'close'
  if (opcode === CLOSE) return `close ${payload.readUInt16BE(0)} ${JSON.stringify(payload.toString('utf8', 2))}`
  return `${opcode === PING ? 'ping' : 'pong'} ${JSON.stringify(payload.toString())}`
}

export interface Options {
  readonly maxMessage?: number
  readonly timeouts?: { send: number; websocketPing: number; websocketPong: number }
  /** Sec-WebSocket-Extensions of the request. */
  readonly extensions?: string
  readonly accept?: WebSocketAccept
  readonly memory?: MemoryBudget
  /** Called with each piece of a message. */
  readonly onPiece?: (piece: Buffer) => void
  /** Called with each message, before it is recorded. */
  readonly onMessage?: (data: Buffer, isText: boolean) => void
}

export class Client {
  readonly transport = new MemoryTransport()
  readonly socket: WebSocketConnection
  /** What the application was told: `text "a"`, `binary 3`, `drain`, `closed 1000 "bye"`. */
  readonly events: string[] = []
  readonly messages: Buffer[] = []
  ended = 0
  /** The pieces of a message that is not complete. */
  readonly #pieces: Buffer[] = []
  #waiting: (() => void)[] = []

  constructor(options: Options = {}) {
    const engine = createWebSocketEngine(
      {
        limits: { websocketMessage: options.maxMessage ?? 100_000 },
        timeouts: options.timeouts ?? { send: 5000, websocketPing: 20_000, websocketPong: 20_000 },
      },
      options.memory ?? new MemoryBudget(),
    )
    const request = ['sec-websocket-version', '13']
    if (options.extensions !== undefined) request.push('sec-websocket-extensions', options.extensions)
    const terms = engine.negotiate(request, options.accept ?? { subprotocol: '', headers: [] })
    const events: WebSocketEvents = {
      onMessage: (piece, isText, more) => {
        assert.ok(piece.length <= MAX_PIECE && (piece.length > 0 || !more))
        options.onPiece?.(piece)
        this.#pieces.push(piece)
        if (more) return
        const data = Buffer.concat(this.#pieces.splice(0))
        options.onMessage?.(data, isText)
        this.messages.push(data)
        this.#told(isText ? `text ${JSON.stringify(data.toString())}` : `binary ${data.length}`)
      },
      onDrain: () => this.#told('drain'),
      onClose: (code, reason) => this.#told(`closed ${code} ${JSON.stringify(reason)}`),
    }
    this.socket = engine.open(this.transport, null, terms, events, () => {
      this.ended++
      this.#wake()
    })
  }

  #told(event: string): void {
    this.events.push(event)
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Waits until the application was told `count` things, or the stream has ended. */
  async told(count: number): Promise<void> {
    while (this.events.length < count && this.ended === 0)
      await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  receive(...frames: Buffer[]): void {
    this.transport.receive(Buffer.concat(frames))
  }

  get frames(): ServerFrame[] {
    return readFrames(Buffer.concat(this.transport.writes))
  }

  /** Descriptions of the frames that we sent. Waits first: frames leave at the end of the turn. */
  async sent(): Promise<string[]> {
    await new Promise(resolve => setImmediate(resolve))
    return this.frames.map(described)
  }
}
