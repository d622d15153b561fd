/**
 * The way of a request through a site, in nginx's order: steps of the site, location, steps of the location (up to ten changes of the path),
 * limits, preflight of CORS, access, `try_files`, handler; then back: error pages, internal redirects. Runs in the gateway for each request
 * while there are sites. What needs no disk is done within the call.
 *
 * Invariants: each change of the path and each internal redirect takes one of MAX_URI_CHANGES, so every request ends. A location with
 * `internal` is reached from here only. An error page that fails is answered with its own error, and tries no other page.
 * Not here: what a handler does (`SiteContent`, which `gateway/sites/` provides), and which parts exist (`compile.ts`).
 */
import { ClientGoneError, HttpError, ProtocolError } from '../../http/errors.ts'
import type { Exchange, Handler } from '../../http/exchange.ts'
import { encodePathBytes } from '../../http/path.ts'
import { type AskedForAccess, checkAccess, type Refusal } from './access.ts'
import { fileName, LEADS_AWAY } from './file-names.ts'
import { findLocation } from './locations.ts'
import { encodedQuery, normalPath } from './normal-path.ts'
import { redirectUrl } from './redirects.ts'
import { scriptName } from './script-names.ts'
import type { FindSite } from './site-names.ts'
import { type LookAt, SiteRequest, type StepsOutcome } from './site-request.ts'
import { REDIRECTS } from './steps.ts'
import type { Trace } from './trace.ts'

type Outcome = void | Promise<void>
/** nginx's status for a connection that is closed without an answer. */
const CLOSES = 444
/** What steps answer with. */
type Answer = Extract<StepsOutcome, object>

/** What is at the end of the way. */
export interface SiteContent extends Pick<AskedForAccess, 'authenticate'> {
  /** From now on the request has a line in the logs of the location where it ends. What answers says so too, and again is the same. */
  readonly followLogs: (request: SiteRequest) => void
  /** Gives the request to an application. `request.exchange.request` has the path that it sees. */
  readonly toApplication: (request: SiteRequest, name: string, orders: ApplicationOrders) => Outcome
  /** Passes the request on to the upstream of its location. */
  readonly toProxy: (request: SiteRequest, orders: ApplicationOrders) => Outcome
  /** Whether `uri` names one below the location's directory. `uri`: begins with a slash; bytes. */
  readonly exists: (request: SiteRequest, uri: string, what: 'file' | 'directory') => boolean | Promise<boolean>
  /** For the conditions of steps: any name of the machine. */
  readonly lookAt: LookAt
  /** Answers with the file that `request.uri` names, if there is one. */
  readonly serveFile: (request: SiteRequest) => Served | Promise<Served>
  /** Answers with a list of what is in the directory that `request.uri` names. */
  readonly listDirectory: (request: SiteRequest) => Served | Promise<Served>
  /** Answers with these words. */
  readonly respond: (request: SiteRequest, status: number, text: string) => void
  /** Answers with a redirect. `url`: all of it is safe in a header. */
  readonly redirect: (request: SiteRequest, status: number, url: string) => void
  /** Answers a preflight of CORS. */
  readonly permit: (request: SiteRequest, headers: readonly string[]) => void
  /** Answers with a page of our own. The error comes back to `errorPage` first. */
  readonly refuse: (exchange: Exchange, error: Error) => void
  /** Called before anything but an application answers: for what the location adds to every response. */
  readonly beforeAnswer: (request: SiteRequest) => void
  /** Makes a request for this one: a GET of `uri` (bytes) without content. `ended`: it is answered; rejects if the client has gone. */
  readonly open: (request: SiteRequest, uri: string) => { readonly exchange: Exchange; readonly ended: Promise<void> }
  /** The application that had the request answers it no more: from now on another one does. */
  readonly leave: (request: SiteRequest) => void
}

/** What a path turned out to be on the disk. `read-only`: it is there, and the method is another than GET and HEAD. */
export type Served = 'answered' | 'directory' | 'missing' | 'read-only'

