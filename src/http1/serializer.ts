/**
 * Response heads as bytes (RFC9112§4, §6), sans-IO. Decides the framing, adds Date, drops what an application has no say in,
 * and is the last line of defence against response splitting.
 */
import { TOKEN } from '../base/token.ts'
import { httpDate } from '../http/date.ts'
import type { ResponseHead } from '../http/exchange.ts'
import { reasonPhrase } from '../http/status.ts'

/** How the end of the content is told. */
export type Framing =
  /** Content-Length bytes. */
  | 'length'
  | 'chunked'
  /** By closing the connection: HTTP/1.0 without a length. */
  | 'close'
  /** There is no content: HEAD, 1xx, 204, 304. */
  | 'none'

export interface SerializedHead {
  readonly text: string
  readonly framing: Framing
  /** Bytes of content for framing `length`. */
  readonly length: number
  /** The connection goes on after this response. */
  readonly keepAlive: boolean
}

const SPLITTING = /[\x00-\x08\x0a-\x1f\x7f\u0100-\uffff]/
/** Names that were fine before. Bounded: applications may invent names. */
const MAX_KNOWN_NAMES = 1024
const MAX_KNOWN_LENGTH = 64
/** What a name means here: '' is an ordinary field. */
type Meaning = '' | 'drop' | 'connection' | 'content-length' | 'date' | 'trailer' | 'upgrade'

interface KnownName {
  readonly name: string
  readonly meaning: Meaning
  /** What followed it the last time: to guess it costs a third of looking it up. */
  next: KnownName | null
}

const FIRST: KnownName = { name: '', meaning: '', next: null }
const knownNames = new Map<string, KnownName>()
/** Fields of one connection, which is ours and not the application's (RFC9110§7.6.1). */
const HOP_BY_HOP = new Set(['keep-alive', 'proxy-connection', 'te', 'transfer-encoding'])

/** What frames the message, or describes it or the connection: looked at here. */
const OURS: ReadonlySet<string> = new Set(['connection', 'content-length', 'date', 'trailer', 'upgrade'])

/** Heads that come again, as they were serialized within this second for the ordinary request. */
const serialized = new WeakMap<ResponseHead, { readonly date: string; readonly head: SerializedHead }>()

/** `wantsKeepAlive`: the client's wish and ours; the result says what became of it. Throws an Error for what would split the response. */
export function serializeHead(
  head: ResponseHead,
  version: '1.0' | '1.1',
  isHead: boolean,
  wantsKeepAlive: boolean,
): SerializedHead {
  if (head.comesAgain !== true || version !== '1.1' || isHead || !wantsKeepAlive)
    return serialize(head, version, isHead, wantsKeepAlive)
  const date = httpDate()
  const last = serialized.get(head)
  if (last?.date === date) return last.head
  const made = serialize(head, version, isHead, wantsKeepAlive)
  serialized.set(head, { date, head: made })
  return made
}

function serialize(
  head: ResponseHead,
  version: '1.0' | '1.1',
  isHead: boolean,
  wantsKeepAlive: boolean,
): SerializedHead {
  const { status, headers } = head
  // What follows an interim response is read as the real one, and 101 as another protocol.
  if (!(status >= 200 && status <= 999)) throw new Error(`${status} is no final status`)
  let length = -1
  let hasDate = false
  let keepAlive = wantsKeepAlive
  let upgrade = ''
  let trailer = ''
  let fields = ''
  let known = FIRST
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    known = known.next?.name === name ? known.next : nameBehind(known, name)
    const { meaning } = known
    if (meaning === 'drop') continue
    if (meaning === 'upgrade') {
      // Which protocol is required (RFC9110§15.5.22). With any other status switching would be ours to offer.
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
      // Once, whatever the application says: a second one with another value is refused (RFC9110§8.6).
      if (!/^\d{1,15}$/.test(value)) throw new Error(`invalid Content-Length: ${JSON.stringify(value)}`)
      if (length >= 0 && length !== Number(value)) throw new Error(`Content-Length is both ${length} and ${value}`)
      length = Number(value)
      continue
    }
    if (SPLITTING.test(value)) throw splittingError(name)
    if (meaning === 'date') hasDate = true
    fields += `${name}: ${value}\r\n`
  }
  const reason = head.reason || reasonPhrase(status)
  if (SPLITTING.test(reason)) throw splittingError('the reason phrase')
  const noContent = isHead || status === 204 || status === 205 || status === 304
  // Trailers have their place in chunked content only (RFC9112§7.1.2).
  const hasTrailers = head.hasTrailers === true && version === '1.1' && !noContent
  const hasLength = length >= 0 && !hasTrailers
  const framing = noContent ? 'none' : hasLength ? 'length' : version === '1.1' ? 'chunked' : 'close'
  if (framing === 'close') keepAlive = false
  let text = `HTTP/1.1 ${status} ${reason}\r\n${fields}`
  if (!hasDate) text += `Date: ${httpDate()}\r\n`
  // 204 has no length (RFC9110§8.6); HEAD and 304 may tell the length that GET would have.
  // 205 has no content, and says so (RFC9110§15.3.6).
  if (status === 205) text += 'Content-Length: 0\r\n'
  else if (hasLength && status !== 204) text += `Content-Length: ${length}\r\n`
  else if (framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n'
  // Which fields will follow the content (RFC9110§6.6.2).
  if (trailer !== '' && hasTrailers) {
    if (SPLITTING.test(trailer)) throw splittingError('trailer')
    text += `Trailer: ${trailer}\r\n`
  }
  if (upgrade !== '') {
    if (SPLITTING.test(upgrade)) throw splittingError('upgrade')
    text += `Upgrade: ${upgrade}\r\nConnection: upgrade${keepAlive ? '' : ', close'}\r\n\r\n`
  } else if (!keepAlive) text += 'Connection: close\r\n\r\n'
  else if (version === '1.0') text += 'Connection: keep-alive\r\n\r\n'
  else text += '\r\n'
  return { text, framing, length, keepAlive }
}

