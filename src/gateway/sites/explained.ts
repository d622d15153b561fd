/**
 * What would become of a request, without a gateway that runs: the parts that serve lead a recorded exchange to its end, and a trace writes
 * down what they decide. Where a request meets an application or an upstream it stops. Runs in the command line (`jumak explain`).
 *
 * Invariant: nothing is decided here. What is tried, found and answered comes from `routing/`, from `content.ts` and from the files on the disk.
 * Not here: how it is told (`cli/explain/`), and what only a running program knows: certificates (one that names the host is taken for
 * granted), the static files that a Django project names itself.
 */
import { join } from 'node:path'
import { Hasher } from '../../access/hashes/hasher.ts'
import { Logins } from '../../access/logins.ts'
import { OpenFiles } from '../../base/open-files.ts'
import { NO_TRAFFIC } from '../../base/traffic.ts'
import type { AppConfig, Config, HttpsConfig } from '../../config/types.ts'
import { StaticFiles } from '../../handlers/static/handler.ts'
import { LocationFiles } from '../../handlers/static/locations.ts'
import { arrangeMounts, findMount, relativePath, withoutPrefix } from '../../handlers/static/paths.ts'
import { applicationRoot, belowRoot, fullRoot } from '../../http/application-root.ts'
import { splitAuthority } from '../../http/authority.ts'
import { HttpError } from '../../http/errors.ts'
import type { Exchange, Handler, LocalEnd, Middleware, RequestHead } from '../../http/exchange.ts'
import { applyForwarded } from '../../http/forwarded.ts'
import { decodePath, decodePathBytes } from '../../http/path.ts'
import { trustedProxies } from '../../http/trusted-proxies.ts'
import { health } from '../../middleware/health.ts'
import { hsts } from '../../middleware/hsts.ts'
import { httpsPortOf, httpsRedirect } from '../../middleware/https-redirect.ts'
import { responseHeaders } from '../../middleware/response-headers.ts'
import { createRouter } from '../../routing/router.ts'
import { compileRoutes } from '../../routing/routes.ts'
import { compileSites, type MakeLimitStep, NO_EFFECTS } from '../../routing/sites/compile.ts'
import { chooseServer } from '../../routing/sites/destination.ts'
import { Phases } from '../../routing/sites/phases.ts'
import { proxyTarget } from '../../routing/sites/proxy.ts'
import type { SiteRequest } from '../../routing/sites/site-request.ts'
import type { Decision } from '../../routing/sites/trace.ts'
import { singleServer } from '../../sites/single-server.ts'
import type { Upstream } from '../../sites/upstream-model.ts'
import { respondWithError } from '../errors/error-response.ts'
import { OwnPages } from '../errors/own-pages.ts'
import { choosePool } from '../path-pools.ts'
import { staticFirst } from '../static-first.ts'
import { siteContent } from './content.ts'
import { codingOf, type ToldCoding } from './explained-coding.ts'
import { policies } from './policies.ts'
import { proxiedFields } from './proxy-head.ts'
import { type PassedOn, RecordedExchange } from './recorded-exchange.ts'
import { scriptVariables } from './script-request.ts'
import { statusJson, statusText } from './status.ts'

export type { ToldCoding }

export interface AskedRequest {
  readonly request: RequestHead
  /** Of the client, as the socket has it. */
  readonly address: string
  readonly local: LocalEnd
  /** Of `bind`. */
  readonly listeners: Parameters<typeof httpsPortOf>[0]
}

/** A directory of an application's `static` in which a file was looked for. */
export interface TriedMount {
  readonly app: string
  readonly url: string
  /** Empty: the path can be no file. */
  readonly file: string
}

export interface Explained {
  readonly decisions: readonly Decision[]
  readonly outcome: Outcome
  readonly mounts: readonly TriedMount[]
  /** `redirect-to-https` has answered. */
  readonly isSentToHttps: boolean
  /** As proxies that are trusted say, and as the handler saw it. */
  readonly request: RequestHead
  readonly address: string
  /** Null: the request does not speak of codings, or gets no content. */
  readonly coding: ToldCoding | null
}

export type Outcome =
  | {
      readonly kind: 'response'
      readonly status: number
      readonly headers: readonly string[]
      /** What went wrong, in a sentence, whatever page tells it; null: nothing. */
      readonly error: string | null
      /** It is told by a page of ours. */
      readonly hasOwnPage: boolean
      /** A health check. */
      readonly isHealth: boolean
    }
  | { readonly kind: 'closed' }
  | ({ readonly kind: 'upstream'; readonly group: Upstream } & PassedOn)
  | {
      readonly kind: 'application'
      readonly name: string
      /** Empty: its main pool. */
      readonly pool: string
      /** SCRIPT_NAME and PATH_INFO; bytes. */
      readonly scriptName: string
      readonly pathInfo: string
      readonly query: string
      readonly method: string
      /** Bytes of content. */
      readonly bodyLimit: number
    }

