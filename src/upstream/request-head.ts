/**
 * The head of a request to an upstream, as text of HTTP/1.1 (RFC9112§3, §6). Runs in the gateway, for each proxied request; pure. The
 * framing is ours alone: what the client said of its connection or of lengths is left out, so no request can become two (smuggling).
 *
 * Not here: which path and which fields (`gateway/sites/proxied.ts`).
 */
import { type HeaderLines, headerValues, NOT_IN_VALUE } from '../http/headers.ts'
import { isHopByHop, namedByConnection } from './hop-by-hop.ts'

export interface OutgoingHead {
  readonly method: string
  /** Path and query, as they go on the wire: no blank, no control character. */
  readonly target: string
  /** `[name, value, …]`: all fields, Host among them; none of the connection or the framing. */
  readonly headers: HeaderLines
  /** Bytes of content; undefined: chunked. */
  readonly contentLength: number | undefined
  /** Key of the WebSocket that is asked for; null: none is. */
  readonly webSocketKey: string | null
}

/** We write them, whatever a client says. Expect: the client got its 100 from us when its content was asked for. */
const OURS: ReadonlySet<string> = new Set(['host', 'content-length', 'expect', 'sec-websocket-key'])

/** What of a client's fields is passed on. `replaced`: names that the configuration or the proxy itself writes; lower-case. */
export function passedFields(headers: readonly string[], replaced: ReadonlySet<string>): HeaderLines {
  const named = namedByConnection(headerValues(headers, 'connection'))
  const passed: HeaderLines = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (OURS.has(name) || replaced.has(name) || isHopByHop(name, named)) continue
    passed.push(name, headers[i + 1]!)
  }
  return passed
}

const NOT_IN_TARGET = /[^!-~]/

/** Throws when something would not be one request: a bug of ours, or a template that let something through. */
export function serializeRequest({ method, target, headers, contentLength, webSocketKey }: OutgoingHead): string {
  if (NOT_IN_TARGET.test(target))
    throw new Error('the target of a proxied request has a character that HTTP does not allow')
  let text = `${method} ${target} HTTP/1.1\r\n`
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1]!
    if (NOT_IN_VALUE.test(value)) throw new Error(`${headers[i]} has a character that HTTP does not allow in a header`)
    text += `${headers[i]}: ${value}\r\n`
  }
  if (webSocketKey !== null)
    return `${text}Sec-WebSocket-Key: ${webSocketKey}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`
  if (contentLength === undefined) text += 'Transfer-Encoding: chunked\r\n'
  else if (contentLength > 0 || EXPECTS_LENGTH.has(method)) text += `Content-Length: ${contentLength}\r\n`
  return `${text}\r\n`
}

/** Methods for which servers want to hear that there is no content (RFC9110§8.6). */
const EXPECTS_LENGTH: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/** One chunk of content (RFC9112§7.1), in one buffer. */
export function chunkOf(data: Buffer): Buffer {
  const size = `${data.length.toString(16)}\r\n`
  const framed = Buffer.allocUnsafe(size.length + data.length + 2)
  framed.write(size, 0, 'latin1')
  data.copy(framed, size.length)
  framed.write('\r\n', size.length + data.length, 'latin1')
  return framed
}

/** Trailers of a request are not passed on: a server could take them for fields of the head. */
export const LAST_CHUNK = '0\r\n\r\n'
