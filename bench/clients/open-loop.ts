/**
 * Arrivals that don't wait for answers: `open-loop.ts PORT RATE SECONDS`. They come at random (exponential gaps) as from many
 * people, one of a hundred asks for /slow, and each goes over an idle connection if there is one, else over a new one. A latency
 * counts from the moment at which the request was due. Prints one line of JSON: the answers, and percentiles of those not to /slow.
 */
import { Agent, get } from 'node:http'
import { percentiles } from './percentiles.ts'

const [port, rate, seconds] = process.argv.slice(2).map(Number) as [number, number, number]
const agent = new Agent({ keepAlive: true, maxSockets: 512, scheduling: 'fifo' })
const latencies: number[] = []
let errors = 0
let requests = 0

function request(path: string, due: number, isSlow: boolean): Promise<void> {
  return new Promise(done => {
    const message = get({ port, host: '127.0.0.1', path, agent }, response => {
      if (response.statusCode !== 200) errors++
      response.resume()
      response.on('end', () => {
        requests++
        if (!isSlow) latencies.push(performance.now() - due)
        done()
      })
      response.on('error', () => {
        errors++
        done()
      })
    })
    message.on('error', () => {
      // RFC9112§9.3.1: a server may close an idle connection just when the request is sent; a browser sends it again.
      if (message.reusedSocket) return void request(path, due, isSlow).then(done)
      errors++
      done()
    })
  })
}

const pending: Promise<void>[] = []
const start = performance.now()
let due = start
for (let number = 1; due < start + seconds * 1000; number++) {
  const wait = due - performance.now()
  // wait: requests come by the clock, whatever becomes of those before
  if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
  const isSlow = number % 100 === 50
  pending.push(request(isSlow ? '/slow' : `/page/${number}?n=${number}`, due, isSlow))
  due += (-Math.log(1 - Math.random()) * 1000) / rate
}
await Promise.all(pending)
const elapsed = (performance.now() - start) / 1000
console.log(JSON.stringify({ requests, seconds: elapsed, ...percentiles(latencies), errors }))
process.exit(0)
