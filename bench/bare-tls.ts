/**
 * The least server that answers over TLS: what a connection costs a program of Node before HTTP is spoken on it. `bare-tls.ts PORT
 * CERTIFICATE KEY`. It answers each HEADERS frame with `:status: 200` and reads nothing of it; it is in the scene `idle-http2` only.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:tls'

const [port, certificate, key] = process.argv.slice(2)
const HEAD = 9
const PREFACE = 24
const HEADERS = 1
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
/** With END_STREAM and END_HEADERS; the content is `:status: 200` of RFC7541's static table. */
const ANSWER = Buffer.from([0, 0, 1, HEADERS, 5, 0, 0, 0, 0, 0x88])

createServer({ cert: readFileSync(certificate!), key: readFileSync(key!), ALPNProtocols: ['h2'] }, socket => {
  let bytes: Buffer = Buffer.alloc(0)
  let at = PREFACE
  socket.on('error', () => {})
  socket.on('data', (data: Buffer) => {
    bytes = bytes.length === 0 ? data : Buffer.concat([bytes, data])
    while (bytes.length >= at + HEAD && bytes.length >= at + HEAD + bytes.readUIntBE(at, 3)) {
      if (bytes[at + 3] === HEADERS) {
        const answer = Buffer.from(ANSWER)
        bytes.copy(answer, 5, at + 5, at + HEAD)
        socket.write(answer)
      }
      at += HEAD + bytes.readUIntBE(at, 3)
    }
    if (at <= bytes.length) {
      bytes = bytes.length === at ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at))
      at = 0
    }
  })
  socket.write(SETTINGS)
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 2048 })
