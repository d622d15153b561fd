/**
 * The answers that a site gives by itself: what steps say, redirects, errors. Runs in the gateway.
 *
 * Not here: who answers an error with a page of the site (`phases.ts`), and how an answer looks (`gateway/sites/`).
 */
import { HttpError } from '../../http/errors.ts'
import { encodePathBytes } from '../../http/path.ts'
import { encodedQuery } from './normal-path.ts'
import { redirectUrl } from './redirects.ts'
import type { Outcome, SiteContent } from './site-content.ts'
import type { SiteRequest, StepsOutcome } from './site-request.ts'

/** nginx's status for a connection that is closed without an answer. */
const CLOSES = 444
/** What steps answer with. */
export type Answer = Extract<StepsOutcome, object>

export const NO_SUCH_PLACE = 'There is nothing at this path'

export class Answers {
  readonly #content: SiteContent

  constructor(content: SiteContent) {
    this.#content = content
  }

  /** What the steps of a site or a location have said. */
  finish(request: SiteRequest, { status, text, isRedirect }: Answer): Outcome {
    // nginx's word for: say nothing.
    if (status === CLOSES) {
      request.responseStatus = CLOSES
      this.#content.followLogs(request)
      return request.exchange.response.abort(new HttpError(CLOSES, 'The configuration says to close', 'operator'))
    }
    if (isRedirect && text !== null) return this.redirect(request, status, text)
    if (text === null && status >= 400) return this.fail(request, status, 'The configuration of this site answers so')
    this.#content.beforeAnswer(request)
    this.#content.respond(request, status, text ?? '')
  }

  /** `url`: a path, or a whole URL. */
  redirect(request: SiteRequest, status: number, url: string): void {
    // Also from the page of an error.
    request.responseStatus = 0
    this.#content.beforeAnswer(request)
    this.#content.redirect(request, status, redirectUrl(request, url))
  }

  /** `message`: for the client; `logged`: for the log. The location's page for the status comes first. */
  fail(
    request: SiteRequest,
    status: number,
    message: string,
    headers: readonly string[] = [],
    logged: string = message,
  ): void {
    const culprit = status < 500 ? 'client' : 'operator'
    this.refuse(request, new HttpError(status, message, culprit, undefined, headers, logged))
  }

  refuse(request: SiteRequest, error: Error): void {
    this.#content.beforeAnswer(request)
    this.#content.refuse(request.exchange, error)
  }

  /** No page of the site is tried for it. */
  tooManyChanges(request: SiteRequest): void {
    request.errorStatus = 500
    this.fail(request, 500, 'The rewrites of this site go in a circle')
  }

  /** It is a directory. */
  addSlash(request: SiteRequest): void {
    this.redirect(request, 301, withArgs(`${encodePathBytes(request.uri)}/`, request.args))
  }
}

/** `args`: bytes, without the question mark. */
export function withArgs(path: string, args: string): string {
  return args === '' ? path : `${path}?${encodedQuery(args)}`
}
