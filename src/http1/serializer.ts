/**
 * Response heads of HTTP/1.1 as text (RFC9112§4, §6), sans-IO: chooses the framing, adds Date and Connection. Runs in the gateway, for
 * each response. What a response may carry is `http/response-rules.ts`: every name and value passes it (response splitting).
 */
import { httpDate } from '../http/date.ts'
import type { ResponseHead } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import {
  checkContentLength,
  checkFinalStatus,
  checkInterimStatus,
  checkValue,
  fieldBehind,
  interimFields,
  mayHaveContent,
  NO_FIELD,
  trailerFields,
} from '../http/response-rules.ts'
import { reasonPhrase } from '../http/status.ts'

/**
 * The version of HTTP that the client speaks, or what a web server in front of us reads: `status-line`, a status line and fields as of HTTP (uwsgi);
 * `status-field`, a field Status in place of the line (RFC3875§6.3: FastCGI, SCGI). Those two have no field about the connection.
 */
export type ResponseForm = '1.0' | '1.1' | 'status-line' | 'status-field'

/** How the client knows where the content ends. */
export type Framing =
  /** After Content-Length bytes. */
  | 'length'
  | 'chunked'
  /** When the connection closes: HTTP/1.0 without a length. */
  | 'close'
  /** There is no content: HEAD, 204, 205, 304. */
  | 'none'

export interface SerializedHead {
  readonly text: string
  readonly framing: Framing
  /** Bytes of content, with framing `length`. */
  readonly length: number
  /** The connection goes on after this response. */
  readonly keepAlive: boolean
}

/** Heads that come again, as they were serialized for an ordinary request within this second. */
const serialized = new WeakMap<ResponseHead, { readonly date: string; readonly head: SerializedHead }>()

/** `wantsKeepAlive`: the client and we would go on; `keepAlive` of the result decides. Throws what `response-rules.ts` throws. */
export function serializeHead(
  head: ResponseHead,
  form: ResponseForm,
  isHead: boolean,
  wantsKeepAlive: boolean,
): SerializedHead {
  if (head.comesAgain !== true || form !== '1.1' || isHead || !wantsKeepAlive)
    return serialize(head, form, isHead, wantsKeepAlive)
  const date = httpDate()
  const last = serialized.get(head)
  if (last?.date === date) return last.head
  const made = serialize(head, form, isHead, wantsKeepAlive)
  serialized.set(head, { date, head: made })
  return made
}

function serialize(head: ResponseHead, form: ResponseForm, isHead: boolean, wantsKeepAlive: boolean): SerializedHead {
  const { status, headers } = head
  checkFinalStatus(status)
  let length = -1
  let hasDate = false
  let keepAlive = wantsKeepAlive
  let upgrade = ''
  let trailer = ''
  let fields = ''
  let field = NO_FIELD
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    field = fieldBehind(field, name)
    const { meaning } = field
    if (meaning === 'drop') continue
    if (meaning === 'upgrade') {
      // The protocol that is required (RFC9110§15.5.22). With another status it would offer to switch, and that is not the application's.
      if (status === 426) upgrade = value
      continue
    }
    if (meaning === 'trailer') {
      trailer = trailer === '' ? value : `${trailer}, ${value}`
      continue
    }
    if (meaning === 'connection') {
      if (/(?:^|,)\s*close\s*(?:,|$)/i.test(value)) keepAlive = false
      continue
    }
    if (meaning === 'content-length') {
      length = checkContentLength(value, length)
      continue
    }
    checkValue(name, value)
    if (meaning === 'date') hasDate = true
    fields += `${name}: ${value}\r\n`
  }
  const reason = head.reason || reasonPhrase(status)
  checkValue('the reason phrase', reason)
  const mayHave = mayHaveContent(status, isHead)
  // Only chunked content has room for trailers (RFC9112§7.1.2).
  const hasTrailers = head.hasTrailers === true && form === '1.1' && mayHave
  const hasLength = length >= 0 && !hasTrailers
  const framing = !mayHave ? 'none' : hasLength ? 'length' : form === '1.1' ? 'chunked' : 'close'
  // FastCGI, which has no other form, says where a response ends.
  if (framing === 'close' && form !== 'status-field') keepAlive = false
  let text = `${form === 'status-field' ? 'Status:' : 'HTTP/1.1'} ${status} ${reason}\r\n${fields}`
  if (!hasDate) text += `Date: ${httpDate()}\r\n`
  // 204 has no length (RFC9110§8.6). HEAD and 304 may have the length that GET would have. 205 says that it has no content
  // (RFC9110§15.3.6).
  if (status === 205) text += 'Content-Length: 0\r\n'
  else if (hasLength && status !== 204) text += `Content-Length: ${length}\r\n`
  else if (framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n'
  // The fields that will follow the content (RFC9110§6.6.2).
  if (trailer !== '' && hasTrailers) {
    checkValue('trailer', trailer)
    text += `Trailer: ${trailer}\r\n`
  }
  if (form === 'status-field' || form === 'status-line') text += '\r\n'
  else if (upgrade !== '') {
    checkValue('upgrade', upgrade)
    text += `Upgrade: ${upgrade}\r\nConnection: upgrade${keepAlive ? '' : ', close'}\r\n\r\n`
  } else if (!keepAlive) text += 'Connection: close\r\n\r\n'
  else if (form === '1.0') text += 'Connection: keep-alive\r\n\r\n'
  else text += '\r\n'
  return { text, framing, length, keepAlive }
}

/** 101 (RFC9110§15.2.2): after it the connection speaks `protocol`. */
export function serializeSwitch(protocol: string, headers: readonly string[]): string {
  const fields = textOf(interimFields(headers))
  return `HTTP/1.1 101 ${reasonPhrase(101)}\r\nUpgrade: ${protocol}\r\nConnection: Upgrade\r\n${fields}\r\n`
}

/** An interim response (RFC9110§15.2): 100, 103. */
export function serializeInterim({ status, headers }: ResponseHead): string {
  checkInterimStatus(status)
  return `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${textOf(interimFields(headers))}\r\n`
}

/** The last chunk with the trailer section (RFC9112§7.1.2). */
export function serializeTrailers(trailers: readonly string[]): string {
  return `0\r\n${textOf(trailerFields(trailers))}\r\n`
}

function textOf(lines: HeaderLines): string {
  let text = ''
  for (let i = 0; i < lines.length; i += 2) text += `${lines[i]}: ${lines[i + 1]}\r\n`
  return text
}
