/**
 * The parts of the package `ws` that this folder uses. They are below its WebSocket class and know no socket. `ws` exports them but does
 * not document them. So its version is pinned, they are typed here, only this file loads `ws`, and `rfc6455.test.ts` runs all of them.
 *
 * Where the gateway has several threads, each loads it for its first WebSocket: with the modules of Node that it needs (HTTP, TLS, zlib) it
 * takes 7 MB.
 */
import { createRequire } from 'node:module'

export const DEFLATE = 'permessage-deflate'

/** The parsed parameters of one offer: `{ server_max_window_bits: ['10'], client_no_context_takeover: [true] }`. */
export type Offer = Record<string, (string | true)[]>

export interface PerMessageDeflate {
  params: Readonly<Record<string, unknown>> | null
  /** Chooses one of the offers and returns what is agreed on; throws when none is acceptable. Changes the offers. */
  accept(offers: Offer[]): Record<string, unknown>
  /** Frees the memory of zlib. Data that is being compressed is lost. */
  cleanup(): void
}

type Extensions = Readonly<Record<string, PerMessageDeflate>>

/** Where a sender writes its frames. */
export interface SenderOutput {
  readonly destroyed: boolean
  cork(): void
  uncork(): void
  write(data: Buffer, done?: () => void): void
}

/** Writes frames in the order of the calls, although compression takes time. */
export interface Sender {
  /** Bytes of messages that are being compressed or wait behind one that is. */
  readonly _bufferedBytes: number
  send(data: Buffer, options: { binary: boolean; compress: boolean; fin: boolean; mask: boolean }): void
  ping(data: Buffer, mask: boolean): void
  pong(data: Buffer, mask: boolean): void
  /** `code` undefined: a frame without a code. Calls `done` when the frame is written to the output. */
  close(code: number | undefined, reason: Buffer, mask: boolean, done: () => void): void
}

interface Parts {
  readonly Sender: new (output: SenderOutput, extensions: Extensions) => Sender
  readonly PerMessageDeflate: new (options: Record<string, unknown>) => PerMessageDeflate
  /** `parse` throws SyntaxError. */
  readonly extension: {
    parse(header: string): Record<string, Offer[]>
    format(extensions: Record<string, Record<string, unknown>[]>): string
  }
  readonly subprotocol: { parse(header: string): Set<string> }
}

let loaded: Parts | null = null

/** Throws what `require` throws. With one thread the gateway calls it when it starts. */
export function parts(): Parts {
  loaded ??= createRequire(import.meta.url)('ws') as Parts
  return loaded
}
