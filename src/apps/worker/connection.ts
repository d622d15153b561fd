/**
 * The connection under a link, whichever wire it speaks: connects to the worker's Unix socket, and reads. Runs in the gateway.
 *
 * Invariants: `broke` is called at most once. After `destroy` or `finish` nothing is called any more.
 * Not here: what else may be at the socket's path (`own-socket.ts`), what frames mean (`wire/`), what is written and when (`wsgi/link.ts`, `asgi/link.ts`).
 */
import { Socket } from 'node:net'
import type { WorkerHello } from '../wire/decode.ts'
import type { FrameReader } from '../wire/frame-reader.ts'
import { WireViolation } from '../wire/violation.ts'
import { connectToOwnSocket } from './own-socket.ts'

/** Where a link goes, and which worker must answer there. */
export interface LinkAddress {
  readonly worker: number
  readonly pid: number
  /** Path of the Unix socket. */
  readonly socket: string
  /** The worker is another user: its files are not opened. */
  readonly isApart: boolean
  /** Slots of the worker. */
  readonly slots: number
  readonly build: string
}

/** One buffer for all reads of all links: what must outlive a read is copied. It is larger than a Unix socket's own buffer. */
const sharedReadBuffer = Buffer.allocUnsafeSlow(256 * 1024)
/** For a worker to take the last bytes of a client that has gone. */
const LEAVE_MS = 10_000

export class WorkerConnection {
  readonly socket: Socket
  readonly #reader: FrameReader
  readonly #read: (chunk: Buffer) => void
  readonly #broke: (reason: string) => void
  #isOver = false
  #isHeld = false

  /** `read` gives a chunk to the reader. `broke`: the worker is gone, or has broken the rules of the wire. */
  constructor(path: string, reader: FrameReader, read: (chunk: Buffer) => void, broke: (reason: string) => void) {
    this.#reader = reader
    this.#read = read
    this.#broke = broke
    this.socket = new Socket({
      onread: {
        buffer: sharedReadBuffer,
        callback: (length, buffer) => {
          if (!this.#isOver) this.#receive((buffer as Buffer).subarray(0, length))
          return !this.#isHeld
        },
      },
    })
    const reached = connectToOwnSocket(this.socket, path)
    let reason = 'closed by the worker'
    this.socket.on('error', error => {
      reason = error.message.replace(reached, path)
    })
    this.socket.on('close', () => {
      if (!this.#isOver) this.#broke(reason)
    })
  }

  /** Nothing is read until `release`. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** The number of its descriptor; -1: there is none, or something still waits to be sent. Node does not document where it is. */
  get descriptor(): number {
    const { _handle } = this.socket as unknown as { readonly _handle?: { readonly fd?: number } | null }
    return this.socket.writableLength === 0 ? (_handle?.fd ?? -1) : -1
  }

  hold(): void {
    this.#isHeld = true
    this.socket.pause()
  }

  release(): void {
    this.#isHeld = false
    this.socket.resume()
  }

  destroy(): void {
    this.#end()
    this.socket.destroy()
  }

  /** Ends the connection; the worker still receives what was written. */
  finish(): void {
    this.#end()
    this.socket.end()
  }

  /** Closes the connection when the worker has taken what was written, or after a while. Meanwhile nothing that it sends is wanted. */
  leave(): void {
    this.#end()
    if (this.socket.writableLength === 0) {
      this.socket.destroy()
      return
    }
    const timer = setTimeout(() => this.socket.destroy(), LEAVE_MS).unref()
    this.socket.once('close', () => clearTimeout(timer))
    this.socket.resume()
    this.socket.destroySoon()
  }

  #end(): void {
    this.#isOver = true
    this.#isHeld = false
    this.#reader.stop()
  }

  #receive(chunk: Buffer): void {
    try {
      this.#read(chunk)
    } catch (error) {
      if (!(error instanceof WireViolation)) throw error
      this.#broke(`it broke the rules of the wire: ${error.message}`)
    }
  }
}

/** Throws WireViolation if another worker than the expected one says hello. */
export function checkHello(hello: WorkerHello, { build, worker, slots }: LinkAddress): void {
  if (hello.build !== build) throw new WireViolation(`it is build ${hello.build}, this is ${build}`)
  if (hello.worker !== worker) throw new WireViolation(`it is worker ${hello.worker}, not ${worker}`)
  if (hello.slots !== slots) throw new WireViolation(`it has ${hello.slots} slots, not ${slots}`)
}
