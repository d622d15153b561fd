/**
 * Reads the frames of a client (RFC6455§5): checks and unmasks them, and reports data, ends of messages and control frames. Sans-IO.
 * Runs in the gateway.
 *
 * Invariant: cutting the bytes differently changes nothing but the sizes of the pieces of data.
 * Not here: messages (`input.ts`), compression, UTF-8 of texts.
 */
import { CloseCode, isSendableCloseCode } from '../http/websocket.ts'
import { MessageError } from './message-error.ts'
import { isUtf8Text } from './utf8.ts'

export const OPCODE = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const

/** RFC6455§5.5 */
const MAX_CONTROL = 125
const NOTHING = Buffer.alloc(0)

export interface FrameSink {
  /** A part of the current message, unmasked; the sink owns it. `isText`, `isCompressed`: the message. Throws MessageError. */
  onPayload(data: Buffer, isText: boolean, isCompressed: boolean): void
  /** The current message is complete. The bytes behind it are not looked at before the next `read`. */
  onMessageEnd(isText: boolean, isCompressed: boolean): void
  onPing(data: Buffer): void
  /** `code` 1005: the frame has none. Nothing follows. */
  onCloseFrame(code: number, reason: string): void
}

/** What the next byte belongs to. */
type State = 'first' | 'second' | 'length' | 'mask' | 'payload' | 'over'

export class FrameReader {
  readonly #sink: FrameSink
  readonly #maxMessage: number
  readonly #mayCompress: boolean
  #state: State = 'first'
  #first = 0
  /** Bytes of the length or of the mask that have not come yet. */
  #missing = 0
  /** Of the current frame's payload. */
  #length = 0
  /** Bytes of the payload that were read. */
  #position = 0
  readonly #mask = new Uint8Array(4)
  /** Payload of the current control frame. */
  #control: Buffer = NOTHING
  /** Of the current message; 0: there is none. */
  #opcode = 0
  #isCompressed = false
  /** The sum of the lengths of its frames so far. */
  #announced = 0

  constructor(sink: FrameSink, maxMessage: number, mayCompress: boolean) {
    this.#sink = sink
    this.#maxMessage = maxMessage
    this.#mayCompress = mayCompress
  }

