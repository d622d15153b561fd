/**
 * A response on its way to a client that may be slower than the worker. Runs in the gateway. Takes content as fast as the worker gives
 * it, so that a slow client costs no worker: what the client does not take goes to memory (`limits.memoryBuffer`), then to a temporary
 * file (`limits.responseBuffer`), and only then the link is held. When the worker is done the relay goes on alone until the client has
 * everything. Carries the streams of WSGI applications; for both kinds, while memory is short, complete responses too.
 *
 * For a client that takes content as fast as the worker gives it, memory and file would cost more than both. So the link is also held, for as
 * long as the worker does not notice: until the end of the turn of the event loop in which the client's connection has enough for now, and for
 * `PATIENCE_MS`, once, before a file is begun.
 *
 * Order: all content comes before a file. After a file only the end follows. Content is a view that is valid during the call: what is kept
 * is copied.
 * Not here: a complete response while there is memory, which needs no relay; streams of ASGI applications (`asgi/stream-relay.ts`).
 */
import type { MemoryBudget } from '../../base/memory-budget.ts'
import { SMALL_PIECE, Spool } from '../../base/spool.ts'
import type { TemporarySpace } from '../../base/temporary-space.ts'
import type { Exchange, ResponseHead } from '../../http/exchange.ts'
import type { HeaderLines } from '../../http/headers.ts'

export interface RelayLimits {
  readonly space: TemporarySpace
  readonly memory: MemoryBudget
  readonly memoryBuffer: number
  readonly responseBuffer: number
}

export interface RelayEvents {
  /** Stop reading from the worker: all buffers for this client are full. */
  hold(): void
  release(): void
  /** The response cannot be completed. */
  failed(error: Error): void
  /** A temporary file could not be used. The response goes on without it. */
  warn(message: string): void
}

/**
 * Milliseconds. A client that takes what is in memory within this time reads as fast as a worker writes. For it a file would cost more than the
 * worker's time. A slower one costs the worker this time once.
 */
const PATIENCE_MS = 5

interface OpenFile {
  readonly fd: number
  readonly offset: number
  readonly length: number
}

export class Relay {
  readonly #exchange: Exchange
  readonly #limits: RelayLimits
  readonly #events: RelayEvents
  #spool: Spool | null = null
  #file: OpenFile | null = null
  #sendingFile = false
  /** The client has not taken what was written last. */
  #blocked = false
  #held = false
  /** It became blocked in this turn of the event loop: what was written leaves at the turn's end. */
  #isTurn = false
  #patience: NodeJS.Timeout | null = null
  #ended = false
  #trailers: HeaderLines | undefined
  #closed = false

  constructor(exchange: Exchange, limits: RelayLimits, events: RelayEvents) {
    this.#exchange = exchange
    this.#limits = limits
    this.#events = events
  }

  start(head: ResponseHead, content: Buffer): void {
    const { response } = this.#exchange
    response.onDrain(() => {
      this.#blocked = false
      this.#pump()
    })
    response.start(head)
    if (content.length > 0) this.chunk(content)
  }

  chunk(content: Buffer): void {
    if (this.#closed) return
    if (!this.#blocked && (this.#spool === null || this.#spool.isEmpty)) {
      if (content.length <= SMALL_PIECE || !this.#limits.memory.isNear) {
        this.#write(content)
        return
      }
      // What the client does not take of a write stays in memory, so only a little is tried.
      this.#write(content.subarray(0, SMALL_PIECE))
      this.chunk(content.subarray(SMALL_PIECE))
      return
    }
    this.#spool ??= this.#openSpool()
    this.#spool.append(content)
    this.#holdOrRelease()
  }

  #holdOrRelease(): void {
    const spool = this.#spool
    const isFull = spool?.isFull === true
    if (isFull && spool.isPatient) this.#patience ??= setTimeout(() => this.#losePatience(), PATIENCE_MS)
    const isHeld = isFull || (this.#blocked && this.#isTurn)
    if (isHeld === this.#held) return
    this.#held = isHeld
    if (isHeld) {
      this.#events.hold()
      return
    }
    this.#endPatience()
    this.#events.release()
  }

  /** The client is slow, and must not cost the worker more time. */
  #losePatience(): void {
    this.#patience = null
    this.#spool!.isPatient = false
    this.#holdOrRelease()
  }

  #endPatience(): void {
    if (this.#patience !== null) clearTimeout(this.#patience)
    this.#patience = null
  }

  /** Sends part of an open file after all content so far, and closes `fd`. Only `end` may follow. */
  file(fd: number, offset: number, length: number): void {
    if (this.#closed) {
      this.#limits.space.files.close(fd)
      return
    }
    this.#file = { fd, offset, length }
    this.#pump()
  }

  /** The worker has given everything. */
  end(trailers?: HeaderLines): void {
    this.#ended = true
    this.#trailers = trailers
    this.#pump()
  }

  /** The exchange is over, or about to be cut: nothing more is written. A file that is being sent is closed when that ends. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#endPatience()
    this.#spool?.close()
    if (this.#file !== null) this.#limits.space.files.close(this.#file.fd)
    this.#file = null
  }

  readonly #write = (content: Buffer): void => {
    if (this.#exchange.response.writeView(content)) return
    this.#blocked = true
    if (this.#isTurn || this.#ended || this.#closed) return
    this.#isTurn = true
    this.#holdOrRelease()
    setImmediate(() => {
      this.#isTurn = false
      if (!this.#closed) this.#holdOrRelease()
    })
  }

  #pump(): void {
    if (this.#closed || this.#sendingFile) return
    const spool = this.#spool
    while (spool !== null && !this.#blocked && !this.#closed) if (!spool.take(this.#write)) break
    if (this.#closed) return
    this.#holdOrRelease()
    // The released link may have brought more content at once.
    if (spool !== null && !spool.isEmpty) return
    if (this.#file !== null) this.#sendFile(this.#file)
    else if (this.#ended) this.#finish()
  }

  #sendFile(file: OpenFile): void {
    this.#file = null
    this.#sendingFile = true
    this.#exchange.response.sendFile(file.fd, file.offset, file.length, error => {
      this.#limits.space.files.close(file.fd)
      this.#sendingFile = false
      if (this.#closed) return
      if (error !== null) this.#events.failed(error)
      else this.#pump()
    })
  }

  #finish(): void {
    this.close()
    this.#exchange.response.end(this.#trailers)
  }

  #openSpool(): Spool {
    const spool = new Spool({
      space: this.#limits.space,
      memory: this.#limits.memory,
      memoryBytes: this.#limits.memoryBuffer,
      totalBytes: this.#limits.responseBuffer,
      onChange: () => this.#pump(),
      onFileError: error => this.#events.warn(`a response is buffered in memory only: ${error.message}`),
      onLost: error => {
        this.#events.warn(`a response is cut, its temporary file cannot be read back: ${error.message}`)
        this.#events.failed(error)
      },
    })
    spool.isPatient = true
    return spool
  }
}
