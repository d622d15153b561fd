/**
 * What the master tells the gateway about TLS: certificates with their keys, who may connect, keys of session tickets. It is sent by IPC
 * only, never by argument, environment or file: the gateway's user need not be able to read a key.
 *
 * Not here: the settings (`config/types.ts`), how the master makes this of them (`master/tls/`), what the gateway makes of it (`tls/`).
 */
import {
  type Check,
  type Checks,
  flag,
  listOf,
  object,
  oneOf,
  orNull,
  text,
  textLike,
  wholeNumber,
} from '../base/checks.ts'

/** TLS as it is in force from one moment on. */
export interface GatewayTls {
  /** At least one. At most one is the default: for clients that name nobody, or somebody whom no entry has. */
  readonly entries: readonly GatewayTlsEntry[]
  /** Newest first, at most two: 64 secret bytes in hexadecimal digits, from which each policy derives its ticket key. */
  readonly ticketSecrets: readonly string[]
}

export interface GatewayTlsEntry {
  /** Lower case, as in `example.kr`, `*.example.kr`. */
  readonly names: readonly string[]
  readonly isDefault: boolean
  /** One, or one for each type of key. */
  readonly certificates: readonly GatewayCertificate[]
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** OpenSSL's list, of TLS 1.2 and TLS 1.3 together. */
  readonly ciphers: string
  /** A hash of all but names and certificates: see `TlsFacts`. */
  readonly policy: string
  /** Null: clients are not asked for a certificate. */
  readonly clients: GatewayClientCertificates | null
}

export interface GatewayCertificate {
  /** PEM of the whole chain, leaf first. */
  readonly chain: string
  /** PEM, without a password. */
  readonly key: string
  /** OCSP response (DER) in base64; empty: none. */
  readonly staple: string
  /** Clients do not get it from then on: milliseconds since 1970. Null: there is no end. */
  readonly stapleUntil: number | null
}

export interface GatewayClientCertificates {
  readonly isRequired: boolean
  /** PEM of the authorities. */
  readonly authorities: string
  /** PEM of revocation lists; empty: none. */
  readonly revoked: string
  /** Most certificates between the client's and the authority's; null: any number. */
  readonly depth: number | null
}

const MAX_PEM = 4 * 1024 * 1024
const MAX_ENTRIES = 10_000
const pem = text(MAX_PEM)
/** A wrong value is shown in the log: not this one. */
const secret: Check = value => {
  const problem = pem(value)
  return problem === null ? null : { ...problem, value: 'a secret' }
}

const certificate: Checks<GatewayCertificate> = {
  chain: pem,
  key: secret,
  staple: text(MAX_PEM),
  stapleUntil: orNull(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
}
const clients: Checks<GatewayClientCertificates> = {
  isRequired: flag,
  authorities: pem,
  revoked: pem,
  depth: orNull(wholeNumber(0, 100)),
}
const entry: Checks<GatewayTlsEntry> = {
  names: listOf(text(255), MAX_ENTRIES),
  isDefault: flag,
  certificates: listOf(object(certificate), 8),
  minVersion: oneOf(['TLSv1.2', 'TLSv1.3']),
  ciphers: text(4096),
  policy: textLike(/^[0-9a-f]{64}$/, 64, 'a hash'),
  clients: orNull(object(clients)),
}

export const ticketSecrets: Check = listOf(secret, 2)

export const gatewayTls = object<GatewayTls>({
  entries: listOf(object(entry), MAX_ENTRIES),
  ticketSecrets,
})
