/**
 * `jumak status` for people: a line for the program and one for its gateway, for each application a line with a mark, below it its workers
 * with what they run now. Runs in the command line. Pure.
 *
 *     Jumak 0.9.0   ready   3 h   process 4711   http://127.0.0.1:8000
 *     gateway       12 connections   3 running   0 waiting   84 MB   3 %
 *     certificate   example.kr, *.example.kr   until 2027-02-28, 90 days
 *
 *       NAME          STATE       AGE   REQUESTS   MEMORY    CPU  NOW
 *     ● shop          ready       3 h     12,345   340 MB   14 %  12.3/s, 1 running
 *       /shop · shop.wsgi:application · Django 5.2.1 · Python 3.13.1 · generation 2
 *       worker 1      serving     3 h      3,120    84 MB    2 %  1.2 s GET /shop/checkout/
 *
 * Invariants: no line is wider than the terminal, and a terminal obeys nothing of what strangers sent. Widths are those of plain text;
 * colours are added afterwards.
 */

import { wrap } from '../../base/layout.ts'
import type {
  AppStatus,
  CertificateStatus,
  GatewayStatus,
  GatewayTraffic,
  ProgramStatus,
  RunningRequest,
  WorkerStatus,
} from '../../control/admin-messages.ts'
import { countOf, describeBytes, describeCount, describeDuration } from '../../master/output/describe.ts'
import { upstreamLines } from '../../master/output/upstream-lines.ts'
import type { Paint, Terminal } from '../terminal.ts'
import { cut, plain } from './plain.ts'

type Colour = Parameters<Paint>[0]

/** Requests of a worker that are shown. */
const SHOWN_REQUESTS = 3
/** A column of requests that is narrower is put below the worker. */
const LEAST_NOW = 20
const MAX_NAME = 24
const GAP = '  '
/** Between the parts of the first lines. */
const WIDE_GAP = '   '
const LEAST_NAMES = 8
const UNKNOWN = '–'

const STATE_COLOURS: Readonly<Record<string, Colour>> = {
  ready: 'green',
  starting: 'yellow',
  reloading: 'cyan',
  failing: 'red',
  stopping: 'yellow',
}

/** A row of the table. `now`: lines, of which the first stands in the last column. */
interface Row {
  readonly cells: readonly string[]
  readonly now: readonly string[]
  readonly colour: Colour | null
  /** The line below it, cut to the width. Empty: none. */
  readonly below: string
  /** What is wrong, after that, in as many lines as it takes. */
  readonly problem: string
}

export function renderStatus(status: ProgramStatus, terminal: Terminal): string {
  const { width, paint } = terminal
  const lines = headlines(status, terminal)
  const groups = status.apps.map(app => [appRow(app), ...app.workers.map(worker => workerRow(worker, app))])
  const upstreams = (status.upstreams ?? []).filter(({ servers }) => servers.length > 0)
  const below = upstreams.length === 0 ? [] : ['', ...upstreamLines(upstreams).map(line => cut(line, width))]
  // There are sites alone.
  if (groups.length === 0) lines.push(...below)
  if (groups.length === 0) return `${lines.map(line => line.trimEnd()).join('\n')}\n`
  const header = ['NAME', 'STATE', 'AGE', 'REQUESTS', 'MEMORY', 'CPU']
  const all = [header, ...groups.flat().map(row => row.cells)]
  const widths = header.map((_, column) => Math.max(...all.map(cells => cells[column]!.length)))
  const left = widths.reduce((sum, one) => sum + one + GAP.length, GAP.length)
  const format = (mark: string, cells: readonly string[]) =>
    `${mark} ${cells.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(GAP)}`
  const last = width - left - GAP.length >= LEAST_NOW ? `${GAP}NOW` : ''
  lines.push('', paint('dim', cut(format(' ', header) + last, width)))
  for (const rows of groups) {
    for (const [index, row] of rows.entries()) {
      const line = cut(format(index === 0 ? '●' : ' ', row.cells), width)
      lines.push(...paintRow(row, line, left, terminal))
    }
  }
  lines.push(...below)
  return `${lines.map(line => line.trimEnd()).join('\n')}\n`
}

