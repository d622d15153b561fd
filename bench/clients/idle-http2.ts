/**
 * Connections of HTTP/2 over TLS that make one request each, read its answer, and stay: `idle-http2.ts PORT COUNT TLS`. TLS: options of
 * `tls.connect` as JSON. Prints `ready` when all have their answer, and stays until it is killed. It speaks the few frames itself: thousands
 * of sessions of node:http2 would be the larger part of the machine.
 */
import { connect, type TLSSocket } from 'node:tls'

const [port, count, tls] = process.argv.slice(2)
const options = JSON.parse(tls!)
/** So many at once: a listen queue holds 2,048 at most. */
const AT_ONCE = 100
const HEAD = 9
const [DATA, HEADERS, SETTINGS] = [0, 1, 4]
const [END_STREAM, ACK] = [1, 1]

/** @param type - Of a frame of RFC9113§6, without content unless given. */
function frame(type: number, flags: number, stream: number, content: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(HEAD)
  head.writeUIntBE(content.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, content])
}

// RFC7541: `:method: GET`, `:scheme: https`, `:path: /`, and `:authority` as a literal.
const FIELDS = Buffer.concat([Buffer.from([0x82, 0x87, 0x84, 0x41, 9]), Buffer.from('localhost')])
const BEGINNING = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(SETTINGS, 0, 0),
  frame(HEADERS, END_STREAM | 4, 1, FIELDS),
])

function begin(): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(port), host: '127.0.0.1', ...options, ALPNProtocols: ['h2'] })
    let bytes: Buffer = Buffer.alloc(0)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server has closed a connection')))
    socket.on('data', (data: Buffer) => {
      bytes = Buffer.concat([bytes, data])
      while (bytes.length >= HEAD && bytes.length >= HEAD + bytes.readUIntBE(0, 3)) {
        const [type, flags] = [bytes[3]!, bytes[4]!]
        bytes = bytes.subarray(HEAD + bytes.readUIntBE(0, 3))
        if (type === SETTINGS && (flags & ACK) === 0) socket.write(frame(SETTINGS, ACK, 0))
        if ((type === HEADERS || type === DATA) && (flags & END_STREAM) !== 0) resolve(socket)
      }
    })
    socket.write(BEGINNING)
  })
}

const sockets: TLSSocket[] = []
while (sockets.length < Number(count)) {
  const next = Math.min(AT_ONCE, Number(count) - sockets.length)
  sockets.push(...(await Promise.all(Array.from({ length: next }, begin))))
}
setInterval(() => {}, 2 ** 30)
console.log('ready')
