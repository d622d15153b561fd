/**
 * Puts a request's path together from the gateway's parts: protocol, `serve`, middleware, router, handlers. Folded when the gateway starts,
 * and what depends on the applications again when HUP changes them: a request pays nothing for what is off. Runs in the gateway.
 *
 * Not here: who claims a request (`routing/`), the handler of an application (`application.ts`).
 */
import { loadNow } from '../base/load-now.ts'
import type { FrontScheme, GatewayApp, HttpsConfig, ListenScheme } from '../config/types.ts'
import type { InheritedListener } from '../control/messages.ts'
import type { GatewayTls } from '../control/tls-messages.ts'
import { addressRanges } from '../http/address-ranges.ts'
import { HttpError, ProtocolError } from '../http/errors.ts'
import type { Answered, Exchange, Handler, Middleware, Peer } from '../http/exchange.ts'
import type { Protocol } from '../http/protocol.ts'
import { createHttp1, PLAIN_HTTP_ON_TLS, TOO_MANY_CONNECTIONS } from '../http1/protocol.ts'
import { createHttp2, sendBuffers } from '../http2/protocol.ts'
import { accessLog } from '../middleware/access-log.ts'
import { clientCertificates } from '../middleware/client-certificates.ts'
import { compression } from '../middleware/compression.ts'
import { health } from '../middleware/health.ts'
import { hsts } from '../middleware/hsts.ts'
import { httpsRedirect } from '../middleware/https-redirect.ts'
import { responseHeaders } from '../middleware/response-headers.ts'
import { FileBuffers } from '../protocols/file-buffers.ts'
import { createRouter } from '../routing/router.ts'
import { compileRoutes } from '../routing/routes.ts'
import type { MakeLogWriter, SiteEffects } from '../routing/sites/compile.ts'
import type { SitesModel } from '../sites/model.ts'
import { createWebSocketEngine } from '../websocket/engine.ts'
import type { Application } from './application.ts'
import { Addresses } from './connections/addresses.ts'
import { Admission } from './connections/admission.ts'
import type { Handshakes, TlsRules } from './connections/handshakes.ts'
import type { ProxiedConnections } from './connections/proxied-connections.ts'
import { eitherVersion } from './connections/versions.ts'
import { codeQuestions } from './development/stale-code.ts'
import { renderError, respondWithError } from './errors/error-response.ts'
import type { GatewayParts } from './parts.ts'
import { createServe, type Entry } from './serve.ts'
import type { Sites } from './sites/sites.ts'
import type { TrafficCount } from './traffic.ts'

/** What changes while the gateway serves, beside its applications. */
export interface InForce {
  /** Null: there are none, and requests go to applications by their own hosts and paths. */
  readonly sites: Sites | null
  /** Null: no listener has TLS. */
  readonly tls: TlsRules | null
  readonly https: HttpsConfig
}

/**
 * What a request passes, for the applications and rules that there are now. From the outside in: what is asked first stands last. One application
 * that is for all requests is called by the access log itself, without a router.
 */
export function assembleHandler(parts: GatewayParts, { sites, tls, https }: InForce): Handler {
  const { config, onAnswered, applications } = parts
  const content =
    sites === null
      ? toApplication(parts, application => application.handler)
      : sites.handler(new Map(applications.values().map(one => [one.config.name, one.handler])))
  const handler = withTls(parts, tls, https)(content)
  const { responseHeaders: added } = config
  const headed = added.length === 0 ? handler : responseHeaders(added)(handler)
  // Sites have filters of their own, and `compress` at the top is what they inherit.
  const isCompressed = sites === null && config.compression.responses
  const smaller = isCompressed ? compression(config.compression, parts.encoders)(headed) : headed
  const logged = onAnswered === null ? smaller : accessLog(onAnswered)(smaller)
  // Neither the question of an error page nor that of a load balancer is a request of a client.
  const asked = config.isDevelopment ? codeQuestions(toApplication(parts, toCodeGuard))(logged) : logged
  const { live, ready } = config.health
  const checked = live === null && ready === null ? asked : readiness(parts)(asked)
  return sites === null || sites.traffic === null ? checked : sites.traffic.count(checked)
}

