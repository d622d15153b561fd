/** What a call is given: by the thread, by a location, by a request. Types only. */
import type { TunnelSettings } from '../apps/raw/tunnel.ts'
import type { RelayLimits } from '../apps/worker/relay.ts'
import type { Exchange, ResponseHead } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import type { Question } from './balance/choose.ts'
import type { StickyClient } from './balance/sticky.ts'
import type { CallRecord } from './call-record.ts'
import type { SocketMaker } from './connection.ts'
import type { OutgoingHead } from './request-head.ts'
import type { UpstreamHead } from './response-head.ts'
import type { ConnectionRoom } from './room.ts'

/** What all calls of a thread share. */
export interface CallParts {
  readonly relay: RelayLimits
  readonly tunnels: TunnelSettings
  /** For connections to upstreams of this thread. */
  readonly room: ConnectionRoom
  readonly log: (level: 'info' | 'warn', message: string, request: string) => void
  /** Answers while the response is idle, cuts it when it has started. */
  readonly refuse: (exchange: Exchange, error: Error) => void
}

/** The content of a request, given from its beginning to its end. */
export interface OutgoingBody {
  /** It can be read from its beginning again, for another server. */
  readonly isAtHand: boolean
  /** The client's content will not be complete. Set before the first read. */
  onFailed: (error: Error) => void
  /** The next piece; an empty one is the end. May call back at once, and never after `close`. */
  read(position: number, done: (error: Error | null, piece: Buffer) => void): void
  close(): void
}

export interface CallRequest {
  /** Plain, or with TLS as the location wants it. */
  readonly sockets: SocketMaker
  readonly head: OutgoingHead
  /** Null: there is no content. */
  readonly body: OutgoingBody | null
  /** Without the client's server, which `sticky` knows. */
  readonly question: Omit<Question, 'home'>
  /** Null: any server answers any client. */
  readonly sticky: StickyClient | null
  readonly toClient: (head: UpstreamHead) => ResponseHead
  /** Of the fields of an interim response, or of trailers, those for the client. */
  readonly besideToClient: (fields: HeaderLines) => HeaderLines
  /** The same for a 101. */
  readonly switchToClient: (fields: HeaderLines) => HeaderLines
  /** Null: nobody asks what became of it. */
  readonly record: CallRecord | null
}