function headlines(
  { version, state, age, pid, listeners, certificates = [], gateway, ...usage }: ProgramStatus,
  terminal: Terminal,
): string[] {
  const { width, title, paint } = terminal
  const name = `Jumak ${version}`
  const parts = [`up ${span(age)}`, ...usageWords(usage), ...listeners, `process ${pid}`]
  const rest = fitting([name, state, ...parts], width).slice(name.length + 3 + state.length)
  const second = fitting(['gateway'.padEnd(name.length), ...gatewayWords(gateway)], width)
  return [
    `${title(name)}   ${paint(STATE_COLOURS[state]!, state)}${rest}`,
    gateway === null ? paint('red', second) : second,
    ...certificateLines(certificates, name.length, terminal),
  ]
}

/** Certificates that are shown; those that need somebody come first. */
const SHOWN_CERTIFICATES = 3
/** Days before the end in which a certificate is shown in yellow, and in red. */
const [SOON, VERY_SOON] = [30, 7]

function certificateLines(
  certificates: readonly CertificateStatus[],
  column: number,
  { width, paint }: Terminal,
): string[] {
  const lines = certificates.slice(0, SHOWN_CERTIFICATES).flatMap(one => {
    const [until, names] = [untilWords(one), one.names.join(', ')]
    const label = 'certificate'.padEnd(column)
    // The end of the line is what matters.
    const room = Math.max(LEAST_NAMES, width - label.length - until.length - 2 * WIDE_GAP.length)
    const line = cut([label, cut(names, room), until].join(WIDE_GAP), width)
    return [
      paintDays(line, one, paint),
      ...(one.problem === ''
        ? []
        : wrap(plain(one.problem), width - GAP.length).map(text => paint('red', cut(GAP + text, width)))),
    ]
  })
  const more = certificates.length - SHOWN_CERTIFICATES
  return more > 0
    ? [...lines, paint('dim', cut(`${' '.repeat(column)}${WIDE_GAP}and ${describeCount(more)} more`, width))]
    : lines
}

function untilWords({ validTo, daysLeft }: CertificateStatus): string {
  const day = validTo.slice(0, 10)
  return daysLeft < 0 ? `expired on ${day}` : `until ${day}, ${countOf(daysLeft, 'day')}`
}

function paintDays(line: string, { daysLeft }: CertificateStatus, paint: Paint): string {
  if (daysLeft >= SOON) return line
  return paint(daysLeft < VERY_SOON ? 'red' : 'yellow', line)
}

/** Leaves out the last parts, the less important ones, where there is no room. */
function fitting(parts: readonly string[], width: number): string {
  let line = ''
  for (const part of parts) {
    const longer = line === '' ? part : `${line}   ${part}`
    if (longer.length <= width) line = longer
  }
  return plain(line)
}

function gatewayWords(gateway: GatewayStatus | null): string[] {
  if (gateway === null) return ['is gone, and is started again; new connections wait']
  const { traffic, state, age, pid } = gateway
  const counts =
    traffic === null
      ? [state === 'starting' ? 'starting' : 'does not answer']
      : [connectionWords(traffic), `${traffic.running} running`, `${traffic.waiting} waiting`]
  return [...counts, `up ${span(age)}`, ...usageWords(gateway), `process ${pid}`]
}

/** With one HTTP/2 connection a client has as many requests as with dozens of others. */
function connectionWords({ connections, http2Connections = 0, streams = 0 }: GatewayTraffic): string {
  const all = countOf(connections, 'connection')
  return http2Connections === 0 ? all : `${all} (${http2Connections} HTTP/2 with ${countOf(streams, 'stream')})`
}

function usageWords({ memory, cpu }: { readonly memory: number | null; readonly cpu: number | null }): string[] {
  return [...(memory === null ? [] : [describeBytes(memory)]), ...(cpu === null ? [] : [`${Math.round(cpu)} % CPU`])]
}

function appRow(app: AppStatus): Row {
  const { name, state, traffic, problem } = app
  const busy =
    traffic === null
      ? []
      : [`${rate(traffic.perSecond)}/s`, ...some(traffic.running, 'running'), ...some(traffic.waiting, 'waiting')]
  return {
    cells: [cut(name, MAX_NAME), state, '', count(traffic?.answered), ...usageCells(app)],
    now: [busy.join(', ')],
    colour: STATE_COLOURS[state]!,
    below: describeApp(app),
    problem,
  }
}

