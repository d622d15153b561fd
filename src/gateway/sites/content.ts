/**
 * What is at the end of a request's way through a site: applications, upstreams, files, answers of the configuration. Runs in the gateway; built for
 * each configuration of sites.
 *
 * Not here: which of them a request gets (`routing/sites/phases.ts`).
 */
import type { Logins } from '../../access/logins.ts'
import type { FilePolicy } from '../../handlers/static/entry.ts'
import { type Listing, MAX_NAMES } from '../../handlers/static/listing.ts'
import type { FilePlace, LocationFiles } from '../../handlers/static/locations.ts'
import type { Exchange, Handler, ResponseHead } from '../../http/exchange.ts'
import { fieldsWith, headerValues } from '../../http/headers.ts'
import { decodePathBytes, encodePathBytes } from '../../http/path.ts'
import { withHeaders } from '../../http/response-filter.ts'
import { belowBase, fileName } from '../../routing/sites/file-names.ts'
import { encodedQuery } from '../../routing/sites/normal-path.ts'
import type { ApplicationOrders, SiteContent } from '../../routing/sites/site-content.ts'
import type { CompiledLocation, SiteRequest } from '../../routing/sites/site-request.ts'
import { ApplicationResponse, type Decision } from '../application-response.ts'
import { addHeadFields, withCharset, withHeadFields } from './head-fields.ts'
import { addRateLimit } from './limited-rate.ts'
import { listingJson, listingPage } from './listing-page.ts'
import { followLogs } from './logs.ts'
import { isOrder } from './orders.ts'
import { contentTypeFor, type PolicyOf } from './policies.ts'
import { Subrequest } from './subrequest.ts'

export interface ContentParts {
  readonly applications: ReadonlyMap<string, Handler>
  readonly files: LocationFiles
  readonly policyOf: PolicyOf
  /** Passes a request on; null: no location has `proxy` or the like. Its response is what this file makes of it. */
  readonly proxied: { handle(request: SiteRequest): void } | null
  /** Null: there are no files of passwords, so no location asks for one. */
  readonly logins: Logins | null
  readonly refuse: (exchange: Exchange, error: Error) => void
  /** An application without `sendfile-roots` has said X-Sendfile. */
  readonly strayFile: (app: string) => void
  /** The answer of `status`; null: no location shows it. */
  readonly status: ((form: 'text' | 'json') => string) | null
  /** Compresses what is answered in a location; null: none does that. */
  readonly compress: ((request: SiteRequest) => void) | null
}

