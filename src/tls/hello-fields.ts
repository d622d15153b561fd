/**
 * The fields of a whole ClientHello that the gateway needs (RFC8446§4.1.2, RFC5246§7.4.1.2). Runs in the gateway, once for each TLS
 * connection, sans-IO. A length that lies is a problem; what a field means is OpenSSL's to judge.
 *
 * Invariants: each byte is looked at a constant number of times; no read is beyond the message; nothing throws.
 */

export interface HelloFields {
  /** As in `ClientHello`. */
  readonly serverName: string
  readonly ticketKeyName: Buffer | null
  readonly signatureAlgorithms: readonly number[]
  readonly takesEcdsa: boolean
}

const EXTENSION_SERVER_NAME = 0
const EXTENSION_SIGNATURE_ALGORITHMS = 13
const EXTENSION_SESSION_TICKET = 35
const EXTENSION_PRE_SHARED_KEY = 41
/** Ciphers of TLS 1.3 do with any certificate (RFC8446§B.4). Those of TLS 1.2 for ECDSA: RFC8422§6, RFC5289§3, RFC7251§2, RFC7905§2. */
const FOR_ECDSA: ReadonlySet<number> = new Set(
  [0x1301, 0x1302, 0x1303, 0x1304, 0x1305].concat([
    0xc009, 0xc00a, 0xc023, 0xc024, 0xc02b, 0xc02c, 0xc0ac, 0xc0ad, 0xc0ae, 0xc0af, 0xcca9,
  ]),
)
const VERSION_AND_RANDOM = 2 + 32
const HOST_NAME = 0
const KEY_NAME = 16

/** `body`: the message behind its header of four bytes. A text says what is wrong with it. */
export function parseHello(body: Buffer): HelloFields | string {
  const session = vector(body, VERSION_AND_RANDOM, 1)
  const ciphers = session && vector(body, session.end, 2)
  const compression = ciphers && vector(body, ciphers.end, 1)
  if (!compression) return 'a length in its ClientHello is wrong'
  // TLS 1.2 allows a hello without extensions.
  const extensions =
    compression.end === body.length ? { start: body.length, end: body.length } : vector(body, compression.end, 2)
  if (!extensions || extensions.end !== body.length) return 'a length in its ClientHello is wrong'
  const takesEcdsa = numbersOf(body, ciphers.start, ciphers.end).some(cipher => FOR_ECDSA.has(cipher))
  return parseExtensions(body.subarray(extensions.start, extensions.end), takesEcdsa)
}

function parseExtensions(list: Buffer, takesEcdsa: boolean): HelloFields | string {
  let serverName: string | null = null
  let ticket: Buffer | null = null
  let preShared: Buffer | null = null
  let signatureAlgorithms: readonly number[] = []
  for (let at = 0; at < list.length; ) {
    const content = vector(list, at + 2, 2)
    if (!content) return 'the length of an extension in its ClientHello is wrong'
    const type = list.readUInt16BE(at)
    const data = list.subarray(content.start, content.end)
    at = content.end
    if (type === EXTENSION_SERVER_NAME) {
      if (serverName !== null) return 'its ClientHello has two server names'
      serverName = parseServerName(data)
      if (serverName === null) return 'the server name in its ClientHello is broken'
    } else if (type === EXTENSION_SESSION_TICKET) ticket = keyName(data)
    else if (type === EXTENSION_SIGNATURE_ALGORITHMS) signatureAlgorithms = listOf(data)
    else if (type === EXTENSION_PRE_SHARED_KEY) {
      const identity = firstIdentity(data)
      if (identity === null) return 'the pre-shared key in its ClientHello is broken'
      preShared = keyName(identity)
    }
  }
  // A client that has one for TLS 1.3 offers TLS 1.3, which we always speak.
  return { serverName: serverName ?? '', ticketKeyName: preShared ?? ticket, signatureAlgorithms, takesEcdsa }
}

/** RFC6066§3: a list, in which only one name of type `host_name` has ever been used. Null: a length is wrong. */
function parseServerName(data: Buffer): string | null {
  const list = vector(data, 0, 2)
  if (!list || list.end !== data.length) return null
  const name = vector(data, list.start + 1, 2)
  if (!name || name.end > list.end || data[list.start] !== HOST_NAME) return null
  return validName(data.toString('latin1', name.start, name.end))
}

/** RFC8446§4.2.3: a list of numbers of two bytes. Empty if its length is wrong, which OpenSSL refuses. */
function listOf(data: Buffer): readonly number[] {
  const list = vector(data, 0, 2)
  return list?.end === data.length ? numbersOf(data, list.start, list.end) : []
}

/** Of two bytes each. Empty if one is cut. */
function numbersOf(bytes: Buffer, start: number, end: number): readonly number[] {
  if ((end - start) % 2 !== 0) return []
  return Array.from({ length: (end - start) / 2 }, (_, index) => bytes.readUInt16BE(start + 2 * index))
}

/** RFC8446§4.2.11: the ticket of the session that the client would like best. Null: a length is wrong. */
function firstIdentity(data: Buffer): Buffer | null {
  const list = vector(data, 0, 2)
  const identity = list && vector(data, list.start, 2)
  if (!identity || identity.end > list.end) return null
  return data.subarray(identity.start, identity.end)
}

/** A copy: it outlives the bytes of the hello. */
function keyName(ticket: Buffer): Buffer | null {
  return ticket.length < KEY_NAME ? null : Buffer.from(ticket.subarray(0, KEY_NAME))
}

const MAX_NAME = 253
const LABEL = /^[a-z0-9_-]{1,63}$/
/** IPv4 addresses end in a number, and no domain of the public tree does. An IPv6 address has colons, which no label has. */
const NUMBER = /^\d+$/

/** Lower case, without the dot at its end; empty if it is no name of a host: RFC6066§3 allows no addresses. */
function validName(text: string): string {
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase()
  if (name.length > MAX_NAME) return ''
  const labels = name.split('.')
  return labels.every(label => LABEL.test(label)) && !NUMBER.test(labels.at(-1)!) ? name : ''
}

/** Where the content of a vector is, whose length has `width` bytes at `at`. Null: it goes beyond the end. */
function vector(bytes: Buffer, at: number, width: 1 | 2): { readonly start: number; readonly end: number } | null {
  const start = at + width
  if (start > bytes.length) return null
  const end = start + (width === 1 ? bytes[at]! : bytes.readUInt16BE(at))
  return end > bytes.length ? null : { start, end }
}
