/** With `--reload`: reports each request that is over to the master, which writes a line for it into the program's log. Runs in the gateway. */
import { standardStream } from '../../base/standard-streams.ts'
import type { GatewayConfig } from '../../config/types.ts'
import type { RequestTold } from '../../control/messages.ts'
import { statusOf } from '../../observe/access-format.ts'
import type { AccessWriter } from '../../observe/access-log.ts'

/** One or two lines of a terminal. */
const MAX_TARGET = 300

/** Null: no lines are wanted, or an access log on the terminal says the same. */
export function requestLines(
  { isDevelopment, accessLog }: GatewayConfig,
  tell: (told: RequestTold) => void,
): AccessWriter | null {
  const isShown = accessLog !== null && (accessLog.path === '-' || standardStream(accessLog.path) !== null)
  if (!isDevelopment || isShown) return null
  return entry => {
    const { id, request, receivedAt, servedBy, app } = entry
    const { method, target } = request
    tell({
      request: id,
      method,
      target: target.length > MAX_TARGET ? `${target.slice(0, MAX_TARGET)}…` : target,
      status: statusOf(entry),
      milliseconds: Math.round(performance.now() - receivedAt),
      isApplication: servedBy !== null,
      app,
    })
  }
}

/** A writer that calls both. */
export function both(first: AccessWriter | null, second: AccessWriter | null): AccessWriter | null {
  if (first === null || second === null) return first ?? second
  return entry => {
    first(entry)
    second(entry)
  }
}
