/**
 * Sockets with TLS to upstreams, as one location wants them. Loaded only where a `proxy` is https://. Runs in the gateway.
 *
 * Invariants: with `isVerified` nothing is written to a server before its certificate is right: its dates, its authority, and the name by which it
 * was asked. Sessions are used again only with the same settings and the same server, so a session that is resumed was verified.
 * Bounds: MAX_SESSIONS sessions, one for each server.
 */
import { isIP, type Socket } from 'node:net'
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect,
  createSecureContext,
  getCACertificates,
  type SecureContext,
} from 'node:tls'
import type { ServerAddress, UpstreamTls } from '../sites/upstream-model.ts'
import type { ReadInto, SocketMaker } from './connection.ts'

/** Names have other addresses from time to time. The oldest goes. */
const MAX_SESSIONS = 1000

const NOT_KNOWN = 'its certificate is signed by no authority that is known here (proxy-ssl-trusted-certificate)'
/** OpenSSL's words for what is wrong with a certificate. */
const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: NOT_KNOWN,
  SELF_SIGNED_CERT_IN_CHAIN: NOT_KNOWN,
  UNABLE_TO_GET_ISSUER_CERT: NOT_KNOWN,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NOT_KNOWN,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NOT_KNOWN,
}

export class TlsSockets implements SocketMaker {
  readonly connected = 'secureConnect'
  readonly #settings: UpstreamTls
  readonly #context: SecureContext
  readonly #sessions = new Map<string, Buffer>()

  constructor(settings: UpstreamTls) {
    const { authorities, client, versions } = settings
    this.#settings = settings
    this.#context = createSecureContext({
      ca: authorities ?? ofSystem(),
      ...(client === null ? {} : { cert: client.certificate, key: client.key }),
      minVersion: versions[0] ?? 'TLSv1.2',
      maxVersion: versions.at(-1) ?? 'TLSv1.3',
    })
  }

  connect(address: ServerAddress, host: string, into: ReadInto): Socket {
    const { isVerified, sendsName } = this.#settings
    const name = this.#settings.name ?? host
    const where = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port }
    const key = `${name} ${JSON.stringify(where)}`
    const session = this.#sessions.get(key)
    const options: ConnectionOptions & { readonly allowHalfOpen: boolean; readonly onread: ReadInto } = {
      ...where,
      ...(session === undefined ? {} : { session }),
      secureContext: this.#context,
      // An address is no name (RFC6066§3).
      servername: sendsName && isIP(name) === 0 ? name : '',
      rejectUnauthorized: isVerified,
      checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
      ALPNProtocols: ['http/1.1'],
      allowHalfOpen: true,
      onread: into,
    }
    const socket = connect(options)
    socket.on('session', ticket => this.#keep(key, ticket))
    return socket
  }

  whyNot(error: NodeJS.ErrnoException): string {
    const { code = '', message } = error
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
      return `refused by us: its certificate is for another name (proxy-ssl-name): ${(error as { reason?: string }).reason ?? message}`
    const reason = REASONS[code]
    if (reason !== undefined) return `refused by us: ${reason}`
    return code.startsWith('ERR_SSL_') ? `TLS failed: ${code.slice('ERR_SSL_'.length).toLowerCase()}` : code || message
  }

  #keep(key: string, ticket: Buffer): void {
    this.#sessions.delete(key)
    this.#sessions.set(key, ticket)
    if (this.#sessions.size <= MAX_SESSIONS) return
    for (const oldest of this.#sessions.keys()) {
      this.#sessions.delete(oldest)
      return
    }
  }
}

let system: string[] | null = null

/** Read once for a thread: there are some hundred. Node's own list where the system has none. */
function ofSystem(): string[] {
  if (system === null) {
    const own = getCACertificates('system')
    system = own.length > 0 ? own : getCACertificates('bundled')
  }
  return system
}
