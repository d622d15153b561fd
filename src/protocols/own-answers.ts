/** The answers that a protocol gives by itself, without a handler: to a refused request, and to `OPTIONS *`. Runs in the gateway. */
import type { ProtocolError } from '../http/errors.ts'
import type { Answered, Peer, RequestHead, ResponseHead, ResponseWriter } from '../http/exchange.ts'
import { type HeaderLines, headerValue } from '../http/headers.ts'
import type { Scheme } from '../http/transport.ts'
import type { ProtocolOptions } from './options.ts'

const NOTHING = Buffer.alloc(0)

/** The access log's words for a request whose head could not be read. */
const UNREADABLE = {
  method: '-',
  target: '-',
  path: '-',
  query: '',
  authority: '',
} as const

/** The request, as far as it is known. */
export interface RefusedRequest {
  readonly id: string
  readonly peer: Peer
  readonly scheme: Scheme
  readonly version: RequestHead['version']
  /** Its head, if that was complete and only its content is refused. */
  readonly request: RequestHead | undefined
  readonly fields: HeaderLines
  /** The method is HEAD: the response has no content. */
  readonly isHead: boolean
}

export interface Refusal {
  readonly head: ResponseHead
  /** Empty for HEAD. */
  readonly content: Buffer
  readonly answered: Answered
}

export function refusalOf(
  error: ProtocolError,
  refused: RefusedRequest,
  render: ProtocolOptions['renderError'],
): Refusal {
  const { id, peer, scheme, version, request, fields, isHead } = refused
  const { status } = error
  const { contentType, body, isOwnPage } = render(status, headerValue(fields, 'accept'), error.message)
  const headers = ['Content-Type', contentType, 'Content-Length', String(body.length)]
  if (isOwnPage) headers.push('X-Request-ID', id)
  return {
    head: { status, reason: '', headers },
    content: isHead ? NOTHING : body,
    answered: {
      id,
      request: request ?? { ...UNREADABLE, version, scheme, headers: fields },
      peer,
      receivedAt: performance.now(),
      queueMillis: -1,
      runMicros: -1,
      servedBy: null,
      user: '',
      app: '',
      response: { status, bytesWritten: isHead ? 0 : body.length, head: null },
    },
  }
}

/** `OPTIONS *` asks about the server as a whole (RFC9110§9.3.7). It is answered here, for no application knows the path `*`. */
const OPTIONS_HEAD = {
  status: 204,
  reason: '',
  headers: ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS', 'Content-Length', '0'],
}

export function answerOptions(response: ResponseWriter): void {
  response.start(OPTIONS_HEAD)
  response.end()
}
