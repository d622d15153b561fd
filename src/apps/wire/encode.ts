/** Frames that the gateway sends to a WSGI worker. `frames.ts` has their layout. Sans-IO. */
import type { ApplicationRoot } from '../../http/application-root.ts'
import { type EnvironSource, writeEnviron } from './environ.ts'
import type { FrameWriter } from './frame-writer.ts'
import { FRAME_HEADER, FrameType, REQUEST_BODY_FOLLOWS, REQUEST_HANDSHAKE } from './frames.ts'

export function encodeHello(build: string): Buffer {
  const payload = Buffer.from(JSON.stringify({ build }))
  return Buffer.concat([frameHeader(FrameType.HELLO, payload.length), payload])
}

/**
 * Appends a REQUEST. `inline`: all of the content, a character for each byte; null: BODY frames follow. `bodyLength`: bytes of the
 * content; -1: not known. `root`: where the application is mounted. `isHandshake`: the application may take the link.
 */
export function writeRequest(
  writer: FrameWriter,
  exchange: EnvironSource,
  inline: string | null,
  bodyLength: number,
  root: ApplicationRoot,
  isHandshake = false,
): void {
  const start = writer.position
  writer.u32(0)
  writer.u8(FrameType.REQUEST)
  writer.u8(inline === null ? REQUEST_BODY_FOLLOWS : isHandshake ? REQUEST_HANDSHAKE : 0)
  writeEnviron(writer, exchange, bodyLength, root)
  if (inline !== null && inline !== '') writer.latin1(inline)
  writer.patchU32(start, writer.position - start - FRAME_HEADER)
}

/** The five bytes before a payload of `length` bytes. */
export function frameHeader(type: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER)
  header.writeUInt32LE(length, 0)
  header[4] = type
  return header
}

export function encodeBodyEnd(): Buffer {
  return frameHeader(FrameType.BODY_END, 0)
}

export function encodeFileOpened(opened: boolean): Buffer {
  return Buffer.concat([frameHeader(FrameType.FILE_OPENED, 1), Buffer.from([opened ? 1 : 0])])
}