/** 101 (RFC9110§15.2.2): after it the connection speaks `protocol`. `headers` has nothing of the connection. */
export function serializeSwitch(protocol: string, headers: readonly string[]): string {
  let fields = ''
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    const meaning = checkName(name)
    if (SPLITTING.test(value)) throw splittingError(name)
    if (meaning === '' || meaning === 'date') fields += `${name}: ${value}\r\n`
  }
  return `HTTP/1.1 101 ${reasonPhrase(101)}\r\nUpgrade: ${protocol}\r\nConnection: Upgrade\r\n${fields}\r\n`
}

/** An interim response (RFC9110§15.2): 100, 103. */
export function serializeInterim(head: ResponseHead): string {
  if (!(head.status >= 100 && head.status <= 199) || head.status === 101)
    throw new Error(`${head.status} is no interim status`)
  let fields = ''
  for (let i = 0; i < head.headers.length; i += 2) {
    const name = head.headers[i]!
    const value = head.headers[i + 1]!
    const meaning = checkName(name)
    if (SPLITTING.test(value)) throw splittingError(name)
    // No content, and nothing to say of the connection (RFC9110§15.2).
    if (meaning !== '' && meaning !== 'date') continue
    fields += `${name}: ${value}\r\n`
  }
  return `HTTP/1.1 ${head.status} ${reasonPhrase(head.status)}\r\n${fields}\r\n`
}

/** What says how the message is to be read, routed or kept must come before it (RFC9110§6.5.1). */
const NOT_IN_TRAILERS = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'date',
  'expires',
  'host',
  'location',
  'retry-after',
  'set-cookie',
  'vary',
  'www-authenticate',
])

/** The last chunk with the trailer section (RFC9112§7.1.2). */
export function serializeTrailers(trailers: readonly string[]): string {
  let fields = ''
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i]!
    const value = trailers[i + 1]!
    if (SPLITTING.test(value)) throw splittingError(name)
    if (checkName(name) === '' && !NOT_IN_TRAILERS.has(name.toLowerCase())) fields += `${name}: ${value}\r\n`
  }
  return `0\r\n${fields}\r\n`
}

function nameBehind(previous: KnownName, name: string): KnownName {
  const found = knownNames.get(name)
  // What is not remembered must not be held by a chain either.
  if (found !== undefined) previous.next = found
  return found ?? { name, meaning: checkName(name), next: null }
}

function checkName(name: string): Meaning {
  const known = knownNames.get(name)
  if (known !== undefined) return known.meaning
  if (!TOKEN.test(name)) throw new Error(`not a header name: ${JSON.stringify(name)}`)
  const lower = name.toLowerCase()
  const meaning = HOP_BY_HOP.has(lower) ? 'drop' : OURS.has(lower) ? (lower as Meaning) : ''
  if (knownNames.size < MAX_KNOWN_NAMES && name.length <= MAX_KNOWN_LENGTH) {
    // A copy: a slice would keep the whole head that it is cut from in memory.
    const own = Buffer.from(name, 'latin1').toString('latin1')
    knownNames.set(own, { name: own, meaning, next: null })
  }
  return meaning
}

function splittingError(where: string): Error {
  return new Error(`${where} has a character that HTTP does not allow in a header`)
}
