/**
 * The way of a request through a site, in nginx's order: steps of the site, location, steps of the location (up to ten changes of the path),
 * limits, preflight of CORS, access, `try_files`, handler; then back: error pages, internal redirects. Runs in the gateway for each request
 * while there are sites. What needs no disk is done within the call.
 *
 * Invariants: each change of the path and each internal redirect takes one of MAX_URI_CHANGES, so every request ends. A location with
 * `internal` is reached from here only. An error page that fails is answered with its own error, and tries no other page.
 * Not here: files (`file-phases.ts`), answers of the site itself (`answers.ts`), what a handler does (`SiteContent`, which `gateway/sites/`
 * provides), and which parts exist (`compile.ts`).
 */
import { ClientGoneError, HttpError, ProtocolError } from '../../http/errors.ts'
import type { Exchange, Handler } from '../../http/exchange.ts'
import { type AskedForAccess, checkAccess, type Refusal } from './access.ts'
import { type Answer, Answers, NO_SUCH_PLACE, withArgs } from './answers.ts'
import { fileName, LEADS_AWAY } from './file-names.ts'
import { FilePhases } from './file-phases.ts'
import { findLocation } from './locations.ts'
import { normalPath } from './normal-path.ts'
import { isHiddenScript } from './script-names.ts'
import type { ApplicationOrders, Outcome, SiteContent } from './site-content.ts'
import type { FindSite } from './site-names.ts'
import { SiteRequest, type StepsOutcome } from './site-request.ts'
import { REDIRECTS } from './steps.ts'
import type { Trace } from './trace.ts'

export class Phases {
  readonly #find: FindSite
  readonly #content: SiteContent
  readonly #trace: Trace | null
  readonly #asked: AskedForAccess
  readonly #answers: Answers
  readonly #files: FilePhases

