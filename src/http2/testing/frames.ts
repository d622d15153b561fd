/** Frames of a client, by hand, right and wrong; and frames of ours, read and written as text. For tests. */
import { errorName, Flag, FRAME_HEADER, FrameType, PREFACE, readUint31, writeFrameHeader } from '../frames.ts'
import { HpackDecoder } from '../hpack/decoder.ts'
import { decodeAll, literal } from '../hpack/testing/blocks.ts'

const NOTHING = Buffer.alloc(0)

export function frame(type: number, flags: number, stream: number, payload: Buffer = NOTHING): Buffer {
  const header = Buffer.alloc(FRAME_HEADER)
  writeFrameHeader(header, 0, payload.length, type, flags, stream)
  return Buffer.concat([header, payload])
}

/** `[name, value]` of each field. */
export type Fields = readonly (readonly [string, string])[]

/** Without an index: it changes no table, so blocks may come in any order. */
export function block(fields: Fields): Buffer {
  return Buffer.concat(fields.map(([name, value]) => literal('without', name, value)))
}

export interface HeadersOptions {
  /** Default: true. */
  readonly isLast?: boolean
  /** Default: 1, one frame. The block is cut into so many. */
  readonly pieces?: number
  readonly padding?: number
  readonly dependsOn?: number
}

export function headers(stream: number, fields: Fields, options: HeadersOptions = {}): Buffer {
  const { isLast = true, pieces = 1, padding, dependsOn } = options
  const bytes = block(fields)
  const size = Math.ceil(bytes.length / pieces)
  const frames: Buffer[] = []
  for (let i = 0; i < pieces; i++) {
    const piece = bytes.subarray(i * size, (i + 1) * size)
    const ofEnd = i === pieces - 1 ? Flag.END_HEADERS : 0
    if (i > 0) {
      frames.push(frame(FrameType.CONTINUATION, ofEnd, stream, piece))
      continue
    }
    let flags = ofEnd | (isLast ? Flag.END_STREAM : 0)
    const parts = [piece]
    if (dependsOn !== undefined) {
      flags |= Flag.PRIORITY
      parts.unshift(Buffer.concat([uint32(dependsOn), Buffer.from([16])]))
    }
    if (padding !== undefined) {
      flags |= Flag.PADDED
      parts.unshift(Buffer.from([padding]))
      parts.push(Buffer.alloc(padding))
    }
    frames.push(frame(FrameType.HEADERS, flags, stream, Buffer.concat(parts)))
  }
  return Buffer.concat(frames)
}

export function requestFields(method: string, path: string, more: Fields = []): Fields {
  return [[':method', method], [':scheme', 'http'], [':authority', 't'], [':path', path], ...more]
}

export function get(stream: number, path = '/', more: Fields = []): Buffer {
  return headers(stream, requestFields('GET', path, more))
}

/** Its content follows. */
export function post(stream: number, path = '/', more: Fields = []): Buffer {
  return headers(stream, requestFields('POST', path, more), { isLast: false })
}

export function data(stream: number, content: string | Buffer, isLast = false, padding?: number): Buffer {
  const flags = isLast ? Flag.END_STREAM : 0
  const bytes = Buffer.from(content as string, 'latin1')
  if (padding === undefined) return frame(FrameType.DATA, flags, stream, bytes)
  return frame(
    FrameType.DATA,
    flags | Flag.PADDED,
    stream,
    Buffer.concat([Buffer.from([padding]), bytes, Buffer.alloc(padding)]),
  )
}

