/**
 * A check for each value of the model of sites, as the master sends it to the gateway; see `shapes.ts`. The values are right, because
 * `config/` made them: this only checks that they arrive whole. A field without a check does not compile.
 */
import {
  anObject,
  type Check,
  type Checks,
  flag,
  listOf,
  numberFrom,
  object,
  oneOf,
  orNull,
  text,
  wholeNumber,
} from '../base/checks.ts'
import type {
  Access,
  AccessRule,
  AddedHeader,
  AddressMap,
  Alias,
  Compression,
  Condition,
  CookieFlags,
  Cors,
  ErrorTarget,
  Expires,
  LimitExcept,
  LimitUse,
  Location,
  LocationHandler,
  LocationSettings,
  Match,
  PasswordFile,
  PatternText,
  Place,
  RequestLimit,
  RewriteStep,
  Site,
  SiteLog,
  SiteName,
  SitesModel,
  SplitMap,
  SplitPart,
  TryFile,
  ValidReferers,
  VariableMap,
} from '../sites/model.ts'
import type {
  AllowedHost,
  CgiProgram,
  CgiSettings,
  EjectionSettings,
  HealthCheck,
  ParamSettings,
  ProxyRedirect,
  ProxySettings,
  QueueSettings,
  ServerAddress,
  ServiceName,
  StickySettings,
  TextReplacement,
  Upstream,
  UpstreamServer,
  UpstreamTls,
} from '../sites/upstream-model.ts'

const line = text(65_536)
const MAX_ENTRIES = 10_000
const status = wholeNumber(0, 599)

/** The member of a union with this kind; a member may have several. */
type OfKind<Union, Kind> = Union extends { readonly kind: infer All }
  ? Kind extends All
    ? Omit<Union, 'kind'>
    : never
  : never

/** Checks for each `kind` of a union. */
function byKind<Union extends { readonly kind: string }>(
  kinds: {
    readonly [Kind in Union['kind']]: Checks<OfKind<Union, Kind>>
  },
): Check {
  const checks = new Map(Object.entries<Checks<unknown>>(kinds).map(([kind, fields]) => [kind, object(fields)]))
  const kind = object<{ kind: string }>({ kind: oneOf([...checks.keys()]) })
  return value => kind(value) ?? checks.get((value as { readonly kind: string }).kind)!(value)
}

/** For types that contain themselves. */
function later(check: () => Check): Check {
  return value => check()(value)
}

function tableOf(check: Check): Check {
  return value => {
    const problem = anObject(value)
    if (problem !== null) return problem
    for (const one of Object.values(value as object)) {
      const wrong = check(one)
      if (wrong !== null) return wrong
    }
    return null
  }
}

const place = object<Place>({ file: line, line: wholeNumber(0, 1e9), column: wholeNumber(0, 1e9) })
const pattern = object<PatternText>({ source: line, ignoresCase: flag })

const siteName = byKind<SiteName>({
  exact: { name: line },
  suffix: { name: line },
  prefix: { name: line },
  regex: { pattern },
})
const match = byKind<Match>({
  exact: { path: line },
  prefix: { path: line, beatsRegex: flag },
  regex: { pattern },
  named: { name: line },
})
const tryFile = byKind<TryFile>({
  file: { path: line },
  directory: { path: line },
  uri: { uri: line },
  named: { name: line },
  status: { status },
})
const handler = byKind<LocationHandler>({
  app: { name: line },
  files: { alias: orNull(object<Alias>({ path: line, prefix: orNull(line) })) },
  proxy: { upstream: line, destination: orNull(line), isTls: flag, uri: orNull(line), prefix: line },
  fastcgi: { upstream: line },
  scgi: { upstream: line },
  uwsgi: { upstream: line },
  status: { form: oneOf(['text', 'json']) },
  cgi: { upstream: line, program: line, prefix: line },
  none: {},
})
const condition = byKind<Condition>({
  true: { value: line },
  equal: { value: line, to: line, not: flag },
  matches: { value: line, pattern, not: flag },
  file: { path: line, test: oneOf(['file', 'directory', 'exists', 'executable']), not: flag },
})
const step: Check = byKind<RewriteStep>({
  rewrite: { pattern, to: line, flag: oneOf(['next', 'last', 'break', 'redirect', 'permanent']), place },
  return: { status, text: orNull(line), place },
  set: { name: line, value: line, place },
  break: { place },
  if: { condition, steps: later(() => steps), place },
})
const steps = listOf(step, MAX_ENTRIES)

