/**
 * Connections that stay: `crowd.ts PORT COUNT idle|idle-websocket|slow-readers [TLS]`. TLS: options of `tls.connect` as JSON. `idle` makes one request each and reads its answer;
 * `idle-websocket` becomes a WebSocket each, and says nothing;
 * `slow-readers` asks for /large and reads 4 KiB a second. Prints `ready` when all have begun, and stays until it is killed.
 */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

const [port, count, mode, tls] = process.argv.slice(2)
const tlsOptions = tls === undefined ? null : JSON.parse(tls)
const path = mode === 'slow-readers' ? '/large' : '/page'
/** RFC6455§4.1, with the key of its example: nothing checks here who answers. */
const upgrade =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
/** So many at once: a listen queue holds 2,048 at most. */
const AT_ONCE = 100

function begin(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const to = { port: Number(port), host: '127.0.0.1' }
    const socket = tlsOptions === null ? connect(to) : connectTls({ ...to, ...tlsOptions })
    socket.on('error', reject)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${mode === 'idle-websocket' ? upgrade : ''}\r\n`)
    if (mode === 'slow-readers') socket.once('readable', () => resolve(socket))
    else
      socket.once('data', data => {
        const wanted = mode === 'idle-websocket' ? '101' : '200'
        if (data.toString('latin1', 9, 12) === wanted) resolve(socket)
        else reject(new Error(`not ${wanted}: ${data.toString('latin1', 0, 100)}`))
      })
  })
}

const sockets: Socket[] = []
while (sockets.length < Number(count)) {
  const next = Math.min(AT_ONCE, Number(count) - sockets.length)
  sockets.push(...(await Promise.all(Array.from({ length: next }, begin))))
}
if (mode === 'slow-readers') setInterval(() => sockets.forEach(socket => void socket.read(4096)), 1000)
else setInterval(() => {}, 2 ** 30)
console.log('ready')
