/** HTTP/1.1 as a dialect: the head and the framing are `request-head.ts`, the response is `response-parser.ts`. */
import { chunkOf, LAST_CHUNK, serializeRequest } from '../request-head.ts'
import { ResponseParser } from '../response-parser.ts'
import type { Dialect } from './dialect.ts'

export const http1: Dialect = {
  reader: sink => new ResponseParser(sink),
  head: serializeRequest,
  content: ({ contentLength }, piece) => (contentLength === undefined ? chunkOf(piece) : piece),
  tail: ({ contentLength }) => (contentLength === undefined ? LAST_CHUNK : ''),
}
