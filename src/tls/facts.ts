/** What is known of a connection with TLS, asked of OpenSSL only when somebody wants to know. Runs in the gateway. */
import type { TLSSocket } from 'node:tls'
import type { GatewayTlsEntry } from '../control/tls-messages.ts'
import type { ClientCertificate, TlsFacts } from '../http/tls-facts.ts'
import { clientCertificate } from './client-certificate.ts'
import { problemOf } from './verdict.ts'

/** To be asked after the handshake. `serverName`: as the client gave it; lower case. */
export function factsOf(socket: TLSSocket, serverName: string, entry: GatewayTlsEntry): TlsFacts {
  return new Facts(socket, serverName, entry)
}

class Facts implements TlsFacts {
  readonly #socket: TLSSocket
  readonly serverName: string
  readonly #entry: GatewayTlsEntry
  #client: ClientCertificate | null = null
  #protocol: TlsFacts['protocol'] | null = null
  #cipher: string | null = null

  constructor(socket: TLSSocket, serverName: string, entry: GatewayTlsEntry) {
    this.#socket = socket
    this.serverName = serverName
    this.#entry = entry
  }

  get protocol(): TlsFacts['protocol'] {
    this.#protocol ??= this.#socket.getProtocol() === 'TLSv1.2' ? 'TLSv1.2' : 'TLSv1.3'
    return this.#protocol
  }

  get cipher(): string {
    // A request may still wait when its client has gone, and OpenSSL has forgotten.
    this.#cipher ??= this.#socket.getCipher()?.name ?? ''
    return this.#cipher
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
    if (this.#client === null) {
      const certificate = this.#socket.getPeerX509Certificate()
      const problem = certificate === undefined ? null : problemOf(this.#socket, certificate, clients, Date.now())
      this.#client = clientCertificate(certificate, problem)
    }
    return this.#client
  }
}
