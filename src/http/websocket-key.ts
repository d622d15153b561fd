/** The proof of a WebSocket's opening handshake over HTTP/1.1 (RFC6455§1.3). Pure. */
import { createHash } from 'node:crypto'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Sec-WebSocket-Accept for this Sec-WebSocket-Key: proves that the server understood the handshake, and did not merely echo it. */
export function acceptOf(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64')
}
