/** A site and requests for it, for the tests here: small models with the defaults of `jumak.toml`. */
import { FakeExchange, type FakeRequest } from '../../../apps/testing/fake-exchange.ts'
import { ClientGoneError, HttpError } from '../../../http/errors.ts'
import { headerValue } from '../../../http/headers.ts'
import type { Access, Location, LocationSettings, Match, RewriteStep, Site, SitesModel } from '../../../sites/model.ts'
import { NO_SITES } from '../../../sites/testing/no-sites.ts'
import { compileSites } from '../compile.ts'
import { Phases } from '../phases.ts'
import type { SiteContent } from '../site-content.ts'
import type { SiteRequest } from '../site-request.ts'
import type { Trace } from '../trace.ts'

export const PLACE = { file: 'test.toml', line: 1, column: 1 }

export const OPEN: Access = { rules: [], satisfy: 'all', basic: null, users: null, request: null, requestSets: [] }

export const SETTINGS: LocationSettings = {
  access: OPEN,
  secureLink: null,
  secureLinkMd5: null,
  validReferers: null,
  root: null,
  index: ['index.html'],
  autoindex: 'off',
  addHeaders: [],
  expires: { kind: 'off' },
  errorPages: [],
  interceptsErrors: false,
  types: null,
  defaultType: 'text/plain',
  charset: '',
  etag: true,
  ifModifiedSince: 'before',
  disableSymlinks: 'outside',
  compression: { files: false, responses: false, codings: ['gzip'], types: [], minLength: 0 },
  standardHeaders: [],
  cors: null,
  cookieFlags: [],
  limits: [],
  logs: null,
  bodyLimit: null,
  limitRate: null,
  limitRateAfter: null,
  timeout: null,
  requestBuffering: null,
  absoluteRedirect: false,
  portInRedirect: true,
  proxy: {
    setHeaders: [],
    hideHeaders: [],
    passHeaders: [],
    connectTimeout: 10_000,
    sendTimeout: 60_000,
    readTimeout: 60_000,
    redirects: [{ kind: 'default' }],
    cookieDomains: [],
    cookiePaths: [],
    ignoreHeaders: [],
    passesHeaders: true,
    passesBody: true,
    buffers: true,
    forwarded: 'x-forwarded',
    nextUpstream: ['error', 'timeout'],
    nextUpstreamTries: 0,
    nextUpstreamTimeout: 0,
    allowHosts: [],
    buffersRequest: false,
    tls: 0,
  },
  params: { params: { fastcgi: [], scgi: [], uwsgi: [], cgi: [] }, fastcgiIndex: null, splitPathInfo: null },
  cgi: { interpreters: {}, variables: [], mayBeWritable: false },
}

/** Answers with its label, unless `of` says something else. */
export function location(match: Match, of: Partial<Location> = {}): Location {
  return {
    match,
    isInternal: false,
    rewrites: [],
    tryFiles: [],
    handler: { kind: 'none' },
    settings: SETTINGS,
    limitExcept: null,
    locations: [],
    place: PLACE,
    ...of,
  }
}

export const prefix = (path: string, of: Partial<Location> = {}, beatsRegex = false): Location =>
  location({ kind: 'prefix', path, beatsRegex }, of)
export const exact = (path: string, of: Partial<Location> = {}): Location => location({ kind: 'exact', path }, of)
export const regex = (source: string, of: Partial<Location> = {}): Location =>
  location({ kind: 'regex', pattern: { source, ignoresCase: false } }, of)
export const text = (words: string): RewriteStep => ({ kind: 'return', status: 200, text: words, place: PLACE })

export function site(of: Partial<Site>): Site {
  return {
    label: 'test',
    listen: [],
    names: [],
    isDefault: false,
    mergesSlashes: true,
    rewrites: [],
    root: prefix(''),
    locations: [],
    place: PLACE,
    ...of,
  }
}

export function model(...sites: Site[]): SitesModel {
  return { ...NO_SITES, sites }
}

/** The field Authorization that passes wherever a password is asked for. */
export const RIGHT = 'Basic YW5uOngK'

/** The same field of a client that goes while its password is checked. */
export const GONE = 'Basic Z29uZTp4'

/** What became of a request, when it is done: words in one line. */
export interface Went {
  words: string
  request: SiteRequest | null
  /** What the gateway waits for; undefined: all was done within the call. */
  done: Promise<void> | undefined
}

/**
 * Leads requests through the sites. `files`: names that are there, directories with a slash at their end. `unreadable`: one that cannot be
 * looked at. Throws for a wrong model.
 */
export function sitesOf(
  of: SitesModel,
  files: readonly string[] = [],
  unreadable = '',
  trace: Trace | null = null,
): (target: string, host?: string, of?: FakeRequest) => Went {
  const compiled = compileSites(of)
  if (compiled.problems.length > 0) throw new Error(compiled.problems.map(({ problem }) => problem).join('; '))
  return (target, host = 'test', fields = {}) => {
    const [path = '', query = ''] = target.split(/\?(.*)/s)
    const exchange = new FakeExchange({ target, path, query, authority: host, ...fields })
    const went: Went = { words: 'nothing', request: null, done: undefined }
    const end = (words: string, request: SiteRequest | null) => {
      Object.assign(went, { words, request })
    }
    const refuse = (error: Error) => {
      if (exchange.errorPage?.(error) !== true) end(`${(error as HttpError).status}`, null)
    }
    const content: SiteContent = {
      followLogs() {},
      toApplication: (request, name) => end(`${name} ${request.uri}?${request.args}`, request),
      toProxy: request => end(`proxy ${request.uri}?${request.args}`, request),
      exists: (_, uri, what) =>
        uri === unreadable
          ? Promise.reject(new HttpError(403, 'This file may not be read', 'operator'))
          : files.includes(what === 'file' ? uri : `${uri.replace(/\/$/, '')}/`),
      lookAt: name =>
        Promise.resolve(files.includes(name) ? { isFile: true, isDirectory: false, isExecutable: false } : null),
      serveFile: request => {
        end(`file ${request.uri}`, request)
        return 'answered'
      },
      listDirectory: () => 'missing',
      showStatus: (request, form) => end(`status ${form}`, request),
      respond: (request, status, words) => end(`${status} ${words}`, request),
      redirect: (request, status, url) => end(`${status} ${url}`, request),
      permit: request => end('204', request),
      refuse: (_, error) => refuse(error),
      beforeAnswer: () => {},
      leave: () => {},
      open: ({ exchange: of }, to) => {
        const asked = new FakeExchange({ ...of.request, method: 'GET', path: to, query: '' })
        return { exchange: asked, ended: Promise.resolve() }
      },
      authenticate: () => {
        const sent = headerValue(exchange.request.headers, 'authorization') ?? ''
        if (sent === '') return { kind: 'none' }
        if (sent === GONE) return Promise.reject(new ClientGoneError())
        return sent === RIGHT ? { kind: 'right', name: 'ann' } : Promise.resolve({ kind: 'wrong' })
      },
    }
    went.done = new Phases(compiled.find, content, trace).handle(exchange) ?? undefined
    return went
  }
}
