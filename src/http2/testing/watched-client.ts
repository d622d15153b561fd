/**
 * A client that keeps the account of windows and states on its own, and asserts that we keep to the rules (RFC9113§5.1, §5.2, §6.9). For tests.
 *
 * A smaller initial window counts from our acknowledgement on, as for real clients. What was written before a client's reset may come
 * behind it.
 */
import assert from 'node:assert/strict'
import type { MemoryTransport } from '../../http/testing/memory-transport.ts'
import { Flag, FrameType, INITIAL_WINDOW, MIN_MAX_FRAME_SIZE } from '../frames.ts'
import { asText, type ServerFrame, ServerFrames, Setting, settings, windowUpdate } from './frames.ts'

export interface WatchedStream {
  /** What we may still send. */
  window: number
  /** What the client may still send. */
  room: number
  hasHead: boolean
  /** END_STREAM has come, or RST_STREAM. */
  isOver: boolean
  wasReset: boolean
  /** The client has ended, or reset, its side. */
  hasEnded: boolean
  content: number
}

export class WatchedClient {
  readonly streams = new Map<number, WatchedStream>()
  readonly #transport: MemoryTransport
  readonly #reader = new ServerFrames()
  #read = 0
  /** The first number that was not used. */
  next = 1
  window = INITIAL_WINDOW
  room = INITIAL_WINDOW
  #initialWindow = INITIAL_WINDOW
  /** Of SETTINGS that are not acknowledged: by how much streams before `next` change. */
  readonly #unacknowledged: { readonly by: number; readonly next: number }[] = []
  #blockOf = 0
  /** The client has broken a rule: what it counts does not hold any more, and only what ends the connection can be checked. */
  hasErred = false
  lines: string[] = []

  constructor(transport: MemoryTransport) {
    this.#transport = transport
  }

  open(id: number): void {
    this.next = Math.max(this.next, id + 2)
    this.streams.set(id, {
      ...{ window: this.#initialWindow, room: INITIAL_WINDOW, hasHead: false, isOver: false, wasReset: false },
      ...{ hasEnded: false, content: 0 },
    })
  }

  send(...frames: readonly Buffer[]): void {
    this.#transport.receive(Buffer.concat(frames))
  }

  /** SETTINGS with one initial window; the first frame of settings too. */
  setWindow(bytes: number | null): Buffer {
    this.#unacknowledged.push({ by: bytes === null ? 0 : bytes - this.#initialWindow, next: this.next })
    if (bytes === null) return settings()
    this.#initialWindow = bytes
    return settings([Setting.INITIAL_WINDOW_SIZE, bytes])
  }

  openWindow(id: number, bytes: number): Buffer {
    if (id === 0) this.window += bytes
    else if (this.streams.has(id)) this.streams.get(id)!.window += bytes
    return windowUpdate(id, bytes)
  }

  sent(id: number, bytes: number): void {
    this.room -= bytes
    this.streams.get(id)!.room -= bytes
  }

  /** Reads what has been written by now. */
  read(): void {
    const { writes } = this.#transport
    const bytes = Buffer.concat(writes.slice(this.#read))
    this.#read = writes.length
    for (const frame of this.#reader.read(bytes)) this.#check(frame)
  }

  #check(frame: ServerFrame): void {
    const { type, flags, stream: id, payload } = frame
    this.lines.push(asText(frame))
    assert.ok(payload.length <= MIN_MAX_FRAME_SIZE)
    if (this.#blockOf !== 0) assert.ok(type === FrameType.CONTINUATION && id === this.#blockOf, 'within a header block')
    if (type === FrameType.SETTINGS && (flags & Flag.ACK) !== 0) this.#acknowledged()
    if (type === FrameType.WINDOW_UPDATE) this.#opened(id, payload.readUInt32BE())
    if (id === 0 || type === FrameType.WINDOW_UPDATE) return
    if (this.hasErred) return
    const stream = this.streams.get(id)
    if (stream === undefined) {
      assert.ok(type === FrameType.RST_STREAM, `${this.lines.at(-1)} for a stream that nobody opened`)
      return
    }
    if (type === FrameType.RST_STREAM) {
      assert.ok(!stream.wasReset, `stream ${id} is reset twice`)
      stream.isOver = stream.wasReset = true
      return
    }
    assert.ok(!stream.isOver, `${this.lines.at(-1)} behind the end of the stream`)
    if (type === FrameType.HEADERS || type === FrameType.CONTINUATION) this.#headers(stream, frame)
    if (type === FrameType.DATA) this.#content(stream, payload.length)
    if (type !== FrameType.CONTINUATION && (flags & Flag.END_STREAM) !== 0) stream.isOver = true
  }

  #headers(stream: WatchedStream, { stream: id, flags, fields }: ServerFrame): void {
    this.#blockOf = (flags & Flag.END_HEADERS) === 0 ? id : 0
    if (this.#blockOf !== 0) return
    const status = fields.find(([name]) => name === ':status')
    assert.equal(stream.hasHead, status === undefined, 'one final head, then perhaps trailers')
    if (status !== undefined) stream.hasHead = Number(status[1]) >= 200
    else assert.ok((flags & Flag.END_STREAM) !== 0)
  }

  #content(stream: WatchedStream, bytes: number): void {
    assert.ok(stream.hasHead, 'content before its head')
    stream.content += bytes
    stream.window -= bytes
    this.window -= bytes
    if (bytes > 0) assert.ok(stream.window >= 0 && this.window >= 0, 'a window is overdrawn')
  }

  #acknowledged(): void {
    const { by, next } = this.#unacknowledged.shift() ?? { by: 0, next: 0 }
    for (const [id, stream] of this.streams) if (id < next) stream.window += by
  }

  #opened(id: number, bytes: number): void {
    assert.ok(bytes > 0)
    if (id === 0) this.room += bytes
    else if (!this.hasErred) this.streams.get(id)!.room += bytes
  }
}
