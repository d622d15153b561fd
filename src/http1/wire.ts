/**
 * What of a connection differs between HTTP/1.1 itself and the protocols in which a web server in front of us brings its requests (FastCGI, SCGI,
 * uwsgi: `upstream/protocols/requests/`): who reads the bytes of requests, and how a response is written. All else of a connection, its states,
 * times and bounds, is the same (`connection.ts`). Types only.
 */
import type { LocalEnd, Peer, RequestHead } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import type { Transport } from '../http/transport.ts'
import type { Pace } from '../protocols/pace.ts'
import type { Output, OutputContext } from './output.ts'
import type { Http1Response, ResponseOwner } from './response-writer.ts'
import type { ResponseForm } from './serializer.ts'

export interface ParserLimits {
  readonly requestLine: number
  readonly headerBytes: number
  readonly headerCount: number
}

export interface ArrivedHead extends RequestHead {
  /** Bytes of content; undefined: only its end will tell. */
  readonly contentLength: number | undefined
  /** The client will take another response on this connection (RFC9112§9.3). */
  readonly keepAlive: boolean
  readonly expectsContinue: boolean
}

/** Whose a request is, where another server says that. */
export interface Origin {
  readonly peer: Peer
  readonly local: LocalEnd
  /** Who has proved to that server to be this user; empty: nobody. */
  readonly user: string
}

export interface RequestSink {
  /** `origin`: left out where the request is of the connection's other end. */
  onHead(head: ArrivedHead, origin?: Origin): void
  /** `chunk` is a view of the given bytes, valid during the call. */
  onBody(chunk: Buffer): void
  onEnd(trailers: HeaderLines): void
}

/** Sans-IO. Cutting the bytes differently changes neither the calls nor the error. */
export interface RequestReader {
  /** A part of a request has come: its head or its content is not complete. */
  readonly inRequest: boolean
  /** Bytes that stay until the present request is answered. */
  readonly keptBytes: number
  /** It keeps bytes of the next request: the transport should pause. */
  readonly holds: boolean
  /** Of a head that was refused, or is not complete: they choose the form of the refusal. */
  readonly headersSoFar: HeaderLines
  /** Bytes of the present content that are still to come; 0 where nobody knows. */
  readonly contentLeft: number
  /** The method is HEAD, as far as it is known: then a refusal has no content. */
  readonly isHead: boolean
  /** Throws ProtocolError; nothing more may be given then. */
  receive(chunk: Buffer): void
  /** The request in front is answered: what follows it may be read. Throws ProtocolError. */
  next(): void
  /** From now on more than `bytes` of the present content without a length is an error. False: there is more already. */
  limitContent(bytes: number): boolean
  /** What follows the request is another protocol's: returns what has come of it. */
  switchProtocols(): Buffer | null
}

export interface Wire {
  /** Of the responses: for refusals too. */
  readonly form: ResponseForm
  output(transport: Transport, pace: Pace, context: OutputContext): Output
  /** `output`: of the same connection. */
  reader(limits: ParserLimits, transport: Transport, output: Output, sink: RequestSink): RequestReader
  response(owner: ResponseOwner, output: Output, head: ArrivedHead): Http1Response
}
