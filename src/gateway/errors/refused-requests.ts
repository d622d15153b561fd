import { FrontServerError, LimitError, type ProtocolError, TlsOnPlainError } from '../../http/errors.ts'
import { RefusalLog, RefusalLogs } from '../../observe/refusal-log.ts'

/**
 * Requests that the protocol refused. The operator can raise a limit, give an address TLS, and mend the web server in
 * front: those are logged. Broken HTTP is logged for
 * debugging only.
 */
export class RefusedRequests {
  readonly #log: (level: 'debug' | 'info' | 'warn', message: string, request: string) => void
  /** By the name of the limit's setting. */
  readonly #limits: RefusalLogs
  readonly #tls: RefusalLog
  readonly #front: RefusalLog

  constructor(log: (level: 'debug' | 'info' | 'warn', message: string, request: string) => void) {
    this.#log = log
    this.#limits = new RefusalLogs((_, message, request) => log('info', message, request))
    this.#tls = new RefusalLog((_, message, request) => log('info', message, request))
    this.#front = new RefusalLog(log)
  }

  /** `request`: the id of the request. */
  tell(error: ProtocolError, client: string, request: string): void {
    const message = `refused ${client}: ${error.message}`
    if (error instanceof LimitError) this.#limits.report(error.rule, message, request)
    else if (error instanceof TlsOnPlainError) this.#tls.report(message, request)
    else if (error instanceof FrontServerError) this.#front.report(message, request)
    else this.#log('debug', message, request)
  }

  flush(): void {
    this.#limits.flush()
    this.#tls.flush()
    this.#front.flush()
  }
}
