/**
 * An accepted WebSocket between its client (a channel of the protocol) and its application (frames of a link). Runs in the gateway.
 *
 * Back-pressure: the client is paused when the application's credit is used up, and the application's credit is held while the
 * client is slow. Bounds: towards the application what the channel delivers after a pause (one message and what was read);
 * towards the client one message, up to MAX_MESSAGE, and the window.
 * Ends exactly once: by the application (`close`), by the client (`onClose`, then `onGone` when the application has what came
 * before it), or by us (`end`).
 */
import type { Exchange } from '../http/exchange.ts'
import type { WebSocketAccept, WebSocketChannel, WebSocketEvents } from '../http/websocket.ts'
import type { CreditReturn } from './credit.ts'
import type { Outbox } from './outbox.ts'
import { MAX_CONTENT, MESSAGE_BINARY, MESSAGE_COST, MESSAGE_MORE, MESSAGE_TEXT, WINDOW } from './wire/multiplex.ts'
import { writeMessage } from './wire/multiplex-encode.ts'

/** Of one message that an application sends: it is kept whole until its last frame. uvicorn has no bound; 64 MiB is four times what it takes from clients. */
const MAX_MESSAGE = 64 * 1024 * 1024
interface Message {
  readonly data: Buffer
  readonly flags: number
}

export class SocketRelay implements WebSocketEvents {
  readonly #id: number
  readonly #outbox: Outbox
  readonly #credit: CreditReturn
  readonly #onGone: (code: number, reason: string) => void
  readonly #onTooLong: () => void
  #channel: WebSocketChannel | null = null
  #sendCredit = WINDOW
  #pending: Message[] = []
  #isPaused = false
  /** Frames of a message that is not complete. */
  #parts: Buffer[] = []
  #partBytes = 0
  #closed: { readonly code: number; readonly reason: string } | null = null
  #isOver = false

  constructor(
    id: number,
    outbox: Outbox,
    credit: CreditReturn,
    events: { onGone: (code: number, reason: string) => void; onTooLong: () => void },
  ) {
    this.#id = id
    this.#outbox = outbox
    this.#credit = credit
    this.#onGone = events.onGone
    this.#onTooLong = events.onTooLong
  }

  /** The client has closed, and the application has not taken what it sent before. */
  get isEnding(): boolean {
    return this.#closed !== null && !this.#isOver
  }

  /** Throws HttpError where the handshake is wrong. */
  accept(exchange: Exchange, accept: WebSocketAccept): void {
    this.#channel = exchange.acceptWebSocket(accept, this)
    if (this.#pending.length > 0) this.#pump()
  }

  // -- from the worker

  message(data: Buffer, flags: number): void {
    if ((flags & MESSAGE_MORE) !== 0) {
      this.#parts.push(data)
      this.#partBytes += data.length
      if (this.#partBytes > MAX_MESSAGE) this.#onTooLong()
      // A message may be longer than the window.
      else this.#credit.add(data.length)
      return
    }
    const whole = this.#parts.length === 0 ? data : Buffer.concat([...this.#parts, data])
    this.#parts = []
    this.#partBytes = 0
    if (this.#closed === null && !this.#channel!.send(whole, (flags & MESSAGE_TEXT) !== 0)) this.#credit.isHeld = true
    this.#credit.add(data.length + MESSAGE_COST)
  }

  credit(bytes: number): void {
    this.#sendCredit = Math.min(WINDOW, this.#sendCredit + bytes)
    if (this.#pending.length > 0) this.#pump()
  }

  /** Closes the client's side; nothing follows on the application's. */
  end(code: number, reason: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#pending = []
    this.#parts = []
    if (this.#closed === null) this.#channel?.close(code, reason)
  }

  /** The application does not take the client's last messages: it is told of the end without them. */
  giveUp(): void {
    this.#pending = []
    this.#gone()
  }

  // -- from the client

  onMessage(data: Buffer, isText: boolean): void {
    if (this.#isOver) return
    const kind = isText ? MESSAGE_TEXT : MESSAGE_BINARY
    for (let at = 0; data.length - at > MAX_CONTENT; at += MAX_CONTENT)
      this.#pending.push({ data: data.subarray(at, at + MAX_CONTENT), flags: kind | MESSAGE_MORE })
    const rest = data.length % MAX_CONTENT === 0 && data.length > 0 ? MAX_CONTENT : data.length % MAX_CONTENT
    this.#pending.push({ data: data.subarray(data.length - rest), flags: kind })
    this.#pump()
  }

  onDrain(): void {
    if (!this.#isOver) this.#credit.release()
  }

  onClose(code: number, reason: string): void {
    if (this.#isOver) return
    this.#closed = { code, reason }
    this.#credit.release()
    if (this.#pending.length === 0) this.#gone()
  }

  #gone(): void {
    if (this.#isOver) return
    this.#isOver = true
    const { code, reason } = this.#closed!
    this.#onGone(code, reason)
  }

  #pump(): void {
    const pending = this.#pending
    let sent = 0
    while (sent < pending.length && this.#sendCredit > 0) {
      const { data, flags } = pending[sent++]!
      this.#sendCredit -= data.length + ((flags & MESSAGE_MORE) === 0 ? MESSAGE_COST : 0)
      writeMessage(this.#outbox.begin(), this.#id, flags, data)
    }
    pending.splice(0, sent)
    if (pending.length === 0 && this.#closed !== null) this.#gone()
    else this.#pause(pending.length > 0)
  }

  #pause(wanted: boolean): void {
    if (wanted === this.#isPaused || this.#channel === null || this.#closed !== null) return
    this.#isPaused = wanted
    if (wanted) this.#channel.pause()
    else this.#channel.resume()
  }
}
