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
  AccessLogConfig,
  Config,
  ErrorPage,
  GatewayConfig,
  HealthPaths,
  Identity,
  Limits,
  PathTimeout,
  StaticMount,
  Timeouts,
} from '../config/types.ts'

const MAX_TEXT = 4096
/** The number after it is (uid_t)-1, which is no user. */
const MAX_UID = 2 ** 32 - 2
const MAX_ENTRIES = 10_000

const line = text(MAX_TEXT)
const path = textLike(/^\//, MAX_TEXT, 'an absolute path')
const count = wholeNumber(0, Number.MAX_SAFE_INTEGER)
const milliseconds = numberFrom(0, Number.MAX_SAFE_INTEGER)
const id = wholeNumber(0, MAX_UID)

const limits = object<Limits>({
  requestLine: count,
  headerBytes: count,
  headerCount: count,
  body: count,
  memoryBuffer: count,
  responseBuffer: count,
  temporaryBytes: orNull(count),
  memory: count,
  openFiles: count,
  connections: count,
  connectionsPerAddress: count,
  bodyRate: count,
  sendRate: count,
  queue: count,
  websocketMessage: count,
})
const timeouts = object<Timeouts>({
  head: milliseconds,
  body: milliseconds,
  keepAlive: milliseconds,
  send: milliseconds,
  request: milliseconds,
  requestFor: listOf(object<PathTimeout>({ prefix: path, timeout: milliseconds }), MAX_ENTRIES),
  streamIdle: milliseconds,
  queue: milliseconds,
  graceful: milliseconds,
  websocketPing: milliseconds,
  websocketPong: milliseconds,
})
const accessLog = object<AccessLogConfig>({
  path: line,
  format: line,
  minStatus: wholeNumber(0, 999),
  slowerThan: milliseconds,
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

const wayToKnow = object<{ kind: string }>({ kind: oneOf(['cookie', 'address', 'header']) })
const named = object<{ name: string }>({ name: line })
const affinity: Check = value =>
  wayToKnow(value) ?? ((value as { kind: string }).kind === 'header' ? named(value) : null)

const FIELDS: Checks<GatewayConfig> = {
  affinity: orNull(affinity),
  limits,
  timeouts,
  trustedProxies: listOf(line, MAX_ENTRIES),
  forwardedHeaders: listOf(oneOf(FORWARDED_HEADERS), MAX_ENTRIES),
  accessLog: orNull(accessLog),
  requestBuffering: flag,
  health: object<HealthPaths>({ live: orNull(path), ready: orNull(path) }),
  retry: flag,
  errorPages,
  queueOrder: oneOf(['fifo', 'newest-first']),
  rootPath: textLike(/^(\/.*)?$/s, MAX_TEXT, 'empty, or a path'),
  staticMounts: listOf(object<StaticMount>({ url: path, directory: path }), MAX_ENTRIES),
  temporaryDirectory: path,
  isDevelopment: flag,
  identity: orNull(object<Identity>({ uid: id, gid: id, userName: line })),
  logLevel: oneOf(['debug', 'info', 'warn', 'error']),
}

export const gatewayConfig: Check = object<GatewayConfig>(FIELDS)

/** What the gateway needs, and nothing else: not the application's variables, for example. */
export function gatewayPart(config: Config): GatewayConfig {
  const names = Object.keys(FIELDS) as (keyof GatewayConfig)[]
  return Object.fromEntries(names.map(name => [name, config[name]])) as unknown as GatewayConfig
}
