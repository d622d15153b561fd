/**
 * One open WebSocket (RFC6455) on a stream of bytes: the closing handshake, pings, pressure both ways, time. Runs in the gateway.
 * Frames are the business of `input.ts` and `output.ts`, the opening handshake that of HTTP.
 *
 *     open ── close() ──▶ closing ── its close frame, too late, gone ──▶ closed
 *       └──── its close frame, invalid frame, silent, goAway(), gone ────▶
 *
 * After `gone`, messages that had come whole are still told, for a while. Invariants: `events.onClose` is called exactly once, on the way to closed,
 * and no event after it; `onEnded` exactly once, when the stream has closed, and after it. We close the stream first (RFC6455§7.1.1), and read on for a while so that the client can read our close frame.
 */
import { Deadline } from '../base/deadlines.ts'
import type { Account } from '../base/memory-budget.ts'
import type { ByteStream } from '../http/transport.ts'
import {
  CloseCode,
  isSendableCloseCode,
  type WebSocketConnection,
  type WebSocketEvents,
  type WebSocketTerms,
} from '../http/websocket.ts'
import { clientWindowBits, extensionsFor } from './deflate.ts'
import type { WebSocketContext } from './engine.ts'
import { FrameInput, type InputSink } from './input.ts'
import { FrameOutput } from './output.ts'
import { DEFLATE, type PerMessageDeflate, Sender } from './ws.ts'

/** Frames and messages that wait to be compressed: above it `send` says that the client is slow, as the stream does by its own mark. */
const SEND_MARK = 64 * 1024
/** What a failed client still sends is read up to this, so that it can read why. */
const LINGER_BYTES = 4 * 1024 * 1024
/** Two bytes of a control frame's 125 are the code (RFC6455§5.5). */
const MAX_REASON = 123
const NOTHING = Buffer.alloc(0)

export class FramedConnection implements WebSocketConnection, InputSink {
  readonly #stream: ByteStream
  readonly #events: WebSocketEvents
  readonly #onEnded: () => void
  readonly #context: WebSocketContext
  readonly #input: FrameInput
  readonly #output: FrameOutput
  readonly #sender: Sender
  readonly #deflate: PerMessageDeflate | undefined
  /** Ping and pong while open, then the close frame of the client, then its FIN. */
  readonly #deadline = new Deadline(() => this.#overdue())
  readonly #sendDeadline = new Deadline(() => this.#sendOverdue())
  /** Made when it is first needed: most connections are never paused. */
  #probeDeadline: Deadline | null = null
  /** Of what waits to be compressed. What waits for the client is the stream's. */
  #account: Account | null = null
  #state: 'open' | 'closing' | 'closed' = 'open'
  #isReading = true
  /** Our close frame was handed to the output: nothing follows it. */
  #closeWritten = false
  #streamEnded = false
  /** The stream has closed. */
  #isGone = false
  /** `send` has returned false. */
  #owesDrain = false
  /** The last ping that came while an answer would have waited: only that one counts (RFC6455§5.5.3), and a flood of them fills nothing. */
  #owedPong: Buffer | null = null
  #awaitsPong = false
  /** Something was received since the deadline was armed. */
  #heard = false
  #lingered = 0
  /** Bytes that the client had taken when the deadline of sending was armed. */
  #takenBefore = 0

