/**
 * An accepted socket as protocol engines see it. `gateway/transports/plain.ts` implements it over node:net, and is the only
 * file that touches client sockets, so that a faster transport can replace it. Tests use a pair in memory.
 */
export interface TransportHandler {
  /** `chunk` is a view of a shared buffer, valid only during the call: copy what outlives it. */
  onData(chunk: Buffer): void
  /** The client sent FIN: no more data; we may still write. */
  onEnd(): void
  /** Everything that was written has been handed to the kernel, after a `write` that returned false. */
  onDrain(): void
  /** Once, at the very end, whoever closed and why. Nothing is called after it. */
  onClose(): void
}

/** The bytes alone, both ways: all that a protocol needs which was switched to (a WebSocket). A stream of HTTP/2 can be one too. */
export interface ByteStream {
  /** Set before the first byte is read; anew when the connection switches protocols. */
  handler: TransportHandler
  /** Bytes written that the kernel has not taken yet. */
  readonly pendingBytes: number
  /** Owns `data` from here on. False: more than the high-water mark is pending; wait for onDrain. */
  write(data: Buffer): boolean
  /** Stop calling onData; it may be called once more with what was already read. */
  pause(): void
  resume(): void
  /** FIN after what was written; the other direction stays open (lingering close, RFC9112§9.6). */
  end(): void
  /** Close now; what is pending is lost. */
  destroy(): void
}

export type Scheme = 'http' | 'https'

export interface Transport extends ByteStream {
  /** Of the requests that come on it. */
  readonly scheme: Scheme
  /** Latin-1 text and the bytes behind it in one write; copies both. Otherwise as `write`. */
  writeJoined(text: string, data: Buffer): boolean
  readonly remoteAddress: string
  readonly remotePort: number
  /** Bytes written that the kernel has taken so far. */
  readonly takenBytes: number
  /** Path for a Unix socket. */
  readonly localAddress: string
  readonly localPort: number
  /** Close now with a reset, where the transport has one: the client cannot take it for an orderly end. */
  reset(): void
}
