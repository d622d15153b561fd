/**
 * The part of the opening handshake that all versions of HTTP share (RFC6455§4.2, RFC8441§5): version, subprotocol, extensions,
 * and the application's own headers. Not here: key, Upgrade and status, which belong to HTTP (`http1/upgrade.ts`).
 */
import { TOKEN } from '../base/token.ts'
import { HttpError } from '../http/errors.ts'
import { type HeaderLines, headerValues, NOT_IN_VALUE } from '../http/headers.ts'
import { mayBeInterim, meaningOf } from '../http/response-rules.ts'
import type { WebSocketAccept, WebSocketTerms } from '../http/websocket.ts'
import { acceptDeflate } from './deflate.ts'
import { DEFLATE, type Offer, parts } from './ws.ts'

const VERSION = '13'
/** Headers of the handshake: the application may not set them. */
const OURS = new Set([
  ...['sec-websocket-accept', 'sec-websocket-extensions', 'sec-websocket-key', 'sec-websocket-protocol'],
  'sec-websocket-version',
])

interface Offers {
  readonly subprotocols: ReadonlySet<string>
  readonly deflate: readonly Offer[]
}

/** Throws HttpError: 426 for another version, 400 for a malformed header. */
export function readOffers(headers: readonly string[]): Offers {
  if (headerValues(headers, 'sec-websocket-version').join(',') !== VERSION) {
    throw new HttpError(426, 'The WebSocket version must be 13 (RFC6455§4.2.1)', 'client', undefined, [
      ...['Upgrade', 'websocket'],
      ...['Sec-WebSocket-Version', VERSION],
    ])
  }
  const { extension, subprotocol } = parts()
  const subprotocols = parsed(headers, 'sec-websocket-protocol', subprotocol.parse) ?? new Set()
  const extensions = parsed(headers, 'sec-websocket-extensions', extension.parse)
  return { subprotocols, deflate: extensions?.[DEFLATE] ?? [] }
}

function parsed<T>(headers: readonly string[], name: string, parse: (text: string) => T): T | null {
  // Both headers may come in several lines, which are one list (RFC6455§11.3.2, §11.3.4).
  const text = headerValues(headers, name).join(', ')
  if (text === '' && !headers.some((header, i) => i % 2 === 0 && header === name)) return null
  try {
    return parse(text)
  } catch (error) {
    throw new HttpError(400, `The header ${name} is malformed: ${(error as Error).message} (RFC6455§4.2.1)`, 'client')
  }
}

/** Throws HttpError: as `readOffers`, and 500 when the application accepts with something invalid. */
export function negotiate(request: readonly string[], accept: WebSocketAccept, mayCompress = true): WebSocketTerms {
  const offers = readOffers(request)
  const headers: HeaderLines = []
  if (accept.subprotocol !== '') {
    if (!offers.subprotocols.has(accept.subprotocol))
      throw unacceptable(`the subprotocol ${JSON.stringify(accept.subprotocol)}, which the client did not offer`)
    headers.push('Sec-WebSocket-Protocol', accept.subprotocol)
  }
  const deflate = mayCompress ? acceptDeflate(offers.deflate) : null
  if (deflate !== null) headers.push('Sec-WebSocket-Extensions', parts().extension.format({ [DEFLATE]: [deflate] }))
  for (let i = 0; i < accept.headers.length; i += 2) {
    const name = accept.headers[i]!
    const value = accept.headers[i + 1]!
    if (!TOKEN.test(name)) throw unacceptable(`a header with the invalid name ${JSON.stringify(name)}`)
    if (NOT_IN_VALUE.test(value)) throw unacceptable(`an invalid character in the header ${name}`)
    if (!OURS.has(name.toLowerCase()) && mayBeInterim(meaningOf(name))) headers.push(name, value)
  }
  return { headers, deflate }
}

function unacceptable(what: string): HttpError {
  return new HttpError(500, `The application accepted the WebSocket with ${what} (RFC6455§4.2.2)`, 'application')
}
