/**
 * Whether the certificate of a client is right: OpenSSL's verdict, and what OpenSSL does not look at. Runs in the gateway, once for each
 * connection that was asked for a certificate, after the handshake.
 *
 * Invariants: what cannot be judged is wrong. A resumed session has the verdict of its first handshake, so the dates are looked at again
 * here; it has no chain, so a limit of depth refuses it. Changed authorities and CRLs are another policy, which resumes nothing.
 *
 * Not here: what becomes of the client (`gateway/`), that there is no certificate (`client-certificate.ts`).
 */
import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { certificatesIn } from '../base/pem.ts'
import type { GatewayClientCertificates } from '../control/tls-messages.ts'

/** The verdict is not documented for a socket that no `tls.Server` of Node made. */
interface Internals {
  readonly _handle: { verifyError?(): Error | null } | null
}

/** More certificates in one chain are nobody's. */
const MAX_CHAIN = 16

/** Fingerprints of the authorities. */
const fingerprints = new WeakMap<GatewayClientCertificates, ReadonlySet<string>>()

/** Why `certificate`, the peer's of `socket`, is wrong, in OpenSSL's words; null: it is right. `now`: milliseconds since 1970. */
export function problemOf(
  socket: TLSSocket,
  certificate: X509Certificate,
  clients: GatewayClientCertificates,
  now: number,
): string | null {
  const handle = (socket as unknown as Internals)._handle
  if (typeof handle?.verifyError !== 'function') return 'there is no verdict on the certificate'
  const error = handle.verifyError()
  // Behind a semicolon is Node's advice to programmers.
  if (error) return error.message.split(';')[0] || 'the certificate is wrong'
  // Not `<`: an invalid date is wrong.
  if (!(now <= certificate.validToDate.getTime())) return 'certificate has expired'
  if (clients.depth === null) return null
  return isWithin(clients.depth, chainOf(socket), authoritiesOf(clients)) ? null : 'certificate chain too long'
}

/** The client's certificate first. */
function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = []
  for (let one = socket.getPeerCertificate(true); chain.length < MAX_CHAIN; one = one.issuerCertificate) {
    chain.push(new X509Certificate(one.raw))
    if (one.issuerCertificate === undefined || one.issuerCertificate === one) break
  }
  return chain
}

/**
 * Node puts the chain together by names, from what the client has sent: a forged intermediate could make it look short. So each
 * signature counts, and the last must be an authority of ours.
 */
function isWithin(depth: number, chain: readonly X509Certificate[], authorities: ReadonlySet<string>): boolean {
  if (chain.length - 2 > depth || !authorities.has(chain.at(-1)!.fingerprint256)) return false
  return chain
    .slice(1)
    .every((issuer, i) => issuer.ca && chain[i]!.checkIssued(issuer) && chain[i]!.verify(issuer.publicKey))
}

function authoritiesOf(clients: GatewayClientCertificates): ReadonlySet<string> {
  let known = fingerprints.get(clients)
  if (known === undefined) {
    known = new Set(certificatesIn(clients.authorities).map(pem => new X509Certificate(pem).fingerprint256))
    fingerprints.set(clients, known)
  }
  return known
}
