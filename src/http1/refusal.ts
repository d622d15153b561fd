/** What a client gets whose request was refused before any handler saw it (RFC9112), and what the access log says of it. */
import type { ProtocolError } from '../http/errors.ts'
import type { Answered, Peer, RequestHead } from '../http/exchange.ts'
import { type HeaderLines, headerValue } from '../http/headers.ts'
import type { Scheme } from '../http/transport.ts'
import type { Http1Options } from './context.ts'
import { serializeHead } from './serializer.ts'

/** Stands in the access log for a request whose head could not be read. */
const UNREADABLE = {
  method: '-',
  target: '-',
  path: '-',
  query: '',
  authority: '',
  version: '1.1',
} as const

/** As far as it is known. */
export interface RefusedRequest {
  readonly id: string
  readonly peer: Peer
  readonly scheme: Scheme
  /** Its head, if that was complete and only the content was not right. */
  readonly request: RequestHead | undefined
  readonly fields: HeaderLines
  /** The response has no content then. */
  readonly isHead: boolean
}

export interface Refusal {
  readonly bytes: Buffer
  readonly answered: Answered
}

export function refuse(error: ProtocolError, refused: RefusedRequest, render: Http1Options['renderError']): Refusal {
  const { id, peer, scheme, request, fields, isHead } = refused
  const { status } = error
  const { contentType, body, isOwnPage } = render(status, headerValue(fields, 'accept'), error.message)
  const headers = ['Content-Type', contentType, 'Content-Length', String(body.length)]
  if (isOwnPage) headers.push('X-Request-ID', id)
  const head = Buffer.from(serializeHead({ status, reason: '', headers }, '1.1', isHead, false).text, 'latin1')
  return {
    bytes: isHead ? head : Buffer.concat([head, body]),
    answered: {
      id,
      request: request ?? { ...UNREADABLE, scheme, headers: fields },
      peer,
      receivedAt: performance.now(),
      queueMillis: -1,
      runMicros: -1,
      servedBy: null,
      response: { status, bytesWritten: isHead ? 0 : body.length, head: null },
    },
  }
}
