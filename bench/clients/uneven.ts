/**
 * Clients of which half send ten times as much as the others: `uneven.ts PORT CONNECTIONS RATE SECONDS`. RATE: requests a second of all
 * of them together. Which ones is drawn with a fixed seed, so it is the same in each run. Each connection waits for an answer before its next
 * request. Prints one line of JSON: the answers, and percentiles of their latencies.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { percentiles } from './percentiles.ts'

const TIMES = 10
const [port, connections, rate, seconds] = process.argv.slice(2).map(Number) as [number, number, number, number]
const latencies: number[] = []
let errors = 0

/** The indices of the busy half: a shuffle with a linear congruential generator. */
function busyHalf(): ReadonlySet<number> {
  let seed = 17
  const order = [...Array(connections).keys()]
  for (let i = order.length - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    const other = seed % (i + 1)
    ;[order[i], order[other]] = [order[other]!, order[i]!]
  }
  return new Set(order.slice(0, Math.floor(connections / 2)))
}

const busy = busyHalf()
const shares = busy.size * TIMES + (connections - busy.size)
const start = performance.now()

async function client(socket: Socket, index: number): Promise<void> {
  const gap = (1000 * shares) / rate / (busy.has(index) ? TIMES : 1)
  let sentAt = 0
  let number = 0
  let done = () => {}
  socket.on('data', (data: Buffer) => {
    if (!data.subarray(0, 12).equals(OK)) errors++
    latencies.push(performance.now() - sentAt)
    done()
  })
  socket.on('error', () => errors++)
  for (let due = start + (gap * index) / connections; due < start + seconds * 1000; due += gap) {
    const wait = due - performance.now()
    // wait: requests come by the clock
    if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
    const answered = new Promise<void>(resolve => {
      done = resolve
    })
    sentAt = performance.now()
    socket.write(`GET /page/${index}?n=${number++} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
    await Promise.race([answered, once(socket, 'close')])
  }
  socket.destroy()
}

const OK = Buffer.from('HTTP/1.1 200')
const sockets: Socket[] = []
for (let i = 0; i < connections; i++) {
  const socket = connect(port, '127.0.0.1').setNoDelay()
  await once(socket, 'connect')
  sockets.push(socket)
}
await Promise.all(sockets.map(client))
const elapsed = (performance.now() - start) / 1000
console.log(JSON.stringify({ requests: latencies.length, seconds: elapsed, ...percentiles(latencies), errors }))
process.exit(0)
