/**
 * Builds what serves an exchange from the configuration: the application handler, wrapped in the middleware that is
 * switched on. Folded once, so that a request pays nothing for what is off.
 */
import type { AppPool } from '../apps/pool/pool.ts'
import type { MemoryBudget } from '../base/memory-budget.ts'
import type { TemporarySpace } from '../base/temporary-space.ts'
import type { GatewayConfig } from '../config/types.ts'
import { appHandler } from '../handlers/app.ts'
import type { StaticFiles } from '../handlers/static/handler.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { accessLog } from '../middleware/access-log.ts'
import { health } from '../middleware/health.ts'
import type { AccessWriter } from '../observe/access-log.ts'
import type { Development } from './development/development.ts'

export function assembleHandler(
  config: GatewayConfig,
  pool: AppPool,
  space: TemporarySpace,
  memory: MemoryBudget,
  files: StaticFiles,
  access: AccessWriter | null,
  development: Development | null,
  onError: (exchange: Exchange, error: Error) => void,
  whyNotReady: () => string | null,
): Handler {
  const { limits, requestBuffering } = config
  // Its directories may come and go while it serves: without any it costs a comparison.
  const application = appHandler(pool, { requestBuffering, limits, space, memory, onError })
  const handler = files.handler(application)
  const logged = access === null ? handler : accessLog(access)(handler)
  // The questions of an error page and of a load balancer are no requests of anybody.
  const asked = development === null ? logged : development.middleware(logged)
  const { live, ready } = config.health
  return live === null && ready === null ? asked : health(config.health, whyNotReady)(asked)
}