/** Most gateways have none, so it is not loaded before. */
export function loadSites(): typeof import('./sites/sites.ts') {
  return loadNow(import.meta, './sites/sites')
}

/** Null: there are none. */
export function makeSites(parts: GatewayParts, model: SitesModel): Sites | null {
  if (model.sites.length === 0) return null
  const { pages, log, refusals } = parts
  const effects = effectsOf(parts, model)
  const { Sites, showsTraffic } = loadSites()
  const traffic = showsTraffic(model) ? trafficOf(parts) : null
  const refuse = (exchange: Exchange, error: Error) => {
    const { method, target, authority } = exchange.request
    // A client's mistake is told by the status; an upstream's has its own line (`upstream/call.ts`).
    const isClients = error instanceof ProtocolError || (error instanceof HttpError && error.culprit !== 'operator')
    const why = error instanceof HttpError ? error.logged : error.message
    if (!isClients) refusals.inSite(why, `${method} ${target} for ${authority || 'no host'}: ${why}`, exchange.id)
    respondWithError(exchange, error, pages)
  }
  const told = new Set<string>()
  return new Sites(model, parts, effects, traffic, refuse, app => {
    if (told.has(app)) return
    told.add(app)
    log(
      'warn',
      `X-Sendfile of ${app} is not obeyed: name the directories with sendfile-roots; this is told once`,
      '',
      app,
    )
  })
}

/** It goes on counting after a reload. */
function trafficOf({ traffic, connectionTraffic, threads }: GatewayParts): TrafficCount {
  if (traffic.current === null) {
    const { TrafficCount }: typeof import('./traffic.ts') = loadNow(import.meta, './traffic')
    traffic.current = new TrafficCount(connectionTraffic, threads?.traffic ?? null)
  }
  return traffic.current
}

/** A location may be in no log at all. */
const WITHOUT_LOGS: MakeLogWriter = () => () => {}

/** Limits and logs of sites: memory and open files outlive a reload. */
function effectsOf(
  { config, log, limits, refusals, hasOtherWriters: hasOthers, siteLogs }: GatewayParts,
  model: SitesModel,
): SiteEffects {
  if (siteLogs.current === null && model.logs.length > 0) {
    const { SiteLogs }: typeof import('./sites/logs.ts') = loadNow(import.meta, './sites/logs')
    siteLogs.current = new SiteLogs({ log, hasOthers, syslog: config.syslog })
  }
  // Logs that no site has any more are closed.
  const makeLogWriter = siteLogs.current?.writerOf(model.logs) ?? WITHOUT_LOGS
  if (model.limits.length === 0) {
    // What nobody needs any more goes.
    limits.memoriesOf([])
    return { makeLogWriter, makeLimitStep: null }
  }
  const { limitSteps }: typeof import('./sites/limits.ts') = loadNow(import.meta, './sites/limits')
  return { makeLogWriter, makeLimitStep: limitSteps(model.limits, limits, refusals.limited) }
}

/** Nothing is added to what a request passes without TLS, or where TLS has one rule for everybody. */
function withTls({ pages, httpsPort }: GatewayParts, tls: TlsRules | null, https: HttpsConfig): Middleware {
  if (tls === null) return next => next
  const { entries, names } = tls
  const refuse = (exchange: Exchange, error: HttpError) => respondWithError(exchange, error, pages)
  const all: Middleware[] = []
  const policies = new Set(entries.map(({ policy }) => policy))
  if (policies.size > 1 || entries.some(({ clients }) => clients !== null)) {
    const optional = new Set(entries.filter(({ clients }) => clients?.isRequired === false).map(({ policy }) => policy))
    const policyOf = (authority: string) => names.findHost(authority)?.policy ?? null
    all.push(clientCertificates({ policyOf, isOptional: policy => optional.has(policy), refuse }))
  }
  if (https.redirect && httpsPort > 0)
    all.push(httpsRedirect({ port: httpsPort, hostOf: authority => names.namedHost(authority), refuse }))
  if (https.hsts !== null) all.push(hsts(https.hsts))
  return next => all.reduce((inner, middleware) => middleware(inner), next)
}

