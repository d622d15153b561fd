/**
 * A client of HTTP/2 that sends frames as they are, right or wrong, and keeps those that come. It answers nothing by itself but SETTINGS:
 * it opens no windows and answers no pings unless told to. Its SETTINGS switch the table of headers off, so that a block can be read by itself.
 */
import type { Socket } from 'node:net'
import { connectTo, type Target } from './target.ts'

const WAIT_MS = 60_000
const FRAME_HEADER = 9
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export const Type = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
  PRIORITY_UPDATE: 16,
} as const

export const END_STREAM = 1
export const ACK = 1
export const END_HEADERS = 4
export const PADDED = 8
export const WITH_PRIORITY = 32

export const Code = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  FLOW_CONTROL_ERROR: 3,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11,
} as const

const Setting = { HEADER_TABLE_SIZE: 1, INITIAL_WINDOW_SIZE: 4 } as const

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(FRAME_HEADER)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i)
  return bytes
}

export function settings(...pairs: (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(6 * pairs.length)
  for (const [i, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, 6 * i)
    payload.writeUInt32BE(value, 6 * i + 2)
  }
  return frame(Type.SETTINGS, 0, 0, payload)
}

export const windowSetting = (bytes: number): Buffer => settings([Setting.INITIAL_WINDOW_SIZE, bytes])
export const windowUpdate = (stream: number, bytes: number): Buffer =>
  frame(Type.WINDOW_UPDATE, 0, stream, uint32(bytes))
export const reset = (stream: number, code: number = Code.CANCEL): Buffer =>
  frame(Type.RST_STREAM, 0, stream, uint32(code))
export const ping = (): Buffer => frame(Type.PING, 0, 0, Buffer.alloc(8, 'p'))
export const data = (stream: number, content: string | Buffer, flags = 0): Buffer =>
  frame(Type.DATA, flags, stream, Buffer.from(content))

/** Literal fields that enter no table. */
export function block(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), literal(name), literal(value)]))
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  const length: number[] = []
  if (bytes.length < 127) {
    length.push(bytes.length)
  } else {
    length.push(127)
    let rest = bytes.length - 127
    for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128)
    length.push(rest)
  }
  return Buffer.concat([Buffer.from(length), bytes])
}

export function requestFields(path: string, method = 'GET'): (readonly [string, string])[] {
  return [
    [':method', method],
    [':scheme', 'http'],
    [':authority', 'test'],
    [':path', path],
  ]
}

/** A whole request without content. */
export function get(stream: number, path: string, ...more: (readonly [string, string])[]): Buffer {
  return frame(Type.HEADERS, END_STREAM | END_HEADERS, stream, block([...requestFields(path), ...more]))
}

/** The head of one whose content may follow. */
export function post(stream: number, path: string, ...more: (readonly [string, string])[]): Buffer {
  return frame(Type.HEADERS, END_HEADERS, stream, block([...requestFields(path, 'POST'), ...more]))
}

export function webSocket(stream: number, path: string, protocol = 'websocket'): Buffer {
  const fields = [...requestFields(path, 'CONNECT'), [':protocol', protocol], ['sec-websocket-version', '13']] as const
  return frame(Type.HEADERS, END_HEADERS, stream, block(fields))
}

/** By index of the static table. */
const STATUSES = ['200', '204', '206', '304', '400', '404', '500']

/** Of a response's header block that uses no table. 0: it has none (trailers). */
export function statusOf({ payload }: Frame): number {
  let at = 0
  while ((payload[at]! & 0xe0) === 0x20) at++
  const first = payload[at]!
  if (first >= 0x88 && first <= 0x8e) return Number(STATUSES[first - 0x88])
  return (first & 0x0f) === 8 ? Number(payload.toString('latin1', at + 2, at + 5)) : 0
}

export interface Http2ClientOptions {
  /** False: it reads nothing until `read`. */
  readonly reads?: boolean
  /** Of its streams. */
  readonly window?: number
  /** The test sends the preface. */
  readonly isBegun?: boolean
}

export class Http2Client {
  readonly socket: Socket
  /** All that came, but DATA's content, which is only counted. */
  readonly frames: Frame[] = []
  /** By stream. */
  readonly received = new Map<number, number>()
  isEnded = false
  #rest: Buffer = Buffer.alloc(0)
  #wake: (() => void) | null = null