type Explainable = Pick<
  Config,
  | 'apps'
  | 'compression'
  | 'errorPages'
  | 'forwardedHeaders'
  | 'health'
  | 'https'
  | 'responseHeaders'
  | 'sites'
  | 'trustedProxies'
>

export async function explainRequest(config: Explainable, asked: AskedRequest): Promise<Explained> {
  const decisions: Decision[] = []
  const peer = { address: asked.address, port: 0, socketAddress: asked.address }
  const exchange = new RecordedExchange(asked.request, peer, asked.local)
  const pages = new OwnPages(config.errorPages)
  let error: string | null = null
  let hasOwnPage = false
  let refusals = 0
  const refuse = (one: Exchange, cause: Error) => {
    const [own, before] = [++refusals, decisions.length]
    error = cause.message
    hasOwnPage = true
    respondWithError(one, cause, pages)
    // The page of a site may fail in turn, within this call or later.
    if (own === refusals && decisions.slice(before).some(({ kind }) => kind === 'error-page')) hasOwnPage = false
  }
  let pool = ''
  const mounts: TriedMount[] = []
  /** What somebody would say to `auth-request` only the running program knows. */
  const letIn = (asking: Exchange, who: string) => {
    decisions.push({ kind: 'access', what: who, result: 'assumed' })
    asking.response.respond({ status: 204, reason: '', headers: [] }, Buffer.alloc(0))
  }
  const reachedPool = (app: AppConfig) => (reached: Exchange, name: string) => {
    if (reached !== exchange) {
      letIn(reached, `application ${app.name}`)
      return
    }
    pool = name
    // The head that it was given: a filter may have replaced the response.
    exchange.request = reached.request
    exchange.reach(app.name)
  }
  const openFiles = new OpenFiles()
  const applications = new Map(
    config.apps.map(app => {
      const handler = applicationHandler(app, openFiles, pages, refuse, reachedPool(app))
      return [app.name, toldMounts(app, handler, mount => mounts.push(mount))]
    }),
  )
  const passOn = (one: SiteRequest) => {
    const { proxy, script } = one.location
    const { upstream } = (proxy ?? script)!
    if (one.exchange !== exchange) {
      letIn(one.exchange, `upstream ${upstream}`)
      return
    }
    const { method } = exchange.request
    if (script !== null) {
      exchange.passOn({ upstream, tls: null, method, target: one.uri, headers: scriptVariables(script, one, 0) })
      return
    }
    const chosen = proxy!.destination === null ? null : chooseServer(proxy!.destination, one)
    if (chosen instanceof HttpError) {
      refuse(exchange, chosen)
      return
    }
    exchange.passOn({
      upstream: chosen?.kind === 'upstream' ? chosen.name : upstream,
      tls: proxy!.isTls ? config.sites.upstreamTls[one.location.settings.proxy.tls]! : null,
      ...(chosen?.kind === 'server' && { chosen: chosen.destination }),
      method,
      target: proxyTarget(proxy!, one),
      headers: proxiedFields(proxy!, one),
    })
  }
  const content = contentHandler(config, applications, openFiles, decision => decisions.push(decision), {
    refuse,
    passOn,
  })
  let isSentToHttps = httpsPortOf(asked.listeners) > 0 && config.https.redirect
  const reached: Handler = one => {
    isSentToHttps = false
    return content(one)
  }
  const overHttps = withHttps(config.https, asked.listeners, refuse)(reached)
  const headed = config.responseHeaders.length === 0 ? overHttps : responseHeaders(config.responseHeaders)(overHttps)
  let isHealth = true
  const checked = health(
    config.health,
    () => null,
  )(one => {
    isHealth = false
    return headed(one)
  })
  const contradiction = applyForwarded(
    exchange,
    trustedProxies(config.trustedProxies),
    new Set<string>(config.forwardedHeaders),
  )
  if (contradiction !== null) refuse(exchange, contradiction)
  else {
    try {
      await checked(exchange)
    } catch (cause) {
      refuse(exchange, cause as Error)
    }
  }
  const ending = await exchange.ended
  const { request, peer: client } = exchange
  const found = decisions.findLast(one => one.kind === 'site' || one.kind === 'location')
  const site = found?.kind === 'site' ? config.sites.sites.find(({ place }) => place === found.site.place)?.root : null
  const location = found?.kind === 'location' ? found.location : site
  const isLast = decisions.at(-1)?.kind === 'handler'
  const isFile = !hasOwnPage && (location == null ? mounts.length > 0 : isLast && location.handler.kind === 'files')
  const compression = location?.settings.compression ?? config.compression
  const head = 'head' in ending ? ending.head : null
  const common = {
    decisions,
    mounts,
    isSentToHttps: isSentToHttps && !isHealth,
    request,
    address: client.address,
    coding: 'cut' in ending || isHealth ? null : codingOf(request, head, isFile, compression),
  }
  if ('cut' in ending) return { ...common, outcome: { kind: 'closed' } }
  if ('passedOn' in ending) {
    const { passedOn } = ending
    const group = config.sites.upstreams.find(({ name }) => name === passedOn.upstream)!
    return { ...common, outcome: { kind: 'upstream', group: groupFor(group, passedOn), ...passedOn } }
  }
  if ('head' in ending) {
    const { status, headers } = ending.head
    return { ...common, outcome: { kind: 'response', status, headers, error, hasOwnPage, isHealth } }
  }
  const app = config.apps.find(({ name }) => name === ending.app)!
  const root = applicationRoot(app.rootPath, app.path)
  const scriptName = fullRoot(root, request.rootPath)
  return {
    ...common,
    outcome: {
      kind: 'application',
      name: app.name,
      pool,
      scriptName,
      pathInfo: belowRoot(decodePathBytes(request.path), scriptName, root),
      query: request.query,
      method: request.method,
      bodyLimit: exchange.limits?.bodyLimit ?? app.limits.body,
    },
  }
}