/** What an application's response may lead to. */
export interface ApplicationOrders {
  /** X-Accel-Redirect. `target`: a path with a query, or `@name`, as the application gave it. */
  readonly redirect: (request: SiteRequest, target: string) => void
  /** A local redirect of a script: as if a client had asked for this path and query, so no internal location is reached. */
  readonly redirectAsClient: (request: SiteRequest, target: string) => void
  /** The site has a page for the error, and shall use it. */
  readonly hasErrorPage: (request: SiteRequest, status: number) => boolean
  readonly showErrorPage: (request: SiteRequest, status: number) => void
}

export class Phases {
  readonly #find: FindSite
  readonly #content: SiteContent
  readonly #trace: Trace | null
  readonly #asked: AskedForAccess

  /** `trace`: of `jumak explain`. */
  constructor(find: FindSite, content: SiteContent, trace: Trace | null = null) {
    this.#find = find
    this.#content = content
    this.#trace = trace
    this.#asked = { authenticate: content.authenticate, ask: (request, uri) => this.#ask(request, uri) }
  }

  readonly handle: Handler = exchange => {
    const { path, authority } = exchange.request
    const { site, captures, named, how, name } = this.#find(exchange.local, authority)
    const uri = normalPath(path, site.mergesSlashes)
    if (typeof uri !== 'string') return this.#content.refuse(exchange, new HttpError(400, uri.problem, 'client'))
    const request = new SiteRequest(exchange, site, uri, this.#trace)
    request.trace?.({ kind: 'site', site, how, name })
    if (captures !== null) {
      request.captures = captures
      for (const { group, index } of named) request.values[index] = captures[group] ?? ''
    }
    return this.#start(request)
  }

  #start(request: SiteRequest): Outcome {
    // A page is for people. The status that it gives an error (`=200`) would let in who was refused.
    if (request.site.hasErrorPages && request.of === null) {
      // With a name: assigned where it is written, it made requests outlive many collections (docs/internals/performance.md).
      const errorPage = (error: Error) => this.#errorPage(request, error)
      request.exchange.errorPage = errorPage
    }
    return this.#run(request)?.catch((error: Error) => this.#notSeen(request, error))
  }

