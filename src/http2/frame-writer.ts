/** Frames of a connection as bytes, into its output (RFC9113§6). Runs in the gateway. Not here: which frame is written when. */
import type { BlockQueue } from '../base/block-queue.ts'
import type { HeaderLines } from '../http/headers.ts'
import {
  type ErrorCode,
  Flag,
  FRAME_HEADER,
  FrameType,
  MIN_MAX_FRAME_SIZE,
  writeFrameHeader,
  writeUint32,
} from './frames.ts'
import { DEFAULT_TABLE_SIZE } from './hpack/dynamic-table.ts'
import { HpackEncoder, roomFor } from './hpack/encoder.ts'
import type { Output } from './output.ts'

export class FrameWriter {
  readonly #output: Output
  /** Made with the first response. */
  #encoder: HpackEncoder | null = null
  #peerTableSize = DEFAULT_TABLE_SIZE

  constructor(output: Output) {
    this.#output = output
  }

  /** As the client's SETTINGS say. */
  setPeerTableSize(size: number): void {
    this.#peerTableSize = size
    this.#encoder?.setPeerTableSize(size)
  }

  /** `status` 0: trailers. `comesAgain`: these very lines, always with this status. */
  headers(stream: number, status: number, fields: HeaderLines, isLast: boolean, comesAgain: boolean): void {
    const room = roomFor(fields)
    const flags = Flag.END_HEADERS | (isLast ? Flag.END_STREAM : 0)
    if (room > MIN_MAX_FRAME_SIZE) {
      this.#longHeaders(stream, status, fields, flags, room)
      return
    }
    const output = this.#output
    const at = output.reserve(FRAME_HEADER + room)
    const end = this.#encode(status, fields, comesAgain, output.buffer, at + FRAME_HEADER)
    writeFrameHeader(output.buffer, at, end - at - FRAME_HEADER, FrameType.HEADERS, flags, stream)
    output.at = end
  }

  #encode(status: number, fields: HeaderLines, comesAgain: boolean, into: Buffer, at: number): number {
    if (this.#encoder === null) {
      this.#encoder = new HpackEncoder(DEFAULT_TABLE_SIZE)
      if (this.#peerTableSize !== DEFAULT_TABLE_SIZE) this.#encoder.setPeerTableSize(this.#peerTableSize)
    }
    return comesAgain
      ? this.#encoder.encodeAgain(status, fields, into, at)
      : this.#encoder.encode(status, fields, into, at)
  }

  /** A head that may not fit into one frame. */
  #longHeaders(stream: number, status: number, fields: HeaderLines, flags: number, room: number): void {
    const block = Buffer.allocUnsafe(room)
    const length = this.#encode(status, fields, false, block, 0)
    for (let from = 0; from < length; from += MIN_MAX_FRAME_SIZE) {
      const to = Math.min(length, from + MIN_MAX_FRAME_SIZE)
      const type = from === 0 ? FrameType.HEADERS : FrameType.CONTINUATION
      const ofFirst = from === 0 ? flags & Flag.END_STREAM : 0
      const frame = Buffer.allocUnsafe(FRAME_HEADER + to - from)
      writeFrameHeader(frame, 0, to - from, type, ofFirst | (to === length ? Flag.END_HEADERS : 0), stream)
      block.copy(frame, FRAME_HEADER, from, to)
      this.#output.add(frame)
    }
  }

  /** The first `bytes` of the queue, which leave it; null: none. */
  data(stream: number, queue: BlockQueue | null, bytes: number, isLast: boolean): void {
    const output = this.#output
    const at = output.reserve(FRAME_HEADER + bytes)
    const to = writeFrameHeader(output.buffer, at, bytes, FrameType.DATA, isLast ? Flag.END_STREAM : 0, stream)
    output.at = to + (bytes === 0 ? 0 : queue!.moveTo(output.buffer, to, bytes))
  }

  /** One frame with all that the queue has, and `content` behind it, from `from` on. Returns how much of `content` fitted. */
  joinedData(stream: number, queue: BlockQueue, content: Buffer, from: number, bytes: number): number {
    const output = this.#output
    const at = output.reserve(FRAME_HEADER + bytes)
    const to = writeFrameHeader(output.buffer, at, bytes, FrameType.DATA, 0, stream)
    const moved = queue.moveTo(output.buffer, to, bytes)
    const copied = content.copy(output.buffer, to + moved, from, from + bytes - moved)
    output.at = to + bytes
    return copied
  }

  /** All content of a response in one frame. */
  wholeContent(stream: number, content: Buffer): void {
    const output = this.#output
    const at = output.reserve(FRAME_HEADER + content.length)
    const to = writeFrameHeader(output.buffer, at, content.length, FrameType.DATA, Flag.END_STREAM, stream)
    output.buffer.set(content, to)
    output.at = to + content.length
  }

  reset(stream: number, code: ErrorCode): void {
    this.#number(FrameType.RST_STREAM, stream, code)
  }

  /** `stream` 0: of the connection. */
  window(stream: number, bytes: number): void {
    this.#number(FrameType.WINDOW_UPDATE, stream, bytes)
  }

  #number(type: number, stream: number, value: number): void {
    const output = this.#output
    const at = output.reserve(FRAME_HEADER + 4)
    output.at = writeUint32(output.buffer, writeFrameHeader(output.buffer, at, 4, type, 0, stream), value)
  }

  settingsAck(): void {
    const output = this.#output
    const at = output.reserve(FRAME_HEADER)
    output.at = writeFrameHeader(output.buffer, at, 0, FrameType.SETTINGS, Flag.ACK, 0)
  }

  /** `payload`: 8 bytes. */
  ping(payload: Buffer, isAck: boolean): void {
    const output = this.#output
    const at = output.reserve(FRAME_HEADER + 8)
    const to = writeFrameHeader(output.buffer, at, 8, FrameType.PING, isAck ? Flag.ACK : 0, 0)
    payload.copy(output.buffer, to)
    output.at = to + 8
  }

  /** `why`: for whoever looks at the bytes. */
  goAway(lastStream: number, code: ErrorCode, why: string): void {
    const output = this.#output
    const text = Buffer.from(why.slice(0, 200), 'latin1')
    const at = output.reserve(FRAME_HEADER + 8 + text.length)
    const to = writeFrameHeader(output.buffer, at, 8 + text.length, FrameType.GOAWAY, 0, 0)
    const from = writeUint32(output.buffer, writeUint32(output.buffer, to, lastStream), code)
    text.copy(output.buffer, from)
    output.at = from + text.length
  }
}
