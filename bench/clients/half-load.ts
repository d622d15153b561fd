/**
 * A fixed rate of requests to a proxy, and beside them a quarter as many to the server behind it, which is what a request takes without the
 * proxy: `half-load.ts PORT BACKEND_PORT CONNECTIONS RATE SECONDS`. They come at random (exponential gaps) and each takes the connection that has been
 * idle for longest; when none is idle it waits, and that counts. Prints one line of JSON: the answers of the proxy, percentiles of their latencies, and
 * `added`: their p99 less that of the requests beside them.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { percentiles } from './percentiles.ts'

const [port, backendPort, connections, rate, seconds] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
  number,
]
const DIRECT_EACH = 4
/** Less is a response that is not over yet. */
const CONTENT = 1000
const OK = Buffer.from('HTTP/1.1 200')

class Way {
  readonly latencies: number[] = []
  errors = 0
  readonly #idle: Socket[] = []
  readonly #due: number[] = []
  readonly #began = new Map<Socket, number>()
  #number = 0

  async connect(port: number, count: number): Promise<this> {
    for (let i = 0; i < count; i++) {
      const socket = connect(port, '127.0.0.1').setNoDelay()
      await once(socket, 'connect')
      let got = 0
      socket.on('data', (data: Buffer) => {
        if (got === 0 && !data.subarray(0, OK.length).equals(OK)) this.errors++
        got += data.length
        if (got < CONTENT) return
        got = 0
        this.#answered(socket)
      })
      socket.on('close', () => this.errors++).on('error', () => {})
      this.#idle.push(socket)
    }
    return this
  }

  /** One more request is due. */
  ask(): void {
    const socket = this.#idle.shift()
    if (socket === undefined) this.#due.push(performance.now())
    else this.#send(socket, performance.now())
  }

  #send(socket: Socket, due: number): void {
    this.#began.set(socket, due)
    socket.write(`GET /static/1k.bin?n=${this.#number++} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
  }

  #answered(socket: Socket): void {
    this.latencies.push(performance.now() - this.#began.get(socket)!)
    const due = this.#due.shift()
    if (due === undefined) this.#idle.push(socket)
    else this.#send(socket, due)
  }
}

const proxy = await new Way().connect(port, connections)
const direct = await new Way().connect(backendPort, connections)
const start = performance.now()
let due = start
for (let number = 0; due < start + seconds * 1000; number++) {
  const wait = due - performance.now()
  // wait: requests come by the clock, whatever becomes of those before
  if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
  proxy.ask()
  if (number % DIRECT_EACH === 0) direct.ask()
  due += (-Math.log(1 - Math.random()) * 1000) / rate
}
const figures = percentiles(proxy.latencies)
const added = figures.p99 - percentiles(direct.latencies).p99
const errors = proxy.errors + direct.errors
const elapsed = (performance.now() - start) / 1000
console.log(JSON.stringify({ requests: proxy.latencies.length, seconds: elapsed, ...figures, added, errors }))
process.exit(0)