export function siteContent({
  applications,
  files,
  policyOf,
  proxied,
  logins,
  refuse,
  strayFile,
  status,
  compress,
}: ContentParts): SiteContent {
  /** Null: the path can be no file here. */
  const placeOf = (request: SiteRequest, uri: string): FilePlace | null => {
    const { location } = request
    const relative = belowBase(location, fileName(request, uri))
    return relative === null ? null : { base: location.baseText, relative, ...policyOf(location) }
  }

  /** What a location does around a response. From the client inwards: the rate is that of the bytes that it gets. */
  function enter(request: SiteRequest): void {
    // Nobody sees the response of a subrequest.
    if (request.of !== null) return
    followLogs(request)
    if (request.location.limitRate !== null) addRateLimit(request)
    compress?.(request)
  }

  function beforeAnswer(request: SiteRequest): void {
    enter(request)
    addHeadFields(request)
  }

  return {
    toApplication: (request, name, orders) => {
      const { exchange, location } = request
      showPath(request)
      enter(request)
      exchange.limits = location.settings
      exchange.response = new ApplicationResponse(exchange, (head, response) => {
        request.answer = head
        return decide(request, head, orders, response, () => strayFile(name))
      })
      exchange.app = applications.size > 1 ? name : ''
      return applications.get(name)!(exchange)
    },
    toProxy: (request, orders) => {
      const { exchange } = request
      enter(request)
      exchange.response = new ApplicationResponse(exchange, (head, response) =>
        decide(request, head, orders, response, NOTHING_STRAYS),
      )
      exchange.app = ''
      proxied!.handle(request)
    },
    exists: (request, uri, what) => {
      const place = placeOf(request, uri)
      if (place === null) return false
      return what === 'file' ? files.isFile(place) : files.isDirectory(place)
    },
    lookAt: name => files.lookAt(name),
    serveFile: request => {
      const place = placeOf(request, request.uri)
      const { exchange, responseStatus } = request
      return place === null ? 'missing' : files.serve(exchange, place, responseStatus !== 0 && responseStatus !== 200)
    },
    listDirectory: async request => {
      const { method } = request.exchange.request
      if (method !== 'GET' && method !== 'HEAD') return 'read-only'
      const place = placeOf(request, request.uri)
      const listing = place === null ? null : await files.list(place)
      if (place === null || listing === null) return 'missing'
      if (request.exchange.response.state === 'idle') respondWithList(request, listing, place.policy)
      return 'answered'
    },
    respond: (request, status, text) => {
      const body = bytesOfWords(request.location, text)
      const headers = body.length === 0 ? [] : ['Content-Type', contentTypeFor(request)]
      request.exchange.response.respond(
        { status, reason: '', headers: [...headers, 'Content-Length', String(body.length)] },
        body,
      )
    },
    showStatus: ({ exchange: { response } }, form) => {
      const body = Buffer.from(status!(form))
      const type = form === 'json' ? 'application/json' : 'text/plain'
      const headers = ['Content-Type', type, 'Cache-Control', 'no-store', 'Content-Length', String(body.length)]
      response.respond({ status: 200, reason: '', headers }, body)
    },
    redirect: ({ exchange: { response } }, status, url) => {
      response.respond({ status, reason: '', headers: ['Location', url, 'Content-Length', '0'] }, EMPTY)
    },
    permit: ({ exchange: { response } }, headers) =>
      response.respond({ status: 204, reason: '', headers: [...headers] }, EMPTY),
    refuse,
    followLogs: request => {
      if (request.of === null) followLogs(request)
    },
    beforeAnswer,
    authenticate: ({ exchange: { request, peer } }, users) => {
      const sent = headerValues(request.headers, 'authorization')
      // Two are two opinions: the application might see the other one.
      return logins!.check(users, sent.length === 1 ? sent[0]! : '', peer)
    },
    open: ({ exchange }, uri) => {
      const asked = new Subrequest(exchange, uri)
      return { exchange: asked, ended: asked.ended }
    },
    leave: ({ exchange }) => {
      while (exchange.response instanceof ApplicationResponse) exchange.response = exchange.response.next
    },
  }
}

const EMPTY = Buffer.alloc(0)

/** The last words of each location as bytes: mostly they are the same for all requests, and new memory for a page costs more than to send it. */
const words = new WeakMap<CompiledLocation, { readonly text: string; readonly body: Buffer }>()

function bytesOfWords(location: CompiledLocation, text: string): Buffer {
  const last = words.get(location)
  if (last?.text === text) return last.body
  const body = Buffer.from(text, 'latin1')
  words.set(location, { text, body })
  return body
}
/** X-Sendfile of an upstream means nothing here: it is left out. */
const NOTHING_STRAYS = () => {}

/** The last page of each list: all requests of a second share both. */
const pages = new WeakMap<Listing, { readonly key: string; readonly body: Buffer }>()