export function trailers(stream: number, fields: Fields): Buffer {
  return headers(stream, fields)
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export const Setting = { HEADER_TABLE_SIZE: 1, ENABLE_PUSH: 2, INITIAL_WINDOW_SIZE: 4, MAX_FRAME_SIZE: 5 } as const

export function settings(...pairs: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.concat(pairs.map(([id, value]) => Buffer.concat([Buffer.from([id >> 8, id]), uint32(value)])))
  return frame(FrameType.SETTINGS, 0, 0, payload)
}

export const SETTINGS_ACK = frame(FrameType.SETTINGS, Flag.ACK, 0)
/** What each client begins with. */
export const BEGIN = Buffer.concat([PREFACE, settings()])

export function windowUpdate(stream: number, bytes: number): Buffer {
  return frame(FrameType.WINDOW_UPDATE, 0, stream, uint32(bytes))
}

export function reset(stream: number, code = 8): Buffer {
  return frame(FrameType.RST_STREAM, 0, stream, uint32(code))
}

/** `payload`: 8 characters. */
export function ping(payload = 'pingping', isAck = false): Buffer {
  return frame(FrameType.PING, isAck ? Flag.ACK : 0, 0, Buffer.from(payload, 'latin1'))
}

export function goAway(lastStream = 0, code = 0): Buffer {
  return frame(FrameType.GOAWAY, 0, 0, Buffer.concat([uint32(lastStream), uint32(code)]))
}

export function priorityUpdate(stream: number, text: string): Buffer {
  return frame(FrameType.PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(stream), Buffer.from(text, 'latin1')]))
}

/** A frame that we have sent. */
export interface ServerFrame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
  /** Of HEADERS. */
  readonly fields: Fields
}

/** Reads what a server sends. One for each connection, because of the table. */
export class ServerFrames {
  readonly #decoder = new HpackDecoder(4096)
  #rest: Buffer = NOTHING
  #block: Buffer[] = []

  read(bytes: Buffer): ServerFrame[] {
    const frames: ServerFrame[] = []
    let rest = Buffer.concat([this.#rest, bytes])
    while (rest.length >= FRAME_HEADER) {
      const end = FRAME_HEADER + rest.readUIntBE(0, 3)
      if (rest.length < end) break
      const [type, flags] = [rest[3]!, rest[4]!]
      const payload = rest.subarray(FRAME_HEADER, end)
      frames.push({ type, flags, stream: readUint31(rest, 5), payload, fields: this.#fields(type, flags, payload) })
      rest = rest.subarray(end)
    }
    this.#rest = rest
    return frames
  }

  #fields(type: number, flags: number, payload: Buffer): Fields {
    if (type !== FrameType.HEADERS && type !== FrameType.CONTINUATION) return []
    this.#block.push(payload)
    if ((flags & Flag.END_HEADERS) === 0) return []
    return decodeAll(this.#decoder, Buffer.concat(this.#block.splice(0))).map(({ name, value }) => [name, value])
  }
}

const TYPE_NAMES = new Map<number, string>(Object.entries(FrameType).map(([name, type]) => [type, name]))

/** `HEADERS 1 :status=200 date=…`, `DATA 1 hello end`, `GOAWAY 3 PROTOCOL_ERROR why`. Without `date`. */
export function asText({ type, flags, stream, payload, fields }: ServerFrame): string {
  const name = TYPE_NAMES.get(type) ?? String(type)
  const isLast = (type === FrameType.DATA || type === FrameType.HEADERS) && (flags & Flag.END_STREAM) !== 0
  const words = [name]
  switch (type) {
    case FrameType.HEADERS:
    case FrameType.CONTINUATION:
      words.push(String(stream), ...fields.filter(([field]) => field !== 'date').map(field => field.join('=')))
      break
    case FrameType.DATA:
      words.push(String(stream), payload.length > 40 ? `${payload.length} bytes` : payload.toString('latin1'))
      break
    case FrameType.RST_STREAM:
      words.push(String(stream), errorName(payload.readUInt32BE()))
      break
    case FrameType.WINDOW_UPDATE:
      words.push(String(stream), String(payload.readUInt32BE()))
      break
    case FrameType.GOAWAY:
      words.push(String(payload.readUInt32BE()), errorName(payload.readUInt32BE(4)), payload.toString('latin1', 8))
      break
    case FrameType.PING:
      words.push(payload.toString('latin1'))
      break
  }
  if ((type === FrameType.PING || type === FrameType.SETTINGS) && (flags & Flag.ACK) !== 0) words.push('ack')
  if (isLast) words.push('end')
  return words.filter(word => word !== '').join(' ')
}
