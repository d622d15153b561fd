/** Frames that the gateway sends to a worker that runs many requests at once. `multiplex.ts` has their layout. Sans-IO. */
import type { ApplicationRoot } from '../../http/application-root.ts'
import type { Exchange } from '../../http/exchange.ts'
import { type EnvironSource, writeEnviron } from './environ.ts'
import type { FrameWriter } from './frame-writer.ts'
import { REQUEST_BODY_FOLLOWS, REQUEST_HANDSHAKE } from './frames.ts'
import { MULTIPLEX_HEADER, MultiplexType as Type } from './multiplex.ts'

function header(writer: FrameWriter, length: number, type: number, exchange: number): void {
  writer.reserve(MULTIPLEX_HEADER)
  writer.u32(length)
  writer.u8(type)
  writer.u32(exchange)
}

export function writeHello(writer: FrameWriter, build: string): void {
  const payload = Buffer.from(JSON.stringify({ build }))
  header(writer, payload.length, Type.HELLO, 0)
  writer.raw(payload)
}

/** Writes the head of a REQUEST: `scope.ts` for ASGI, `environ.ts` for WSGI. */
export interface HeadWriter {
  /** `bodyLength`: true length of the content; -1: not known. */
  write(writer: FrameWriter, exchange: Exchange, bodyLength: number): void
}

interface Content {
  /** All of the content, a character for each byte; null: BODY frames follow. */
  readonly inline: string | null
  /** -1: not known. */
  readonly bodyLength: number
}

export function writeRequest(
  writer: FrameWriter,
  id: number,
  exchange: Exchange,
  head: HeadWriter,
  { inline, bodyLength }: Content,
): void {
  const start = writer.position
  header(writer, 0, Type.REQUEST, id)
  writer.u8(inline === null ? REQUEST_BODY_FOLLOWS : 0)
  head.write(writer, exchange, bodyLength)
  if (inline !== null && inline !== '') writer.latin1(inline)
  writer.patchU32(start, writer.position - start - MULTIPLEX_HEADER)
}

/** A REQUEST that asks for a WebSocket, for WSGI: the application may take a socket of its own. */
export function writeHandshake(writer: FrameWriter, id: number, asked: EnvironSource, root: ApplicationRoot): void {
  const start = writer.position
  header(writer, 0, Type.REQUEST, id)
  writer.u8(REQUEST_HANDSHAKE)
  writeEnviron(writer, asked, 0, root)
  writer.patchU32(start, writer.position - start - MULTIPLEX_HEADER)
}

/** The first frame of a connection of its own. */
export function encodeAttach(token: number): Buffer {
  const frame = Buffer.alloc(MULTIPLEX_HEADER + 4)
  frame.writeUInt32LE(4, 0)
  frame[4] = Type.ATTACH
  frame.writeUInt32LE(token, MULTIPLEX_HEADER)
  return frame
}

/** `piece` is copied. */
export function writeBody(writer: FrameWriter, id: number, piece: Buffer): void {
  header(writer, piece.length, Type.BODY, id)
  writer.raw(piece)
}

export function writeBodyEnd(writer: FrameWriter, id: number): void {
  header(writer, 0, Type.BODY_END, id)
}

export function writeFileOpened(writer: FrameWriter, id: number, opened: boolean): void {
  header(writer, 1, Type.FILE_OPENED, id)
  writer.u8(opened ? 1 : 0)
}

export function writeDisconnect(writer: FrameWriter, id: number, code: number, reason: string): void {
  const text = Buffer.from(reason)
  header(writer, 2 + text.length, Type.DISCONNECT, id)
  writer.u8(code)
  writer.u8(code >>> 8)
  writer.raw(text)
}

export function writeCredit(writer: FrameWriter, id: number, bytes: number): void {
  header(writer, 4, Type.CREDIT, id)
  writer.u32(bytes)
}

export function writeCancel(writer: FrameWriter, id: number): void {
  header(writer, 0, Type.CANCEL, id)
}

export function writePing(writer: FrameWriter, token: number): void {
  header(writer, 4, Type.PING, 0)
  writer.u32(token)
}

/** One frame of a message of a WebSocket. `data` is copied. */
export function writeMessage(writer: FrameWriter, id: number, flags: number, data: Buffer): void {
  header(writer, 1 + data.length, Type.MESSAGE, id)
  writer.u8(flags)
  writer.raw(data)
}