  /** `trace`: of `jumak explain`. */
  constructor(find: FindSite, content: SiteContent, trace: Trace | null = null) {
    this.#find = find
    this.#content = content
    this.#trace = trace
    this.#asked = { authenticate: content.authenticate, ask: (request, uri) => this.#ask(request, uri) }
    this.#answers = new Answers(content)
    this.#files = new FilePhases(content, this.#answers, {
      handler: request => this.#handler(request),
      redirectTo: (request, target, args) => this.#redirectTo(request, target, args),
      toPath: (request, uri, args) => this.#toPath(request, uri, args),
      toNamed: (request, name) => this.#toNamed(request, name),
    })
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
    if (error instanceof HttpError) this.#answers.refuse(request, error)
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
    if (!(outcome instanceof Promise)) return this.#answers.finish(request, outcome)
    return outcome.then(one => (typeof one === 'object' ? this.#answers.finish(request, one) : goOn(one)))
  }

  #search(request: SiteRequest): Outcome {
    for (;;) {
      request.trace?.({ kind: 'search', uri: request.uri })
      const found = findLocation(request.site.locations, request)
      const location = found?.location ?? request.site.root
      request.trace?.({ kind: 'location', location, how: found?.how ?? 'none' })
      request.location = location
      if (location.isInternal && !request.isInternal) return this.#answers.fail(request, 404, NO_SUCH_PLACE)
      if (found?.how === 'slash') return this.#answers.addSlash(request)
      const outcome = location.steps?.(request, this.#content.lookAt) ?? 'next'
      if (typeof outcome === 'object') return this.#afterSteps(request, outcome, one => this.#stepped(request, one))
      if (outcome !== 'again') return this.#limit(request)
      if (--request.changesLeft < 0) return this.#answers.tooManyChanges(request)
    }
  }

  #stepped(request: SiteRequest, outcome: Exclude<StepsOutcome, Answer>): Outcome {
    if (outcome !== 'again') return this.#limit(request)
    return --request.changesLeft < 0 ? this.#answers.tooManyChanges(request) : this.#search(request)
  }

  #access(request: SiteRequest): Outcome {
    const { access } = request.location
    if (access === null || request.of !== null) return this.#files.tryFiles(request)
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
    if (refusal === null) return this.#files.tryFiles(request)
    // The page of an error says it too.
    request.keptHeaders = refusal.headers
    const { status, message, headers, logged } = refusal
    this.#answers.fail(request, status, message, headers, logged)
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
    return refused === null ? this.#preflight(request) : this.#answers.refuse(request, refused)
  }

  /** A browser asks whether a page of another site may. It sends no password with that. */
  #preflight(request: SiteRequest): Outcome {
    const answer = request.location.cors?.preflight(request) ?? null
    if (answer === null) return this.#access(request)
    if (answer instanceof HttpError) return this.#answers.refuse(request, answer)
    this.#content.beforeAnswer(request)
    this.#content.permit(request, answer)
  }

  #handler(request: SiteRequest): Outcome {
    const { handler } = request.location
    if (request.trace !== null) tellHandler(request)
    if (hasLostContent(request)) return this.#answers.fail(request, 500, CONTENT_IS_GONE)
    switch (handler.kind) {
      case 'app':
        return this.#content.toApplication(request, handler.name, this.#orders)
      case 'fastcgi':
        if (isHiddenScript(request)) return this.#answers.fail(request, 404, NO_SUCH_PLACE)
        return this.#content.toProxy(request, this.#orders)
      case 'proxy':
      case 'scgi':
      case 'uwsgi':
      case 'cgi':
        return this.#content.toProxy(request, this.#orders)
      case 'status':
        return this.#status(request, handler.form)
      case 'none':
        return this.#answers.fail(request, 404, NO_SUCH_PLACE)
      case 'files':
        return this.#files.serve(request)
    }
  }

  /** `stub_status` */
  #status(request: SiteRequest, form: 'text' | 'json'): Outcome {
    const { method } = request.exchange.request
    if (method !== 'GET' && method !== 'HEAD')
      return this.#answers.fail(request, 405, 'The status can only be read', ['Allow', 'GET, HEAD'])
    this.#content.beforeAnswer(request)
    this.#content.showStatus(request, form)
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
      return this.#answers.fail(request, 500, 'An internal redirect of this site leads to no path')
    return this.#toPath(request, uri, question < 0 ? args : target.slice(question + 1))
  }

  #toPath(request: SiteRequest, uri: string, args: string, isInternal = true): Outcome {
    request.trace?.({ kind: 'internal-redirect', to: withArgs(uri, args) })
    if (--request.changesLeft < 0) return this.#answers.tooManyChanges(request)
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
      return this.#answers.fail(request, 500, 'An internal redirect of this site leads to no location')
    if (--request.changesLeft < 0) return this.#answers.tooManyChanges(request)
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
      return this.#answers.fail(request, 502, 'The application answered with a redirect within the site to no path')
    readOnly(request.exchange)
    return this.#toPath(request, path, question < 0 ? '' : target.slice(question + 1), isInternal)
  }

  /** What goes on after the call that led to it: nobody awaits it. */
  #guarded(request: SiteRequest, run: () => Outcome): void {
    try {
      const outcome = run()
      if (outcome !== undefined)
        outcome.catch((error: Error) => {
          if (!(error instanceof ClientGoneError)) this.#answers.refuse(request, error)
        })
    } catch (error) {
      this.#answers.refuse(request, error as Error)
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
      this.#answers.redirect(request, isRedirect ? becomes : 302, to)
      return true
    }
    request.responseStatus = becomes ?? status
    if (!to.startsWith('@')) readOnly(request.exchange)
    this.#guarded(request, () => this.#redirectTo(request, to))
    return true
  }
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

function tellHandler(request: SiteRequest): void {
  const { location, uri, args } = request
  const file = location.handler.kind === 'files' ? fileName(request, uri) : ''
  request.trace?.({ kind: 'handler', location, uri, args, file })
}

/** The page of an error is asked for by GET, whatever failed. */
function readOnly(exchange: Exchange): void {
  const { request } = exchange
  if (request.method !== 'GET' && request.method !== 'HEAD') exchange.request = { ...request, method: 'GET' }
}
