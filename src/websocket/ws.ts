/**
 * What this folder uses of the package `ws`: the parts below its WebSocket class, which know no socket. They are exported but not
 * documented, hence: its version is pinned, they are typed here, and only here imported; `rfc6455.test.ts` runs all of them.
 */
import type { EventEmitter } from 'node:events'
import * as ws from 'ws'

export const DEFLATE = 'permessage-deflate'

/** Parameters of one offer, as parsed: `{ server_max_window_bits: ['10'], client_no_context_takeover: [true] }`. */
export type Offer = Record<string, (string | true)[]>

export interface PerMessageDeflate {
  params: Readonly<Record<string, unknown>> | null
  /** What is agreed on of these offers; throws when none will do. Changes the offers. */
  accept(offers: Offer[]): Record<string, unknown>
  /** Gives the memory of zlib back; what it has in hand is lost. */
  cleanup(): void
}

type Extensions = Readonly<Record<string, PerMessageDeflate>>

/** Reads frames; emits `message` (data, isBinary), `ping`, `pong` (data), `conclude` (code, reason). */
export interface Receiver extends EventEmitter {
  /** Of a frame that has not come whole. */
  readonly _buffers: Buffer[]
  /** Not 0: within a message of several frames. */
  readonly _fragmented: number
  /** Calls back when the bytes are used up: at once, or when what is compressed has been inflated. Never twice. */
  _write(chunk: Buffer, encoding: 'buffer', done: (error?: Error | null) => void): void
}

/** What a sender writes to. */
export interface SenderOutput {
  readonly destroyed: boolean
  cork(): void
  uncork(): void
  write(data: Buffer, done?: () => void): void
}

/** Writes frames, in the order of the calls although compression takes a while. */
export interface Sender {
  /** Of messages that are being compressed, or wait behind one. */
  readonly _bufferedBytes: number
  send(data: Buffer, options: { binary: boolean; compress: boolean; fin: boolean; mask: boolean }): void
  ping(data: Buffer, mask: boolean): void
  pong(data: Buffer, mask: boolean): void
  /** `code` undefined: a frame without one. Calls back when the frame is written to the output. */
  close(code: number | undefined, reason: Buffer, mask: boolean, done: () => void): void
}

interface Parts {
  readonly Receiver: new (options: {
    isServer: boolean
    maxPayload: number
    maxFragments: number
    maxBufferedChunks: number
    extensions: Extensions
  }) => Receiver
  readonly Sender: new (output: SenderOutput, extensions: Extensions) => Sender
  readonly PerMessageDeflate: new (options: Record<string, unknown>) => PerMessageDeflate
  /** `parse` throws SyntaxError. */
  readonly extension: {
    parse(header: string): Record<string, Offer[]>
    format(extensions: Record<string, Record<string, unknown>[]>): string
  }
  readonly subprotocol: { parse(header: string): Set<string> }
}

export const { Receiver, Sender, PerMessageDeflate, extension, subprotocol } = ws as unknown as Parts