/** Where the request has chosen its server, a group of that one. */
function groupFor(group: Upstream, { chosen }: PassedOn): Upstream {
  if (chosen === undefined) return group
  const { label, host, port } = chosen
  return { ...group, name: label, servers: [singleServer(label, { kind: 'tcp', host, port })] }
}

/** As `gateway/assemble.ts` puts them around everything. */
function withHttps(
  { redirect, hsts: seconds }: HttpsConfig,
  listeners: AskedRequest['listeners'],
  refuse: (exchange: Exchange, error: Error) => void,
): Middleware {
  const port = httpsPortOf(listeners)
  const hostOf = (authority: string) => splitAuthority(authority).host
  const redirected: Middleware = redirect && port > 0 ? httpsRedirect({ port, hostOf, refuse }) : next => next
  const kept: Middleware = seconds === null ? next => next : hsts(seconds)
  return next => kept(redirected(next))
}

function toldMounts(app: AppConfig, handler: Handler, tell: (mount: TriedMount) => void): Handler {
  const mounts = arrangeMounts(app.staticMounts, app.rootPath, app.path)
  if (mounts.length === 0) return handler
  return exchange => {
    const { method, rootPath } = exchange.request
    let path = method === 'GET' || method === 'HEAD' ? decodePath(exchange.request.path) : null
    if (rootPath !== undefined && path !== null) path = withoutPrefix(mounts, path, rootPath)
    const mount = path === null ? undefined : findMount(mounts, path)
    if (mount !== undefined) {
      const relative = relativePath(mount, path!)
      tell({ app: app.name, url: mount.url, file: relative === null ? '' : join(mount.directories[0]!, relative) })
    }
    return handler(exchange)
  }
}

/** The application's static files, then the pool that it would have. */
function applicationHandler(
  app: AppConfig,
  openFiles: OpenFiles,
  pages: OwnPages,
  refuse: (exchange: Exchange, error: Error) => void,
  reach: (exchange: Exchange, pool: string) => void,
): Handler {
  const files = new StaticFiles(app.rootPath, openFiles, refuse, app.path)
  files.setMounts(app.staticMounts)
  const pools = app.pools.map(
    ({ name }): Handler =>
      exchange =>
        reach(exchange, name),
  )
  const toPool = pools.length === 1 ? pools[0]! : choosePool(app, pools)
  return staticFirst(files, toPool, { isAnswered: () => pages.has(404), refuse })
}

/** Nobody is counted. */
const tellLimits: MakeLimitStep = limits => request => {
  for (const { use, limit, key } of limits)
    request.trace?.({ kind: 'limit', use, limit, isCounted: key(request) !== '' })
  return null
}

/** As `gateway/assemble.ts` makes it: sites, or the hosts and paths of the applications. */
function contentHandler(
  { apps, sites }: Explainable,
  applications: ReadonlyMap<string, Handler>,
  openFiles: OpenFiles,
  trace: (decision: Decision) => void,
  {
    refuse,
    passOn,
  }: { readonly refuse: (exchange: Exchange, error: Error) => void; readonly passOn: (request: SiteRequest) => void },
): Handler {
  if (sites.sites.length > 0) {
    const files = new LocationFiles(openFiles, refuse)
    const logins = new Logins(sites.passwordFiles, new Hasher())
    // Nothing is sent, so nothing is compressed: Accept-Encoding and the load of the moment would decide.
    const content = siteContent({
      applications,
      files,
      policyOf: policies(),
      proxied: { handle: passOn },
      logins,
      refuse,
      strayFile: () => {},
      status: form => (form === 'json' ? statusJson(NO_TRAFFIC) : statusText(NO_TRAFFIC)),
      compress: null,
    })
    return new Phases(compileSites(sites, { ...NO_EFFECTS, makeLimitStep: tellLimits }).find, content, trace).handle
  }
  const [first] = apps
  if (apps.length === 1 && first!.path === '' && first!.hosts.length === 0) return applications.get(first!.name)!
  const targets = apps.map(({ name }) => ({ name, handler: applications.get(name)! }))
  return createRouter(compileRoutes(apps), targets, refuse)
}
