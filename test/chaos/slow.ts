/**
 * Clients that cost a server most when they do least; a process of their own, so that the good clients' times are theirs alone.
 * `node slow.ts PORT COUNT`: COUNT connections of each kind, made anew when the server ends them. Prints how many are open, as
 * JSON lines, until its input ends.
 */
import { connect, type Socket } from 'node:net'

const KINDS = ['heads', 'bodies', 'readers', 'silent'] as const
type Kind = (typeof KINDS)[number]
const EVERY_MS = 1000
const AGAIN_MS = 500
/** More than the kernel takes at once for a client that does not read. */
const BIG = 512 * 1024

const [port, count] = process.argv.slice(2).map(Number) as [number, number]
const open: Record<Kind, number> = { heads: 0, bodies: 0, readers: 0, silent: 0 }
let ended = 0
let refused = 0

function begin(kind: Kind): void {
  const target = { port, host: '127.0.0.1', noDelay: true }
  // One byte for each call, and the next one only when it is asked for.
  const onread = { buffer: Buffer.alloc(1), callback: () => false }
  const socket: Socket = kind === 'readers' ? connect({ ...target, onread }) : connect(target)
  let timer: NodeJS.Timeout | undefined
  let isOpen = false
  socket.on('connect', () => {
    isOpen = true
    open[kind]++
    if (kind === 'heads') socket.write('GET /get/slow HTTP/1.1\r\nHost: chaos\r\nX-Slow: ')
    if (kind === 'bodies') socket.write('POST /post/slow HTTP/1.1\r\nHost: chaos\r\nContent-Length: 100000\r\n\r\n')
    if (kind === 'readers') socket.write(`GET /big?size=${BIG} HTTP/1.1\r\nHost: chaos\r\n\r\n`)
    if (kind !== 'silent')
      timer = setInterval(() => (kind === 'readers' ? socket.resume() : socket.write('x')), EVERY_MS)
  })
  if (kind !== 'readers')
    socket.on('data', chunk => {
      if (chunk.toString('latin1').startsWith('HTTP/1.1 503')) refused++
    })
  socket.on('error', () => {})
  socket.on('close', () => {
    clearInterval(timer)
    if (isOpen) open[kind]--
    ended++
    setTimeout(() => begin(kind), AGAIN_MS)
  })
}

for (const kind of KINDS) for (let i = 0; i < count; i++) setTimeout(() => begin(kind), (i / count) * EVERY_MS)
setInterval(() => console.log(JSON.stringify({ open, ended, refused })), 250)
process.stdin.on('end', () => process.exit(0)).resume()
