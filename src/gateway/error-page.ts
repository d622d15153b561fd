/**
 * The page for an exception of an application that is being developed: the frames of the user first, library frames folded.
 * Self-contained, no script but one that looks whether the code is mended. Only for browsers on this machine: it shows source.
 */
import { ApplicationError } from '../apps/failure.ts'
import type { ErrorReport, ReportedException, ReportedFrame } from '../control/messages.ts'
import { HttpError } from '../http/errors.ts'
import type { Exchange } from '../http/exchange.ts'
import { headerValue } from '../http/headers.ts'
import { negotiateErrorFormat } from '../http/negotiate.ts'
import { isDeveloper } from './developer.ts'

/** A 500 with what is known of it. */
export class ReportedError extends HttpError {
  readonly report: ErrorReport | null
  /** The code does not load at all: the page comes back by itself when it does. */
  readonly isBroken: boolean

  constructor(message: string, report: ErrorReport | null, isBroken: boolean) {
    super(500, message, 'application')
    this.report = report
    this.isBroken = isBroken
  }
}

/** Answers with the page, or its words; false: the error is none of these, or the client may not read them. */
export function respondWithReport(exchange: Exchange, error: Error): boolean {
  const { response, request } = exchange
  const reported = error instanceof ApplicationError ? readReport(error) : error
  if (!(reported instanceof ReportedError) || response.state !== 'idle' || !isDeveloper(exchange)) return false
  const isHtml = negotiateErrorFormat(headerValue(request.headers, 'accept')) === 'html'
  const text = isHtml ? renderErrorPage(reported) : `${reported.message}\n\n${reported.report?.text ?? ''}\n`
  const body = Buffer.from(text)
  const type = isHtml ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8'
  const headers = ['Content-Type', type, 'Content-Length', String(body.length), 'Cache-Control', 'no-store']
  response.start({ status: 500, reason: '', headers })
  response.write(body)
  response.end()
  return true
}

/** What a worker sent is believed only as far as it can be shown. */
function readReport({ report, message }: ApplicationError): ReportedError | null {
  try {
    const error = new ReportedError(message, JSON.parse(report), false)
    renderErrorPage(error)
    return error
  } catch {
    return null
  }
}

export function renderErrorPage({ message, report, isBroken }: ReportedError): string {
  const [first] = report?.exceptions ?? []
  const title = first === undefined ? message : `${first.type}: ${first.message}`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
<main>
<header><p>${isBroken ? 'The application does not load' : 'The application raised an exception'}</p>
<h1>${first === undefined ? escapeHtml(message) : `<b>${escapeHtml(first.type)}</b> ${escapeHtml(first.message)}`}</h1></header>
${report === null ? '' : report.exceptions.map(renderException).join('\n')}
${report === null ? '' : `<details><summary>As Python prints it</summary><pre>${escapeHtml(report.text)}</pre></details>`}
<footer>Shown because of <code>--reload</code>, and on this machine only.${isBroken ? ' It goes away when the code is mended.' : ''}</footer>
</main>
${isBroken ? `<script>${WAIT}</script>` : ''}
`
}

function renderException({ type, message, relation, omitted, frames }: ReportedException): string {
  const heading =
    relation === ''
      ? ''
      : `<h2>${relation === 'cause' ? 'Caused by' : 'While this was handled:'} <b>${escapeHtml(type)}</b> ${escapeHtml(message)}</h2>`
  // Innermost first: that is where one looks.
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
    const caret = number === line && column > 0 ? `<i>${' '.repeat(column - 1)}^</i>` : ''
    return `<li value="${number}"${number === line ? ' class="here"' : ''}><code>${escapeHtml(text) || ' '}</code>${caret}</li>`
  })
  const where = `<p><code>${escapeHtml(file)}</code>, line ${line}${name === '' ? '' : `, in <b>${escapeHtml(name)}</b>`}</p>`
  return `<article>${where}${lines.length === 0 ? '' : `<ol>${lines.join('')}</ol>`}</article>`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** HEAD: an application that is mended is asked for nothing that changes anything. */
const WAIT = `
const look = async () => {
  const response = await fetch(location.href, { method: 'HEAD', cache: 'no-store' }).catch(() => null)
  if (response !== null && response.status !== 500) location.reload()
  else setTimeout(look, 1000)
}
setTimeout(look, 1000)
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
footer { margin-top: 2rem; color: var(--soft); font-size: .85rem }
`
