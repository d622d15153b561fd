/** The door to this folder: HTTP/1.1 as the gateway's connections see it (`http/protocol.ts`). */
import type { Protocol } from '../http/protocol.ts'
import { Flusher } from '../protocols/flusher.ts'
import type { ProtocolOptions } from '../protocols/options.ts'
import { createPaces, hurryIdle } from '../protocols/pace.ts'
import { Http1Connection } from './connection.ts'
import type { Http1Context } from './context.ts'
import { Output } from './output.ts'
import { RequestParser } from './parser.ts'
import { Http1Response } from './response-writer.ts'
import type { Wire } from './wire.ts'

/** The whole response to a client that is not let in: it has sent nothing, so this is the version that any client understands. */
export const TOO_MANY_CONNECTIONS = plainAnswer('503 Service Unavailable', 'Too many connections', 'Retry-After: 1\r\n')

/** The whole response to a client that speaks HTTP where TLS is spoken. */
export const PLAIN_HTTP_ON_TLS = plainAnswer(
  '400 Bad Request',
  'This port speaks HTTPS: use https:// in the address.',
  '',
)

function plainAnswer(status: string, why: string, fields: string): Buffer {
  const content = `${status}\n${why}`
  return Buffer.from(
    `HTTP/1.1 ${status}\r\nConnection: close\r\n${fields}Content-Type: text/plain\r\n` +
      `Content-Length: ${content.length}\r\n\r\n${content}`,
  )
}

const HTTP1: Wire = {
  form: '1.1',
  reader: (limits, { scheme }, _, sink) => new RequestParser(limits, scheme, sink),
  output: (transport, pace, context) => new Output(transport, pace, context),
  // A head of HTTP/1 has no other version.
  response: (owner, output, { version, method }) =>
    new Http1Response(owner, output, version === '1.0' ? '1.0' : '1.1', method === 'HEAD'),
}

/** `wire`: of a server in front of us, in whose protocol requests come. */
export function createHttp1(options: ProtocolOptions, wire: Wire = HTTP1): Protocol {
  const context: Http1Context = {
    ...options,
    wire,
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
