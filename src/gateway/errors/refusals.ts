/** What the log says of everything that the gateway refuses or cuts: each kind at most once a second. Runs in the gateway. */
import { AddressFullError } from '../../apps/pool/address-limit.ts'
import { FileCutError, HttpError, type ProtocolError } from '../../http/errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import { RefusalLog, RefusalLogs } from '../../observe/refusal-log.ts'
import { RefusedRequests } from './refused-requests.ts'

type Log = (level: 'debug' | 'info' | 'warn', message: string, request?: string) => void

/** Of one application: its lines take no place from those of others. */
export class AppRefusals {
  readonly #perAddress: number
  readonly #exchanges: RefusalLog
  readonly #addresses: RefusalLog
  readonly #cutFiles: RefusalLog

  /** `perAddress`: the limit. */
  constructor(log: Log, perAddress: number) {
    this.#perAddress = perAddress
    this.#exchanges = new RefusalLog(log)
    this.#addresses = new RefusalLog(log)
    this.#cutFiles = new RefusalLog(log)
  }

  /**
   * Logs the errors that the operator can do something about: a full queue, an address with too many requests, a full disk, a file that
   * became shorter.
   */
  failed({ id, request, peer }: Exchange, error: Error): void {
    const { method, path } = request
    if (error instanceof HttpError && error.culprit === 'operator')
      this.#exchanges.report(`${method} ${path} was refused: ${error.message}`, id)
    else if (error instanceof AddressFullError)
      this.#addresses.report(
        `${method} ${path} from ${peer.address} was refused: ${this.#perAddress} requests of this address wait or upload, which is the limit (limit-requests-per-address); a proxy belongs to trusted-proxies`,
        id,
      )
    else if (error instanceof FileCutError)
      this.#cutFiles.report(`the answer to ${method} ${path} was cut: ${error.message}`, id)
  }

  /** Writes the lines of refusals that are only counted. */
  flush(): void {
    this.#exchanges.flush()
    this.#addresses.flush()
    this.#cutFiles.flush()
  }
}

/** Of the gateway as a whole. */
export class Refusals {
  readonly #requests: RefusedRequests
  readonly #connections: RefusalLog
  readonly #addresses: RefusalLog
  readonly #space: RefusalLog
  readonly #emptyRecords: RefusalLog
  readonly #proxied: RefusalLog
  readonly #front: RefusalLog
  readonly #limits: RefusalLogs
  readonly #inSites: RefusalLogs

  constructor(log: Log) {
    this.#requests = new RefusedRequests(log)
    this.#connections = new RefusalLog(log)
    this.#addresses = new RefusalLog(log)
    this.#space = new RefusalLog(log)
    this.#emptyRecords = new RefusalLog(log)
    this.#proxied = new RefusalLog(log)
    this.#front = new RefusalLog(log)
    this.#limits = new RefusalLogs(log)
    this.#inSites = new RefusalLogs(log)
  }

  /** The protocol refused a request. `request`: its id. */
  request(error: ProtocolError, client: string, request: string): void {
    this.#requests.tell(error, client, request)
  }

  /** A connection was refused. `limit`: the number of open connections. */
  connection(limit: number): void {
    this.#connections.report(`a connection was refused: ${limit} are open, which is the limit (limit-connections)`)
  }

  /** A connection was refused because its address has `limit` connections open. */
  connectionFrom(address: string, limit: number): void {
    this.#addresses.report(
      `a connection from ${address} was refused: it has ${limit} open, which is the limit (limit-connections-per-address); a proxy belongs to trusted-proxies`,
    )
  }

  /** A connection of a listener with the PROXY protocol. `sender`: its address. */
  proxied(sender: string, reason: string): void {
    this.#proxied.report(`a connection of ${sender || 'a Unix socket'} was closed: ${reason} (proxy-protocol-from)`)
  }

  /** A connection of a listener of FastCGI, SCGI or uwsgi. */
  front(server: string): void {
    this.#front.report(
      `a connection of ${server || 'a Unix socket'} was closed: it may send no requests for others (params-from)`,
    )
  }

  emptyRecords(client: string): void {
    this.#emptyRecords.report(
      `a connection of ${client || 'a client'} was closed: it sent records of TLS with nothing in them (a flood of KeyUpdate)`,
    )
  }

  /** A site could not answer a request, and it was not the client's mistake: passwords wait, the answer of an `auth-request` is none. */
  inSite(why: string, line: string, request: string): void {
    this.#inSites.report(why, line, request)
  }

  /** A request met a limit of its location. `isDryRun`: it went on. */
  readonly limited = (limit: string, { id, request, peer }: Exchange, isDryRun: boolean): void => {
    const what = isDryRun ? 'would be refused' : 'was refused'
    this.#limits.report(
      `${limit} ${isDryRun}`,
      `${request.method} ${request.path} from ${peer.address || 'a client'} ${what}: it is too much for the limit ${limit}`,
      id,
    )
  }

  /** Content has no room in temporary files. `limit`: their bytes. */
  content(limit: number): void {
    const megabytes = Math.round(limit / 1024 ** 2)
    this.#space.report(
      `temporary files hold ${megabytes} MB, which is the limit (limit-temp-bytes): large uploads are refused, and long responses hold their workers`,
    )
  }

  /** Writes the lines of refusals that are only counted. */
  flush(): void {
    this.#requests.flush()
    this.#connections.flush()
    this.#addresses.flush()
    this.#space.flush()
    this.#emptyRecords.flush()
    this.#proxied.flush()
    this.#front.flush()
    this.#limits.flush()
    this.#inSites.flush()
  }
}
