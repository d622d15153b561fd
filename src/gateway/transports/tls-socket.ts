/**
 * A `TLSSocket` on top of a plain socket that has read the ClientHello: the documented way, for a Node with other handles than `tls-handle.ts`
 * knows. Two sockets, with events and buffers of their own. Runs in the gateway.
 *
 * After an error of OpenSSL a `TLSSocket` that no `tls.Server` of Node made stays open, and keeps in memory all that still comes. So it is
 * closed here, at an event that is not documented; `tls.test.ts` sees whether it comes.
 *
 * Not here: what is read and written (`tls.ts`).
 */
import type { Socket } from 'node:net'
import { TLSSocket, type TLSSocketOptions } from 'node:tls'
import type { PlainHandle } from './handles.ts'
import type { ClientStream } from './stream.ts'

export interface Secured {
  readonly stream: ClientStream
  /** What OpenSSL knows of the connection. */
  readonly session: TLSSocket
  readonly plainHandle: Pick<PlainHandle, 'bytesRead' | 'bytesWritten' | 'writeQueueSize'>
  /** Bytes that were in the records that have come. */
  readonly contentBytes: number
  /** OpenSSL gets the ClientHello. `onSecure` or `onFailed` is called once. */
  begin(hello: Buffer, onSecure: () => void, onFailed: (error: Error) => void): void
  /** Closes the connection with a reset. */
  reset(): void
}

export function secureOnSocket(plain: Socket, options: TLSSocketOptions, onData: (chunk: Buffer) => void): Secured {
  const { _handle: plainHandle } = plain as unknown as { _handle: PlainHandle | null }
  const socket = new TLSSocket(plain, options)
  socket.on('data', onData)
  socket.on('_tlsError', () => socket.destroy())
  return {
    stream: socket,
    session: socket,
    plainHandle: plainHandle ?? { bytesRead: 0, bytesWritten: 0, writeQueueSize: 0 },
    get contentBytes() {
      return socket.bytesRead
    },
    begin(hello, onSecure, onFailed) {
      socket.once('secure', onSecure)
      socket.once('error', onFailed)
      plain.unshift(hello)
    },
    reset: () => void plain.resetAndDestroy(),
  }
}
