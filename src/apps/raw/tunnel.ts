/**
 * The bytes of a WebSocket between its client and a WSGI application that speaks the frames itself, on a link that it has taken. Runs in
 * the gateway. Bytes pass as they come: this is not `src/websocket/`.
 *
 * Back-pressure: the client is not read while the worker has not taken what it sent, and the worker is not read while too much waits for
 * the client. Bounds: towards the worker one read of the client (64 KiB, and one that was on its way); towards the client what its
 * stream keeps, and one read of the worker (256 KiB). The memory budget counts both.
 *
 *     open ── end(): the application has returned ──▶ the client gets FIN, and has LINGER_MS to close
 *       └── the client's FIN: the application reads the end, and may still send
 *       └── the client has gone, or takes nothing for `timeouts.send`: `onOver`
 *
 * Invariants: `onOver` is called once at most, and never after `end`. `onEnded` is called once, when the client's stream has closed.
 * Not here: the heads (`answer.ts`), which link it is (`link.ts`).
 */

import type { Socket } from 'node:net'
import { Deadline, type DeadlineList } from '../../base/deadlines.ts'
import type { Account, MemoryBudget } from '../../base/memory-budget.ts'
import { type ByteStream, LINGER_BYTES } from '../../http/transport.ts'
import type { SwitchedConnection } from '../../http/websocket.ts'
import type { SocketPassing } from './passing.ts'

export interface TunnelSettings {
  readonly memory: MemoryBudget
  /** For a client to take something of what waits for it: `timeouts.send`. */
  readonly send: DeadlineList
  readonly sendMs: number
  /** Null: clients' sockets cannot be passed to workers here. */
  readonly passing: () => SocketPassing | null
  /** Behind our FIN, for the client's. */
  readonly linger: DeadlineList
  /** Silence after which the system asks whether the client is there: `timeouts.websocketPing`. 0: it does not. */
  readonly watchMs: number
}

/** The other end of a tunnel: a link to a worker, or a connection to an upstream. */
export interface TunnelEnd {
  readonly socket: Pick<Socket, 'destroyed' | 'end' | 'writable' | 'writableEnded' | 'writableLength' | 'write'>
  /** Reads no more until `release`. */
  hold(): void
  release(): void
}

const NOTHING = Buffer.alloc(0)

export class Tunnel implements SwitchedConnection {
  bytesSent = 0
  readonly #stream: ByteStream
  readonly #connection: TunnelEnd
  readonly #settings: TunnelSettings
  readonly #onOver: () => void
  readonly #onEnded: () => void
  readonly #clock = new Deadline(() => this.#overdue())
  /** Counts what the worker has not taken. Made when there is something. */
  #account: Account | null = null
  /** An empty write stands behind what the worker has not taken. */
  #isMarked = false
  /** Nothing more comes from the worker, or is wanted. */
  #isOver = false
  #isStreamClosed = false
  /** Bytes that the client had taken when the clock of sending was started; -1: it is not running. */
  #takenBefore = -1
  /** Bytes of the client behind the end. */
  #lingered = 0

  /** `first`: what the client has sent already. `onOver`: the application's end is not wanted any more. */
  constructor(
    stream: ByteStream,
    first: Buffer | null,
    connection: TunnelEnd,
    settings: TunnelSettings,
    onOver: () => void,
    onEnded: () => void,
  ) {
    this.#stream = stream
    this.#connection = connection
    this.#settings = settings
    this.#onOver = onOver
    this.#onEnded = onEnded
    stream.handler = this
    stream.watchPeer(settings.watchMs)
    if (first !== null) this.onData(first)
  }

  get isClosed(): boolean {
    return this.#isOver
  }

  // -- from the worker

  /** `bytes` are valid during the call only. */
  fromWorker(bytes: Buffer): void {
    if (this.#isOver) return
    this.bytesSent += bytes.length
    if (this.#stream.write(Buffer.from(bytes))) return
    this.#connection.hold()
    this.#startSending()
  }

  /** The application has nothing more to send. */
  end(): void {
    if (this.#isOver) return
    this.#finish()
    if (this.#isStreamClosed) return
    this.#stream.end()
    this.#stream.resume()
    this.#startLingering()
  }

  // -- from the client

  onData(chunk: Buffer): void {
    if (this.#isOver) {
      this.#lingered += chunk.length
      if (this.#lingered > LINGER_BYTES) this.destroy()
      return
    }
    const { socket } = this.#connection
    // The application may have closed its end.
    if (!socket.writable) return
    socket.write(Buffer.from(chunk))
    if (socket.writableLength > 0) this.#waitForWorker()
  }

  onEnd(): void {
    if (!this.#isOver) this.#connection.socket.end()
    else if (this.#stream.pendingBytes === 0) this.destroy()
  }

  onDrain(): void {
    if (this.#isOver) {
      this.#startLingering()
      return
    }
    this.#clock.disarm()
    this.#takenBefore = -1
    this.#connection.release()
  }

  onClose(): void {
    this.#isStreamClosed = true
    this.#clock.disarm()
    this.#cut()
    this.#onEnded()
  }

  // -- from the protocol

  close(): void {
    this.goAway()
  }

  /** There is nothing to tell the client: the frames are the application's. */
  goAway(): void {
    if (this.#isOver) return
    const onOver = this.#onOver
    this.end()
    onOver()
  }

  protected destroy(): void {
    this.#stream.destroy()
  }

  #cut(): void {
    if (this.#isOver) return
    this.#finish()
    this.#onOver()
  }

  #finish(): void {
    this.#isOver = true
    this.#account?.close()
  }

  // -- the worker takes what the client sent

  #waitForWorker(): void {
    const { socket } = this.#connection
    this.#stream.pause()
    this.#account ??= this.#settings.memory.open('a WebSocket was cut', () => this.goAway())
    this.#account.set(socket.writableLength)
    if (this.#isMarked || socket.writableEnded) return
    this.#isMarked = true
    socket.write(NOTHING, () => this.#passed())
  }

  #passed(): void {
    this.#isMarked = false
    const { socket } = this.#connection
    if (this.#isOver || socket.destroyed) return
    if (socket.writableLength > 0) {
      this.#waitForWorker()
      return
    }
    this.#account!.set(0)
    this.#stream.resume()
  }

  // -- the client takes what the worker sent

  #startSending(): void {
    if (this.#takenBefore >= 0) return
    this.#takenBefore = this.bytesSent - this.#stream.pendingBytes
    this.#settings.send.arm(this.#clock)
  }

  #startLingering(): void {
    this.#takenBefore = -1
    this.#settings.linger.arm(this.#clock)
  }

  #overdue(): void {
    const { pendingBytes } = this.#stream
    const hasTakenNothing = this.bytesSent - pendingBytes === this.#takenBefore
    const wasLingering = this.#takenBefore < 0
    this.#takenBefore = -1
    if (pendingBytes > 0 && (wasLingering || !hasTakenNothing)) this.#startSending()
    else if (pendingBytes > 0 || this.#isOver) this.destroy()
    else this.onDrain()
  }
}
