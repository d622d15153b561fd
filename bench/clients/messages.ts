/**
 * Load of WebSocket messages, in a process of its own: `messages.ts URL echo|broadcast CLIENTS SECONDS`. Prints one line of
 * JSON: messages that arrived at clients, their rate, and latencies. Each client that may send waits for its own message to come
 * back before it sends the next: in `echo` all clients send, in `broadcast` one does, and all receive.
 */
import { once } from 'node:events'
import WebSocket from 'ws'
import { percentiles } from './percentiles.ts'

const [url, mode, clients, seconds] = process.argv.slice(2)
const PAYLOAD = 'x'.repeat(100)

const sockets = await Promise.all(
  Array.from({ length: Number(clients) }, async () => {
    const socket = new WebSocket(url!, { perMessageDeflate: false })
    await once(socket, 'open')
    return socket
  }),
)
let received = 0
let errors = 0
const latencies: number[] = []
const stopAt = performance.now() + Number(seconds) * 1000
await new Promise<void>(done => {
  sockets.forEach((socket, i) => {
    const sends = mode === 'echo' || i === 0
    let sentAt = 0
    let number = 0
    const send = () => {
      sentAt = performance.now()
      socket.send(`${i} ${++number} ${PAYLOAD}`)
    }
    socket.on('message', data => {
      received++
      if (!sends) return
      if (!data.toString().startsWith(`${i} ${number} `)) errors++
      latencies.push(performance.now() - sentAt)
      if (performance.now() < stopAt) send()
      else done()
    })
    socket.on('close', () => errors++)
    if (sends) send()
  })
})
const elapsed = performance.now() - stopAt + Number(seconds) * 1000
console.log(JSON.stringify({ requests: received, seconds: elapsed / 1000, ...percentiles(latencies), errors }))
process.exit(0)
