/**
 * The bytes of one accepted connection, as protocols see them. `gateway/transports/` implements it, and nothing else touches client
 * sockets, so that another transport can take its place. Tests use `http/testing/memory-transport.ts`.
 */
import type { TlsFacts } from './tls-facts.ts'

/** Behind our last byte we read up to this, so that the client can read what we sent before a reset (lingering close, RFC9112§9.6). */
export const LINGER_BYTES = 4 * 1024 * 1024

export interface TransportHandler {
  /** `chunk` is a view of a shared buffer and valid during the call only: copy what must outlive it. */
  onData(chunk: Buffer): void
  /** The client has sent FIN: no data follows. We may still write. */
  onEnd(): void
  /** After a `write` that returned false: the kernel has taken all that was written. */
  onDrain(): void
  /** Once, at the very end, whoever closed and for whatever reason. Nothing is called after it. */
  onClose(): void
}

/** The bytes alone, in both directions: all that a WebSocket needs. A stream of HTTP/2 can be one too. */
export interface ByteStream {
  /** Set before the first byte is read, and again when the connection switches protocols. */
  handler: TransportHandler
  /** Of the TCP socket that has these bytes as they are (no TLS, no frames of HTTP/2). -1, or left out: there is none. */
  readonly descriptor?: number
  /** Bytes that were written and the kernel has not taken yet. */
  readonly pendingBytes: number
  /** Owns `data` from now on. False: too much is pending; wait for `onDrain`. */
  write(data: Buffer): boolean
  /** Stops reading. `onData` may be called once more, with bytes that were read already. */
  pause(): void
  resume(): void
  /** Sends FIN behind what was written. The other direction stays open (lingering close, RFC9112§9.6). */
  end(): void
  /** Closes now; pending bytes are lost. */
  destroy(): void
  /**
   * After so many milliseconds without a byte the system asks the other end whether it is there, and closes the connection if it is not
   * (TCP keep-alive). 0: it does not ask.
   */
  watchPeer(afterMs: number): void
}

export type Scheme = 'http' | 'https'

export interface Transport extends ByteStream {
  /** Of the requests that come on it. */
  readonly scheme: Scheme
  /** Null: it is not encrypted. */
  readonly tls: TlsFacts | null
  /** As `write`: latin-1 text with bytes behind it, in one write. Copies both. */
  writeJoined(text: string, data: Buffer): boolean
  /** As `write`, for `data` behind latin-1 text, in one write where the transport can do that without a copy of `data`. */
  writeBehind(text: string, data: Buffer): boolean
  readonly remoteAddress: string
  readonly remotePort: number
  /** Bytes that were written and the kernel has taken. */
  readonly takenBytes: number
  /** Of a Unix socket: its path. */
  readonly localAddress: string
  readonly localPort: number
  /** Closes now, with a reset where the transport has one: the client cannot take it for an orderly end. */
  reset(): void
  /** From now until the FIN of `end`, a connection that the end of its thread or process cuts is reset, where the transport can do that. */
  resetIfCut(): void
}
