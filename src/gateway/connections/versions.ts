/**
 * Which version of HTTP a connection speaks. Over TLS the client has agreed on it (ALPN, RFC7301). In the clear a client that knows that we speak
 * HTTP/2 begins with its preface (RFC9113§3.3); everything else is HTTP/1's to judge. Runs in each event loop of the gateway.
 *
 * Invariant: HTTP/1 has the connection, with its deadlines, until the whole preface has come.
 */
import type { Protocol, ProtocolConnection } from '../../http/protocol.ts'
import type { Transport, TransportHandler } from '../../http/transport.ts'
import { PREFACE } from '../../http2/protocol.ts'

/** For ALPN. */
const HTTP2 = 'h2'
const FIRST_BYTE = PREFACE[0]!

/** One protocol made of both. */
export function eitherVersion(http1: Protocol, http2: Protocol): Protocol {
  return {
    open(transport, onClose) {
      if (transport.tls?.alpn === HTTP2) return http2.open(transport, onClose)
      if (transport.scheme === 'https') return http1.open(transport, onClose)
      return new FirstBytes(transport, http1, http2, onClose)
    },
    startDrain() {
      http1.startDrain()
      http2.startDrain()
    },
  }
}

/** A plain connection. When its first bytes have come it only passes on. */
class FirstBytes implements ProtocolConnection, TransportHandler {
  readonly #transport: Transport
  readonly #http2: Protocol
  readonly #onClose: () => void
  #connection: ProtocolConnection
  readonly #http1Handler: TransportHandler
  /** Bytes of the preface so far. */
  #seen = 0
  #isSwitching = false

  constructor(transport: Transport, http1: Protocol, http2: Protocol, onClose: () => void) {
    this.#transport = transport
    this.#http2 = http2
    this.#onClose = onClose
    this.#connection = http1.open(transport, () => {
      if (!this.#isSwitching) onClose()
    })
    this.#http1Handler = transport.handler
    transport.handler = this
  }

  onData(chunk: Buffer): void {
    const length = Math.min(chunk.length, PREFACE.length - this.#seen)
    const isPreface =
      (this.#seen > 0 || chunk[0] === FIRST_BYTE) &&
      chunk.compare(PREFACE, this.#seen, this.#seen + length, 0, length) === 0
    if (isPreface && this.#seen + length === PREFACE.length) {
      this.#switch(chunk)
    } else if (isPreface) {
      this.#seen += length
    } else {
      this.#transport.handler = this.#http1Handler
      if (this.#seen > 0) this.#http1Handler.onData(Buffer.from(PREFACE.subarray(0, this.#seen)))
      // What came before may have ended it.
      if (this.#transport.handler === this.#http1Handler) this.#http1Handler.onData(chunk)
    }
  }

  #switch(chunk: Buffer): void {
    this.#isSwitching = true
    // For HTTP/1 the connection has gone, and nothing of a request has come on it.
    this.#http1Handler.onClose()
    this.#connection = this.#http2.open(this.#transport, this.#onClose)
    const { handler } = this.#transport
    if (this.#seen > 0) handler.onData(Buffer.from(PREFACE.subarray(0, this.#seen)))
    handler.onData(chunk)
  }

  onEnd(): void {
    this.#http1Handler.onEnd()
  }

  onDrain(): void {
    this.#http1Handler.onDrain()
  }

  onClose(): void {
    this.#http1Handler.onClose()
  }

  /** A part of it has come, of which HTTP/1 knows nothing. */
  get #isWithinPreface(): boolean {
    return this.#seen > 0 && this.#transport.handler === this
  }

  get isReading(): boolean {
    return this.#isWithinPreface || this.#connection.isReading
  }

  get isIdle(): boolean {
    return !this.#isWithinPreface && this.#connection.isIdle
  }

  get isOver(): boolean {
    return this.#connection.isOver
  }

  get streamCount(): number | null {
    return this.#connection.streamCount
  }

  startDrain(): void {
    this.#connection.startDrain()
  }

  release(onDone: (isReleased: boolean) => void): void {
    // The bytes so far would be lost.
    if (this.#isWithinPreface) onDone(false)
    else this.#connection.release(onDone)
  }

  destroy(): void {
    this.#connection.destroy()
  }
}
