/**
 * One open WebSocket (RFC6455) on a stream of bytes: the closing handshake, the answers to pings, back-pressure both ways. Runs in the
 * gateway.
 *
 *     open ── close() ──▶ closing ── client's close frame, too late, stream gone ──▶ closed
 *       └── client's close frame, invalid frame, silence, goAway(), stream gone ───────▶
 *
 *     state     we send                        what the client sends           ends by
 *     open      messages, pings, pongs         is given to the application     the arrows above
 *     closing   nothing after our close frame  is thrown away                  the client's close frame, or `close` (deadline)
 *     closed    nothing                        is read and thrown away         the client's FIN, `linger`, or LINGER_BYTES
 *
 * When the stream goes while open, the messages that had come whole are still delivered, as long as the application takes them (`last`).
 * We close the stream first (RFC6455§7.1.1), and read on for a while: unread bytes would reset the connection before the client has
 * read our close frame.
 *
 * Invariants: `events.onClose` is called exactly once, on the way to closed, and no event follows it. `onEnded` is called exactly once,
 * when the stream has closed, after `events.onClose`.
 * Not here: frames (`input.ts`, `output.ts`), time (`watch.ts`), the opening handshake (HTTP's).
 */
import type { Account } from '../base/memory-budget.ts'
import { type ByteStream, LINGER_BYTES } from '../http/transport.ts'
import { CloseCode, type WebSocketConnection, type WebSocketEvents, type WebSocketTerms } from '../http/websocket.ts'
import { codeOnWire, reasonOnWire } from './close-frame.ts'
import type { WebSocketContext } from './context.ts'
import { clientWindowBits, extensionsFor } from './deflate.ts'
import { FrameInput, type InputSink } from './input.ts'
import { FrameOutput } from './output.ts'
import { ClientWatch } from './watch.ts'
import { DEFLATE, type PerMessageDeflate, parts, type Sender } from './ws.ts'

/** Frames, and messages that wait to be compressed. Above it `send` returns false, as it does above the stream's own mark. */
const SEND_MARK = 64 * 1024
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
  readonly #watch: ClientWatch
  /** Counts what waits to be compressed. The stream counts what waits for the client. */
  #account: Account | null = null
  #state: 'open' | 'closing' | 'closed' = 'open'
  /** `ended`: we have sent FIN. `gone`: it has closed. */
  #streamState: 'open' | 'ended' | 'gone' = 'open'
  #isReading = true
  /** `send` has returned false. */
  #owesDrain = false
  /** The last ping that came while an answer would have waited. Only the last one is answered (RFC6455§5.5.3): a flood fills nothing. */
  #owedPong: Buffer | null = null
  /** Bytes read since we closed. */
  #lingered = 0

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
    const { maxMessage, memory, deadlines } = context
    this.#input = new FrameInput(this, { maxMessage, windowBits: clientWindowBits(terms.deflate), memory })
    this.#output = new FrameOutput(stream, context.flusher, () => this.#flushed())
    const { Sender } = parts()
    this.#sender = new Sender(this.#output, outgoing)
    this.#watch = new ClientWatch(stream, this.#output, this.#sender, deadlines, () => this.#overdue())
    stream.handler = this
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

  // -- channel: what the application calls

  send(data: Buffer, isText: boolean): boolean {
    if (this.#state !== 'open' || this.#streamState === 'gone') return true
    this.#sender.send(data, { binary: !isText, compress: this.#deflate !== undefined, fin: true, mask: false })
    this.#owesDrain = !this.#keepsUp()
    if (this.#owesDrain) this.#countSending()
    return !this.#owesDrain
  }

  close(code: number, reason: string): void {
    if (this.#state !== 'open') return
    if (this.#streamState === 'gone') {
      this.#end(CloseCode.ABNORMAL, '')
      return
    }
    this.#sendClose(code, reason)
    this.#state = 'closing'
    this.#watch.waitFor('close')
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
    if (this.#streamState === 'gone') this.#watch.waitFor('last')
    this.#input.resume()
    this.#updateReading()
  }

  // -- stream: what the client's connection tells

  onData(chunk: Buffer): void {
    this.#watch.heard = true
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
    else if (this.#stream.pendingBytes === 0 && this.#streamState !== 'open') this.#stream.destroy()
  }

  onDrain(): void {
    this.#watch.stopSending()
    this.#output.isBlocked = false
    this.#flushed()
  }

  onClose(): void {
    this.#watch.stop()
    this.#streamState = 'gone'
    this.#output.destroy()
    this.#deflate?.cleanup()
    this.#account?.close()
    if (this.#state !== 'open' || this.#context.memory.isNear) {
      this.#end(CloseCode.ABNORMAL, '')
      return
    }
    this.#watch.waitFor('last')
    this.#input.end()
  }

  // -- input: what the client's frames say

  onMessage(data: Buffer, isText: boolean, more: boolean): void {
    if (this.#state === 'open') this.#events.onMessage(data, isText, more)
  }

  onPing(data: Buffer): void {
    if (this.#output.isClosed) return
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
      this.#watch.stopProbing()
      this.#stream.resume()
    } else {
      this.#stream.pause()
      if (this.#streamState !== 'gone') this.#watch.startProbing()
    }
  }

  // -- output: what the client takes

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
      this.#watch.startSending()
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

  // -- the end

  /** `code` as the application, or the client, says it. */
  #sendClose(code: number, reason: string): void {
    const wireCode = codeOnWire(code)
    this.#owedPong = null
    this.#sender.close(wireCode, wireCode === undefined ? NOTHING : reasonOnWire(reason), false, () => {
      this.#output.isClosed = true
      if (this.#state === 'closed') this.#endStream()
    })
  }

  /** Ends the connection without waiting for the client's close frame (RFC6455§7.1.7). */
  #fail(code: number, reason: string): void {
    if (this.#state === 'closed') return
    if (this.#state === 'open') this.#sendClose(code, reason)
    this.#end(code, reason)
  }

  #end(code: number, reason: string): void {
    this.#input.stop()
    if (this.#state !== 'closed') {
      this.#state = 'closed'
      this.#events.onClose(code, reason)
    }
    if (this.#streamState === 'gone') {
      this.#watch.waitForNothing()
      this.#onEnded()
      return
    }
    this.#updateReading()
    this.#watch.waitFor('linger')
    // Otherwise the stream ends when the close frame is written: messages that are being compressed go before it.
    if (this.#output.isClosed || code === CloseCode.ABNORMAL) this.#endStream()
  }

  #endStream(): void {
    if (this.#streamState !== 'open') return
    this.#streamState = 'ended'
    this.#output.flush()
    this.#output.destroy()
    this.#stream.end()
  }

  /** What we waited for did not come in time. */
  #overdue(): void {
    if (this.#streamState === 'gone') {
      this.#end(CloseCode.ABNORMAL, '')
    } else if (this.#state === 'open') {
      // A silent connection gives its memory back.
      this.#input.release()
      if (this.#sender._bufferedBytes === 0) this.#deflate?.cleanup()
      this.#watch.silent(this.#isReading)
    } else if (this.#output.isBlocked && this.#stream.pendingBytes > 0) {
      // The client may be slow rather than gone: the clock of sending decides.
      this.#watch.waitFor(this.#state === 'closing' ? 'close' : 'linger')
      this.#watch.startSending()
    } else {
      this.#stream.destroy()
    }
  }
}