  constructor(target: Target, { reads = true, window, isBegun = false }: Http2ClientOptions = {}) {
    const isTls = typeof target === 'object'
    this.socket = connectTo(isTls ? { ...target, tls: { ...target.tls, ALPNProtocols: ['h2'] } } : target)
    const first: (readonly [number, number])[] = [[Setting.HEADER_TABLE_SIZE, 0]]
    if (window !== undefined) first.push([Setting.INITIAL_WINDOW_SIZE, window])
    if (!isBegun) this.send(PREFACE, settings(...first))
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.isEnded = true
      this.#notify()
    })
    if (reads) this.read()
  }

  read(): void {
    this.socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    this.socket.resume()
  }

  send(...parts: Buffer[]): this {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(parts))
    return this
  }

  /** Resolves when all is with the kernel, or the connection has ended. */
  sendAll(bytes: Buffer): Promise<void> {
    // Without an end the callback is called too, with an error.
    return new Promise(resolve => {
      if (this.socket.destroyed) resolve()
      else this.socket.write(bytes, () => resolve())
    })
  }

  #receive(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (bytes.length >= FRAME_HEADER) {
      const length = bytes.readUIntBE(0, 3)
      if (bytes.length < FRAME_HEADER + length) break
      this.#onFrame(bytes.subarray(0, FRAME_HEADER + length))
      bytes = bytes.subarray(FRAME_HEADER + length)
    }
    this.#rest = Buffer.from(bytes)
    this.#notify()
  }

  #onFrame(bytes: Buffer): void {
    const [type, flags, stream] = [bytes[3]!, bytes[4]!, bytes.readUInt32BE(5)]
    const isData = type === Type.DATA
    if (isData) this.received.set(stream, this.receivedOn(stream) + bytes.length - FRAME_HEADER)
    const payload = isData ? Buffer.alloc(0) : Buffer.from(bytes.subarray(FRAME_HEADER))
    this.frames.push({ type, flags, stream, payload })
    if (type === Type.SETTINGS && (flags & ACK) === 0) this.send(frame(Type.SETTINGS, ACK, 0))
  }

  receivedOn(stream: number): number {
    return this.received.get(stream) ?? 0
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }

  /** Waits until the frames fulfil the condition. False: the connection has ended before. */
  async until(condition: () => boolean): Promise<boolean> {
    const timeout = Promise.withResolvers<never>()
    // wait: at most; a server that says nothing fails the test
    const timer = setTimeout(() => timeout.reject(new Error(`nothing more came: ${this.summary}`)), WAIT_MS)
    try {
      while (!condition()) {
        if (this.isEnded) return false
        await Promise.race([new Promise<void>(resolve => (this.#wake = resolve)), timeout.promise])
      }
      return true
    } finally {
      clearTimeout(timer)
    }
  }

  get summary(): string {
    const last = this.frames.slice(-10).map(({ type, flags, stream }) => `${type}/${flags}/${stream}`)
    return `${this.frames.length} frames, ${this.isEnded ? 'ended' : 'open'}, the last: ${last.join(' ')}`
  }

  of(type: number, stream?: number): Frame[] {
    return this.frames.filter(one => one.type === type && (stream === undefined || one.stream === stream))
  }

  /** The code of the reset of a stream; -1: it was not reset. */
  resetOf(stream: number): number {
    return this.of(Type.RST_STREAM, stream)[0]?.payload.readUInt32BE(0) ?? -1
  }

  /** The code of the last GOAWAY; -1: none came. */
  get goAway(): number {
    return this.of(Type.GOAWAY).at(-1)?.payload.readUInt32BE(4) ?? -1
  }

  /** Waits for the end of the connection. Returns the code of GOAWAY. */
  async ended(): Promise<number> {
    await this.until(() => this.isEnded)
    return this.goAway
  }

  isOver(stream: number): boolean {
    return this.frames.some(
      ({ type, flags, stream: id }) =>
        id === stream &&
        (type === Type.RST_STREAM || ((type === Type.DATA || type === Type.HEADERS) && (flags & END_STREAM) !== 0)),
    )
  }

  /** Waits for the end of a response: its status; 0: it was reset; -1: the connection has ended. */
  async response(stream: number): Promise<number> {
    if (!(await this.until(() => this.isOver(stream)))) return -1
    const head = this.of(Type.HEADERS, stream).find(one => statusOf(one) >= 200)
    return head === undefined ? 0 : statusOf(head)
  }

  /** All frames so far are read by the server when its answer comes. False: the connection has ended. */
  async pinged(): Promise<boolean> {
    const isAck = ({ type, flags }: Frame) => type === Type.PING && (flags & ACK) !== 0
    const before = this.frames.filter(isAck).length
    this.send(ping())
    return await this.until(() => this.frames.filter(isAck).length > before)
  }

  close(): void {
    this.socket.destroy()
  }
}