  /** A file that is there and cannot be looked at is the operator's affair. Anything else is a bug of ours. */
  #notSeen(request: SiteRequest, error: Error): void {
    if (error instanceof HttpError) this.#refuse(request, error)
    else throw error
  }

  #run(request: SiteRequest): Outcome {
    // What the site's steps answer is in no location.
    request.location = request.site.root
    const outcome = request.site.steps?.(request, this.#content.lookAt) ?? 'next'
    if (typeof outcome === 'object') return this.#afterSteps(request, outcome, () => this.#search(request))
    return this.#search(request)
  }

  /** They have an answer, or wait for the disk. */
  #afterSteps(
    request: SiteRequest,
    outcome: Answer | Promise<StepsOutcome>,
    goOn: (outcome: Exclude<StepsOutcome, Answer>) => Outcome,
  ): Outcome {
    if (!(outcome instanceof Promise)) return this.#finish(request, outcome)
    return outcome.then(one => (typeof one === 'object' ? this.#finish(request, one) : goOn(one)))
  }

  #search(request: SiteRequest): Outcome {
    for (;;) {
      request.trace?.({ kind: 'search', uri: request.uri })
      const found = findLocation(request.site.locations, request)
      const location = found?.location ?? request.site.root
      request.trace?.({ kind: 'location', location, how: found?.how ?? 'none' })
      request.location = location
      if (location.isInternal && !request.isInternal) return this.#fail(request, 404, NO_SUCH_PLACE)
      if (found?.how === 'slash') return this.#addSlash(request)
      const outcome = location.steps?.(request, this.#content.lookAt) ?? 'next'
      if (typeof outcome === 'object') return this.#afterSteps(request, outcome, one => this.#stepped(request, one))
      if (outcome !== 'again') return this.#limit(request)
      if (--request.changesLeft < 0) return this.#tooManyChanges(request)
    }
  }

  #stepped(request: SiteRequest, outcome: Exclude<StepsOutcome, Answer>): Outcome {
    if (outcome !== 'again') return this.#limit(request)
    return --request.changesLeft < 0 ? this.#tooManyChanges(request) : this.#search(request)
  }

  #access(request: SiteRequest): Outcome {
    const { access } = request.location
    if (access === null || request.of !== null) return this.#tryFiles(request)
    const refusal = checkAccess(request, access, this.#asked)
    if (refusal instanceof Promise) return refusal.then(one => this.#checked(request, one))
    return this.#checked(request, refusal)
  }

  /** `auth_request`: the other location is asked as if it were an internal redirect, but nobody asks whether this one is let in. */
  async #ask(request: SiteRequest, uri: string): Promise<SiteRequest> {
    const { exchange, ended } = this.#content.open(request, uri)
    const asking = new SiteRequest(exchange, request.site, uri, null, request)
    asking.isRewritten = true
    this.#guarded(asking, () => this.#start(asking))
    await ended
    return asking
  }

  #checked(request: SiteRequest, refusal: Refusal | null): Outcome {
    if (refusal === null) return this.#tryFiles(request)
    // The page of an error says it too.
    request.keptHeaders = refusal.headers
    const { status, message, headers, logged } = refusal
    this.#fail(request, status, message, headers, logged)
  }

  /** `limit_req`, `limit_conn` */
  #limit(request: SiteRequest): Outcome {
    const { limits } = request.location
    if (limits === null) return this.#preflight(request)
    const refused = limits(request)
    if (!(refused instanceof Promise)) return this.#limited(request, refused)
    // The client may go before its turn.
    this.#content.followLogs(request)
    return refused.then(error => this.#limited(request, error))
  }

  #limited(request: SiteRequest, refused: HttpError | null): Outcome {
    return refused === null ? this.#preflight(request) : this.#refuse(request, refused)
  }

  /** A browser asks whether a page of another site may. It sends no password with that. */
  #preflight(request: SiteRequest): Outcome {
    const answer = request.location.cors?.preflight(request) ?? null
    if (answer === null) return this.#access(request)
    if (answer instanceof HttpError) return this.#refuse(request, answer)
    this.#content.beforeAnswer(request)
    this.#content.permit(request, answer)
  }

  /** `try_files` */
  #tryFiles(request: SiteRequest): Outcome {
    const { tryFiles } = request.location
    if (tryFiles.length === 0) return this.#handler(request)
    return hasLostAlias(request) ? this.#fail(request, 500, ALIAS_AFTER_REWRITE) : this.#tryFrom(request, 0)
  }

  #tryFrom(request: SiteRequest, first: number): Outcome {
    const { tryFiles } = request.location
    for (let i = first; i < tryFiles.length; i++) {
      const one = tryFiles[i]!
      if (one.kind === 'status') {
        request.trace?.({ kind: 'last-try', to: `=${one.status}` })
        return this.#fail(request, one.status, NO_SUCH_PLACE)
      }
      if (one.kind === 'named') {
        request.trace?.({ kind: 'last-try', to: `@${one.name}` })
        return this.#toNamed(request, one.name)
      }
      const value = one.value(request)
      const { kind } = one
      if (kind === 'uri') {
        request.trace?.({ kind: 'last-try', to: value })
        return value.startsWith('@') ? this.#toNamed(request, value.slice(1)) : this.#redirectTo(request, value)
      }
      const uri = pathToTry(request, value)
      const isThere = this.#content.exists(request, uri, kind)
      if (typeof isThere !== 'boolean')
        return isThere.then(found => {
          if (request.trace !== null) tellTry(request, uri, kind, found)
          return found ? this.#found(request, uri) : this.#tryFrom(request, i + 1)
        })
      if (request.trace !== null) tellTry(request, uri, kind, isThere)
      if (isThere) return this.#found(request, uri)
    }
    return this.#handler(request)
  }

  #found(request: SiteRequest, uri: string): Outcome {
    // A script that is there: what follows it in the path stays its PATH_INFO, which nginx loses here.
    const isScript = request.location.script?.split != null && uri === scriptName(request)
    if (request.uri !== uri && !isScript) {
      request.uri = uri
      request.isRewritten = true
    }
    return this.#handler(request)
  }

  #handler(request: SiteRequest): Outcome {
    const { handler } = request.location
    if (request.trace !== null) tellHandler(request)
    if (hasLostContent(request)) return this.#fail(request, 500, CONTENT_IS_GONE)
    switch (handler.kind) {
      case 'app':
        return this.#content.toApplication(request, handler.name, this.#orders)
      case 'proxy':
      case 'fastcgi':
      case 'scgi':
      case 'uwsgi':
      case 'cgi':
        return this.#content.toProxy(request, this.#orders)
      case 'none':
        return this.#fail(request, 404, NO_SUCH_PLACE)
      case 'files':
        return this.#files(request)
    }
  }

  #files(request: SiteRequest): Outcome {
    const { method } = request.exchange.request
    const isRead = method === 'GET' || method === 'HEAD'
    if (!isRead && method !== 'POST') return this.#served(request, 'read-only')
    if (hasLostAlias(request)) return this.#fail(request, 500, ALIAS_AFTER_REWRITE)
    this.#content.beforeAnswer(request)
    if (request.uri.endsWith('/')) return this.#directory(request)
    return this.#serving(request, this.#content.serveFile(request))
  }

  /** The first of its index files; else a list of what is in it. */
  #directory(request: SiteRequest): Outcome {
    const { index } = request.location
    const isThere = (i: number): Outcome => {
      for (let at = i; at < index.length; at++) {
        const name = index[at]!(request)
        // A path of its own is the last resort.
        if (name.startsWith('/')) return this.#redirectTo(request, name, request.args)
        const uri = request.uri + name
        const found = this.#content.exists(request, uri, 'file')
        if (typeof found !== 'boolean')
          return found.then(yes => {
            if (request.trace !== null) tellTry(request, uri, 'file', yes, 'index')
            return yes ? this.#toPath(request, uri, request.args) : isThere(at + 1)
          })
        if (request.trace !== null) tellTry(request, uri, 'file', found, 'index')
        if (found) return this.#toPath(request, uri, request.args)
      }
      return this.#withoutIndex(request)
    }
    const start = (isDirectory: boolean): Outcome => (isDirectory ? isThere(0) : this.#served(request, 'missing'))
    const isDirectory = this.#content.exists(request, request.uri, 'directory')
    return typeof isDirectory === 'boolean' ? start(isDirectory) : isDirectory.then(start)
  }

  #withoutIndex(request: SiteRequest): Outcome {
    if (request.location.settings.autoindex !== 'off')
      return this.#serving(request, this.#content.listDirectory(request))
    this.#fail(request, 403, 'This directory has no index, and its files are not listed')
  }

  #serving(request: SiteRequest, served: Served | Promise<Served>): Outcome {
    if (typeof served === 'string') return this.#served(request, served)
    return served.then(one => this.#served(request, one))
  }

  #served(request: SiteRequest, served: Served): void {
    if (served === 'missing') this.#fail(request, 404, 'There is no such file')
    else if (served === 'read-only') this.#fail(request, 405, 'Files can only be read', ['Allow', 'GET, HEAD'])
    else if (served === 'directory') this.#addSlash(request)
  }

  #addSlash(request: SiteRequest): void {
    this.#redirect(request, 301, withArgs(`${encodePathBytes(request.uri)}/`, request.args))
  }

  // ---- outcomes ----

  #finish(request: SiteRequest, { status, text, isRedirect }: Answer): Outcome {
    // nginx's word for: say nothing.
    if (status === CLOSES) {
      request.responseStatus = CLOSES
      this.#content.followLogs(request)
      return request.exchange.response.abort(new HttpError(CLOSES, 'The configuration says to close', 'operator'))
    }
    if (isRedirect && text !== null) return this.#redirect(request, status, text)
    if (text === null && status >= 400) return this.#fail(request, status, 'The configuration of this site answers so')
    this.#content.beforeAnswer(request)
    this.#content.respond(request, status, text ?? '')
  }

  #redirect(request: SiteRequest, status: number, url: string): void {
    // Also from the page of an error.
    request.responseStatus = 0
    this.#content.beforeAnswer(request)
    this.#content.redirect(request, status, redirectUrl(request, url))
  }

  #fail(
    request: SiteRequest,
    status: number,
    message: string,
    headers: readonly string[] = [],
    logged: string = message,
  ): void {
    const culprit = status < 500 ? 'client' : 'operator'
    this.#refuse(request, new HttpError(status, message, culprit, undefined, headers, logged))
  }

  #refuse(request: SiteRequest, error: Error): void {
    this.#content.beforeAnswer(request)
    this.#content.refuse(request.exchange, error)
  }

  #tooManyChanges(request: SiteRequest): void {
    request.errorStatus = 500
    this.#fail(request, 500, 'The rewrites of this site go in a circle')
  }

  /**
   * An internal redirect: the request goes through the site again, with another path. `target`: bytes, may have a query. `args`: the query
   * that it keeps.
   */
  #redirectTo(request: SiteRequest, target: string, args = ''): Outcome {
    if (target.startsWith('@')) return this.#toNamed(request, target.slice(1))
    const question = args === '' ? target.indexOf('?') : -1
    const uri = question < 0 ? target : target.slice(0, question)
    if (!uri.startsWith('/') || LEADS_AWAY.test(uri))
      return this.#fail(request, 500, 'An internal redirect of this site leads to no path')
    return this.#toPath(request, uri, question < 0 ? args : target.slice(question + 1))
  }

  #toPath(request: SiteRequest, uri: string, args: string, isInternal = true): Outcome {
    request.trace?.({ kind: 'internal-redirect', to: withArgs(uri, args) })
    if (--request.changesLeft < 0) return this.#tooManyChanges(request)
    request.uri = uri
    request.args = args
    request.isRewritten = true
    request.isInternal = isInternal
    request.isMoved = false
    return this.#run(request)
  }

  /** The steps of the site and the search are left out. */
  #toNamed(request: SiteRequest, name: string): Outcome {
    const location = request.site.named.get(name)
    if (location === undefined)
      return this.#fail(request, 500, 'An internal redirect of this site leads to no location')
    if (--request.changesLeft < 0) return this.#tooManyChanges(request)
    request.isInternal = true
    request.trace?.({ kind: 'location', location, how: 'named' })
    request.location = location
    const goOn = (outcome: Exclude<StepsOutcome, Answer>) =>
      outcome === 'again' ? this.#search(request) : this.#limit(request)
    const outcome = location.steps?.(request, this.#content.lookAt) ?? 'next'
    return typeof outcome === 'object' ? this.#afterSteps(request, outcome, goOn) : goOn(outcome)
  }

  readonly #orders: ApplicationOrders = {
    redirect: (request, target) => this.#guarded(request, () => this.#accelerated(request, target, true)),
    redirectAsClient: (request, target) => this.#guarded(request, () => this.#accelerated(request, target, false)),
    hasErrorPage: ({ location, errorStatus, of }, status) =>
      errorStatus === 0 && of === null && location.errorTargets.has(status),
    showErrorPage: (request, status) => {
      this.#errorPage(request, new HttpError(status, 'The application answered so', 'application'))
    },
  }

  /** The path comes from an application, which may have it from a client: it is read as a client's is. */
  #accelerated(request: SiteRequest, target: string, isInternal: boolean): Outcome {
    if (isInternal && target.startsWith('@')) return this.#toNamed(request, target.slice(1))
    const question = target.indexOf('?')
    const { mergesSlashes } = request.site
    const path = target.startsWith('/')
      ? normalPath(question < 0 ? target : target.slice(0, question), mergesSlashes)
      : null
    if (typeof path !== 'string')
      return this.#fail(request, 502, 'The application answered with a redirect within the site to no path')
    readOnly(request.exchange)
    return this.#toPath(request, path, question < 0 ? '' : target.slice(question + 1), isInternal)
  }

  /** What goes on after the call that led to it: nobody awaits it. */
  #guarded(request: SiteRequest, run: () => Outcome): void {
    try {
      const outcome = run()
      if (outcome !== undefined)
        outcome.catch((error: Error) => {
          if (!(error instanceof ClientGoneError)) this.#refuse(request, error)
        })
    } catch (error) {
      this.#refuse(request, error as Error)
    }
  }

  /** True: the error is answered in another way than by a page of ours. `error_page` */
  #errorPage(request: SiteRequest, error: Error): boolean {
    const status = error instanceof HttpError || error instanceof ProtocolError ? error.status : 500
    const target = request.location.errorTargets.get(status)
    if (target === undefined || request.errorStatus !== 0) {
      // What fails within an error page is answered as it is.
      request.responseStatus = 0
      return false
    }
    request.errorStatus = status
    const to = target.target(request)
    const { becomes } = target
    request.trace?.({ kind: 'error-page', status, becomes, to })
    this.#content.leave(request)
    if (/^https?:\/\//.test(to)) {
      const isRedirect = becomes !== null && REDIRECTS.has(becomes)
      this.#redirect(request, isRedirect ? becomes : 302, to)
      return true
    }
    request.responseStatus = becomes ?? status
    if (!to.startsWith('@')) readOnly(request.exchange)
    this.#guarded(request, () => this.#redirectTo(request, to))
    return true
  }
}

