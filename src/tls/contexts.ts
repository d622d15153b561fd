/**
 * OpenSSL's contexts for a `GatewayTls`: each has certificates, ciphers, rules for client certificates, and the key of session tickets. Runs
 * in each event loop of the gateway.
 *
 * A context is made when the first client needs it. Node's contexts keep one ticket key. So an entry has one context for each ticket secret,
 * and a client whose ticket was made with the older secret gets the older context: a rotation of secrets costs no full handshake.
 *
 * Invariants: two entries with different policies have different ticket keys and session contexts, so no resumption carries a verdict on a
 * client certificate from one to the other. At most two contexts an entry and type of certificate.
 * Not here: which entry a client gets (`names.ts`), the ClientHello (`client-hello.ts`).
 */
import { constants, createPrivateKey, hkdfSync } from 'node:crypto'
import { createSecureContext, Server, type TLSSocketOptions } from 'node:tls'
import type { GatewayCertificate, GatewayTls, GatewayTlsEntry } from '../control/tls-messages.ts'

/**
 * Seconds. A ticket is of use for so long, or until its secret has gone. It says what the client's certificate was at the full handshake:
 * `verdict.ts` looks at its dates again.
 */
const SESSION_SECONDS = 3600
const TICKET_KEY_BYTES = 48
const KEY_NAME_BYTES = 16
/** As OpenSSL names them: the hybrid with ML-KEM first, which today's browsers offer. */
const CURVES = 'X25519MLKEM768:X25519:P-256:P-384'
/**
 * A client cannot renegotiate: one that does so again and again costs much. A client that prefers ChaCha20 has no AES in hardware,
 * and gets ChaCha20. Compression would tell secrets (CRIME).
 */
const OPTIONS = constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_PRIORITIZE_CHACHA | constants.SSL_OP_NO_COMPRESSION

/** What of a ClientHello chooses the context. */
export interface HelloFacts {
  /** Of the session ticket that the client has; null: none. */
  readonly ticketKeyName: Buffer | null
  /** As the client lists them (RFC8446§4.2.3). */
  readonly signatureAlgorithms: readonly number[]
  /** It has a cipher for an ECDSA certificate. */
  readonly takesEcdsa: boolean
}

/** A client that lists the scheme takes a certificate with this curve, or with RSA (RFC8446§4.2.3). */
const RSA_SCHEME = 0x0804
const ECDSA_SCHEMES: Readonly<Record<string, number>> = { prime256v1: 0x0403, secp384r1: 0x0503, secp521r1: 0x0603 }

export class Contexts {
  readonly #secrets: readonly Buffer[]
  readonly #protocols: Buffer
  /** Of each entry by the secret and the certificates in it. Two entries may have the same names and rules. */
  readonly #made = new Map<GatewayTlsEntry, Map<string, TLSSocketOptions>>()
  /** By policy, in the order of the secrets. */
  readonly #ticketKeys = new Map<string, readonly Buffer[]>()
  /** Of entries with several certificates and an OCSP response. */
  readonly #schemes = new Map<GatewayCertificate, number>()

  /** `protocols`: names for ALPN, the best first. */
  constructor({ ticketSecrets }: Pick<GatewayTls, 'ticketSecrets'>, protocols: readonly string[]) {
    this.#secrets = ticketSecrets.map(secret => Buffer.from(secret, 'hex'))
    this.#protocols = Buffer.concat(protocols.map(name => Buffer.from(`${String.fromCharCode(name.length)}${name}`)))
  }

  /** For `new TLSSocket`. Throws if OpenSSL refuses a certificate, a key or a cipher of the entry. */
  optionsFor(entry: GatewayTlsEntry, hello: HelloFacts): TLSSocketOptions {
    const secret = this.#secretOf(entry, hello.ticketKeyName)
    const certificates = this.#certificatesFor(entry, hello)
    let made = this.#made.get(entry)
    if (made === undefined) {
      made = new Map()
      this.#made.set(entry, made)
    }
    const key = `${secret} ${certificates.map(one => entry.certificates.indexOf(one))}`
    let options = made.get(key)
    if (options === undefined) {
      options = this.#make(entry, certificates, this.#ticketKeysOf(entry.policy)[secret]!)
      made.set(key, options)
    }
    return options
  }

