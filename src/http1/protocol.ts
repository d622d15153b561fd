/** The door to this folder: HTTP/1.1 as the gateway's connections see it (`http/protocol.ts`). */
import type { Protocol } from '../http/protocol.ts'
import { Http1Connection } from './connection.ts'
import { Flusher, type Http1Context, type Http1Options } from './context.ts'
import { createPaces, hurryIdle } from './pace.ts'

/** The whole response to a client that is not let in: it has sent nothing, so this is the version that any client understands. */
export const TOO_MANY_CONNECTIONS = Buffer.from(
  'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Type: text/plain\r\n' +
    'Content-Length: 44\r\n\r\n503 Service Unavailable\nToo many connections',
)

export function createHttp1(options: Http1Options): Protocol {
  const context: Http1Context = {
    ...options,
    isDraining: false,
    flusher: new Flusher(),
    paces: createPaces(options.timeouts, options.limits),
  }
  return {
    open: (transport, onClose) => new Http1Connection(transport, context, onClose),
    startDrain() {
      context.isDraining = true
      hurryIdle(context.paces)
      context.webSockets.startDrain()
    },
  }
}
