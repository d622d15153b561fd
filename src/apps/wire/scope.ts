/**
 * Writes the head of a REQUEST on a multiplexed link from an exchange (`multiplex.ts`, "Head"): the strings of its ASGI scope. Runs
 * in the gateway, once per request, sans-IO. The worker adds what is the same for all of its requests (`scopes.py`).
 *
 * Invariants: header names are lower-case; their order and duplicates are kept. Host is the authority, which takes precedence
 * (RFC9112§3.2.2). Only the last value may have a NUL. Requests with the same headers have the same names in the same order:
 * `scopes.py` relies on it.
 */
import { bytesOf } from '../../base/bytes.ts'
import { type ApplicationRoot, fullRoot, withRoot } from '../../http/application-root.ts'
import type { Exchange, LocalEnd, RequestHead } from '../../http/exchange.ts'
import { headerValues } from '../../http/headers.ts'
import { decodePathBytes } from '../../http/path.ts'
import type { TlsFacts } from '../../http/tls-facts.ts'
import type { FrameWriter } from './frame-writer.ts'
import { tlsNumbers } from './tls-text.ts'

/** The first header is always the exchange's id: the worker's log names the request by it. */
const HTTP = 'http\0x-request-id'
const WEB_SOCKET = 'websocket\0x-request-id'
/** Instead of the `http` and `websocket` at the beginning of the names. */
const WITH_CERTIFICATE = '+client'
const WITH_USER = '+user'
const WEB_SOCKET_SCHEME = { http: 'ws', https: 'wss' } as const

/** Beginnings of a connection's text. There are few, and looking one up costs less than joining strings. */
const LEADS = { '1.0': leadsOf('1.0'), '1.1': leadsOf('1.1'), '2': leadsOf('2') } as const

function leadsOf(version: RequestHead['version']) {
  return { http: `${version} http `, https: `${version} https `, ws: `${version} ws `, wss: `${version} wss ` } as const
}

export class ScopeWriter {
  readonly #root: ApplicationRoot
  /** Where the last request came in, and the text for it: nearly always the next request has the same. */
  #local: LocalEnd = { address: '', port: 0, tls: null }
  #server = ' 0  '

  constructor(root: ApplicationRoot) {
    this.#root = root
  }

  /** Writes `u32 headLength · u32 namesLength · names · values`. */
  write(writer: FrameWriter, exchange: Exchange): void {
    const { request, peer, local, isWebSocket, user } = exchange
    const { headers, authority, version, rootPath: ownRoot } = request
    const own = ownRoot === undefined ? undefined : fullRoot(this.#root, ownRoot)
    const { outer, full } = this.#root
    const scheme = isWebSocket ? WEB_SOCKET_SCHEME[request.scheme] : request.scheme
    let names = isWebSocket ? WEB_SOCKET : HTTP
    const { tls } = local
    const lead = tls === null ? LEADS[version][scheme] : `${version} ${scheme}${tlsNumbers(tls)} `
    let values =
      `${lead}${peer.port} ${peer.address}${this.#serverOf(local, own)}\0` + `${request.method}\0${exchange.id}`
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i]!
      if (name === 'x-request-id') continue
      names += `\0${name}`
      values += `\0${name === 'host' && authority !== '' ? authority : headers[i + 1]!}`
    }
    if (tls !== null && tls.client !== null) {
      names = names.replace('\0', `${WITH_CERTIFICATE}\0`)
      values += clientOf(tls.client)
    }
    if (user !== '') {
      names = names.replace('\0', `${WITH_USER}\0`)
      values += `\0${user}`
    }
    const head = `${names}${values}\0${request.query}\0${request.path}\0${withRoot(decodePathBytes(request.path), own ?? full, ownRoot ?? outer)}`
    writer.u32(head.length)
    writer.u32(names.length)
    writer.latin1(head)
  }

  /** ` 8000  127.0.0.1`; if the request has a root path of its own, ` 8000 /shop 127.0.0.1`. */
  #serverOf(local: LocalEnd, ownRoot: string | undefined): string {
    if (ownRoot !== undefined) return ` ${local.port} ${ownRoot} ${addressOf(local)}`
    if (local.port !== this.#local.port || local.address !== this.#local.address) {
      this.#local = local
      this.#server = ` ${local.port}  ${addressOf(local)}`
    }
    return this.#server
  }
}

/** Why the certificate is wrong, whose it is, and its PEM; all are empty if there is none. */
function clientOf({ verify, subject, pem }: NonNullable<TlsFacts['client']>): string {
  const failure = verify.startsWith('FAILED:') ? verify.slice('FAILED:'.length) : ''
  return `\0${bytesOf(failure)}\0${bytesOf(subject)}\0${pem}`
}

/** A Unix socket's path goes as the bytes of its UTF-8. */
function addressOf({ address, port }: LocalEnd): string {
  return port === 0 ? bytesOf(address) : address
}

/** The subprotocols that the client offers, in its order (RFC6455§4.2.2). */
export function offeredSubprotocols(request: RequestHead): string[] {
  return headerValues(request.headers, 'sec-websocket-protocol')
    .flatMap(value => value.split(','))
    .map(name => name.trim())
    .filter(name => name !== '')
}