  /** The index of the secret that the client's ticket was made with; that of the newest if it has no ticket of ours. */
  #secretOf({ policy }: GatewayTlsEntry, ticketKeyName: Buffer | null): number {
    if (ticketKeyName === null) return 0
    const keys = this.#ticketKeysOf(policy)
    return Math.max(
      keys.findIndex(key => key.subarray(0, KEY_NAME_BYTES).equals(ticketKeyName)),
      0,
    )
  }

  #ticketKeysOf(policy: string): readonly Buffer[] {
    let keys = this.#ticketKeys.get(policy)
    if (keys === undefined) {
      keys = this.#secrets.map(secret => ticketKey(secret, policy))
      this.#ticketKeys.set(policy, keys)
    }
    return keys
  }

  /**
   * OpenSSL chooses among the certificates of a context, but Node cannot tell which one it has chosen when it asks for the OCSP response.
   * So we choose where there is one. A client of which we cannot tell gets all certificates, and no response. Some clients
   * list schemes of ECDSA, and ciphers for RSA alone.
   */
  #certificatesFor({ certificates }: GatewayTlsEntry, hello: HelloFacts): readonly GatewayCertificate[] {
    if (certificates.length === 1 || certificates.every(({ staple }) => staple === '')) return certificates
    const takes = certificates.filter(one => {
      const scheme = this.#schemeOf(one)
      return hello.signatureAlgorithms.includes(scheme) && (hello.takesEcdsa || scheme === RSA_SCHEME)
    })
    // ECDSA costs less, and has the smaller numbers.
    const [found] = takes.sort((one, other) => this.#schemeOf(one) - this.#schemeOf(other))
    return found === undefined ? certificates : [found]
  }

  #schemeOf(certificate: GatewayCertificate): number {
    let scheme = this.#schemes.get(certificate)
    if (scheme === undefined) {
      const { asymmetricKeyDetails } = createPrivateKey(certificate.key)
      scheme = ECDSA_SCHEMES[asymmetricKeyDetails?.namedCurve ?? ''] ?? RSA_SCHEME
      this.#schemes.set(certificate, scheme)
    }
    return scheme
  }

  #make(entry: GatewayTlsEntry, certificates: readonly GatewayCertificate[], ticketKeys: Buffer): TLSSocketOptions {
    const { clients } = entry
    // A ticket has the client's certificate, but not the chain: its length could not be judged again.
    const resumes = clients === null || clients.depth === null
    const secureContext = createSecureContext({
      cert: certificates.map(({ chain }) => chain),
      key: certificates.map(({ key }) => key),
      minVersion: entry.minVersion,
      ciphers: entry.ciphers,
      ecdhCurve: CURVES,
      honorCipherOrder: true,
      secureOptions: resumes ? OPTIONS : OPTIONS | constants.SSL_OP_NO_TICKET,
      sessionIdContext: entry.policy.slice(0, 32),
      sessionTimeout: SESSION_SECONDS,
      ticketKeys,
      ...(clients === null
        ? {}
        : { ca: clients.authorities, ...(clients.revoked === '' ? {} : { crl: clients.revoked }) }),
    })
    return {
      isServer: true,
      secureContext,
      requestCert: clients !== null,
      // We judge it: the client is to read why.
      rejectUnauthorized: false,
      ALPNProtocols: this.#protocols,
      ...stapleOf(certificates),
    }
  }
}

/** The name of the key, and the keys of HMAC and AES, as Node takes them. */
function ticketKey(secret: Buffer, policy: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `jumak ticket ${policy}`, TICKET_KEY_BYTES))
}

/** Node staples only for a `tls.Server`, which need not listen. */
function stapleOf(certificates: readonly GatewayCertificate[]): Pick<TLSSocketOptions, 'server'> {
  if (certificates.length !== 1 || certificates[0]!.staple === '') return {}
  const [{ staple, stapleUntil }] = certificates as [GatewayCertificate]
  const response = Buffer.from(staple, 'base64')
  const until = stapleUntil ?? Number.POSITIVE_INFINITY
  const server = new Server()
  // One that has ended is worse than none: clients refuse it.
  server.on('OCSPRequest', (_certificate, _issuer, callback) => callback(null, Date.now() < until ? response : null!))
  return { server }
}
