/**
 * The page for an exception of an application under development: frames of the user's code first, frames of libraries folded. Runs in the
 * gateway. The page loads nothing else, and its policy forbids that. Its one script asks whether the code has changed.
 *
 * Invariants: it shows source, so only a browser on this machine gets it (`developer.ts`). All that comes from the worker is checked and
 * escaped.
 * Not here: the pages of production (`errors/`).
 */
import { randomBytes } from 'node:crypto'
import { ApplicationError } from '../../apps/worker/failure.ts'
import type { ErrorReport, ReportedException, ReportedFrame } from '../../control/messages.ts'
import { isErrorReport } from '../../control/shapes.ts'
import { HttpError } from '../../http/errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import { headerValue } from '../../http/headers.ts'
import { negotiateErrorFormat } from '../../http/negotiate.ts'
import { escapeHtml } from '../errors/html.ts'
import { CONTENT_TYPES } from '../errors/own-pages.ts'
import { isDeveloper } from './developer.ts'

/** A 500 with the report of its exception, if there is one. */
export class ReportedError extends HttpError {
  readonly report: ErrorReport | null
  /** The code does not load at all. The page reloads by itself when the code loads again. */
  readonly isBroken: boolean

  constructor(message: string, report: ErrorReport | null, isBroken: boolean) {
    super(500, message, 'application')
    this.report = report
    this.isBroken = isBroken
  }
}

/** The page asks with this request header whether the code has changed. A page of another site cannot send it. */
export const STATE_HEADER = 'Jumak-State'

/**
 * Answers with the page, its text or JSON (RFC9457), as the client accepts. False: the error has no report, or the client may not see it.
 * `state`: the state of the code, which the page compares with later ones.
 */
export function respondWithReport(exchange: Exchange, error: Error, state: string): boolean {
  const { response } = exchange
  const reported = error instanceof ApplicationError ? readReport(error) : error
  if (!(reported instanceof ReportedError) || response.state !== 'idle' || !isDeveloper(exchange)) return false
  const { type, text, policy } = render(reported, exchange, state)
  const body = Buffer.from(text)
  const headers = ['Content-Type', type, 'Content-Length', String(body.length), 'Cache-Control', 'no-store']
  if (policy !== '') headers.push('Content-Security-Policy', policy)
  response.respond({ status: 500, reason: '', headers }, body)
  return true
}

interface Rendered {
  readonly type: string
  readonly text: string
  readonly policy: string
}

function render(error: ReportedError, exchange: Exchange, state: string): Rendered {
  const { message, report } = error
  const traceback = report?.text ?? ''
  switch (negotiateErrorFormat(headerValue(exchange.request.headers, 'accept'))) {
    case 'html': {
      const nonce = randomBytes(12).toString('base64')
      const policy = `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'`
      return { type: CONTENT_TYPES.html, text: renderErrorPage(error, exchange, state, nonce), policy }
    }
    case 'json': {
      const [first] = report?.exceptions ?? []
      const exception = first === undefined ? null : { type: first.type, message: first.message }
      const problem = { status: 500, title: 'Internal Server Error', detail: message, exception, traceback }
      return { type: 'application/problem+json', text: `${JSON.stringify(problem)}\n`, policy: '' }
    }
    case 'text':
      return { type: CONTENT_TYPES.text, text: `${message}\n\n${traceback}\n`, policy: '' }
  }
}

/** The report comes from a worker, which is not trusted. Null: it is none. */
function readReport({ report, message }: ApplicationError): ReportedError | null {
  try {
    const value: unknown = JSON.parse(report)
    return isErrorReport(value) ? new ReportedError(message, value, false) : null
  } catch {
    return null
  }
}

function renderErrorPage(error: ReportedError, { request }: Exchange, state: string, nonce: string): string {
  const { message, report, isBroken } = error
  const [first] = report?.exceptions ?? []
  const title = first === undefined ? message : `${first.type}: ${first.message}`
  // Only the person may decide to send a form again.
  const isSafe = request.method === 'GET' || request.method === 'HEAD'
  const next = isSafe ? 'When you save a change, this page opens again.' : 'Save a change, then send the form again.'
  const what = isBroken
    ? 'The application does not load'
    : `${escapeHtml(request.method)} ${escapeHtml(request.path.slice(0, 300))} raised an exception`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title.slice(0, 200))}</title>