/** What it is, and how many workers, where that is not what was wanted. */
function describeApp(app: AppStatus): string {
  const { path, hosts, target, framework, python, generation, nextGeneration, pools } = app
  const short = pools.filter(({ wanted, serving }) => wanted !== serving)
  const parts = [
    ...short.map(
      ({ name, serving, wanted }) => `${name === '' ? '' : `pool ${name}: `}${serving} of ${countOf(wanted, 'worker')}`,
    ),
    ...(path === '' && hosts.length === 0 ? [] : [[hosts.join(', '), path].filter(Boolean).join(' ')]),
    target,
    framework,
    python === '' ? '' : `Python ${python}`,
    generation === null ? '' : `generation ${generation}`,
    nextGeneration === null || generation === null ? '' : `generation ${nextGeneration} comes up`,
  ]
  return parts.filter(Boolean).join(' · ')
}

function workerRow(worker: WorkerStatus, app: AppStatus): Row {
  const { number, pool, state, age, traffic, generation } = worker
  const isOld = app.generation !== null && generation !== app.generation
  const name = `worker ${number}${pool === '' ? '' : ` ${pool}`}${isOld ? ` (${generation})` : ''}`
  return {
    cells: [cut(name, MAX_NAME), state, span(age), count(traffic?.answered), ...usageCells(worker)],
    now: traffic === null ? [] : requestLines(traffic.requests, traffic.running),
    colour: state === 'serving' ? null : 'dim',
    below: '',
    problem: '',
  }
}

function requestLines(requests: readonly RunningRequest[], running: number): string[] {
  const shown = requests.slice(0, SHOWN_REQUESTS).map(one => {
    const note = one.state === 'running' ? '' : ` (${one.state})`
    return `${describeDuration(one.milliseconds)} ${one.method} ${one.path}${note}`
  })
  const more = Math.max(running, requests.length) - shown.length
  return more > 0 ? [...shown, `and ${describeCount(more)} more`] : shown
}

function paintRow(row: Row, line: string, left: number, { width, paint }: Terminal): string[] {
  const { now, colour, below, problem } = row
  const isApp = line.startsWith('●')
  const painted = colour === null ? line : isApp ? paintMark(line, row.cells[1]!, colour, paint) : paint(colour, line)
  const room = width - left - GAP.length
  const isBeside = room >= LEAST_NOW
  const column = isBeside ? left : GAP.length * 2
  const texts = now.map(text => cut(text, width - column))
  const [first, ...others] = isBeside ? texts : ['', ...texts]
  return [
    isBeside && first ? painted + ' '.repeat(Math.max(0, left - line.length)) + first : painted,
    ...(below === '' ? [] : [paint('dim', cut(GAP + below, width))]),
    ...(problem === ''
      ? []
      : wrap(plain(problem), width - GAP.length).map(text => paint('red', cut(GAP + text, width)))),
    ...others.filter(Boolean).map(text => ' '.repeat(column) + text),
  ]
}

/** Colours the mark and the state, and leaves the rest. */
function paintMark(line: string, state: string, colour: Colour, paint: Paint): string {
  const at = line.indexOf(` ${state} `)
  const mark = paint(colour, line[0]!)
  if (at < 0) return mark + line.slice(1)
  return mark + line.slice(1, at + 1) + paint(colour, state) + line.slice(at + 1 + state.length)
}

function usageCells({
  memory,
  cpu,
}: {
  readonly memory: number | null
  readonly cpu: number | null
}): [string, string] {
  return [memory === null ? UNKNOWN : describeBytes(memory), cpu === null ? UNKNOWN : `${Math.round(cpu)} %`]
}

function span(seconds: number): string {
  return seconds < 1 ? '0 s' : describeDuration(Math.floor(seconds) * 1000).replace('.0 s', ' s')
}

function count(number: number | undefined): string {
  return number === undefined ? UNKNOWN : describeCount(number)
}

function rate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : describeCount(Math.round(perSecond))
}

function some(number: number, word: string): string[] {
  return number === 0 ? [] : [`${describeCount(number)} ${word}`]
}
