/** What all HTTP/1.1 connections of a gateway share. */
import type { Flusher } from '../protocols/flusher.ts'
import type { ProtocolOptions } from '../protocols/options.ts'
import type { Paces } from '../protocols/pace.ts'
import type { Wire } from './wire.ts'

export interface Http1Context extends ProtocolOptions {
  readonly wire: Wire
  readonly paces: Paces
  /** Heads wait for content. */
  readonly flusher: Flusher
  /** Every response says `Connection: close`. */
  isDraining: boolean
}