<style nonce="${nonce}">${STYLE}</style>
<main>
<header><p>${what}</p>
<h1>${first === undefined ? escapeHtml(message) : `<b>${escapeHtml(first.type)}</b> ${escapeHtml(first.message)}`}</h1></header>
${report === null ? '' : report.exceptions.map(renderException).join('\n')}
${report === null ? '' : `<details><summary>As Python prints it</summary><pre>${escapeHtml(report.text)}</pre></details>`}
<footer><p id="next" role="status" data-state="${escapeHtml(state)}" data-header="${STATE_HEADER}" data-reload="${isSafe}">${next}</p>
<p>Shown because of <code>--reload</code>, and on this machine only.</p></footer>
</main>
<script nonce="${nonce}">${WATCH}</script>
`
}

function renderException({ type, message, relation, omitted, frames }: ReportedException): string {
  const heading =
    relation === ''
      ? ''
      : `<h2>${relation === 'cause' ? 'Caused by' : 'While this was handled:'} <b>${escapeHtml(type)}</b> ${escapeHtml(message)}</h2>`
  // Innermost first, where people look first.
  const own = frames.filter(frame => frame.isOwn).reverse()
  const others = frames.filter(frame => !frame.isOwn).reverse()
  const left = omitted > 0 ? `<p>${omitted} frames in the middle are left out.</p>` : ''
  const folded =
    others.length === 0
      ? ''
      : `<details><summary>${others.length} frames of libraries</summary>${others.map(renderFrame).join('')}</details>`
  return `<section>${heading}${own.map(renderFrame).join('')}${left}${folded}</section>`
}

function renderFrame({ file, line, name, column, firstLine, source }: ReportedFrame): string {
  const lines = source.map((text, index) => {
    const number = firstLine + index
    const caret = number === line && column > 0 && column <= text.length + 1 ? `<i>${' '.repeat(column - 1)}^</i>` : ''
    return `<li value="${number}"${number === line ? ' class="here"' : ''}><code>${escapeHtml(text) || ' '}</code>${caret}</li>`
  })
  const where = `<p><code>${escapeHtml(file)}</code>, line ${line}${name === '' ? '' : `, in <b>${escapeHtml(name)}</b>`}</p>`
  return `<article>${where}${lines.length === 0 ? '' : `<ol>${lines.join('')}</ol>`}</article>`
}

/** Asks the gateway twice a second; the application never sees it. While no gateway answers, it asks on. When another program answers, it stops. */
const WATCH = `
const note = document.getElementById('next')
const { state, header, reload } = note.dataset
const look = async () => {
  try {
    const answer = await fetch(location.href, { headers: { [header]: '1' }, cache: 'no-store', redirect: 'error' })
    const now = answer.headers.get(header)
    if (now === null) return
    if (now !== state) {
      if (reload === 'true') location.reload()
      else note.textContent = 'The code has changed: send the form again.'
      return
    }
  } catch {}
  setTimeout(look, 500)
}
setTimeout(look, 500)
`

const STYLE = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#fbf7f0, #16130f); --card: light-dark(#fffdf9, #1f1b16); --ink: light-dark(#2a221b, #ede3d6);
  --soft: light-dark(#7a6b5c, #a39583); --line: light-dark(#e7dccb, #3a322a); --red: light-dark(#b3391f, #ff8a66);
  --here: light-dark(#fbe6dc, #3d241b);
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 3rem }
header p { margin: 0; color: var(--soft) }
h1 { margin: .2rem 0 1.75rem; font-size: 1.5rem; line-height: 1.3; font-weight: 500; overflow-wrap: anywhere }
h2 { font-size: 1.05rem; font-weight: 500; margin: 2rem 0 .75rem; overflow-wrap: anywhere }
h1 b, h2 b { color: var(--red); font-weight: 650 }
article { background: var(--card); border: 1px solid var(--line); border-radius: 12px; margin: 0 0 .9rem; overflow: hidden }
article p { margin: 0; padding: .6rem 1rem; color: var(--soft); font-size: .9rem; overflow-wrap: anywhere }
article b { color: var(--ink) }
ol { list-style: none; margin: 0; padding: .35rem 0 .6rem; border-top: 1px solid var(--line); overflow-x: auto; font: .85rem/1.6 ui-monospace, monospace }
li { padding: 0 1rem 0 4.2rem; white-space: pre; position: relative; width: max-content; min-width: 100% }
li::before { content: attr(value); position: absolute; left: 0; width: 3.2rem; text-align: right; color: var(--soft) }
li.here { background: var(--here) }
li.here::before { color: var(--red); font-weight: 700 }
li i { display: block; color: var(--red); font-style: normal; line-height: 1 }
code { font-family: ui-monospace, monospace }
details { margin: .9rem 0 } summary { cursor: pointer; color: var(--soft); padding: .3rem 0 }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1rem; overflow-x: auto; font-size: .85rem }
footer p { margin: .2rem 0 } footer { margin-top: 2rem; color: var(--soft); font-size: .85rem }
`
