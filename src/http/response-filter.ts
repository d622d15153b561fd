/**
 * What a response filter is: a link of a chain between a handler and the protocol's writer. A filter sees the head of a response and may
 * change it. If it needs the content, it gets every piece and gives on what it makes of it: more, less, later, or at the end. Runs in the
 * gateway.
 *
 * A filter knows no framing, no HEAD, no files and no slow client: `filtered-response.ts` does that once for all filters.
 * Not here: which filters a response gets (middleware, or the code that answers), and how much a filter may hold (each bounds itself).
 */
import type { Exchange, ResponseHead } from './exchange.ts'
import type { HeaderLines } from './headers.ts'

/**
 * Called once for each response, with the head that the source gave. A head that cannot be sent is followed by that of an error. Must not
 * throw: the error would go through it, too.
 */
export type ResponseFilter = (head: ResponseHead, exchange: FilteredExchange) => FilteredHead

/** What a filter needs to know of its exchange. */
export type FilteredExchange = Pick<Exchange, 'id' | 'request' | 'onClosed'>

export interface FilteredHead {
  /**
   * The head that goes on. A content filter that changes the number of bytes must drop or replace Content-Length; without one the
   * protocol frames the content by itself.
   * A changed head is a new object without `comesAgain`.
   */
  readonly head: ResponseHead
  /** Makes the filter of the content; called only for a response that has content. Null: the content goes on as it is. */
  readonly content: ((out: ContentOutput) => ContentFilter) | null
  /**
   * A shorter way for a source that has all its content at once (`respond`): makes a whole response of it within the call, with its length.
   * `content` is valid during the call only. Null: this one goes through `content`. Left out: there is no such way.
   */
  readonly whole?: (content: Buffer) => WholeResponse | null
}

export interface WholeResponse {
  readonly head: ResponseHead
  readonly content: Buffer
}

/** Its methods must not throw: a filter that fails calls `out.abort`. */
export interface ContentFilter {
  /** `chunk` stays valid, and is never empty. A filter must not change its bytes: a cached file or page may be behind them. */
  data(chunk: Buffer): void
  /** The content is complete. The filter calls `out.end()` after what it still has: in this call or later. */
  end(): void
  /** The client has taken what was written, after an `out.write` that returned false. */
  onDrain(): void
  /** The exchange is over, complete or not. Nothing is called after it. */
  close(): void
}

/** Where a content filter writes to, in a call of its own methods or at any time between them. */
export interface ContentOutput {
  /** `chunk` must not change after the call. False: the client is slow. The source is told to wait by itself; a filter that has more may wait for `onDrain`. */
  write(chunk: Buffer): boolean
  /** The filter has enough for now. A source that cannot wait gives more all the same. */
  pause(): void
  /** The filter can take more. */
  resume(): void
  /** After `ContentFilter.end` was called. */
  end(): void
  /** The content cannot be completed. */
  abort(cause: Error): void
}

/** The same head with other fields. */
export function withHeaders({ status, reason, hasTrailers }: ResponseHead, headers: HeaderLines): ResponseHead {
  return hasTrailers === true ? { status, reason, headers, hasTrailers } : { status, reason, headers }
}
