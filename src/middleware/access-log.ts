/** Gives each exchange to the access log at its end, whatever the end. */
import type { Middleware } from '../http/exchange.ts'
import type { AccessWriter } from '../observe/access-log.ts'

export function accessLog(write: AccessWriter): Middleware {
  return next => exchange => {
    exchange.onClosed(() => write(exchange))
    return next(exchange)
  }
}
