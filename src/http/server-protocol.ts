/** The version of a request as nginx and Apache write it, and as applications get it in SERVER_PROTOCOL. */
import type { RequestHead } from './exchange.ts'

export const SERVER_PROTOCOL: Readonly<Record<RequestHead['version'], string>> = {
  '1.0': 'HTTP/1.0',
  '1.1': 'HTTP/1.1',
  '2': 'HTTP/2.0',
}