const milliseconds = wholeNumber(0, 2 ** 31 - 1)
const replacement = { text: { from: line, to: line }, regex: { pattern, to: line } }
const replacements = listOf(byKind<TextReplacement>(replacement), MAX_ENTRIES)
const port = wholeNumber(1, 65_535)
const hosts = { name: line, least: port, most: port }
const proxySettings = object<ProxySettings>({
  allowHosts: listOf(
    byKind<AllowedHost>({ name: hosts, suffix: hosts, address: hosts, upstream: { name: line } }),
    MAX_ENTRIES,
  ),
  buffersRequest: flag,
  tls: wholeNumber(0, MAX_ENTRIES),
  setHeaders: listOf(object({ name: line, value: line }), MAX_ENTRIES),
  hideHeaders: listOf(line, MAX_ENTRIES),
  passHeaders: listOf(line, MAX_ENTRIES),
  connectTimeout: milliseconds,
  sendTimeout: milliseconds,
  readTimeout: milliseconds,
  redirects: listOf(byKind<ProxyRedirect>({ ...replacement, default: {} }), MAX_ENTRIES),
  cookieDomains: replacements,
  cookiePaths: replacements,
  ignoreHeaders: listOf(line, MAX_ENTRIES),
  passesHeaders: flag,
  passesBody: flag,
  buffers: flag,
  forwarded: oneOf(['x-forwarded', 'forwarded', 'both', 'off']),
  nextUpstream: listOf(line, MAX_ENTRIES),
  nextUpstreamTries: wholeNumber(0, 1000),
  nextUpstreamTimeout: milliseconds,
})
const params = listOf(object({ name: line, value: line }), MAX_ENTRIES)
const paramSettings = object<ParamSettings>({
  params: object<ParamSettings['params']>({ fastcgi: params, scgi: params, uwsgi: params, cgi: params }),
  fastcgiIndex: orNull(line),
  splitPathInfo: orNull(line),
})
const cgiFields = { interpreters: tableOf(line), variables: listOf(line, MAX_ENTRIES), mayBeWritable: flag }
const cgiProgram = object<CgiProgram>({
  key: line,
  path: line,
  isDirectory: flag,
  links: oneOf(['within', 'followed', 'off-limits']),
  owners: listOf(wholeNumber(0, 2 ** 32 - 1), MAX_ENTRIES),
  ...cgiFields,
})
/** `jumak upstream` has one, too. */
export const SERVER = object<UpstreamServer>({
  label: line,
  address: byKind<ServerAddress | ServiceName>({
    srv: { name: line },
    tcp: { host: line, port: port },
    unix: { path: line },
  }),
  weight: wholeNumber(1, 65_535),
  maxFails: wholeNumber(0, 65_535),
  failTimeout: milliseconds,
  maxConns: wholeNumber(0, 1_000_000),
  slowStart: milliseconds,
  isBackup: flag,
  isDown: flag,
  isDraining: flag,
})
/** The gateway is told of changes, too. */
export const UPSTREAM = object<Upstream>({
  name: line,
  protocol: oneOf(['http', 'fastcgi', 'scgi', 'uwsgi', 'cgi']),
  servers: listOf(SERVER, MAX_ENTRIES),
  balance: oneOf(['round-robin', 'least-conn', 'ip-hash', 'hash', 'consistent-hash', 'random', 'random-two']),
  hashKey: orNull(line),
  keepalive: wholeNumber(0, 10_000),
  keepaliveTimeout: milliseconds,
  queueTimeout: milliseconds,
  queue: orNull(object<QueueSettings>({ most: wholeNumber(1, 100_000), timeout: milliseconds })),
  ejection: orNull(
    object<EjectionSettings>({
      failures: wholeNumber(0, 1000),
      rate: wholeNumber(0, 100),
      requests: wholeNumber(1, 1_000_000),
      window: milliseconds,
      time: milliseconds,
      share: wholeNumber(1, 100),
    }),
  ),
  sticky: orNull(
    object<StickySettings>({
      cookie: line,
      ttl: orNull(wholeNumber(1, 2 ** 31 - 1)),
      path: line,
      domain: orNull(line),
      sameSite: oneOf(['Strict', 'Lax', 'None']),
    }),
  ),
  healthCheck: orNull(
    object<HealthCheck>({
      path: line,
      interval: milliseconds,
      timeout: milliseconds,
      fails: wholeNumber(1, 100),
      passes: wholeNumber(1, 100),
      leastStatus: status,
      mostStatus: status,
      header: orNull(object<{ name: string; value: string | null }>({ name: line, value: orNull(line) })),
      body: orNull(line),
      tls: orNull(wholeNumber(0, MAX_ENTRIES)),
    }),
  ),
  isSingle: flag,
  place,
})
const pem = text(1024 * 1024)
const upstreamTls = object<UpstreamTls>({
  isVerified: flag,
  authorities: orNull(pem),
  name: orNull(line),
  sendsName: flag,
  client: orNull(object({ certificate: pem, key: pem })),
  versions: listOf(oneOf(['TLSv1.2', 'TLSv1.3']), 2),
})
const access = object<Access>({
  rules: listOf(object<AccessRule>({ allows: flag, from: line }), MAX_ENTRIES),
  satisfy: oneOf(['all', 'any']),
  basic: orNull(line),
  users: orNull(line),
  request: orNull(line),
  requestSets: listOf(object({ name: line, value: line }), MAX_ENTRIES),
})
export const compression: Check = object<Compression>({
  files: flag,
  responses: flag,
  codings: listOf(oneOf(['zstd', 'br', 'gzip']), 3),
  types: listOf(line, MAX_ENTRIES),
  minLength: wholeNumber(0, Number.MAX_SAFE_INTEGER),
})

