/** What the protocols to servers behind us have in common: how a request is written, and who reads its response. Types only. */
import type { OutgoingHead } from '../request-head.ts'
import type { Expected, ResponseSink } from '../response-parser.ts'

/** A parser of responses, sans-IO. The same bytes make the same calls, however they are cut. */
export interface ResponseReader {
  /** No response is expected, and none has failed. */
  readonly isIdle: boolean
  /** A byte of the response has come. */
  readonly hasBegun: boolean
  /** A request is being sent: its response is expected. Only while idle. */
  begin(expected: Expected): void
  /** Throws UpstreamViolation. */
  receive(chunk: Buffer): void
  /** The other end has sent FIN. Throws UpstreamViolation unless that ends a response, or nothing is expected. */
  end(): void
  /** Its connection is closed: nothing more is wanted. */
  stop(): void
}

export interface Dialect {
  reader(sink: ResponseSink): ResponseReader
  /** What comes before the content. Text is latin-1. For a request without content: all of it. */
  head(request: OutgoingHead): string | Buffer
  /** A piece of content, framed. */
  content(request: OutgoingHead, piece: Buffer): Buffer
  /** Behind the last piece; empty: nothing. */
  tail(request: OutgoingHead): string | Buffer
}
