/**
 * Connections over TLS that each make one request: `handshakes.ts PORT full|resumed CONNECTIONS SECONDS PATH TLS`. TLS: options of
 * `tls.connect` as JSON. `full`: each with a handshake of its own. `resumed`: all with the session of one connection that was made before.
 * As many at a time as CONNECTIONS. Prints one line of JSON: the answers, and percentiles of connection, handshake and request together.
 * A handshake of the other kind is an error.
 *
 * Its handshakes cost more than the server's (it verifies, and makes sockets), so the server is not busy all the time. With several
 * processes of `openssl s_time` nginx used the same CPU time for a handshake.
 */
import { connect, createSecureContext } from 'node:tls'
import { percentiles } from './percentiles.ts'

const [port, kind, connections, seconds, path, tls] = process.argv.slice(2)
const { servername, ...rest } = JSON.parse(tls!)
const secureContext = createSecureContext(rest)
const REQUEST = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`

/** One connection with its request; resolves with a ticket of it. */
function ask(session: Buffer | null): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const to = { port: Number(port), host: '127.0.0.1', servername, secureContext }
    const socket = connect(session === null ? to : { ...to, session }).setNoDelay()
    let ticket: Buffer | null = null
    let answer = ''
    socket.on('session', (data: Buffer) => {
      ticket = data
    })
    socket.on('data', (data: Buffer) => {
      answer ||= data.toString('latin1', 0, 12)
    })
    socket.on('error', reject)
    socket.on('end', () => {
      const isRight = answer === 'HTTP/1.1 200' && socket.isSessionReused() === (session !== null)
      socket.destroy()
      if (isRight) resolve(ticket)
      else reject(new Error(`answered ${answer}, resumed: ${socket.isSessionReused()}`))
    })
    socket.write(REQUEST)
  })
}

const latencies: number[] = []
let errors = 0
const session = kind === 'resumed' ? await ask(null) : null
if (kind === 'resumed' && session === null) throw new Error('no ticket came')
const start = performance.now()
await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    for (let began = start; began < start + Number(seconds) * 1000; began = performance.now()) {
      try {
        await ask(session)
        latencies.push(performance.now() - began)
      } catch {
        errors++
      }
    }
  }),
)
const elapsed = (performance.now() - start) / 1000
console.log(JSON.stringify({ requests: latencies.length, seconds: elapsed, ...percentiles(latencies), errors }))
process.exit(0)
