import { LimitError, type ProtocolError } from '../../http/errors.ts'
import { RefusalLogs } from '../../observe/refusal-log.ts'

/** Requests that the protocol refused. The operator can raise a limit, so a broken limit is logged. Broken HTTP is logged for debugging only. */
export class RefusedRequests {
  readonly #log: (level: 'debug' | 'info', message: string, request: string) => void
  /** By the name of the limit's setting. */
  readonly #limits: RefusalLogs

  constructor(log: (level: 'debug' | 'info', message: string, request: string) => void) {
    this.#log = log
    this.#limits = new RefusalLogs((_, message, request) => log('info', message, request))
  }

  /** `request`: the id of the request. */
  tell(error: ProtocolError, client: string, request: string): void {
    const message = `refused ${client}: ${error.message}`
    if (error instanceof LimitError) this.#limits.report(error.rule, message, request)
    else this.#log('debug', message, request)
  }

  flush(): void {
    this.#limits.flush()
  }
}