  constructor(
    stream: ByteStream,
    first: Buffer | null,
    terms: WebSocketTerms,
    events: WebSocketEvents,
    onEnded: () => void,
    context: WebSocketContext,
  ) {
    this.#stream = stream
    this.#events = events
    this.#onEnded = onEnded
    this.#context = context
    const outgoing = extensionsFor(terms.deflate)
    this.#deflate = outgoing[DEFLATE]
    const { maxMessage, memory } = context
    this.#input = new FrameInput(this, { maxMessage, windowBits: clientWindowBits(terms.deflate), memory })
    this.#output = new FrameOutput(stream, context.flusher, () => this.#flushed())
    this.#sender = new Sender(this.#output, outgoing)
    stream.handler = this
    context.deadlines.ping.arm(this.#deadline)
    if (first !== null) {
      this.#input.put(first)
      queueMicrotask(() => {
        this.#input.run()
        this.#updateReading()
      })
    }
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  get bytesSent(): number {
    return this.#output.bytesSent
  }

  // -- channel

  send(data: Buffer, isText: boolean): boolean {
    if (this.#state !== 'open' || this.#isGone) return true
    this.#sender.send(data, { binary: !isText, compress: this.#deflate !== undefined, fin: true, mask: false })
    this.#owesDrain = !this.#keepsUp()
    if (this.#owesDrain) this.#countSending()
    return !this.#owesDrain
  }

  close(code: number, reason: string): void {
    if (this.#state !== 'open') return
    if (this.#isGone) {
      this.#end(CloseCode.ABNORMAL, '')
      return
    }
    this.#sendClose(code, reason)
    this.#state = 'closing'
    this.#context.deadlines.close.arm(this.#deadline)
    this.#input.mute()
    this.#updateReading()
  }

  goAway(code: number, reason: string): void {
    this.#fail(code, reason)
  }

  pause(): void {
    if (this.#state !== 'open') return
    this.#input.pause()
    this.#updateReading()
  }

  resume(): void {
    if (this.#state !== 'open') return
    if (this.#isGone) this.#context.deadlines.last.arm(this.#deadline)
    this.#input.resume()
    this.#updateReading()
  }

  // -- stream

  onData(chunk: Buffer): void {
    this.#heard = true
    if (this.#state === 'closed') {
      this.#lingered += chunk.length
      if (this.#lingered > LINGER_BYTES) this.#stream.destroy()
      return
    }
    this.#input.push(chunk)
    this.#updateReading()
  }

  onEnd(): void {
    if (this.#state !== 'closed') this.#input.end()
    else if (this.#stream.pendingBytes === 0 && this.#streamEnded) this.#stream.destroy()
  }

  onDrain(): void {
    this.#sendDeadline.disarm()
    this.#output.isBlocked = false
    this.#flushed()
  }

  onClose(): void {
    this.#deadline.disarm()
    this.#sendDeadline.disarm()
    this.#probeDeadline?.disarm()
    this.#streamEnded = this.#isGone = true
    this.#output.destroy()
    this.#deflate?.cleanup()
    this.#account?.close()
    if (this.#state !== 'open' || this.#context.memory.isNear) {
      this.#end(CloseCode.ABNORMAL, '')
      return
    }
    this.#context.deadlines.last.arm(this.#deadline)
    this.#input.end()
  }

  // -- input

  onMessage(data: Buffer, isText: boolean, more: boolean): void {
    if (this.#state === 'open') this.#events.onMessage(data, isText, more)
  }

  onPing(data: Buffer): void {
    if (this.#closeWritten) return
    if (this.#output.isBlocked || this.#sender._bufferedBytes > 0) this.#owedPong = Buffer.from(data)
    else this.#sender.pong(data, false)
  }

  onCloseFrame(code: number, reason: string): void {
    // The answer has the same code (RFC6455§5.5.1), or none.
    if (this.#state === 'open') this.#sendClose(code, '')
    this.#end(code, reason)
  }

  onInvalid(code: number, reason: string): void {
    this.#fail(code, reason)
  }

  onInputEnd(): void {
    this.#end(CloseCode.ABNORMAL, '')
  }

  onRoom(): void {
    this.#updateReading()
  }

  onEvicted(): void {
    this.#fail(CloseCode.TRY_AGAIN_LATER, 'too much waits in memory')
  }

  #updateReading(): void {
    const wanted = this.#state === 'closed' || !this.#input.isFull
    if (wanted === this.#isReading) return
    this.#isReading = wanted
    if (wanted) {
      this.#probeDeadline?.disarm()
      this.#stream.resume()
    } else {
      this.#stream.pause()
      if (!this.#isGone) this.#probeLater()
    }
  }

  #probeLater(): void {
    this.#probeDeadline ??= new Deadline(() => this.#probe())
    this.#context.deadlines.probe.arm(this.#probeDeadline)
  }

  /** A pong that nobody has asked for (RFC6455§5.5.3): nothing is answered to it, but a client that has gone makes it fail. */
  #probe(): void {
    // Where something waits for the client already, that write fails.
    if (!this.#closeWritten && !this.#output.isBlocked) this.#sender.pong(NOTHING, false)
    this.#probeLater()
  }

  // -- output

  #keepsUp(): boolean {
    return !this.#output.isBlocked && this.#output.waitingBytes + this.#sender._bufferedBytes <= SEND_MARK
  }

  #countSending(): void {
    const bytes = this.#sender._bufferedBytes
    if (bytes === 0 && this.#account === null) return
    this.#account ??= this.#context.memory.open('a WebSocket was closed (1013)', () => this.onEvicted())
    this.#account.set(bytes)
  }

  #flushed(): void {
    if (this.#account !== null) this.#countSending()
    if (this.#output.isBlocked) {
      this.#watchSending()
      return
    }
    const ping = this.#owedPong
    this.#owedPong = null
    if (ping !== null) this.onPing(ping)
    if (this.#owesDrain && this.#state === 'open' && this.#keepsUp()) {
      this.#owesDrain = false
      this.#events.onDrain()
    }
  }

  #watchSending(): void {
    if (this.#sendDeadline.list !== null) return
    this.#takenBefore = this.bytesSent - this.#stream.pendingBytes
    this.#context.deadlines.send.arm(this.#sendDeadline)
  }

  // -- the end

  /** `code` as the application, or the client, says it. */
  #sendClose(code: number, reason: string): void {
    const wireCode =
      code === CloseCode.NO_STATUS ? undefined : isSendableCloseCode(code) ? code : CloseCode.INTERNAL_ERROR
    const text = wireCode === undefined ? NOTHING : cut(Buffer.from(reason), MAX_REASON)
    this.#owedPong = null
    this.#sender.close(wireCode, text, false, () => {
      this.#closeWritten = true
      if (this.#state === 'closed') this.#endStream()
    })
  }

  /** We end it, without waiting for the client's close frame (RFC6455§7.1.7). */
  #fail(code: number, reason: string): void {
    if (this.#state === 'closed') return
    if (this.#state === 'open') this.#sendClose(code, reason)
    this.#end(code, reason)
  }

  #end(code: number, reason: string): void {
    this.#input.stop()
    this.#report(code, reason)
    if (this.#isGone) {
      this.#deadline.disarm()
      this.#onEnded()
      return
    }
    this.#updateReading()
    this.#context.deadlines.linger.arm(this.#deadline)
    // Else when the frame is written: messages that are being compressed go before it.
    if (this.#closeWritten || code === CloseCode.ABNORMAL) this.#endStream()
  }

  #endStream(): void {
    if (this.#streamEnded) return
    this.#streamEnded = true
    this.#output.flush()
    this.#output.destroy()
    this.#stream.end()
  }

  #report(code: number, reason: string): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#events.onClose(code, reason)
  }

  // -- time

  #overdue(): void {
    if (this.#isGone) this.#end(CloseCode.ABNORMAL, '')
    else if (this.#state === 'open') this.#silent()
    // The client may be slow rather than gone: then it is the sending that decides.
    else if (this.#output.isBlocked && this.#stream.pendingBytes > 0) {
      this.#context.deadlines[this.#state === 'closing' ? 'close' : 'linger'].arm(this.#deadline)
      this.#watchSending()
    } else this.#stream.destroy()
  }

  /** Nothing to hear from a client while we do not read, nor to expect of one that has not got the ping yet. */
  #silent(): void {
    const { pong } = this.#context.deadlines
    this.#input.release()
    if (this.#sender._bufferedBytes === 0) this.#deflate?.cleanup()
    if (this.#heard || !this.#isReading || this.#output.isBlocked) {
      this.#expectNothing()
    } else if (this.#awaitsPong) {
      this.#stream.destroy()
    } else {
      this.#awaitsPong = true
      this.#sender.ping(NOTHING, false)
      pong.arm(this.#deadline)
      // No limit for the answer: the next question follows all the same.
      if (this.#deadline.list === null) this.#expectNothing()
    }
  }

  #expectNothing(): void {
    this.#heard = this.#awaitsPong = false
    this.#context.deadlines.ping.arm(this.#deadline)
  }

  #sendOverdue(): void {
    const { pendingBytes } = this.#stream
    if (pendingBytes === 0) return
    if (this.bytesSent - pendingBytes === this.#takenBefore) this.#stream.destroy()
    else this.#watchSending()
  }
}

/** At most `length` bytes of UTF-8, never half a character. */
function cut(text: Buffer, length: number): Buffer {
  if (text.length <= length) return text
  let end = length
  while ((text[end]! & 0xc0) === 0x80) end--
  return text.subarray(0, end)
}