/** `handlerOf`: what a request goes to in the application that claims it. */
function toApplication(parts: GatewayParts, handlerOf: (application: Application) => Handler): Handler {
  const applications = parts.applications.values()
  const [first] = applications
  if (applications.length === 1 && isForAll(first!.config)) return handlerOf(first!)
  const findRule = compileRoutes(applications.map(({ config }) => config))
  const targets = applications.map(application => ({
    name: applications.length === 1 ? '' : application.config.name,
    handler: handlerOf(application),
  }))
  return createRouter(findRule, targets, (exchange, error) => {
    const { method, target, authority } = exchange.request
    parts.log('debug', `${method} ${target} for ${authority || 'no host'} was refused: ${error.message}`, exchange.id)
    respondWithError(exchange, error, parts.pages)
  })
}

/** Nothing is chosen by the path or the host of a request. */
function isForAll({ path, hosts, pools }: GatewayApp): boolean {
  return path === '' && hosts.length === 0 && pools.length === 1
}

function toCodeGuard({ codeGuard }: Application): Handler {
  return codeGuard!.answer
}

function readiness({ config, applications, isStopping }: GatewayParts): Middleware {
  const unless = (why: () => string | null) => () => (isStopping() ? 'the program is stopping' : why())
  const each = applications.values().map(one => [one.config.name, unless(() => one.whyNotReady)] as const)
  return health(
    config.health,
    unless(() => applications.whyNotReady),
    new Map(each.length === 1 ? [] : each),
  )
}

/** What a protocol calls with each new exchange. */
function assembleServe(parts: GatewayParts, entry: Entry): (exchange: Exchange) => void {
  const { config, log, pages, onAnswered } = parts
  return createServe({
    entry,
    trusted: parts.trusted,
    respond: (exchange, error) => respondWithError(exchange, error, pages),
    forwardedHeaders: config.forwardedHeaders,
    onRefused: (exchange, error) => {
      log('debug', `refused ${exchange.peer.address || 'client'}: ${error.message}`, exchange.id)
      if (onAnswered !== null) exchange.onClosed(() => onAnswered(exchange))
    },
    onBug: (error, exchange) => {
      const { method, target } = exchange.request
      log('error', `${method} ${target}: ${error.stack ?? error.message}`, exchange.id, exchange.app)
    },
  })
}

/** What a connection speaks after TLS, or at once; and what web servers in front of us speak, where a listener is for them. */
export function assembleProtocols(
  parts: GatewayParts,
  entry: Entry,
  listeners: readonly InheritedListener[],
): Readonly<{ http: Protocol } & Partial<Record<FrontScheme, Protocol>>> {
  const { config, memory, pages, refusals, onAnswered } = parts
  const options = {
    limits: config.limits,
    timeouts: config.timeouts,
    http2: config.http2,
    onExchange: assembleServe(parts, entry),
    renderError: (status: number, accept: string | undefined, detail: string) =>
      renderError(status, accept, detail, pages),
    webSockets: createWebSocketEngine(config, memory.budget),
    memory: memory.budget,
    fileBuffers: new FileBuffers(memory.budget),
    sendBuffers: sendBuffers(memory.budget),
    onProtocolError: (error: ProtocolError, peer: Peer, request: string) =>
      refusals.request(error, peer.address || 'client', request),
    onAnswered: (entry: Answered) => onAnswered?.(entry),
  }
  const http1 = createHttp1(options)
  const http = config.http2.isOn ? eitherVersion(http1, createHttp2(options)) : http1
  const schemes = new Set(listeners.map(({ scheme }) => scheme).filter(isFrontScheme))
  if (schemes.size === 0) return { http }
  const { fromFrontServers, WIRES } = loadFrontServers()
  const servers = addressRanges(config.paramsFrom)
  const fronts = [...schemes].map(scheme => [
    scheme,
    fromFrontServers(createHttp1(options, WIRES[scheme]), servers, server => refusals.front(server)),
  ])
  return { http, ...Object.fromEntries(fronts) }
}