const words = listOf(line, MAX_ENTRIES)
const settings = object<LocationSettings>({
  access,
  secureLink: orNull(line),
  secureLinkMd5: orNull(line),
  validReferers: orNull(
    object<ValidReferers>({
      none: flag,
      blocked: flag,
      hosts: listOf(object({ kind: oneOf(['exact', 'suffix', 'prefix']), name: line, path: line }), MAX_ENTRIES),
      patterns: listOf(pattern, MAX_ENTRIES),
    }),
  ),
  root: orNull(line),
  index: listOf(line, MAX_ENTRIES),
  autoindex: oneOf(['off', 'html', 'json']),
  addHeaders: listOf(object<AddedHeader>({ name: line, value: line, always: flag }), MAX_ENTRIES),
  expires: byKind<Expires>({
    off: {},
    auto: {},
    epoch: {},
    max: {},
    after: { seconds: numberFrom(-1e12, 1e12), modified: flag },
  }),
  errorPages: listOf(
    object<ErrorTarget>({ statuses: listOf(status, MAX_ENTRIES), becomes: orNull(status), target: line }),
    MAX_ENTRIES,
  ),
  interceptsErrors: flag,
  types: orNull(tableOf(line)),
  defaultType: line,
  charset: line,
  etag: flag,
  ifModifiedSince: oneOf(['before', 'exact', 'off']),
  disableSymlinks: oneOf(['outside', 'on', 'off']),
  compression,
  standardHeaders: words,
  cors: orNull(
    object<Cors>({
      origins: words,
      methods: words,
      headers: words,
      exposed: words,
      credentials: flag,
      maxAge: wholeNumber(0, 1e9),
    }),
  ),
  cookieFlags: listOf(object<CookieFlags>({ name: orNull(line), flags: words }), MAX_ENTRIES),
  limits: listOf(
    object<LimitUse>({
      name: line,
      burst: wholeNumber(0, 1e9),
      delay: wholeNumber(0, 1e9),
      status,
      isDryRun: flag,
    }),
    MAX_ENTRIES,
  ),
  logs: orNull(listOf(line, MAX_ENTRIES)),
  bodyLimit: orNull(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
  limitRate: orNull(line),
  limitRateAfter: orNull(line),
  timeout: orNull(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
  requestBuffering: orNull(flag),
  absoluteRedirect: flag,
  portInRedirect: flag,
  proxy: proxySettings,
  params: paramSettings,
  cgi: object<CgiSettings>(cgiFields),
})
const location: Check = object<Location>({
  match,
  isInternal: flag,
  rewrites: steps,
  tryFiles: listOf(tryFile, MAX_ENTRIES),
  handler,
  settings,
  limitExcept: orNull(object<LimitExcept>({ methods: listOf(line, MAX_ENTRIES), access })),
  locations: listOf(
    later(() => location),
    MAX_ENTRIES,
  ),
  place,
})
const site = object<Site>({
  label: line,
  listen: listOf(line, MAX_ENTRIES),
  names: listOf(siteName, MAX_ENTRIES),
  isDefault: flag,
  mergesSlashes: flag,
  rewrites: steps,
  root: location,
  locations: listOf(location, MAX_ENTRIES),
  place,
})
const map = object<VariableMap>({
  name: line,
  from: line,
  default: line,
  exact: tableOf(line),
  suffixes: tableOf(line),
  prefixes: tableOf(line),
  patterns: listOf(object({ pattern, value: line }), MAX_ENTRIES),
  place,
})

const limit = object<RequestLimit>({
  name: line,
  key: line,
  of: byKind<RequestLimit['of']>({
    rate: { interval: numberFrom(1, 1e12) },
    connections: { most: wholeNumber(1, 1e9) },
  }),
  place,
})

const log = object<SiteLog>({
  name: line,
  target: byKind<SiteLog['target']>({
    file: { path: line },
    udp: { host: line, port },
    tcp: { host: line, port },
    unix: { path: line },
  }),
  format: line,
  escape: oneOf(['default', 'json', 'none']),
  condition: orNull(line),
  sample: wholeNumber(0, 1e9),
  alwaysStatus: status,
  alwaysSlow: numberFrom(0, 1e12),
  place,
})

export const sitesModel: Check = object<SitesModel>({
  sites: listOf(site, MAX_ENTRIES),
  maps: listOf(map, MAX_ENTRIES),
  upstreams: listOf(UPSTREAM, MAX_ENTRIES),
  upstreamTls: listOf(upstreamTls, MAX_ENTRIES),
  passwordFiles: listOf(
    object<PasswordFile>({ file: line, users: listOf(object({ name: line, hash: line }), MAX_ENTRIES) }),
    MAX_ENTRIES,
  ),
  geos: listOf(
    object<AddressMap>({ name: line, from: line, default: line, networks: tableOf(line), place }),
    MAX_ENTRIES,
  ),
  splits: listOf(
    object<SplitMap>({
      name: line,
      from: line,
      parts: listOf(object<SplitPart>({ share: orNull(wholeNumber(1, 10_000)), value: line }), MAX_ENTRIES),
      place,
    }),
    MAX_ENTRIES,
  ),
  limits: listOf(limit, MAX_ENTRIES),
  logs: listOf(log, MAX_ENTRIES),
  cgiPrograms: listOf(cgiProgram, MAX_ENTRIES),
})
