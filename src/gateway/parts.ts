/**
 * What a gateway is made of: built once, when the master has sent the configuration, and alive as long as the process. `assemble.ts` puts
 * a request's path together from these parts; `main.ts` has the life of the process. Runs in the gateway.
 */
import { linkFactory } from '../apps/links.ts'
import type { PoolAffinity } from '../apps/pool/affinity.ts'
import { AppPool } from '../apps/pool/pool.ts'
import { OpenFiles } from '../base/open-files.ts'
import { freeBytes, TemporarySpace } from '../base/temporary-space.ts'
import type { GatewayConfig } from '../config/types.ts'
import type { GatewayChannel } from '../control/ipc.ts'
import { StaticFiles } from '../handlers/static/handler.ts'
import type { Exchange } from '../http/exchange.ts'
import { type TrustedProxies, trustedProxies } from '../http/trusted-proxies.ts'
import type { AccessWriter } from '../observe/access-log.ts'
import { AccessLog } from './access-log.ts'
import { both, requestLines } from './development/request-lines.ts'
import { StaleCodeGuard } from './development/stale-code.ts'
import { respondWithError } from './errors/error-response.ts'
import { OwnPages } from './errors/own-pages.ts'
import { Refusals } from './errors/refusals.ts'
import { GatewayMemory } from './memory.ts'
import { poolEvents } from './pool-events.ts'

/** Of what is free on the disk at start. The rest is for others. */
const FREE_SHARE = 3 / 4

/** `request`: the id of the request that the message is about; empty for others. */
export type GatewayLog = (level: 'debug' | 'info' | 'warn' | 'error', message: string, request?: string) => void

export interface GatewayParts {
  readonly config: GatewayConfig
  readonly log: GatewayLog
  readonly memory: GatewayMemory
  readonly space: TemporarySpace
  readonly pool: AppPool
  readonly files: StaticFiles
  readonly pages: OwnPages
  readonly refusals: Refusals
  readonly trusted: TrustedProxies
  readonly accessLog: AccessLog
  /** Called at the end of each request; null: nobody wants to know. */
  readonly onAnswered: AccessWriter | null
  /** Null without `--reload`. */
  readonly codeGuard: StaleCodeGuard | null
  /** Answers an exchange that failed, or cuts its response, and says in the log what the operator must know. */
  readonly refuse: (exchange: Exchange, error: Error) => void
  /** Why nothing should be sent to this gateway, though everything is served; null while it is ready. */
  readonly whyNotReady: () => string | null
}

/** `isStopping`: the program is about to stop. */
export function makeParts(
  config: GatewayConfig,
  build: string,
  affinityKey: string,
  channel: GatewayChannel,
  isStopping: () => boolean,
): GatewayParts {
  const log = gatewayLog(config, channel)
  const refusals = new Refusals(log)
  const memory = new GatewayMemory(config.limits.memory, log)
  const space = makeSpace(config, refusals)
  const pages = new OwnPages(config.errorPages)
  let codeGuard: StaleCodeGuard | null = null
  const refuse = (exchange: Exchange, error: Error) => {
    refusals.failed(exchange, error)
    if (!codeGuard?.respond(exchange, error)) respondWithError(exchange, error, pages)
  }
  const { limits, timeouts, queueOrder, retry, rootPath } = config
  const pool = new AppPool({
    limits,
    timeouts,
    queueOrder,
    retry,
    links: linkFactory({ limits, timeouts, space, memory: memory.budget, build, rootPath }),
    onError: refuse,
    beforeDispatch: config.isDevelopment ? () => codeGuard?.checkFreshness() : undefined,
    events: poolEvents(channel, log),
    affinity: poolAffinity(config, affinityKey),
  })
  if (config.isDevelopment) codeGuard = new StaleCodeGuard(pool, path => channel.send({ type: 'code-changed', path }))
  const files = new StaticFiles(config.rootPath, space.files, refuse)
  files.setMounts(config.staticMounts)
  const accessLog = new AccessLog(config.accessLog, log)
  const tellRequest = requestLines(config, told => channel.send({ type: 'request', ...told }))
  return {
    config,
    log,
    memory,
    space,
    pool,
    files,
    pages,
    refusals,
    trusted: trustedProxies(config.trustedProxies),
    accessLog,
    onAnswered: both(accessLog.write, tellRequest),
    codeGuard,
    refuse,
    whyNotReady: () => (isStopping() ? 'the program is stopping' : pool.whyNotReady),
  }
}

/** One name does for all applications: each takes only the cookies that are signed for it. */
const HOME_COOKIE = 'jumak-home'

/** `key`: as in the message `start`. */
function poolAffinity({ affinity, rootPath }: GatewayConfig, key: string): PoolAffinity {
  if (affinity === null) return null
  const secret = { key: Buffer.from(key, 'hex') }
  if (affinity.kind === 'cookie') return { ...affinity, ...secret, name: HOME_COOKIE, app: 'default', path: rootPath }
  return { ...affinity, ...secret }
}

/** The master writes the log. For each refused request it would get a message that it throws away, so nothing is sent that it does not write. */
function gatewayLog({ logLevel }: GatewayConfig, channel: GatewayChannel): GatewayLog {
  return (level, message, request = '') => {
    if (level !== 'debug' || logLevel === 'debug') channel.send({ type: 'log', level, message, request })
  }
}

function makeSpace({ temporaryDirectory, limits }: GatewayConfig, refusals: Refusals): TemporarySpace {
  const bytes = limits.temporaryBytes ?? Math.floor(freeBytes(temporaryDirectory) * FREE_SHARE)
  return new TemporarySpace(temporaryDirectory, {
    bytes,
    files: new OpenFiles(limits.openFiles),
    onFull: () => refusals.content(bytes),
  })
}
