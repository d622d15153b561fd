/**
 * Reads the first bytes of a connection to a TLS port: the ClientHello (RFC8446§4.1.2), for the name that the client asks for (SNI) and
 * for the key that encrypted its session ticket. With these the gateway chooses certificate and ticket key, then OpenSSL gets the same
 * bytes. Runs in the gateway, once for each connection, sans-IO.
 *
 * Invariants: cutting the bytes differently never changes the result. The work is linear in the bytes. At most MAX_HELLO bytes in
 * MAX_RECORDS records are kept, and the last chunk. Nothing throws. What OpenSSL would refuse may pass here: it refuses it afterwards.
 *
 * Not here: time-outs and the number of handshakes (`gateway/connections/`), which entry a name has (`names.ts`).
 */
import { parseHello } from './hello-fields.ts'

/** Bytes of the message. The largest of today have about 2 KiB (post-quantum keys); a ticket with a client certificate adds 2 to 4. */
export const MAX_HELLO = 16 * 1024
/** Clients that cut their hello on purpose make a few records. A record of one byte costs six. */
export const MAX_RECORDS = 64

export type HelloVerdict = 'more' | 'complete' | 'plain-http' | 'refused'

const RECORD_HEADER = 5
const HANDSHAKE = 22
const MESSAGE_HEADER = 4
const CLIENT_HELLO = 1
const NO_BYTES = Buffer.alloc(0)
/** Longer words before the first space are no method. */
const MAX_METHOD = 24
const SPACE = 0x20

export class ClientHello {
  /** The name that the client asks for: lower case, without a dot at its end. Empty: none, an IP address, or no valid name. */
  serverName = ''
  /** The first 16 bytes of the client's session ticket: the name of the key that encrypted it. Null: it has none. */
  ticketKeyName: Buffer | null = null
  /** As the client lists them (RFC8446§4.2.3). */
  signatureAlgorithms: readonly number[] = []
  /** It has a cipher for an ECDSA certificate. */
  takesEcdsa = false
  /** Why it was refused, for the log. */
  reason = ''

  /** Copies: a chunk is valid during `push` only. It grows by doubling, so that 10,000 silent clients cost what they sent. */
  #kept: Buffer = NO_BYTES
  #size = 0
  /** How far `#kept` was looked at. */
  #at = 0
  /** Bytes of the current record that are not looked at; 0: a record begins at `#at`. */
  #inRecord = 0
  /** Where the content of each record begins and ends. */
  readonly #records: { readonly start: number; readonly end: number }[] = []
  /** Bytes of the message that were looked at. */
  #seen = 0
  /** Of the message, with its header. Known after MESSAGE_HEADER bytes. */
  #length = 0
  #verdict: HelloVerdict = 'more'

  /** All that was pushed, for OpenSSL. May have more than the ClientHello. */
  get bytes(): Buffer {
    return this.#kept.subarray(0, this.#size)
  }

  /** Copies the chunk. After another verdict than `more` nothing is looked at any more. */
  push(chunk: Buffer): HelloVerdict {
    this.#keep(chunk)
    if (this.#verdict === 'more') this.#verdict = this.#read()
    return this.#verdict
  }

  #keep(chunk: Buffer): void {
    const size = this.#size + chunk.length
    if (size > this.#kept.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#size))
      this.#kept.copy(larger, 0, 0, this.#size)
      this.#kept = larger
    }
    chunk.copy(this.#kept, this.#size)
    this.#size = size
  }

  #read(): HelloVerdict {
    if (this.#records.length === 0 && this.#size > 0 && this.#kept[0] !== HANDSHAKE) return this.#readOther()
    for (;;) {
      const problem = this.#inRecord === 0 ? this.#beginRecord() : this.#readRecord()
      if (problem === null) continue
      if (problem === 'more' || problem === 'complete') return problem
      return this.#refuse(problem)
    }
  }

  /** The first byte is none of a TLS handshake: a browser that was sent to `http://`, or junk. */
  #readOther(): HelloVerdict {
    const end = Math.min(this.#size, MAX_METHOD)
    for (let i = 0; i < end; i++) {
      const byte = this.#kept[i]!
      if (byte === SPACE && i > 0) return 'plain-http'
      if (!isOfMethod(byte)) return this.#refuse('its first bytes are neither TLS nor HTTP')
    }
    return end < MAX_METHOD ? 'more' : this.#refuse('its first bytes are neither TLS nor HTTP')
  }

  /** Null: go on. Another text than `more` and `complete` is a problem. */
  #beginRecord(): string | null {
    const at = this.#at
    const available = this.#size - at
    if (available >= 1 && this.#kept[at] !== HANDSHAKE) return 'a record within its ClientHello is no handshake'
    // The major version has been 3 since SSL 3.0 (RFC8446§5.1).
    if (available >= 2 && this.#kept[at + 1] !== 3) return 'a record has no version of TLS'
    if (available < RECORD_HEADER) return 'more'
    const length = this.#kept.readUInt16BE(at + 3)
    if (length === 0 || length > MAX_HELLO) return `a record has ${length} bytes: 1 to ${MAX_HELLO} are allowed`
    if (this.#records.length === MAX_RECORDS) return `its ClientHello has more than ${MAX_RECORDS} records`
    this.#at = at + RECORD_HEADER
    this.#inRecord = length
    this.#records.push({ start: this.#at, end: this.#at + length })
    return null
  }

  #readRecord(): string | null {
    while (this.#seen < MESSAGE_HEADER && this.#inRecord > 0) {
      if (this.#at === this.#size) return 'more'
      const byte = this.#kept[this.#at++]!
      this.#inRecord--
      if (this.#seen++ === 0) {
        if (byte !== CLIENT_HELLO) return 'its first message is no ClientHello'
      } else this.#length = this.#length * 256 + byte
      if (this.#seen < MESSAGE_HEADER) continue
      this.#length += MESSAGE_HEADER
      if (this.#length > MAX_HELLO) return `its ClientHello has ${this.#length} bytes: at most ${MAX_HELLO} are allowed`
    }
    if (this.#seen < MESSAGE_HEADER) return null
    const length = Math.min(this.#inRecord, this.#size - this.#at)
    this.#at += length
    this.#inRecord -= length
    this.#seen += length
    if (this.#seen >= this.#length) return this.#parse()
    return this.#inRecord === 0 ? null : 'more'
  }

  #parse(): string {
    const fields = parseHello(this.#message())
    if (typeof fields === 'string') return fields
    this.serverName = fields.serverName
    this.ticketKeyName = fields.ticketKeyName
    this.signatureAlgorithms = fields.signatureAlgorithms
    this.takesEcdsa = fields.takesEcdsa
    return 'complete'
  }

  /** The body of the message, out of its records. */
  #message(): Buffer {
    const [first] = this.#records
    const parts =
      this.#records.length === 1
        ? this.#kept.subarray(first!.start, first!.end)
        : Buffer.concat(this.#records.map(({ start, end }) => this.#kept.subarray(start, end)))
    return parts.subarray(MESSAGE_HEADER, this.#length)
  }

  #refuse(reason: string): 'refused' {
    this.reason = reason
    return 'refused'
  }
}

/** Methods that are in use have capital letters, and a hyphen: `GET`, `M-SEARCH`; HTTP/2 begins with `PRI`. */
function isOfMethod(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || byte === 0x2d
}
