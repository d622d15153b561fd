/**
 * An explanation for people: the request, what was decided from the outside in, the answer, and the settings that act. Pure.
 *
 *     GET http://shop.test/static/app.css
 *
 *     listener     127.0.0.1:8000   http
 *     site         shop.test        has this name                       jumak.toml:5:1
 *     location     /static/         the longest prefix                  jumak.toml:9:3
 *       shorter    /                a shorter prefix                    jumak.toml:10:3
 *     answer       200              /srv/www/static/app.css
 *                  Content-Type     text/css; charset=utf-8
 *
 *     settings     expires          30d                                 jumak.toml:9:40
 *
 * Invariant: a terminal obeys nothing of what a request or a file has. Widths are those of plain text; colours are added afterwards.
 */
import { cut, plain } from '../admin/plain.ts'
import type { Paint, Terminal } from '../terminal.ts'
import type { Answer, Report, Step } from './report.ts'

type Colour = Parameters<Paint>[0] | null

interface Row {
  readonly label: string
  readonly what: string
  readonly result: string
  readonly place: string
  /** Of `what`; null: none. */
  readonly colour: Colour
  readonly isDim: boolean
}

const LABELS: Readonly<Record<Step['kind'], string>> = {
  site: 'site',
  search: 'path',
  shorter: '  tried',
  beaten: '  tried',
  pattern: '  tried',
  location: 'location',
  rewrite: 'rewrite',
  if: 'if',
  set: 'set',
  lookup: 'variable',
  break: 'break',
  return: 'return',
  limit: 'limit',
  access: 'access',
  try: 'try',
  'last-try': 'try',
  'internal-redirect': 'redirect',
  'error-page': 'error-page',
  handler: 'file',
  application: 'application',
  static: 'static',
}
const LABEL = 13
const GAP = 2
/** A column of names that is wider leaves nothing for the rest. */
const MAX_WHAT = 26
/** The same for a column of results. */
const MAX_RESULT = 46
/** As many of those that were tried are shown; a site may have a thousand regular expressions. */
const MAX_TRIED = 8

export function renderReport(report: Report, terminal: Terminal): string {
  const { request, listener, remarks, settings, answer, coding } = report
  const rows = [
    row('listener', listener.address, listener.scheme),
    ...stepRows(report),
    ...answerRows(answer),
    ...codingRows(coding),
  ]
  const acting = settings.map(({ name, value, place }, i) => row(i === 0 ? 'settings' : '', name, value, place))
  const widest = Math.max(...[...rows, ...acting].map(({ what }) => what.length))
  const columns = columnsFor([...rows, ...acting], Math.min(widest, MAX_WHAT), terminal.width)
  const { title, paint, width } = terminal
  const from = request.from === '127.0.0.1' ? '' : paint('dim', `   from ${plain(request.from)}`)
  const headers = request.headers.flatMap((name, i, all) => (i % 2 === 0 ? [`${name}: ${all[i + 1]}`] : []))
  const lines = [
    `${title(cut(`${request.method} ${request.url}`, width))}${from}`,
    ...headers.map(one => paint('dim', cut(one, width))),
    '',
    ...rows.flatMap(one => formatRow(one, columns, terminal)),
    ...(acting.length > 0 ? ['', ...acting.flatMap(one => formatRow(one, columns, terminal))] : []),
    ...(remarks.length > 0 ? ['', ...remarks.map(one => paint('yellow', plain(one)))] : []),
  ]
  return `${lines.join('\n')}\n`
}

/** The location that was found, then what was tried before it. A path is told only where it is another than before. */
function stepRows({ steps }: Report): Row[] {
  const rows: Row[] = []
  let tried: Row[] = []
  let searches = 0
  for (const step of steps) {
    if (step.kind === 'search') {
      if (searches++ > 0) rows.push(rowOf(step))
    } else if (step.kind === 'shorter' || step.kind === 'beaten' || step.kind === 'pattern') tried.push(rowOf(step))
    else {
      rows.push(rowOf(step))
      if (step.kind !== 'location') continue
      rows.push(...tried.slice(0, MAX_TRIED))
      if (tried.length > MAX_TRIED) rows.push({ ...row('', '…', `${tried.length - MAX_TRIED} more`), isDim: true })
      tried = []
    }
  }
  return rows
}

function rowOf({ kind, what, result, applies, place }: Step): Row {
  const colour = kind === 'site' || kind === 'location' || kind === 'application' ? 'cyan' : null
  return { label: LABELS[kind], what, result, place: place ?? '', colour, isDim: !applies }
}

