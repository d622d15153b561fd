/** Frames of HTTP/2 (RFC9113§4, §6): types, flags, error codes, and how the small ones are written. Sans-IO. Runs in the gateway. */
import { ProtocolError } from '../http/errors.ts'

export const FRAME_HEADER = 9
/** The largest payload that every peer takes (RFC9113§6.5.2). */
export const MIN_MAX_FRAME_SIZE = 16_384
export const MAX_MAX_FRAME_SIZE = 0xff_ffff
/** Of windows (RFC9113§6.9.1), and the largest number of a stream. */
export const MAX_WINDOW = 0x7fff_ffff
/** Of a stream and of a connection, before anybody says otherwise (RFC9113§6.9.2). */
export const INITIAL_WINDOW = 65_535

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
  /** RFC9218§7.1. */
  PRIORITY_UPDATE: 0x10,
} as const

export const Flag = {
  ACK: 0x1,
  END_STREAM: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const

/** RFC9113§7. */
export const ErrorCode = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  ENHANCE_YOUR_CALM: 0xb,
} as const
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

const NAMES = new Map<number, string>(Object.entries(ErrorCode).map(([name, code]) => [code, name]))

export function errorName(code: number): string {
  return NAMES.get(code) ?? `0x${code.toString(16)}`
}

/** The connection cannot go on: the client gets GOAWAY with `code` (RFC9113§5.4.1). */
export class ConnectionError extends ProtocolError {
  readonly code: ErrorCode

  /** `rule`: as `RFC9113§6.9`. */
  constructor(code: ErrorCode, message: string, rule: string) {
    super(400, message, rule)
    this.name = 'ConnectionError'
    this.code = code
  }
}

/** Returns where the payload begins. */
export function writeFrameHeader(
  into: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  stream: number,
): number {
  into[at] = length >>> 16
  into[at + 1] = length >>> 8
  into[at + 2] = length
  into[at + 3] = type
  into[at + 4] = flags
  return writeUint32(into, at + 5, stream)
}

/** Returns where it ends. */
export function writeUint32(into: Buffer, at: number, value: number): number {
  into[at] = value >>> 24
  into[at + 1] = value >>> 16
  into[at + 2] = value >>> 8
  into[at + 3] = value
  return at + 4
}

/** The 31 bits of a stream's number or of a window; the first bit is reserved. */
export function readUint31(bytes: Buffer, at: number): number {
  return ((bytes[at]! & 0x7f) << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}
