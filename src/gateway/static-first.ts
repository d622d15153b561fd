/**
 * Static files before the application: what is no file goes on to the application. A file that is missing below a URL which has only files
 * is answered 404 while the operator has a page for that (`--error-page 404=…`). Runs in the gateway.
 */
import type { StaticFiles } from '../handlers/static/handler.ts'
import { HttpError } from '../http/errors.ts'
import type { Exchange, Handler } from '../http/exchange.ts'

export interface Missing {
  /** May change while the gateway serves: HUP replaces the pages. */
  readonly isAnswered: () => boolean
  readonly refuse: (exchange: Exchange, error: Error) => void
}

export function staticFirst(files: StaticFiles, application: Handler, missing: Missing): Handler {
  return exchange => {
    // Directories may come and go while the gateway serves. Without any, this comparison is all they cost.
    if (files.isEmpty) return application(exchange)
    const outcome = files.serve(exchange)
    if (outcome === 'answered') return
    if (outcome === 'no file') return application(exchange)
    if (outcome === 'missing') return answerMissing(exchange)
    return outcome.then(found =>
      found === 'answered' ? undefined : found === 'missing' ? answerMissing(exchange) : application(exchange),
    )
  }

  function answerMissing(exchange: Exchange): void | Promise<void> {
    if (!missing.isAnswered()) return application(exchange)
    missing.refuse(exchange, new HttpError(404, 'There is no such file', 'client'))
  }
}
