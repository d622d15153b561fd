/**
 * The clocks of one WebSocket: is the client still there, and does it take what we send? Runs in the gateway.
 *
 *   the client is silent         `ping` after a while, then `pong` for its answer: without one the stream is destroyed
 *   we do not read the client    a probe every few seconds: a write to a client that has gone fails
 *   the client takes nothing     `send`: the stream is destroyed
 *   we wait for the end          `close`, `linger`, `last`: `onOverdue` of the connection decides
 *
 * Invariant: one wait at a time for something from the client; the clock of sending and the probes run beside it.
 * Not here: the states of the connection (`connection.ts`), how long each wait is (`context.ts`).
 */
import { Deadline } from '../base/deadlines.ts'
import type { ByteStream } from '../http/transport.ts'
import type { Deadlines } from './context.ts'
import type { FrameOutput } from './output.ts'
import type { Sender } from './ws.ts'

const NOTHING = Buffer.alloc(0)

export class ClientWatch {
  /** Something was received since the clock was started. The connection sets it. */
  heard = false
  readonly #stream: ByteStream
  readonly #output: FrameOutput
  readonly #sender: Sender
  readonly #deadlines: Deadlines
  readonly #deadline: Deadline
  readonly #sendDeadline = new Deadline(() => this.#sendOverdue())
  /** Made when it is first needed: most connections are never paused. */
  #probeDeadline: Deadline | null = null
  #awaitsPong = false
  /** Bytes that the client had taken when the clock of sending was started. */
  #takenBefore = 0

  constructor(stream: ByteStream, output: FrameOutput, sender: Sender, deadlines: Deadlines, onOverdue: () => void) {
    this.#stream = stream
    this.#output = output
    this.#sender = sender
    this.#deadlines = deadlines
    this.#deadline = new Deadline(onOverdue)
    deadlines.ping.arm(this.#deadline)
  }

  /** `close`: the client's close frame. `linger`: its FIN. `last`: the application takes the last messages. */
  waitFor(what: 'close' | 'linger' | 'last'): void {
    this.#deadlines[what].arm(this.#deadline)
  }

  waitForNothing(): void {
    this.#deadline.disarm()
  }

  /** The stream has closed. */
  stop(): void {
    this.#deadline.disarm()
    this.#sendDeadline.disarm()
    this.#probeDeadline?.disarm()
  }

  // -- is the client there?

  /** The `ping` or the `pong` deadline is over. A client that we do not read cannot be heard; one that is blocked has not got the ping. */
  silent(isReading: boolean): void {
    if (this.heard || !isReading || this.#output.isBlocked) {
      this.#startAgain()
    } else if (this.#awaitsPong) {
      this.#stream.destroy()
    } else {
      this.#awaitsPong = true
      this.#sender.ping(NOTHING, false)
      this.#deadlines.pong.arm(this.#deadline)
      // The answer has no time limit: ask again after the next silence.
      if (this.#deadline.list === null) this.#startAgain()
    }
  }

  #startAgain(): void {
    this.heard = this.#awaitsPong = false
    this.#deadlines.ping.arm(this.#deadline)
  }

  /** From now on the client is not read. */
  startProbing(): void {
    this.#probeDeadline ??= new Deadline(() => this.#probe())
    this.#deadlines.probe.arm(this.#probeDeadline)
  }

  stopProbing(): void {
    this.#probeDeadline?.disarm()
  }

  /** Sends a pong that nobody asked for (RFC6455§5.5.3): a client does not answer it, but the write fails when the client has gone. */
  #probe(): void {
    // While the output is blocked, the write that waits there fails instead.
    if (!this.#output.isClosed && !this.#output.isBlocked) this.#sender.pong(NOTHING, false)
    this.startProbing()
  }

  // -- does the client take what we send?

  /** Something waits for the client. */
  startSending(): void {
    if (this.#sendDeadline.list !== null) return
    this.#takenBefore = this.#output.bytesSent - this.#stream.pendingBytes
    this.#deadlines.send.arm(this.#sendDeadline)
  }

  /** The client has taken everything. */
  stopSending(): void {
    this.#sendDeadline.disarm()
  }

  #sendOverdue(): void {
    const { pendingBytes } = this.#stream
    if (pendingBytes === 0) return
    if (this.#output.bytesSent - pendingBytes === this.#takenBefore) this.#stream.destroy()
    else this.startSending()
  }
}