const ANSWERS: Readonly<Record<Exclude<Answer['from'], 'application' | 'upstream' | 'nobody'>, string>> = {
  file: 'the file',
  list: 'a list of the directory',
  redirect: 'a redirect',
  text: 'a text of the configuration',
  error: 'an error page of Jumak',
  health: 'a health check',
  preflight: 'the answer to a preflight (CORS)',
  status: 'what the connections of the program do',
}

function answerRows(answer: Answer): Row[] {
  switch (answer.from) {
    case 'nobody':
      return [{ ...row('answer', '444', 'the connection is closed without an answer'), colour: 'yellow' }]
    case 'upstream': {
      const { upstream, servers, tls, balance, sticky, queue, request, headers } = answer
      return [
        { ...row('answer', upstream, 'the upstream answers'), colour: 'green' },
        ...servers.map((server, i) =>
          row('', i === 0 ? 'servers' : '', i === 0 && servers.length > 1 ? `${server}   ${balance}` : server),
        ),
        ...(tls === null ? [] : [row('', 'TLS', tls)]),
        ...(sticky === null ? [] : [row('', 'sticky', `a client stays with its server, by the cookie ${sticky}`)]),
        ...(queue === 0 ? [] : [row('', 'queue', `${queue} requests wait while all servers have max-conns`)]),
        row('', 'request', request),
        ...headers.flatMap((name, i, all) => (i % 2 === 0 ? [row('', name, all[i + 1]!)] : [])),
      ]
    }
    case 'application': {
      const { application, pool, scriptName, pathInfo, query, method, bodyLimit } = answer
      const name = pool === '' ? application : `${application}/${pool}`
      return [
        { ...row('answer', name, 'the application answers'), colour: 'green' },
        row('', 'PATH_INFO', `${pathInfo === '' ? '""' : pathInfo}`),
        ...(scriptName === '' ? [] : [row('', 'SCRIPT_NAME', scriptName)]),
        ...(query === '' ? [] : [row('', 'QUERY_STRING', query)]),
        ...(method === 'GET' || method === 'HEAD' ? [] : [row('', 'content', `up to ${bodyLimit} bytes`)]),
      ]
    }
    default: {
      const { from, status, headers, file, error } = answer
      const what = file ?? ANSWERS[from]
      const colour = status < 300 ? 'green' : status < 400 ? 'cyan' : status < 500 ? 'yellow' : 'red'
      return [
        { ...row('answer', String(status), error === null ? what : `${what}: ${error}`), colour },
        ...headers.flatMap((name, i, all) => (i % 2 === 0 ? [row('', name, all[i + 1]!)] : [])),
      ]
    }
  }
}

function codingRows(coding: Report['coding']): Row[] {
  return coding === null ? [] : [row('coding', coding.coding ?? 'none', coding.why)]
}

function row(label: string, what: string, result: string, place = ''): Row {
  return { label, what, result, place, colour: null, isDim: false }
}

interface Columns {
  readonly what: number
  /** Where places begin; null: they have lines of their own. */
  readonly place: number | null
}

/** A narrow terminal has places on lines of their own. */
function columnsFor(rows: readonly Row[], what: number, width: number): Columns {
  const places = Math.max(...rows.map(({ place }) => place.length))
  const result = Math.max(...rows.filter(({ place }) => place !== '').map(({ result }) => result.length), 0)
  const room = width - LABEL - what - 2 * GAP - places
  const wanted = Math.min(MAX_RESULT, result)
  return { what, place: room < Math.min(24, wanted) ? null : LABEL + what + GAP + Math.min(wanted, room) + GAP }
}

/** Nothing is cut: it may be copied. What is too long has its place on the next line. */
function formatRow(
  { label, what, result, place, colour, isDim }: Row,
  columns: Columns,
  { paint }: Terminal,
): string[] {
  const [left, right, shownPlace] = [what, result, place].map(text => plain(text).replaceAll('\n', ' ')) as [
    string,
    string,
    string,
  ]
  const body = `${left.padEnd(columns.what)}${' '.repeat(GAP)}${right}`.trimEnd()
  const painted = isDim ? paint('dim', body) : colour === null ? body : paint(colour, left) + body.slice(left.length)
  const line = paint('dim', label.padEnd(LABEL)) + painted
  if (shownPlace === '') return [line]
  const free = columns.place === null ? 0 : columns.place - LABEL - body.length
  return free > 0
    ? [`${line}${' '.repeat(free)}${paint('dim', shownPlace)}`]
    : [line, `${' '.repeat(LABEL + columns.what + GAP)}${paint('dim', shownPlace)}`]
}
