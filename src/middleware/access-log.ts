/** Writes one line for each exchange at its end, whatever the end. */
import type { Middleware } from '../http/exchange.ts'
import { accessLine } from '../observe/access-format.ts'
import type { Sink } from '../observe/sink.ts'

export function accessLog(sink: Sink): Middleware {
  return next => exchange => {
    exchange.onClosed(() => sink.write(accessLine(exchange, performance.now())))
    return next(exchange)
  }
}
