/** What is known of a connection with TLS, asked of OpenSSL only when somebody wants to know. Runs in the gateway. */
import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { GatewayClientCertificates, GatewayTlsEntry } from '../control/tls-messages.ts'
import type { ClientCertificate, TlsFacts } from '../http/tls-facts.ts'
import { clientCertificate } from './client-certificate.ts'

/** To be asked after the handshake. `serverName`: as the client gave it; lower case. */
export function factsOf(socket: TLSSocket, serverName: string, entry: GatewayTlsEntry): TlsFacts {
  return new Facts(socket, serverName, entry)
}

class Facts implements TlsFacts {
  readonly #socket: TLSSocket
  readonly serverName: string
  readonly #entry: GatewayTlsEntry
  #client: ClientCertificate | null = null

  constructor(socket: TLSSocket, serverName: string, entry: GatewayTlsEntry) {
    this.#socket = socket
    this.serverName = serverName
    this.#entry = entry
  }

  get protocol(): TlsFacts['protocol'] {
    return this.#socket.getProtocol() === 'TLSv1.2' ? 'TLSv1.2' : 'TLSv1.3'
  }

  get cipher(): string {
    return this.#socket.getCipher().name
  }

  get alpn(): string {
    return this.#socket.alpnProtocol || ''
  }

  get isResumed(): boolean {
    return this.#socket.isSessionReused()
  }

  get policy(): string {
    return this.#entry.policy
  }

  get client(): ClientCertificate | null {
    const { clients } = this.#entry
    if (clients === null) return null
    this.#client ??= judge(this.#socket, clients, Date.now())
    return this.#client
  }
}

/** OpenSSL's verdict on a certificate. Node tells it only to sockets that a `tls.Server` has accepted; without the method nobody is right. */
interface Verdict {
  verifyError?(): Error | null
}

/** A resumed session has the verdict of its full handshake: so the end of the certificate is looked at here. */
function judge(socket: TLSSocket, { authorities, depth }: GatewayClientCertificates, now: number): ClientCertificate {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return clientCertificate(undefined, null)
  const { _handle: handle } = socket as unknown as { readonly _handle: Verdict | null }
  const error = handle?.verifyError === undefined ? new Error('it cannot be verified') : handle.verifyError()
  if (error !== null) return clientCertificate(certificate, error.message)
  if (certificate.validToDate.getTime() < now) return clientCertificate(certificate, 'certificate has expired')
  const isDeep = depth !== null && !isIssuedWithin(certificate, authorities, depth)
  return clientCertificate(certificate, isDeep ? 'certificate chain too long' : null)
}

/** At most `depth` certificates stand between the client's and one of the authorities'. */
function isIssuedWithin(certificate: X509Certificate, authorities: string, depth: number): boolean {
  const trusted = new Set(certificatesIn(authorities).map(({ fingerprint256 }) => fingerprint256))
  let issuer = certificate.issuerCertificate
  for (let between = 0; between <= depth && issuer !== undefined; between++) {
    if (trusted.has(issuer.fingerprint256)) return true
    issuer = issuer.issuerCertificate
  }
  return false
}

function certificatesIn(pem: string): X509Certificate[] {
  const begin = '-----BEGIN CERTIFICATE-----'
  return pem
    .split(begin)
    .slice(1)
    .map(rest => new X509Certificate(`${begin}${rest}`))
}
