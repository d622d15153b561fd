/** SETTINGS (RFC9113§6.5): what we tell clients, and what they tell us. Sans-IO. Runs in the gateway. */
import {
  ConnectionError,
  ErrorCode,
  FRAME_HEADER,
  FrameType,
  INITIAL_WINDOW,
  MAX_MAX_FRAME_SIZE,
  MAX_WINDOW,
  MIN_MAX_FRAME_SIZE,
  writeFrameHeader,
  writeUint32,
} from './frames.ts'
import { DEFAULT_TABLE_SIZE } from './hpack/dynamic-table.ts'

const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  /** RFC8441§3. */
  ENABLE_CONNECT_PROTOCOL: 8,
  /** RFC9218§2.1. */
  NO_RFC7540_PRIORITIES: 9,
} as const

/** How much of each request's content may come before somebody asks for it. It is what every client begins with. */
export const STREAM_WINDOW = INITIAL_WINDOW
/**
 * For all streams of a connection together. It is no bound: what comes is given back at once, so that a stream whose content nobody wants
 * does not block the others. Each stream has a window of its own for that.
 */
export const CONNECTION_WINDOW = 16 * 1024 * 1024

/** What a client is told. */
export interface OwnSettings {
  readonly streams: number
  readonly frameSize: number
  /** Bytes of names and values, with 32 for each field. It is advice: `request-fields.ts` has the bound. */
  readonly headerListSize: number
}

/** The first frames of a connection: SETTINGS, and the window of the connection. */
export function firstFrames(own: OwnSettings): Buffer {
  const settings: readonly (readonly [number, number])[] = [
    [Setting.MAX_CONCURRENT_STREAMS, own.streams],
    [Setting.INITIAL_WINDOW_SIZE, STREAM_WINDOW],
    [Setting.MAX_FRAME_SIZE, own.frameSize],
    [Setting.MAX_HEADER_LIST_SIZE, own.headerListSize],
    [Setting.ENABLE_CONNECT_PROTOCOL, 1],
    [Setting.NO_RFC7540_PRIORITIES, 1],
  ]
  const bytes = Buffer.alloc(FRAME_HEADER + settings.length * 6 + FRAME_HEADER + 4)
  let at = writeFrameHeader(bytes, 0, settings.length * 6, FrameType.SETTINGS, 0, 0)
  for (const [id, value] of settings) {
    bytes.writeUInt16BE(id, at)
    at = writeUint32(bytes, at + 2, value)
  }
  at = writeFrameHeader(bytes, at, 4, FrameType.WINDOW_UPDATE, 0, 0)
  writeUint32(bytes, at, CONNECTION_WINDOW - INITIAL_WINDOW)
  return bytes
}

/** What a client has told us. */
export class PeerSettings {
  headerTableSize = DEFAULT_TABLE_SIZE
  initialWindow = INITIAL_WINDOW
  maxFrameSize = MIN_MAX_FRAME_SIZE

  /** `payload`: of a SETTINGS frame that is no acknowledgement. Throws ConnectionError. */
  receive(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += 6) this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2))
  }

  #set(id: number, value: number): void {
    switch (id) {
      case Setting.HEADER_TABLE_SIZE:
        this.headerTableSize = value
        break
      case Setting.ENABLE_PUSH:
        if (value > 1) throw invalid('ENABLE_PUSH', value)
        break
      case Setting.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW) throw invalid('INITIAL_WINDOW_SIZE', value, ErrorCode.FLOW_CONTROL_ERROR)
        this.initialWindow = value
        break
      case Setting.MAX_FRAME_SIZE:
        if (value < MIN_MAX_FRAME_SIZE || value > MAX_MAX_FRAME_SIZE) throw invalid('MAX_FRAME_SIZE', value)
        this.maxFrameSize = value
        break
      case Setting.ENABLE_CONNECT_PROTOCOL:
        if (value > 1) throw invalid('ENABLE_CONNECT_PROTOCOL', value)
        break
      case Setting.NO_RFC7540_PRIORITIES:
        if (value > 1) throw invalid('NO_RFC7540_PRIORITIES', value)
        break
      // Others, and those that nobody knows, are not for servers (RFC9113§6.5.2).
    }
  }
}

function invalid(name: string, value: number, code: ErrorCode = ErrorCode.PROTOCOL_ERROR): ConnectionError {
  return new ConnectionError(code, `SETTINGS_${name} cannot be ${value}`, 'RFC9113§6.5.2')
}
