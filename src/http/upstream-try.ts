/** What became of a request at one server behind us: for logs and variables. Written by whoever asks the server; runs in the gateway. */
import type { HeaderLines } from './headers.ts'

export interface UpstreamTry {
  /** `10.0.0.1:8000`; the name of the upstream if none of its servers could be asked. */
  readonly address: string
  /** Of its response, or of what it did instead of one (502, 504); 0: none was waited for. */
  status: number
  /** Milliseconds that it waited before, until a server had room. */
  readonly queueMs: number
  /** Milliseconds from the beginning of this try; -1: it has not come so far. */
  connectMs: number
  headMs: number
  endMs: number
  /** Bytes on the connection, heads and framing included. */
  sent: number
  received: number
  /** Bytes of content. */
  length: number
}

/** A request that was passed on: its tries, in their order. */
export interface PassedOn {
  readonly tries: readonly UpstreamTry[]
  readonly trailers: HeaderLines
}
