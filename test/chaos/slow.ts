/**
 * Slow clients, which cost a server most when they do least. They have a process of their own, so that they do not slow the good clients.
 * `node slow.ts TARGET COUNT [KIND...]`: TARGET as JSON, COUNT connections of each kind, made anew when the server ends them. Prints how many are
 * open, as JSON lines, until its input ends.
 *
 * One timer serves all of them, and each tick moves a fiftieth. Their cost for the server is measured, so they must cost the machine
 * little, and must never move all at once.
 */
import type { Socket } from 'node:net'
import { createSecureContext, type TLSSocket } from 'node:tls'
import { connectTo, type Target } from '../support/target.ts'

const KINDS = ['heads', 'bodies', 'readers', 'silent'] as const
type Kind = (typeof KINDS)[number]
/** A byte of each connection, a second. */
const TICKS = 50
const TICK_MS = 20
/** New connections of a tick: 500 a second in all. A reader's request is work for a worker, and an overload is another scenario. */
const CONNECTS = 10
/** More than the kernel takes at once for a client that does not read. */
const BIG = 512 * 1024

const BEGINNINGS: Readonly<Record<Kind, string>> = {
  heads: 'GET /get/slow HTTP/1.1\r\nHost: chaos\r\nX-Slow: ',
  bodies: 'POST /post/slow HTTP/1.1\r\nHost: chaos\r\nContent-Length: 100000\r\n\r\n',
  readers: `GET /big?size=${BIG} HTTP/1.1\r\nHost: chaos\r\n\r\n`,
  silent: '',
}

const target = sharing(JSON.parse(process.argv[2]!))
const isPlain = typeof target !== 'object'
const count = Number(process.argv[3])
const chosen = process.argv.length > 4 ? KINDS.filter(kind => process.argv.includes(kind)) : KINDS
const open: Record<Kind, number> = { heads: 0, bodies: 0, readers: 0, silent: 0 }
let ended = 0
let refused = 0

/** Over TLS one context and one session are for all: hundreds of full handshakes a second would take a core from what is measured. */
function sharing(target: Target): Target {
  if (typeof target !== 'object') return target
  return { ...target, tls: { ...target.tls, secureContext: createSecureContext(target.tls) } }
}

function keepSession(socket: TLSSocket): void {
  socket.once('session', session => {
    if (typeof target === 'object') target.tls.session ??= session
  })
}

class SlowClient {
  readonly #kind: Kind
  #socket: Socket | null = null
  #isOpen = false

  constructor(kind: Kind) {
    this.#kind = kind
  }

  get isConnecting(): boolean {
    return this.#socket === null
  }

  /** Once a second. */
  move(): void {
    const socket = this.#socket
    if (socket === null) this.#connect()
    else if (!this.#isOpen || this.#kind === 'silent') return
    else if (this.#kind !== 'readers') socket.write('x')
    else if (isPlain) socket.resume()
    else socket.read(1)
  }

  #connect(): void {
    const kind = this.#kind
    // One byte for each call, and the next one only when it is asked for. Over TLS a record would come as thousands of calls.
    const onread = { buffer: Buffer.alloc(1), callback: () => false }
    const socket = connectTo(target, kind === 'readers' && isPlain ? { onread } : {})
    this.#socket = socket
    if (!isPlain) keepSession(socket as TLSSocket)
    socket.on(isPlain ? 'connect' : 'secureConnect', () => {
      this.#isOpen = true
      open[kind]++
      if (kind !== 'silent') socket.write(BEGINNINGS[kind])
    })
    if (kind !== 'readers')
      socket.on('data', chunk => {
        if (chunk.toString('latin1').startsWith('HTTP/1.1 503')) refused++
      })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#isOpen) open[kind]--
      this.#isOpen = false
      this.#socket = null
      ended++
    })
  }
}

const clients = Array.from({ length: count * chosen.length }, (_, i) => new SlowClient(chosen[i % chosen.length]!))
let tick = 0
setInterval(() => {
  tick = (tick + 1) % TICKS
  let connects = CONNECTS
  for (let i = tick; i < clients.length; i += TICKS) {
    const client = clients[i]!
    if (!client.isConnecting || connects-- > 0) client.move()
  }
}, TICK_MS)
setInterval(() => console.log(JSON.stringify({ open, ended, refused })), 250)
process.stdin.on('end', () => process.exit(0)).resume()
