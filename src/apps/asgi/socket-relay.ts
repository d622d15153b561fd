/**
 * An accepted WebSocket between its client (a channel of the protocol) and its application (frames of a link). Runs in the gateway.
 *
 * Back-pressure: the client is paused when the credit towards the application is used up. The application gets no credit back while
 * the client is slow.
 * Bounds: towards the application nothing is kept, for a message stays with the channel until there is credit. Towards the client: the
 * window, and one message up to MAX_MESSAGE, which the memory budget counts.
 * Invariant: it ends exactly once: by the application or by us (`end`), or by the client (`onClose`, after what the client sent before).
 */
import type { Account, MemoryBudget } from '../../base/memory-budget.ts'
import type { Exchange } from '../../http/exchange.ts'
import type { WebSocketAccept, WebSocketChannel, WebSocketEvents } from '../../http/websocket.ts'
import { MESSAGE_BINARY, MESSAGE_COST, MESSAGE_MORE, MESSAGE_TEXT, WINDOW } from '../wire/multiplex.ts'
import { writeMessage } from '../wire/multiplex-encode.ts'
import type { CreditReturn } from './credit.ts'
import type { Outbox } from './outbox.ts'

/**
 * Bytes of one message from an application, which is kept until its last frame has come. uvicorn has no bound here; 64 MiB is four times
 * what it takes from clients.
 */
const MAX_MESSAGE = 64 * 1024 * 1024

export interface SocketEvents {
  /** The client has closed. */
  onGone(code: number, reason: string): void
  /** The application's message is longer than MAX_MESSAGE. */
  onTooLong(): void
  /** All buffers together are too large, and this message is given up for it. */
  onEvicted(): void
}

export class SocketRelay implements WebSocketEvents {
  readonly #id: number
  readonly #outbox: Outbox
  readonly #credit: CreditReturn
  readonly #memory: MemoryBudget
  readonly #events: SocketEvents
  #channel: WebSocketChannel | null = null
  #sendCredit = WINDOW
  #isPaused = false
  /** Frames of a message that is not complete. */
  #parts: Buffer[] = []
  #partBytes = 0
  /** Counts those frames; made when there are any. */
  #account: Account | null = null
  #isOver = false

  constructor(id: number, outbox: Outbox, credit: CreditReturn, memory: MemoryBudget, events: SocketEvents) {
    this.#id = id
    this.#outbox = outbox
    this.#credit = credit
    this.#memory = memory
    this.#events = events
  }

  /** Throws HttpError when the handshake is wrong. */
  accept(exchange: Exchange, accept: WebSocketAccept): void {
    this.#channel = exchange.acceptWebSocket(accept, this)
  }

  // -- from the worker

  message(data: Buffer, flags: number): void {
    if ((flags & MESSAGE_MORE) !== 0) {
      this.#keepPart(data)
      return
    }
    const whole = this.#parts.length === 0 ? data : Buffer.concat([...this.#parts, data])
    this.#dropParts()
    if (!this.#isOver && !this.#channel!.send(whole, (flags & MESSAGE_TEXT) !== 0)) this.#credit.isHeld = true
    this.#credit.add(data.length + MESSAGE_COST)
  }

  #keepPart(data: Buffer): void {
    if (this.#isOver) return
    this.#parts.push(data)
    this.#partBytes += data.length
    this.#account ??= this.#memory.open('a WebSocket was closed (1013)', () => this.#events.onEvicted())
    this.#account.set(this.#partBytes)
    if (this.#partBytes > MAX_MESSAGE) this.#events.onTooLong()
    // Credit comes back for each frame: a message may be longer than the window.
    else this.#credit.add(data.length)
  }

  #dropParts(): void {
    this.#parts = []
    this.#partBytes = 0
    this.#account?.set(0)
  }

  credit(bytes: number): void {
    this.#sendCredit = Math.min(WINDOW, this.#sendCredit + bytes)
    this.roomAgain()
  }

  /** The outbox may have room again. */
  roomAgain(): void {
    if (!this.#isPaused || this.#isOver || !this.#maySend) return
    this.#isPaused = false
    this.#channel!.resume()
  }

  /** Closes the client's side. Nothing is sent to the application. */
  end(code: number, reason: string): void {
    if (this.#isOver) return
    this.#over()
    this.#channel?.close(code, reason)
  }

  // -- from the client

  onMessage(data: Buffer, isText: boolean, more: boolean): void {
    if (this.#isOver) return
    const kind = isText ? MESSAGE_TEXT : MESSAGE_BINARY
    this.#sendCredit -= more ? data.length : data.length + MESSAGE_COST
    writeMessage(this.#outbox.begin(), this.#id, more ? kind | MESSAGE_MORE : kind, data)
    if (this.#maySend) return
    this.#isPaused = true
    this.#channel!.pause()
  }

  onDrain(): void {
    if (!this.#isOver) this.#credit.release()
  }

  onClose(code: number, reason: string): void {
    if (this.#isOver) return
    this.#over()
    this.#events.onGone(code, reason)
  }

  get #maySend(): boolean {
    return this.#sendCredit > 0 && !this.#outbox.isCongested
  }

  #over(): void {
    this.#isOver = true
    this.#parts = []
    this.#account?.close()
  }
}
