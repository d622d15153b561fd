/** A server behind a proxy: `backend.ts PORT`. It reads the content of a request and says how long it was; each WebSocket message goes back. */
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  let length = 0
  request.on('data', (data: Buffer) => {
    length += data.length
  })
  request.on('end', () => response.end(String(length)))
})
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', socket => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  socket.on('error', () => socket.terminate())
})
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 2048 })
