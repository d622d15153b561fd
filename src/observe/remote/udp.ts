/**
 * Datagrams to one server, by a connected UDP socket: so the kernel tells when nobody listens there. Runs in the master, and in each event
 * loop of the gateway.
 *
 * Invariants: nobody waits for it. At most `MAX_WAITING` datagrams wait for the name of the server or for the kernel; the others are lost. A
 * name that is not found, or whose machine refuses, is looked up again later, so a server that comes up late, or elsewhere, is found.
 */
import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns'
import type { Sender } from './sender.ts'

/** Some hundred KiB: more than one turn of an event loop makes. */
const MAX_WAITING = 256
const RETRY_MS = 10_000
const CLOSE_POLL_MS = 5

export class UdpSender implements Sender {
  readonly #host: string
  readonly #port: number
  readonly #tell: (problem: string) => void
  /** Connected; null: not yet, or not now. */
  #socket: Socket | null = null
  #isConnecting = false
  #notBefore = 0
  /** Before there is a socket. */
  #waiting: Buffer[] = []
  #isClosed = false
  /** Datagrams that the kernel has not taken. */
  #unsent = 0

  constructor({ host, port }: { readonly host: string; readonly port: number }, tell: (problem: string) => void) {
    this.#host = host
    this.#port = port
    this.#tell = tell
  }

  send(payload: Buffer): void {
    if (this.#waiting.length + this.#unsent >= MAX_WAITING) this.#tell('more comes than can be sent')
    else if (this.#socket !== null) this.#transmit(this.#socket, payload)
    else if (this.#isConnecting) this.#waiting.push(payload)
    else if (performance.now() >= this.#notBefore) {
      this.#waiting.push(payload)
      this.#connect()
    }
  }

  async close(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs
    while (this.#waiting.length + this.#unsent > 0 && performance.now() < deadline)
      await new Promise(resolve => setTimeout(resolve, CLOSE_POLL_MS))
    this.#isClosed = true
    this.#socket?.close()
    this.#socket = null
    this.#notBefore = Number.POSITIVE_INFINITY
  }

  #transmit(socket: Socket, payload: Buffer): void {
    this.#unsent++
    socket.send(payload, error => {
      this.#unsent--
      if (error) this.#onLost(error)
    })
  }

  /** The name may mean another machine by now. Until that is known, the old address is used: a server that is started again is there. */
  #onLost(error: Error): void {
    this.#tell(error.message)
    if (this.#isConnecting || performance.now() < this.#notBefore) return
    this.#notBefore = performance.now() + RETRY_MS
    this.#connect()
  }

  #connect(): void {
    this.#isConnecting = true
    // Many servers listen on 127.0.0.1 alone, and `localhost` has ::1 too.
    lookup(this.#host, { order: 'ipv4first' }, (error, address, family) => {
      if (error !== null) {
        this.#fail(error)
        return
      }
      const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
      socket.unref()
      socket.on('error', reason => {
        if (this.#socket === socket) {
          this.#tell(reason.message)
          return
        }
        socket.close()
        this.#fail(reason)
      })
      // Not as the callback of `connect`: that one is called for a failure too, and then there is no `error`.
      socket.once('connect', () => {
        this.#isConnecting = false
        this.#socket?.close()
        this.#socket = this.#isClosed ? null : socket
        if (this.#isClosed) socket.close()
        else for (const payload of this.#waiting.splice(0)) this.#transmit(socket, payload)
      })
      socket.connect(this.#port, address)
    })
  }

  #fail(error: Error): void {
    this.#isConnecting = false
    this.#waiting = []
    this.#notBefore = Math.max(this.#notBefore, performance.now() + RETRY_MS)
    this.#tell(error.message)
  }
}
