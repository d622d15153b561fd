/** What takes DATA of one stream: the content of a request (`request-content.ts`), or a WebSocket (`extended-connect.ts`). Runs in the gateway. */
import type { HeaderLines } from '../http/headers.ts'

export interface Receiver {
  /** A frame with so many bytes, padding too. False: that is more than the window. */
  frameCame(bytes: number): boolean
  /** Of a frame, without padding. A view that is valid until `keep`. */
  content(piece: Buffer): void
  /** Padding, and content that was taken, leave room in the window. */
  frameEnded(): void
  /** The read is over: its bytes are about to change. */
  keep(): void
  /** END_STREAM has come. */
  ended(trailers: HeaderLines): void
  /** The response has ended: nobody wants the rest. */
  discard(): void
}
