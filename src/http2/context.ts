/** What all HTTP/2 connections of a gateway share. */

import type { SpareBuffers } from '../base/spare-buffers.ts'
import type { Http2Config } from '../config/types.ts'
import type { Flusher } from '../protocols/flusher.ts'
import type { ProtocolOptions } from '../protocols/options.ts'
import type { Paces } from '../protocols/pace.ts'

export interface Http2Options extends ProtocolOptions {
  readonly http2: Pick<Http2Config, 'streams' | 'frameSize'>
  /** As `sendBuffers` of `output.ts` makes them. */
  readonly sendBuffers: SpareBuffers
}

export interface Http2Context extends Http2Options {
  readonly paces: Paces
  readonly flusher: Flusher
  /** Each connection takes the streams that are on their way, and ends. */
  isDraining: boolean
}