function respondWithList({ exchange, location }: SiteRequest, listing: Listing, policy: FilePolicy): void {
  const isJson = location.settings.autoindex === 'json'
  const { path } = exchange.request
  const key = isJson ? '' : path
  let page = pages.get(listing)
  if (page?.key !== key) {
    page = { key, body: Buffer.from(isJson ? listingJson(listing) : listingPage(listing, path)) }
    pages.set(listing, page)
  }
  const headers = ['Content-Type', isJson ? 'application/json' : 'text/html; charset=utf-8']
  const cacheControl = policy.cacheControlOf('index.html')
  if (cacheControl !== null) headers.push('Cache-Control', cacheControl)
  // The page says it in words.
  if (isJson && listing.isCut) headers.push('X-List-Truncated', String(MAX_NAMES))
  headers.push('Content-Length', String(page.body.length))
  exchange.response.respond({ status: 200, reason: '', headers }, page.body)
}

/** No other order is as short. */
const X_SENDFILE = 'x-sendfile'

/** What stays of the application's head when something else answers in its place. */
const KEPT = /^(?:content-type|content-disposition|set-cookie|cache-control|expires|accept-ranges)$/i

/** The head to send, or what to do in its place. */
function decide(
  request: SiteRequest,
  head: ResponseHead,
  orders: ApplicationOrders,
  response: ApplicationResponse,
  onStrayFile: () => void,
): Decision {
  const { interceptsErrors, proxy } = request.location.settings
  const { status, headers } = head
  const isProxied = isUpstream(request)
  const { localRedirect } = head
  if (localRedirect !== undefined)
    return () => {
      request.keptHeaders = []
      orders.redirectAsClient(request, localRedirect)
    }
  let target: string | null = null
  let hasOrders = false
  for (let i = 0; i < headers.length; i += 2) {
    if (!isOrder(headers[i]!)) continue
    hasOrders = true
    if (headers[i]!.length === X_SENDFILE.length) onStrayFile()
    const value = headers[i + 1]!
    const name = headers[i]!.toLowerCase()
    if (isProxied && proxy.ignoreHeaders.includes(name)) continue
    if (name === 'x-accel-redirect') target = value
    else if (name === 'x-accel-limit-rate' && /^\d{1,12}$/.test(value)) request.limitRate = Number(value)
    else if (name === 'x-accel-charset' && CHARSET.test(value)) request.charset = value === 'off' ? '' : value
  }
  if (request.limitRate !== null && request.of === null) response.addBehind(() => addRateLimit(request))
  if (target !== null) {
    const to = target
    return () => {
      const kept = fieldsWith(headers, name => KEPT.test(name))
      request.keptHeaders = request.charset === null ? kept : withCharset(kept, request.charset, false)
      orders.redirect(request, to)
    }
  }
  if (interceptsErrors && status >= 300 && orders.hasErrorPage(request, status))
    return () => {
      request.keptHeaders = fieldsWith(headers, name => name.toLowerCase() === 'www-authenticate')
      orders.showErrorPage(request, status)
    }
  return withHeadFields(request, hasOrders ? followed(request, head) : head)
}

/** Settings of `proxy` mean nothing for an application. */
function isUpstream({ location: { proxy, script } }: SiteRequest): boolean {
  return proxy !== null || script !== null
}

const CHARSET = /^[A-Za-z0-9._-]{1,32}$/

/** The head without its orders. A charset that the application has given itself stays. */
function followed(request: SiteRequest, head: ResponseHead): ResponseHead {
  const { charset } = request
  const shown = isUpstream(request) ? request.location.settings.proxy.passHeaders : []
  const headers = fieldsWith(head.headers, name => !isOrder(name) || shown.includes(name.toLowerCase()))
  request.charset = null
  return withHeaders(head, charset === null ? headers : withCharset(headers, charset, false))
}

/** The application sees the path that was decided on. Where nothing has changed, it sees what the client sent. */
function showPath({ exchange, uri, args, isRewritten }: SiteRequest): void {
  const { request } = exchange
  if (!isRewritten && (request.path === uri || decodePathBytes(request.path) === uri)) return
  exchange.request = { ...request, path: encodePathBytes(uri), query: isRewritten ? encodedQuery(args) : request.query }
}
