/**
 * A WebSocket whose worker has the client's own socket: the bytes do not pass through us. Runs in the gateway, which keeps its
 * descriptor of the socket, and does not read it until the application has returned. Then all is as with a tunnel.
 *
 * What the system does meanwhile: back-pressure, the client's end (the application reads it), `timeouts.send`, the question whether the
 * client is there. What we do: count the connection, cut it, tell the client of the end when the worker has died.
 *
 * Invariant: the event loop reads and writes the socket only when the worker has closed its descriptor, or the connection was cut: it
 * may block before. A worker that runs as another user could make it block at any time, so it gets none (`answer.ts`).
 */
import type { ByteStream } from '../../http/transport.ts'
import type { WorkerConnection } from '../worker/connection.ts'
import type { SocketPassing } from './passing.ts'
import { Tunnel, type TunnelSettings } from './tunnel.ts'

export class PassedTunnel extends Tunnel {
  readonly #client: ByteStream
  readonly #passing: SocketPassing
  readonly #writtenBefore: number

  constructor(
    stream: ByteStream,
    passing: SocketPassing,
    writtenBefore: number,
    connection: WorkerConnection,
    settings: TunnelSettings,
    onOver: () => void,
    onEnded: () => void,
  ) {
    super(stream, null, connection, settings, onOver, onEnded)
    this.#client = stream
    this.#passing = passing
    this.#writtenBefore = writtenBefore
  }

  /** -1: it was closed. */
  get #descriptor(): number {
    return this.#client.descriptor!
  }

  /** Nothing may come: the connection is there to be ended. */
  override fromWorker(): void {}

  /** Said of a client that had closed its side before its handshake was answered: the application reads that by itself. */
  override onEnd(): void {
    if (this.isClosed) super.onEnd()
  }

  override end(): void {
    const descriptor = this.#descriptor
    if (!this.isClosed && descriptor >= 0) {
      this.bytesSent = Math.max(0, this.#passing.writtenBytes(descriptor) - this.#writtenBefore)
      this.#passing.takeBack(descriptor)
    }
    super.end()
  }

  /** Its application reads the end at once, before the socket is one that does not block. */
  override goAway(): void {
    if (!this.isClosed) this.#cut()
    super.goAway()
  }

  /** Threads of the application that still read find the end. */
  protected override destroy(): void {
    this.#cut()
    super.destroy()
  }

  #cut(): void {
    if (this.#descriptor >= 0) this.#passing.cut(this.#descriptor)
  }
}

/** Null: the bytes must pass through us. `first`: of the client, behind its handshake. The head of our answer was written. */
export function passToWorker(
  stream: ByteStream,
  first: Buffer | null,
  connection: WorkerConnection,
  settings: TunnelSettings,
  onOver: () => void,
  onEnded: () => void,
): PassedTunnel | null {
  const client = stream.descriptor ?? -1
  if (client < 0 || connection.descriptor < 0 || first !== null || stream.pendingBytes > 0) return null
  const passing = settings.passing()
  if (passing === null) return null
  stream.pause()
  // The worker may write at once.
  const written = passing.writtenBytes(client)
  if (!passing.pass(connection.descriptor, client, settings.sendMs)) {
    stream.resume()
    return null
  }
  return new PassedTunnel(stream, passing, written, connection, settings, onOver, onEnded)
}