  /** Reads from `at` to the end of the bytes or of a message. Returns where it stopped. Throws MessageError, once. */
  read(chunk: Buffer, at: number): number {
    while (at < chunk.length) {
      switch (this.#state) {
        case 'first':
          this.#first = chunk[at++]!
          this.#state = 'second'
          break
        case 'second':
          this.#second(chunk[at++]!)
          break
        case 'length':
          this.#length = this.#length * 256 + chunk[at++]!
          if (--this.#missing === 0) this.#lengthKnown()
          break
        case 'mask':
          this.#mask[4 - this.#missing] = chunk[at++]!
          if (--this.#missing > 0) break
          this.#state = 'payload'
          if (this.#length === 0 && this.#endFrame()) return at
          break
        case 'payload': {
          const end = Math.min(chunk.length, at + this.#length - this.#position)
          this.#payload(chunk, at, end)
          at = end
          if (this.#position === this.#length && this.#endFrame()) return at
          break
        }
        case 'over':
          return chunk.length
      }
    }
    return at
  }

  get #isControl(): boolean {
    return (this.#first & 0x08) !== 0
  }

  #second(byte: number): void {
    const length = byte & 0x7f
    this.#check(this.#first & 0x0f, (this.#first & 0x80) !== 0, length)
    if ((byte & 0x80) === 0) throw new MessageError(1002, 'a frame is not masked (RFC6455§5.1)')
    this.#position = 0
    this.#length = length < 126 ? length : 0
    this.#missing = length < 126 ? 0 : length === 126 ? 2 : 8
    if (this.#missing === 0) this.#lengthKnown()
    else this.#state = 'length'
  }

  #check(opcode: number, isLast: boolean, length: number): void {
    const reserved = this.#first & 0x70
    const isFirst = opcode === OPCODE.TEXT || opcode === OPCODE.BINARY
    // permessage-deflate uses one bit: on the first frame of a compressed message (RFC7692§6).
    if (reserved !== 0 && (reserved !== 0x40 || !this.#mayCompress || !isFirst))
      throw new MessageError(1002, 'a reserved bit is set (RFC6455§5.2)')
    if (opcode >= OPCODE.CLOSE && opcode <= OPCODE.PONG) {
      if (!isLast) throw new MessageError(1002, 'a control frame is fragmented (RFC6455§5.5)')
      if (length > MAX_CONTROL || (opcode === OPCODE.CLOSE && length === 1))
        throw new MessageError(1002, 'a control frame has an invalid length (RFC6455§5.5)')
    } else if (isFirst ? this.#opcode !== 0 : opcode !== OPCODE.CONTINUATION || this.#opcode === 0) {
      throw new MessageError(1002, 'a frame has an opcode that is unknown or out of place (RFC6455§5.2, §5.4)')
    } else if (isFirst) {
      this.#opcode = opcode
      this.#isCompressed = reserved !== 0
      this.#announced = 0
    }
  }

  #lengthKnown(): void {
    if (this.#isControl) {
      this.#control = this.#length === 0 ? NOTHING : Buffer.allocUnsafe(this.#length)
    } else {
      this.#announced += this.#length
      if (this.#announced > this.#maxMessage) throw tooLong(this.#maxMessage)
    }
    this.#state = 'mask'
    this.#missing = 4
  }

  #payload(chunk: Buffer, at: number, end: number): void {
    const length = end - at
    if (this.#isControl) {
      unmask(chunk, at, this.#control.subarray(this.#position), length, this.#mask, this.#position)
      this.#position += length
      return
    }
    // A piece that waits for more must not keep a slab of Node's pool alive.
    const isWhole = length === this.#length && (this.#first & 0x80) !== 0
    const data = isWhole ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length)
    unmask(chunk, at, data, length, this.#mask, this.#position)
    this.#position += length
    this.#sink.onPayload(data, this.#opcode === OPCODE.TEXT, this.#isCompressed)
  }

  /** True: a message is complete, or nothing may follow. */
  #endFrame(): boolean {
    this.#state = 'first'
    if (this.#isControl) return this.#endControl()
    if ((this.#first & 0x80) === 0) return false
    const isText = this.#opcode === OPCODE.TEXT
    this.#opcode = 0
    this.#sink.onMessageEnd(isText, this.#isCompressed)
    return true
  }

  #endControl(): boolean {
    const data = this.#control
    this.#control = NOTHING
    switch (this.#first & 0x0f) {
      case OPCODE.PING:
        this.#sink.onPing(data)
        return false
      case OPCODE.PONG:
        return false
      default:
        this.#state = 'over'
        this.#close(data)
        return true
    }
  }

  #close(data: Buffer): void {
    if (data.length === 0) {
      this.#sink.onCloseFrame(CloseCode.NO_STATUS, '')
      return
    }
    const code = data.readUInt16BE(0)
    const reason = data.subarray(2)
    if (!isSendableCloseCode(code)) throw new MessageError(1002, 'a close code may not be sent (RFC6455§7.4)')
    if (!isUtf8Text(reason)) throw new MessageError(1007, 'a text is not UTF-8 (RFC6455§8.1)')
    this.#sink.onCloseFrame(code, reason.toString())
  }
}

export function tooLong(maxMessage: number): MessageError {
  return new MessageError(1009, `a message is larger than ${maxMessage} bytes`)
}

/** `position`: where the first byte stands in its frame. */
function unmask(from: Buffer, at: number, to: Buffer, length: number, mask: Uint8Array, position: number): void {
  const [a, b, c, d] = [0, 1, 2, 3].map(i => mask[(position + i) & 3]!) as [number, number, number, number]
  const fours = length & ~3
  let i = 0
  for (; i < fours; i += 4) {
    to[i] = from[at + i]! ^ a
    to[i + 1] = from[at + i + 1]! ^ b
    to[i + 2] = from[at + i + 2]! ^ c
    to[i + 3] = from[at + i + 3]! ^ d
  }
  for (; i < length; i++) to[i] = from[at + i]! ^ mask[(position + i) & 3]!
}
