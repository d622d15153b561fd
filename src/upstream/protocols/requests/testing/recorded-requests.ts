/** Requests as a web server in front of us writes them, and the calls that they make, as text. For tests and fuzzing. */
import { ProtocolError } from '../../../../http/errors.ts'
import type { RequestReader, RequestSink } from '../../../../http1/wire.ts'
import { fastcgi } from '../../fastcgi.ts'
import { scgiHead } from '../../scgi.ts'
import { uwsgiHead } from '../../uwsgi.ts'
import { FastCgiRequests } from '../fastcgi.ts'
import { PacketReader } from '../packet-reader.ts'
import { scgiRequests } from '../scgi.ts'
import { uwsgiRequests } from '../uwsgi.ts'

export type Front = 'fastcgi' | 'scgi' | 'uwsgi'
export const FRONTS: readonly Front[] = ['fastcgi', 'scgi', 'uwsgi']

const LIMITS = { requestLine: 60, headerBytes: 200, headerCount: 6 }
const LOCAL = { address: '127.0.0.1', port: 3031, tls: null }
const BODY_LIMIT = 40

export const PARAMETERS: readonly string[] = [
  ...['REQUEST_METHOD', 'GET', 'REQUEST_URI', '/a?b', 'SERVER_PROTOCOL', 'HTTP/1.1', 'REMOTE_ADDR', '203.0.113.7'],
  ...['REMOTE_PORT', '5000', 'HTTP_HOST', 'shop.test', 'HTTP_ACCEPT', '*/*'],
]

/** `length`: what the parameters say of the content. */
export function requestBytes(
  front: Front,
  parameters: readonly string[],
  content = '',
  length: number | null = content.length,
): Buffer {
  const own = length === null ? [...parameters] : [...parameters, 'CONTENT_LENGTH', String(length)]
  const request = {
    method: 'GET',
    target: '/',
    headers: own,
    contentLength: length ?? 0,
    upgradeTo: '',
  } as unknown as Parameters<typeof scgiHead>[0]
  const body = Buffer.from(content, 'latin1')
  if (front === 'scgi') return Buffer.concat([Buffer.from(scgiHead(request), 'latin1'), body])
  if (front === 'uwsgi') return Buffer.concat([uwsgiHead(request), body])
  const dialect = fastcgi(true)
  const head = dialect.head({ ...request, contentLength: 1 }) as Buffer
  const pieces = body.length === 0 ? [] : [dialect.content(request, body)]
  return Buffer.concat([head, ...pieces, dialect.tail(request) as Buffer])
}

/** The calls in order; pieces of one content are joined. FastCGI: a request is answered as soon as it is complete. */
export function recordRequests(front: Front, pieces: readonly Buffer[]): string[] {
  const calls: string[] = []
  const sink: RequestSink = {
    onHead({ method, target, authority, version, scheme, headers, contentLength, keepAlive }, origin) {
      const { peer, local, user } = origin!
      const head = [method, target, authority, version, scheme, headers, contentLength, keepAlive]
      calls.push(`head ${JSON.stringify([...head, peer, user, local.tls?.client?.verify])}`)
      reader.limitContent(BODY_LIMIT)
    },
    onBody(chunk) {
      const last = calls.at(-1)!
      if (last.startsWith('body ')) calls[calls.length - 1] = last + chunk.toString('latin1')
      else calls.push(`body ${chunk.toString('latin1')}`)
    },
    onEnd: () => calls.push('end'),
  }
  let isAnswering = false
  const owner = {
    get isAnswering() {
      return isAnswering
    },
    answer: (records: Buffer) => calls.push(`answer ${records.toString('hex')}`),
    began(id: number) {
      isAnswering = true
      calls.push(`began ${id}`)
    },
    aborted: () => calls.push('aborted'),
  }
  const reader: RequestReader =
    front === 'fastcgi'
      ? new FastCgiRequests(LIMITS, LOCAL, sink, owner)
      : new PacketReader(front === 'scgi' ? scgiRequests : uwsgiRequests, LIMITS, LOCAL, sink)
  try {
    for (const piece of pieces) {
      reader.receive(piece)
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    calls.push(`error ${error.status} ${error.message}`)
  }
  return calls
}
