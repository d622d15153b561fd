/**
 * The part of the configuration that the gateway gets, and a check for each value in it; see `shapes.ts`. The values are right, because
 * `config/` made them: this only checks that they arrive whole. Runs in the master, which sends them, and in the gateway, which checks
 * them. A value without a check does not compile.
 */
import {
  type Check,
  type Checks,
  flag,
  listOf,
  numberFrom,
  object,
  oneOf,
  orNull,
  text,
  textLike,
  wholeNumber,
} from '../base/checks.ts'
import { FORWARDED_HEADERS } from '../base/forwarded-headers.ts'
import type {
  AccessLines,
  AccessLogConfig,
  AppConfig,
  AppLimits,
  AppTimeouts,
  Config,
  ErrorPage,
  GatewayApp,
  GatewayConfig,
  HealthPaths,
  Http2Config,
  HttpsConfig,
  Identity,
  Limits,
  PathTimeout,
  PoolConfig,
  RemoteAddress,
  StaticMount,
  StatsdConfig,
  SyslogConfig,
  Timeouts,
} from '../config/types.ts'
import { compression, sitesModel } from './sites-shape.ts'

const MAX_TEXT = 4096
/** The number after it is (uid_t)-1, which is no user. */
const MAX_UID = 2 ** 32 - 2
const MAX_ENTRIES = 10_000
/** The setting allows the same. */
const MAX_THREADS = 64

