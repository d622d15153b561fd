/**
 * Builds what serves an exchange from the configuration: the application handler, wrapped in the middleware that is
 * switched on. Folded once, so that a request pays nothing for what is off.
 */
import type { AppPool } from '../apps/pool.ts'
import type { GatewayConfig } from '../config/types.ts'
import { appHandler } from '../handlers/app.ts'
import type { StaticFiles } from '../handlers/static/handler.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { accessLog } from '../middleware/access-log.ts'
import type { AccessWriter } from '../observe/access-log.ts'

export function assembleHandler(
  config: GatewayConfig,
  pool: AppPool,
  files: StaticFiles,
  access: AccessWriter | null,
  onError: (exchange: Exchange, error: Error) => void,
): Handler {
  const { limits, requestBuffering, temporaryDirectory } = config
  // Its directories may come and go while it serves: without any it costs a comparison.
  const handler = files.handler(appHandler(pool, { requestBuffering, limits, temporaryDirectory, onError }))
  return access === null ? handler : accessLog(access)(handler)
}