/** `Class`: loaded only where a listener has TLS. */
export function assembleHandshakes(
  { config, log, memory, refusals }: GatewayParts,
  protocol: Protocol,
  tls: GatewayTls,
  Class: typeof Handshakes,
): Handshakes {
  return new Class({
    tls,
    protocol,
    memory: memory.budget,
    offersHttp2: config.http2.isOn,
    timeoutMs: config.timeouts.head,
    plainHttpAnswer: PLAIN_HTTP_ON_TLS,
    onFailed: (client, reason) => log('debug', `no TLS with ${client || 'client'}: ${reason}`),
    onFlood: client => refusals.emptyRecords(client),
    onUnusable: ([name = 'hosts that no certificate names'], reason) =>
      log('error', `no client can connect to ${name}: OpenSSL refuses its certificate or its rules: ${reason}`),
  })
}

function isFrontScheme(scheme: ListenScheme): scheme is FrontScheme {
  return scheme !== 'http' && scheme !== 'https'
}

/** Most gateways have none, so it is not loaded before. */
export function loadFrontServers(): typeof import('./connections/front-servers.ts') {
  return loadNow(import.meta, './connections/front-servers')
}

/** Most gateways have none, so it is not loaded before. */
export function loadProxyProtocol(): typeof import('./connections/proxied-connections.ts') {
  return loadNow(import.meta, './connections/proxied-connections')
}

/** For listeners with the PROXY protocol; null: there are none. */
export function assembleProxied(
  { config, refusals, trusted, threads }: GatewayParts,
  listeners: readonly InheritedListener[],
): ProxiedConnections | null {
  if (!listeners.some(({ hasProxyHeader }) => hasProxyHeader)) return null
  const { connectionsPerAddress } = config.limits
  // No application has this name.
  const counts = threads?.addressCounts('')
  return new (loadProxyProtocol().ProxiedConnections)({
    senders: addressRanges(config.proxyProtocolFrom),
    timeoutMs: config.timeouts.head,
    clients: new Addresses(connectionsPerAddress, address => trusted.isTrusted(address), counts),
    onRefused: (sender, reason) => refusals.proxied(sender, reason),
    onAddressFull: client => refusals.connectionFrom(client, connectionsPerAddress),
  })
}

export type AdmissionParts = Pick<GatewayParts, 'config' | 'refusals' | 'trusted'>

/** Who is let in. */
export function assembleAdmission(
  { config, refusals, trusted }: AdmissionParts,
  listeners: readonly Pick<InheritedListener, 'scheme'>[],
): Admission {
  const { connections, connectionsPerAddress } = config.limits
  // Their connections are counted by the clients that headers name.
  const hasFront = listeners.some(({ scheme }) => isFrontScheme(scheme))
  const senders = addressRanges([...config.proxyProtocolFrom, ...(hasFront ? config.paramsFrom : [])])
  return new Admission({
    limits: config.limits,
    isExempt: address => trusted.isTrusted(address) || senders.has(address),
    tooManyConnections: TOO_MANY_CONNECTIONS,
    onFull: () => refusals.connection(connections),
    onAddressFull: address => refusals.connectionFrom(address, connectionsPerAddress),
  })
}
