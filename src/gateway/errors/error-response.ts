/**
 * Turns an error into a response: plain text, HTML or JSON (RFC9457), as the client accepts. No other file does, but the page for an
 * exception of an application under development (`development/error-page.ts`). Runs in the gateway.
 * The response says what was refused and why. Of our own failures and the application's it says only the request id, which finds
 * the details in the log.
 */
import { HttpError, ProtocolError } from '../../http/errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import { addFilter } from '../../http/filtered-response.ts'
import { headerValue } from '../../http/headers.ts'
import { negotiateErrorFormat } from '../../http/negotiate.ts'
import { reasonPhrase } from '../../http/status.ts'
import { escapeHtml } from './html.ts'
import { CONTENT_TYPES, type OwnPages } from './own-pages.ts'

interface RenderedWords {
  readonly contentType: string
  readonly body: Buffer
}

export interface RenderedError extends RenderedWords {
  /** The operator's page does not name the request, so the response's X-Request-ID does. */
  readonly isOwnPage: boolean
}

/** For a refusal by the protocol, which is no exchange. `accept`: the client's Accept header. */
export function renderError(
  status: number,
  accept: string | undefined,
  detail: string,
  pages: OwnPages | null = null,
): RenderedError {
  const page = pages?.find(status, accept) ?? null
  return page === null ? { ...renderWords(status, accept, detail), isOwnPage: false } : { ...page, isOwnPage: true }
}

export function renderWords(status: number, accept: string | undefined, detail: string): RenderedWords {
  const title = reasonPhrase(status)
  switch (negotiateErrorFormat(accept)) {
    case 'json':
      return {
        contentType: 'application/problem+json',
        body: Buffer.from(`${JSON.stringify({ status, title, detail })}\n`),
      }
    case 'html':
      return { contentType: CONTENT_TYPES.html, body: Buffer.from(htmlPage(status, title, detail)) }
    case 'text':
      return { contentType: CONTENT_TYPES.text, body: Buffer.from(`${status} ${title}\n${detail}\n`) }
  }
}

/** Answers an exchange that failed. A response that has begun can only be cut. */
export function respondWithError(exchange: Exchange, error: Error, pages: OwnPages | null = null): void {
  if (exchange.response.state !== 'idle') {
    exchange.response.abort(error)
    return
  }
  if (exchange.errorPage?.(error) === true) return
  const status = error instanceof HttpError || error instanceof ProtocolError ? error.status : 500
  if (pages?.has(status)) addFilter(exchange, pages.filter)
  const { request, response } = exchange
  const { contentType, body } = renderWords(
    status,
    headerValue(request.headers, 'accept'),
    publicDetail(exchange, error),
  )
  const headers = ['Content-Type', contentType, 'Content-Length', String(body.length), 'Cache-Control', 'no-store']
  if (error instanceof HttpError && error.retryAfter !== undefined)
    headers.push('Retry-After', String(error.retryAfter))
  if (error instanceof HttpError) headers.push(...error.headers)
  response.respond({ status, reason: '', headers }, body)
}

/** The part of the error that a stranger may read. The log has the rest under the same request id. */
function publicDetail(exchange: Exchange, error: Error): string {
  if (error instanceof ProtocolError) return error.message
  return `${error instanceof HttpError ? error.message : 'The server failed to handle this request'}. Request ${exchange.id}.`
}

function htmlPage(status: number, title: string, detail: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${status} ${title}</title>
<style>
:root { color-scheme: light dark }
body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 38rem; margin: 18vh auto; padding: 0 1.5rem }
h1 { font-size: 1.6rem; margin: 0 0 .5rem } h1 b { color: #b4532a }
p { margin: 0; opacity: .8 }
</style>
<h1><b>${status}</b> ${title}</h1>
<p>${escapeHtml(detail)}</p>
`
}
