/**
 * The opening handshake of a WebSocket as a WSGI application is asked it, and its answer. Runs in the gateway, once for each WebSocket.
 * Over HTTP/2 there is no Upgrade and no key (RFC8441§5): libraries of WSGI know HTTP/1.1 only, so they get both, with a key of ours.
 */
import { randomBytes } from 'node:crypto'
import { type HeaderLines, headerValue } from '../../http/headers.ts'
import { acceptOf } from '../../http/websocket-key.ts'
import type { EnvironSource } from '../wire/environ.ts'

export interface Handshake {
  /** For the environ. */
  readonly asked: EnvironSource
  readonly key: string
}

/** The exchange `isWebSocket`, and its handshake was checked. */
export function handshakeOf(exchange: EnvironSource): Handshake {
  const { request, peer, body, local, id, user } = exchange
  const known = headerValue(request.headers, 'sec-websocket-key')
  if (request.version !== '2' && known !== undefined) return { asked: exchange, key: known }
  const key = randomBytes(16).toString('base64')
  const others = request.headers.filter((_, i) => request.headers[i - (i % 2)] !== 'sec-websocket-key')
  const headers = [...others, 'upgrade', 'websocket', 'connection', 'Upgrade', 'sec-websocket-key', key]
  return { asked: { request: { ...request, version: '1.1', headers }, peer, body, local, id, user }, key }
}

/** The headers of a 101 without those of the handshake and of the connection. Throws an Error that says why it accepts nothing (RFC6455§4.2.2). */
export function acceptedHeaders(headers: HeaderLines, key: string): HeaderLines {
  const others: HeaderLines = []
  let upgrade = ''
  let accept = ''
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    const value = headers[i + 1]!
    if (name === 'upgrade') upgrade = value
    else if (name === 'sec-websocket-accept') accept = value
    else others.push(headers[i]!, value)
  }
  if (upgrade.toLowerCase() !== 'websocket') throw new Error('a 101 without Upgrade: websocket')
  if (accept !== acceptOf(key)) throw new Error(`a 101 whose Sec-WebSocket-Accept is not ${acceptOf(key)}`)
  return others
}
