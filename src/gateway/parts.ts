/**
 * What a gateway is made of: built once, when the master has sent the configuration, and alive as long as the process. `assemble.ts` puts
 * a request's path together from these parts; `main.ts` has the life of the process. Runs in the gateway.
 */
import type { Traffic } from '../base/traffic.ts'
import type { GatewayStart, GatewayToMaster } from '../control/messages.ts'
import { httpsPortOf } from '../middleware/https-redirect.ts'
import type { AccessWriter } from '../observe/access-log.ts'
import { AccessLog } from './access-log.ts'
import { Applications } from './applications.ts'
import { both, requestLines } from './development/request-lines.ts'
import type { RemoteRecords } from './remote.ts'
import { makeShared, type OtherLoops, type SharedParts } from './shared-parts.ts'
import type { SiteLogs } from './sites/logs.ts'
import type { TrafficCount } from './traffic.ts'

interface OptionalParts {
  readonly threads?: OtherLoops | null
  readonly remote?: typeof RemoteRecords | null
}

export interface GatewayParts extends SharedParts {
  readonly applications: Applications
  readonly accessLog: AccessLog
  /** Of sites. Null: there have been no sites yet. */
  readonly siteLogs: { current: SiteLogs | null }
  /** Null: no location has shown it yet. */
  readonly traffic: { current: TrafficCount | null }
  /** Of this event loop, now. */
  readonly connectionTraffic: () => Omit<Traffic, 'requests'>
  /** Other threads, or another gateway, write to the same logs. */
  readonly hasOtherWriters: boolean
  /** Null: no other program is told of requests. */
  readonly remote: RemoteRecords | null
  /** Called at the end of each request; null: nobody wants to know. */
  readonly onAnswered: AccessWriter | null
  /** Where clients of a plain address are redirected to; 0: no TCP address has TLS. */
  readonly httpsPort: number
  /** The program is about to stop: nothing should be sent to this gateway, though everything is served. */
  readonly isStopping: () => boolean
}

/** `threads`: what this event loop shares with others; `remote`: what metrics and syslog need. Null or left out: there are none. */
export function makeParts(
  start: GatewayStart,
  send: (message: GatewayToMaster) => void,
  isStopping: () => boolean,
  connectionTraffic: GatewayParts['connectionTraffic'],
  { threads = null, remote: Remote = null }: OptionalParts = {},
): GatewayParts {
  const { config } = start
  const shared = makeShared(start, send, threads)
  const { log } = shared
  const applications = new Applications(config.apps, shared, (app, path) => send({ type: 'code-changed', app, path }))
  const hasOthers = config.gatewayThreads > 1 || start.waits
  const accessLog = new AccessLog(config.accessLog, log, hasOthers)
  const remote = Remote && new Remote(config, log)
  const tellRequest = requestLines(config, told => send({ type: 'request', ...told }))
  return {
    ...shared,
    applications,
    accessLog,
    siteLogs: { current: null },
    traffic: { current: null },
    connectionTraffic,
    hasOtherWriters: hasOthers,
    remote,
    onAnswered: [accessLog.write, tellRequest, ...(remote?.writers ?? [])].reduce(both, null),
    isStopping,
    httpsPort: httpsPortOf(start.listeners),
  }
}
