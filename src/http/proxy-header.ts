/**
 * Reads the header of the PROXY protocol (haproxy.org: proxy-protocol.txt, versions 1 and 2), which a balancer of TCP writes in front of a
 * connection to say whose it is. Runs in the gateway, in each event loop. No socket here: bytes in, a verdict out.
 *
 * Invariants: it keeps `MAX_V2` bytes at most, and no byte behind the header. Cutting the bytes differently changes nothing. A header that is
 * not exactly one of the two is refused, and never taken for a request.
 * Not here: who may send one (`gateway/connections/proxied-connections.ts`). What version 2 says beyond addresses (TLVs) is skipped.
 */
import { isIPv4, isIPv6 } from 'node:net'

/** `PROXY TCP6 ` with two longest addresses and ports, and CRLF: the protocol's own bound. */
const MAX_V1 = 107
const V1 = Buffer.from('PROXY ', 'latin1')
const V2 = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a])
/** Signature, version and command, family, length. */
const V2_FIXED = 16
/** Of two Unix sockets, the longest. */
const MOST_ADDRESSES = 216
/** What senders say beyond the addresses: facts of TLS, names in clouds. They need some hundred bytes. */
const MOST_TLVS = 2048
const MAX_V2 = V2_FIXED + MOST_ADDRESSES + MOST_TLVS
const CR = 13
const LF = 10

export interface ProxiedEnd {
  readonly address: string
  readonly port: number
}

/**
 * `more`: it is not whole yet. `done`: `client` is who has connected to the sender; null: the sender speaks for itself (LOCAL) or does not say
 * (UNKNOWN). Of the last chunk `rest` bytes are not the header's.
 */
export type ProxyVerdict =
  | { readonly kind: 'more' }
  | { readonly kind: 'done'; readonly client: ProxiedEnd | null; readonly rest: number }
  | { readonly kind: 'refused'; readonly reason: string }

type Parsed = { readonly client: ProxiedEnd | null } | string

const MORE: ProxyVerdict = { kind: 'more' }
const NO_HEADER = 'it does not begin with a header of the PROXY protocol'

/** Of one connection. Not to be used after another verdict than `more`. */
export class ProxyHeader {
  #bytes: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): ProxyVerdict {
    const before = this.#bytes.length
    const taken = chunk.subarray(0, MAX_V2 - before)
    const bytes = before === 0 ? taken : Buffer.concat([this.#bytes, taken])
    const length = lengthOf(bytes)
    if (typeof length === 'string') return { kind: 'refused', reason: length }
    if (length === 0 || length > bytes.length) {
      this.#bytes = before === 0 ? Buffer.from(bytes) : bytes
      return MORE
    }
    const header = bytes.subarray(0, length)
    const parsed = header[0] === V1[0] ? parseV1(header.toString('latin1', 0, length - 2)) : parseV2(header)
    if (typeof parsed === 'string') return { kind: 'refused', reason: parsed }
    return { kind: 'done', client: parsed.client, rest: chunk.length - (length - before) }
  }
}

/** Of the whole header; 0: it is not known yet. A text: why it is none. */
function lengthOf(bytes: Buffer): number | string {
  if (beginsLike(bytes, V1)) return lengthOfV1(bytes)
  if (!beginsLike(bytes, V2)) return NO_HEADER
  if (bytes.length < V2_FIXED) return 0
  const length = V2_FIXED + bytes.readUInt16BE(14)
  return length > MAX_V2 ? `its PROXY header is longer than ${MAX_V2} bytes` : length
}

/** As far as there are bytes. */
function beginsLike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length)
  return bytes.compare(signature, 0, length, 0, length) === 0
}

function lengthOfV1(bytes: Buffer): number | string {
  const end = bytes.subarray(0, MAX_V1).indexOf(LF)
  if (end >= 0) return bytes[end - 1] === CR ? end + 1 : 'the line of its PROXY header does not end with CRLF'
  return bytes.length < MAX_V1 ? 0 : `the line of its PROXY header is longer than ${MAX_V1} bytes`
}

/** `line`: without CRLF. */
function parseV1(line: string): Parsed {
  const words = line.split(' ')
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = ''] = words
  if (family === 'UNKNOWN') return { client: null }
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : null
  if (isAddress === null) return 'its PROXY header names no TCP4, TCP6 or UNKNOWN'
  const isRight =
    words.length === 6 && isAddress(source) && isAddress(destination) && isPort(sourcePort) && isPort(destinationPort)
  if (!isRight) return 'its PROXY header has not two addresses and two ports'
  return { client: { address: family === 'TCP4' ? source : canonical(source), port: Number(sourcePort) } }
}

function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%')
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535
}

function parseV2(header: Buffer): Parsed {
  const command = header[12]!
  const family = header[13]!
  const length = header.length - V2_FIXED
  if (command !== 0x20 && command !== 0x21) return 'its PROXY header has an unknown version or command'
  // LOCAL: a health check of the sender's own. What follows has no meaning.
  if (command === 0x20) return { client: null }
  const short = 'its PROXY header is too short for its addresses'
  switch (family) {
    // UNSPEC.
    case 0x00:
      return { client: null }
    // TCP over IPv4: source, destination, ports.
    case 0x11:
      if (length < 12) return short
      return { client: { address: header.subarray(16, 20).join('.'), port: header.readUInt16BE(24) } }
    // TCP over IPv6.
    case 0x21:
      if (length < 36) return short
      return { client: { address: textOfIPv6(header.subarray(16, 32)), port: header.readUInt16BE(48) } }
    // A client on a Unix socket of the sender, which has no address that means anything here.
    case 0x31:
      return length < MOST_ADDRESSES ? short : { client: null }
    default:
      return 'its PROXY header names another family than TCP over IPv4, over IPv6, or a Unix socket'
  }
}

/** One text for one address: rules and limits compare texts. An IPv4 address within IPv6 is the IPv4 address. */
function textOfIPv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16))
  return canonical(groups.join(':'))
}

/** `text`: IPv6. */
function canonical(text: string): string {
  // RFC5952, as the URL standard writes hosts.
  const short = new URL(`http://[${text}]/`).hostname.slice(1, -1)
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short) ?? []
  if (high === undefined || low === undefined) return short
  const word = Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16)
  return [24, 16, 8, 0].map(shift => (word >>> shift) & 0xff).join('.')
}