const line = text(MAX_TEXT)
const path = textLike(/^\//, MAX_TEXT, 'an absolute path')
const count = wholeNumber(0, Number.MAX_SAFE_INTEGER)
const milliseconds = numberFrom(0, Number.MAX_SAFE_INTEGER)
const id = wholeNumber(0, MAX_UID)

/** The settings allow the same characters. */
export const appName = textLike(/^[a-z0-9_-]{1,32}$/, 32, 'the name of an application')
/** Empty: no application. */
export const nameOrNone = textLike(/^[a-z0-9_-]{0,32}$/, 32, 'the name of an application')
/** Empty: the main pool. */
export const poolName = textLike(/^[a-z0-9_-]{0,32}$/, 32, 'the name of a pool')

const limits = object<Limits>({
  requestLine: count,
  headerBytes: count,
  headerCount: count,
  temporaryBytes: orNull(count),
  memory: count,
  openFiles: count,
  connections: count,
  connectionsPerAddress: count,
  bodyRate: count,
  sendRate: count,
  websocketMessage: count,
})
const timeouts = object<Timeouts>({
  head: milliseconds,
  body: milliseconds,
  keepAlive: milliseconds,
  send: milliseconds,
  websocketPing: milliseconds,
  websocketPong: milliseconds,
})
const prefix = textLike(/^(\/.*)?$/s, MAX_TEXT, 'empty, or a path')

const wayToKnow = object<{ kind: string }>({ kind: oneOf(['cookie', 'address', 'header']) })
const named = object<{ name: string }>({ name: line })
const affinity: Check = value =>
  wayToKnow(value) ?? ((value as { kind: string }).kind === 'header' ? named(value) : null)

const APP_FIELDS: Checks<GatewayApp> = {
  name: appName,
  path: prefix,
  hosts: listOf(line, MAX_ENTRIES),
  rootPath: prefix,
  pools: listOf(
    object<PoolConfig>({ name: poolName, paths: listOf(path, MAX_ENTRIES), workers: orNull(count) }),
    MAX_ENTRIES,
  ),
  limits: object<AppLimits>({
    body: count,
    memoryBuffer: count,
    responseBuffer: count,
    queue: count,
    requestsPerAddress: count,
  }),
  timeouts: object<AppTimeouts>({
    request: milliseconds,
    requestFor: listOf(object<PathTimeout>({ prefix: path, timeout: milliseconds }), MAX_ENTRIES),
    streamIdle: milliseconds,
    queue: milliseconds,
    graceful: milliseconds,
  }),
  requestBuffering: flag,
  retry: flag,
  queueOrder: oneOf(['fifo', 'newest-first']),
  affinity: orNull(affinity),
  sendfileRoots: listOf(path, MAX_ENTRIES),
  staticMounts: listOf(object<StaticMount>({ url: path, directory: path }), MAX_ENTRIES),
}
export const gatewayApps: Check = listOf(object<GatewayApp>(APP_FIELDS), MAX_ENTRIES)

const accessLines: Checks<AccessLines> = {
  format: line,
  minStatus: wholeNumber(0, 999),
  slowerThan: milliseconds,
}
const accessLog = object<AccessLogConfig>({ path: line, ...accessLines })

const remotePath = object<Extract<RemoteAddress, { kind: 'unix' }>>({ kind: oneOf(['unix']), path })
const remoteHost = object<Exclude<RemoteAddress, { kind: 'unix' }>>({
  kind: oneOf(['udp', 'tcp']),
  host: line,
  port: wholeNumber(1, 65535),
})
const remoteAddress: Check = value =>
  (value as { kind?: unknown } | null)?.kind === 'unix' ? remotePath(value) : remoteHost(value)
const statsd = object<StatsdConfig>({ address: remoteAddress, prefix: line, tags: line, backlog: flag })
const syslog = object<SyslogConfig>({
  address: remoteAddress,
  name: line,
  facility: wholeNumber(0, 23),
  access: orNull(object<AccessLines>(accessLines)),
})

/** Characters. The setting allows 256 KiB of UTF-8. */
const MAX_PAGE = 256 * 1024
export const errorPages: Check = listOf(
  object<ErrorPage>({
    status: wholeNumber(400, 599),
    format: oneOf(['html', 'json', 'text']),
    content: text(MAX_PAGE),
  }),
  MAX_ENTRIES,
)

export const trustedRanges: Check = listOf(line, MAX_ENTRIES)

export const https: Check = object<HttpsConfig>({ redirect: flag, hsts: orNull(count) })

const FIELDS: Checks<GatewayConfig> = {
  apps: gatewayApps,
  gatewayThreads: wholeNumber(1, MAX_THREADS),
  limits,
  timeouts,
  trustedProxies: trustedRanges,
  paramsFrom: listOf(line, MAX_ENTRIES),
  proxyProtocolFrom: listOf(line, MAX_ENTRIES),
  forwardedHeaders: listOf(oneOf(FORWARDED_HEADERS), MAX_ENTRIES),
  accessLog: orNull(accessLog),
  compression,
  statsd: orNull(statsd),
  syslog: orNull(syslog),
  http2: object<Http2Config>({ isOn: flag, streams: count, frameSize: count }),
  https,
  health: object<HealthPaths>({ live: orNull(path), ready: orNull(path) }),
  errorPages,
  responseHeaders: listOf(line, MAX_ENTRIES),
  sites: sitesModel,
  webSocketCompression: flag,
  temporaryDirectory: path,
  isDevelopment: flag,
  gatewayIdentity: orNull(object<Identity>({ uid: id, gid: id, userName: line })),
  logLevel: oneOf(['debug', 'info', 'warn', 'error']),
}

export const gatewayConfig: Check = object<GatewayConfig>(FIELDS)

/** What the gateway needs, and nothing else: not the applications' variables, for example. */
export function gatewayPart(config: Config): GatewayConfig {
  return { ...pick(config, FIELDS), apps: config.apps.map(gatewayApp) }
}

export function gatewayApp(app: AppConfig): GatewayApp {
  return pick(app, APP_FIELDS)
}

function pick<Part>(from: { readonly [Name in keyof Part]: unknown }, fields: Checks<Part>): Part {
  return Object.fromEntries(Object.keys(fields).map(name => [name, from[name as keyof Part]])) as Part
}
