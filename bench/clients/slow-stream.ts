/**
 * One connection of HTTP/2, whose streams ask for small answers one after the other: `slow-stream.ts PORT STREAMS SECONDS TLS`. TLS: options
 * of `tls.connect` as JSON. In the first half of the time there is nothing else. In the second half one stream of STREAMS asks for /large
 * and takes 4 KiB of it ten times a second. Prints one line of JSON: the answers of the second half, and how much longer its p99 is than
 * that of the first: `slowdown`.
 */
import { type ClientHttp2Session, connect } from 'node:http2'
import { percentiles } from './percentiles.ts'

const [port, streams, seconds, tls] = process.argv.slice(2)
const HALF_MS = Number(seconds) * 500
const TAKEN = 4096
const PAUSE_MS = 100

let errors = 0

function ask(session: ClientHttp2Session, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path })
    stream.on('response', headers => {
      if (headers[':status'] !== 200) errors++
    })
    stream.on('error', reject)
    stream.on('end', resolve)
    stream.resume()
  })
}

/** Latencies in milliseconds of so many clients of one session. */
async function half(session: ClientHttp2Session, clients: number): Promise<number[]> {
  const latencies: number[] = []
  const end = performance.now() + HALF_MS
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let began = performance.now(), n = 0; began < end; began = performance.now(), n++) {
        await ask(session, `/page/${client}?n=${n}`)
        latencies.push(performance.now() - began)
      }
    }),
  )
  return latencies
}

const session = connect(`https://127.0.0.1:${port}`, JSON.parse(tls!))
const quiet = percentiles(await half(session, Number(streams) - 1))
const slow = session.request({ ':path': '/large' })
slow.on('error', () => {
  errors++
})
const reading = setInterval(() => void slow.read(TAKEN), PAUSE_MS)
const start = performance.now()
const latencies = await half(session, Number(streams) - 1)
const elapsed = (performance.now() - start) / 1000
clearInterval(reading)
const beside = percentiles(latencies)
const figures = { ...beside, slowdown: beside.p99 / quiet.p99, errors }
console.log(JSON.stringify({ requests: latencies.length, seconds: elapsed, ...figures }))
process.exit(0)