/** What the alias stood for may not be in the path any more. */
function hasLostAlias({ location, isMoved }: SiteRequest): boolean {
  return isMoved && location.alias !== null
}

/**
 * An application or an upstream has read it, and gave the request back (X-Accel-Redirect, an error with a page). It is not kept, and without
 * it a POST would be another request. What is asked for by GET instead (`readOnly`) needs none.
 */
function hasLostContent({ exchange: { request, body }, location: { handler } }: SiteRequest): boolean {
  if (!body.isPulled || body.length === 0) return false
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  return !isRead && (handler.kind === 'app' || 'upstream' in handler)
}

const CONTENT_IS_GONE = 'An application has read the content of this request, so no other one can have it'
const ALIAS_AFTER_REWRITE = 'A location with alias has rewritten the path, and stays: it can name no file'
const NO_SUCH_PLACE = 'There is nothing at this path'

function tellHandler(request: SiteRequest): void {
  const { location, uri, args } = request
  const file = location.handler.kind === 'files' ? fileName(request, uri) : ''
  request.trace?.({ kind: 'handler', location, uri, args, file })
}

function tellTry(
  request: SiteRequest,
  uri: string,
  what: 'file' | 'directory',
  isThere: boolean,
  of: 'try-files' | 'index' = 'try-files',
): void {
  request.trace?.({ kind: 'try', what, of, uri, file: fileName(request, uri), isThere })
}

/** The page of an error is asked for by GET, whatever failed. */
function readOnly(exchange: Exchange): void {
  const { request } = exchange
  if (request.method !== 'GET' && request.method !== 'HEAD') exchange.request = { ...request, method: 'GET' }
}

/** With `alias` the location's own prefix stands for the directory. */
function pathToTry(request: SiteRequest, value: string): string {
  const { alias } = request.location
  if (alias === null || alias.prefix === null || value.startsWith(alias.prefix)) return value
  const { prefix } = alias
  return prefix + (prefix.endsWith('/') && value.startsWith('/') ? value.slice(1) : value)
}

function withArgs(path: string, args: string): string {
  return args === '' ? path : `${path}?${encodedQuery(args)}`
}
