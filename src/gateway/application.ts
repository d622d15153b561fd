/**
 * One application in the gateway: the pools of its workers, its static files, and the handler that a request for it goes to. Runs in the
 * gateway. Applications share nothing here but what `parts.ts` gives to all: memory, disk, the logs.
 */
import { linkFactory } from '../apps/links.ts'
import { AppPool } from '../apps/pool/pool.ts'
import type { GatewayApp } from '../config/types.ts'
import { appHandler } from '../handlers/app.ts'
import { StaticFiles } from '../handlers/static/handler.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { poolAffinity } from './affinity.ts'
import { StaleCodeGuard } from './development/stale-code.ts'
import { respondWithError } from './errors/error-response.ts'
import type { SharedParts } from './shared-parts.ts'
import { staticFirst } from './static-first.ts'

export interface Application {
  readonly config: GatewayApp
  /** By name; the main pool has the empty name. */
  readonly pools: ReadonlyMap<string, AppPool>
  readonly files: StaticFiles
  /** Null without `--reload`. */
  readonly codeGuard: StaleCodeGuard | null
  readonly handler: Handler
}

/** `onStale`: development: a file of the code has changed. */
export function makeApplication(app: GatewayApp, shared: SharedParts, onStale: (path: string) => void): Application {
  const { config, build, affinityKey, memory, space, pages, refusals, events } = shared
  const { limits, timeouts, queueOrder, retry, rootPath, requestBuffering } = app
  let codeGuard: StaleCodeGuard | null = null
  const refuse = (exchange: Exchange, error: Error) => {
    refusals.failed(exchange, error)
    if (!codeGuard?.respond(exchange, error)) respondWithError(exchange, error, pages)
  }
  const pool = new AppPool({
    limits,
    timeouts,
    queueOrder,
    retry,
    links: linkFactory({ limits, timeouts, space, memory: memory.budget, build, rootPath }),
    onError: refuse,
    beforeDispatch: config.isDevelopment ? () => codeGuard?.checkFreshness() : undefined,
    events,
    affinity: poolAffinity(app, '', affinityKey),
  })
  if (config.isDevelopment) codeGuard = new StaleCodeGuard(pool, onStale)
  const files = new StaticFiles(rootPath, space.files, refuse)
  files.setMounts(app.staticMounts)
  const options = { requestBuffering, limits, space, memory: memory.budget, onError: refuse }
  const handler = staticFirst(files, appHandler(pool, options), { isAnswered: () => pages.has(404), refuse })
  return { config: app, pools: new Map([['', pool]]), files, codeGuard, handler }
}
