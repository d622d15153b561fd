/** FastCGI as a dialect. A request without content ends with its head; one request at a time is on a connection. Runs in the gateway; pure. */
import type { OutgoingHead } from '../request-head.ts'
import type { Dialect } from './dialect.ts'
import { FastCgiReader } from './fastcgi-reader.ts'
import { beginRequest, endOfStream, pairs, RecordType, streamRecords } from './fastcgi-records.ts'

const { PARAMS, STDIN } = RecordType
const END_OF_PARAMS = endOfStream(PARAMS)
const END_OF_CONTENT = endOfStream(STDIN)

/** `keepsAlive`: the server is asked to leave the connection open. */
export function fastcgi(keepsAlive: boolean): Dialect {
  const begin = beginRequest(keepsAlive)
  return {
    reader: sink => new FastCgiReader(sink, keepsAlive),
    head: ({ headers, contentLength }: OutgoingHead) => {
      const records = [begin, streamRecords(PARAMS, pairs(headers)), END_OF_PARAMS]
      if (contentLength === 0) records.push(END_OF_CONTENT)
      return Buffer.concat(records)
    },
    content: (_, piece) => streamRecords(STDIN, piece),
    tail: () => END_OF_CONTENT,
  }
}
