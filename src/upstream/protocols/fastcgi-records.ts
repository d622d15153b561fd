/**
 * Records of FastCGI 1.0 (https://fastcgi-archives.github.io/FastCGI_Specification.html), as bytes. Runs in the gateway, for each request; pure.
 *
 *     ┌ version u8 = 1 ┬ type u8 ┬ request id u16 ┬ content length u16 ┬ padding length u8 ┬ reserved u8 ┐ content · padding
 *
 * Numbers are big-endian. A name or a value of a pair has its length in one byte below 128, else in four with the highest bit set.
 */
export const VERSION = 1
export const HEADER = 8
/** Content of one record. */
export const MAX_CONTENT = 0xffff
/** Without multiplexing there is one request on a connection. */
export const REQUEST_ID = 1

/** §8. */
export const RecordType = {
  BEGIN_REQUEST: 1,
  ABORT_REQUEST: 2,
  END_REQUEST: 3,
  PARAMS: 4,
  STDIN: 5,
  STDOUT: 6,
  STDERR: 7,
  GET_VALUES: 9,
  GET_VALUES_RESULT: 10,
  UNKNOWN_TYPE: 11,
} as const

/** The one role that is spoken. */
export const RESPONDER = 1
/** A flag of BEGIN_REQUEST: the connection stays open. */
export const KEEP_CONN = 1
/** Content of BEGIN_REQUEST, END_REQUEST and UNKNOWN_TYPE. */
export const BODY = 8

/** How a server ended a request, §5.5. */
export const Ending = {
  COMPLETE: 0,
  CANT_MPX_CONN: 1,
  OVERLOADED: 2,
  UNKNOWN_ROLE: 3,
} as const
export type Ending = (typeof Ending)[keyof typeof Ending]

/** `to` has room for it from `at` on. Returns where the content begins. */
export function writeHeader(to: Buffer, at: number, type: number, length: number, id: number): number {
  to[at] = VERSION
  to[at + 1] = type
  to.writeUInt16BE(id, at + 2)
  to.writeUInt16BE(length, at + 4)
  to[at + 6] = to[at + 7] = 0
  return at + HEADER
}

/** `content`: at most MAX_CONTENT bytes. `id`: 0: about the connection. */
export function record(type: number, content: Buffer, id: number = REQUEST_ID): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER + content.length)
  content.copy(bytes, writeHeader(bytes, 0, type, content.length, id))
  return bytes
}

export function beginRequest(keepsAlive: boolean): Buffer {
  const body = Buffer.alloc(BODY)
  body.writeUInt16BE(RESPONDER, 0)
  body[2] = keepsAlive ? KEEP_CONN : 0
  return record(RecordType.BEGIN_REQUEST, body)
}

export function endRequest(id: number, ending: Ending): Buffer {
  const body = Buffer.alloc(BODY)
  body[4] = ending
  return record(RecordType.END_REQUEST, body, id)
}

/** §4.2: the answer to a record about the connection whose type is not known. */
export function unknownType(type: number): Buffer {
  const body = Buffer.alloc(BODY)
  body[0] = type
  return record(RecordType.UNKNOWN_TYPE, body, 0)
}

/** A stream in records, without the empty one that ends it. */
export function streamRecords(type: number, content: Buffer): Buffer {
  const records: Buffer[] = []
  for (let at = 0; at < content.length; at += MAX_CONTENT)
    records.push(record(type, content.subarray(at, at + MAX_CONTENT)))
  return records.length === 1 ? records[0]! : Buffer.concat(records)
}

/** Ends a stream. */
export function endOfStream(type: number): Buffer {
  return record(type, Buffer.alloc(0))
}

/** Pairs, as the content of PARAMS: `[name, value, …]`, a byte for each character. */
export function pairs(lines: readonly string[]): Buffer {
  let size = 0
  for (const text of lines) size += lengthSize(text.length) + text.length
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  for (let i = 0; i < lines.length; i += 2) {
    const [name, value] = [lines[i]!, lines[i + 1]!]
    at = writeLength(bytes, at, name.length)
    at = writeLength(bytes, at, value.length)
    at += bytes.write(name, at, 'latin1')
    at += bytes.write(value, at, 'latin1')
  }
  return bytes
}

/** `[name, value, …]`, a character for each byte; null: the lengths do not fit to the bytes. */
export function readPairs(bytes: Buffer): string[] | null {
  const lines: string[] = []
  const text = bytes.toString('latin1')
  for (let at = 0; at < bytes.length; ) {
    const name = readLength(bytes, at)
    const value = name < 0 ? -1 : readLength(bytes, at + sizeOfLength(bytes[at]!))
    if (value < 0) return null
    at += sizeOfLength(bytes[at]!)
    at += sizeOfLength(bytes[at]!)
    if (at + name + value > bytes.length) return null
    lines.push(text.slice(at, at + name), text.slice(at + name, at + name + value))
    at += name + value
  }
  return lines
}

/** -1: it is cut. */
function readLength(bytes: Buffer, at: number): number {
  if (at >= bytes.length) return -1
  const first = bytes[at]!
  if (first < 0x80) return first
  return at + 4 > bytes.length ? -1 : bytes.readUInt32BE(at) & 0x7fffffff
}

function sizeOfLength(first: number): number {
  return first < 0x80 ? 1 : 4
}

function lengthSize(length: number): number {
  return length < 0x80 ? 1 : 4
}

function writeLength(to: Buffer, at: number, length: number): number {
  if (length < 0x80) {
    to[at] = length
    return at + 1
  }
  return to.writeUInt32BE((length | 0x80000000) >>> 0, at)
}
