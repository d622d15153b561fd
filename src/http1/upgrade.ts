/** The part of a WebSocket's opening handshake that only HTTP/1.1 has (RFC6455§4.2): Upgrade, Connection, key. Runs in the gateway. */
import { HttpError } from '../http/errors.ts'
import type { RequestHead } from '../http/exchange.ts'
import { headerValues, listMembers } from '../http/headers.ts'
import type { ByteStream } from '../http/transport.ts'
import type { WebSocketAccept, WebSocketEngine, WebSocketTerms } from '../http/websocket.ts'
import { acceptOf } from '../http/websocket-key.ts'
import { serializeSwitch } from './serializer.ts'

/** 16 bytes in base64. */
const KEY = /^[A-Za-z0-9+/]{22}==$/

/**
 * Any other request is an ordinary one, whatever its Upgrade says: a server may ignore Upgrade (RFC9110§7.8), and must in HTTP/1.0. A
 * request with content is one too: no client sends frames behind content.
 */
export function asksForWebSocket(request: RequestHead, contentLength: number | undefined): boolean {
  const { method, version, headers } = request
  return (
    method === 'GET' &&
    version === '1.1' &&
    contentLength === 0 &&
    lists(headers, 'upgrade', 'websocket') &&
    lists(headers, 'connection', 'upgrade')
  )
}

function lists(headers: readonly string[], name: string, member: string): boolean {
  for (let i = 0; i < headers.length; i += 2)
    if (headers[i] === name && listMembers(headers[i + 1]!.toLowerCase()).includes(member)) return true
  return false
}

/** Throws HttpError 400 unless there is one valid key. */
export function webSocketKey(headers: readonly string[]): string {
  const keys = headerValues(headers, 'sec-websocket-key')
  if (keys.length === 1 && KEY.test(keys[0]!)) return keys[0]!
  const what = keys.length === 0 ? 'missing' : keys.length > 1 ? 'given more than once' : 'not 16 bytes in base64'
  throw new HttpError(400, `Sec-WebSocket-Key is ${what} (RFC6455§4.2.1)`, 'client')
}

/** Writes the 101 response. Throws HttpError when the handshake is wrong, and nothing was written then. */
export function grantWebSocket(
  engine: WebSocketEngine,
  stream: ByteStream,
  headers: readonly string[],
  accept: WebSocketAccept,
): WebSocketTerms {
  const key = webSocketKey(headers)
  const terms = engine.negotiate(headers, accept)
  stream.write(switchingHead(key, terms.headers))
  return terms
}

/** The same for an application that has answered the handshake itself. */
export function grantTunnel(stream: ByteStream, request: readonly string[], headers: readonly string[]): void {
  stream.write(switchingHead(webSocketKey(request), headers))
}

/** RFC6455§4.2.2. */
function switchingHead(key: string, headers: readonly string[]): Buffer {
  return Buffer.from(serializeSwitch('websocket', ['Sec-WebSocket-Accept', acceptOf(key), ...headers]), 'latin1')
}
