/**
 * Clients of `test/apps/wsgi_sockets.py`: WebSockets of a library, and `/raw/…`, where the application speaks the bytes itself. What holds of
 * these sockets holds for workers of every kind.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { RawClient, textOf } from './raw-client.ts'
import type { Server } from './server.ts'

/** Without the version: it is the line that a test leaves out. */
export const HANDSHAKE: readonly string[] = [
  'Upgrade: websocket',
  'Connection: keep-alive, Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]
export const VERSION = 'Sec-WebSocket-Version: 13'
const BLOCK = 65_536

/** `url`: as of a request: `http://…`. */
export async function open(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url.replace('http', 'ws'), { perMessageDeflate: false, rejectUnauthorized: false })
  await once(socket, 'open')
  return socket
}

export async function answer(socket: WebSocket, message: string): Promise<string> {
  socket.send(message)
  return String((await once(socket, 'message'))[0])
}

/** The handshake for `/raw/…`, and the head of its answer. */
export function shake(client: RawClient, path: string): ReturnType<RawClient['head']> {
  client.get(`/raw/${path}`, ...HANDSHAKE, VERSION)
  return client.head()
}

export async function tunnel(server: Server, path: string): Promise<RawClient> {
  const client = new RawClient(server.target)
  assert.equal((await shake(client, path)).status, 101)
  return client
}

/** What the application sends waits for its client, while others are served; what a client sends comes whole. `blocks`: of 64 KiB. */
export async function checkBothEndsWait(server: Server, blocks: number): Promise<void> {
  const flooded = await tunnel(server, 'flood')
  flooded.socket.removeAllListeners('data').pause()
  // Its thread or greenlet waits for the client, and the others serve.
  assert.equal(await textOf(server.target, '/keys'), '')
  let bytes = 0
  flooded.socket.on('data', chunk => {
    bytes += chunk.length
  })
  flooded.socket.resume()
  await once(flooded.socket, 'end')
  assert.ok(bytes <= 512 * BLOCK && bytes > 511 * BLOCK, `${bytes}`)
  flooded.close()
  const counted = await tunnel(server, 'count')
  for (let i = 0; i < blocks; i++) counted.send(Buffer.alloc(BLOCK, 'y'))
  counted.socket.end()
  assert.equal((await counted.readToEnd()).toString(), String(blocks * BLOCK))
  counted.close()
}

/** The application notices that its client has gone. */
export async function checkGoneIsNoticed(server: Server): Promise<void> {
  for (const leave of ['destroy', 'resetAndDestroy'] as const) {
    const from = server.log.length
    const client = await tunnel(server, 'gone')
    client.socket[leave]()
    await server.waitForLog(/raw ended: gone/, from)
  }
}
