/**
 * `npm run chaos`: faults injected into the real program while it serves a load, one scenario after the other, and one table of
 * what became of every request. Ends with 1 when a request was lost, a promise not kept, or a fault not really injected.
 * `npm run chaos -- NAME...` runs the scenarios whose names begin so; `--gateway-threads N` is passed to the program, with
 * `--tls` all of it goes over TLS, with `--http2` clients reach the program by HTTP/2 (`test/support/translator.ts`), and `--help`
 * names them all. How to read the table: docs/internals/chaos.md.
 */
import { parseArgs } from 'node:util'
import type { Counts } from './load.ts'
import { Report, type Scenario, Skip } from './scenario.ts'
import { ATTACKS } from './scenarios/attacks.ts'
import { CERTIFICATES } from './scenarios/certificates.ts'
import { CRASHES } from './scenarios/crashes.ts'
import { DEPLOYS } from './scenarios/deploys.ts'
import { NEIGHBOURS } from './scenarios/neighbours.ts'
import { OUT_OF_MEMORY } from './scenarios/out-of-memory.ts'
import { OVERLOAD } from './scenarios/overload.ts'
import { RESOURCES } from './scenarios/resources.ts'
import { SERVICE_MANAGER } from './scenarios/service-manager.ts'
import { SITE_LOGS } from './scenarios/site-logs.ts'
import { SITES } from './scenarios/sites.ts'
import { SLOW_CLIENTS } from './scenarios/slow-clients.ts'
import { STOPS_UNDER_LOAD } from './scenarios/stops.ts'
import { STREAMS } from './scenarios/streams.ts'
import { THREADS } from './scenarios/threads.ts'
import { UPSTREAM_NAMES } from './scenarios/upstream-names.ts'
import { UPSTREAM_OUTAGES } from './scenarios/upstream-outages.ts'
import { UPSTREAM_STREAMS } from './scenarios/upstream-streams.ts'
import { UPSTREAM_UPLOADS } from './scenarios/upstream-uploads.ts'
import { UPSTREAMS } from './scenarios/upstreams.ts'

const SCENARIOS: readonly Scenario[] = [
  ...CRASHES,
  ...THREADS,
  ...OUT_OF_MEMORY,
  ...DEPLOYS,
  ...SITES,
  ...ATTACKS,
  ...UPSTREAMS,
  ...UPSTREAM_OUTAGES,
  ...UPSTREAM_UPLOADS,
  ...UPSTREAM_NAMES,
  ...UPSTREAM_STREAMS,
  ...CERTIFICATES,
  ...NEIGHBOURS,
  ...SERVICE_MANAGER,
  ...OVERLOAD,
  ...SLOW_CLIENTS,
  ...RESOURCES,
  ...SITE_LOGS,
  ...STOPS_UNDER_LOAD,
  ...STREAMS,
]
const COLUMNS: readonly (readonly [title: string, count: keyof Counts])[] = [
  ['sent', 'sent'],
  ['answered', 'answered'],
  ['refused 503', 'refused'],
  ['cut with the gateway', 'cut'],
  ['failed (may have run)', 'failed'],
  ['lost', 'lost'],
]
const FAULT_WIDTH = 54

interface Result {
  readonly scenario: Scenario
  readonly report: Report
  readonly skipped: string | null
  readonly seconds: number
}

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter(name => !SCENARIOS.some(scenario => scenario.name.startsWith(name)))
  if (unknown.length > 0) {
    console.error(`npm run chaos: there is no scenario ${unknown.join(', ')}; there are\n${known()}`)
    return 2
  }
  const chosen = SCENARIOS.filter(({ name }) => names.length === 0 || names.some(one => name.startsWith(one)))
  const results: Result[] = []
  for (const [index, scenario] of chosen.entries())
    results.push(await run(scenario, `${index + 1}/${chosen.length} ${scenario.name}`))
  print(results)
  return results.every(({ report }) => report.problems.length === 0) ? 0 : 1
}

function known(): string {
  return SCENARIOS.map(({ name, fault }) => `  ${name.padEnd(28)} ${fault}`).join('\n')
}

async function run(scenario: Scenario, title: string): Promise<Result> {
  const began = performance.now()
  const say = (text: string) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${title}: ${text}`)
  }
  const report = new Report(say)
  let skipped: string | null = null
  say('starting')
  try {
    await scenario.run(report)
    if (report.injected === 0) report.problems.push('the fault was never injected')
    if (report.counts.answered === 0) report.problems.push('nothing was answered: there was no load')
  } catch (error) {
    if (error instanceof Skip) skipped = error.message
    else report.problems.push((error as Error).stack ?? String(error))
  }
  const seconds = Math.round((performance.now() - began) / 1000)
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  const end = skipped !== null ? `skipped: ${skipped}` : report.problems.length > 0 ? 'FAILED' : 'ok'
  console.error(`${title}: ${end} (${seconds} s)`)
  for (const problem of report.problems) console.error(`  ${problem.replaceAll('\n', '\n  ')}`)
  return { scenario, report, skipped, seconds }
}

function print(results: readonly Result[]): void {
  const widths = COLUMNS.map(([title]) => Math.max(title.length, 8))
  const line = (fault: string, injected: string, cells: readonly string[]) =>
    `| ${fault.padEnd(FAULT_WIDTH)} | ${injected.padStart(8)} | ${cells.map((cell, i) => cell.padStart(widths[i]!)).join(' | ')} |`
  const rule = `| ${'-'.repeat(FAULT_WIDTH)} | ${'-'.repeat(7)}: | ${widths.map(width => `${'-'.repeat(width - 1)}:`).join(' | ')} |`
  console.log(
    line(
      'fault',
      'injected',
      COLUMNS.map(([title]) => title),
    ),
  )
  console.log(rule)
  for (const { scenario, report, skipped } of results) {
    const cells = COLUMNS.map(([, count]) => (skipped === null ? report.counts[count].toLocaleString('en-US') : '–'))
    console.log(line(scenario.fault, skipped === null ? report.injected.toLocaleString('en-US') : 'skipped', cells))
  }
  console.log('')
  for (const { scenario, report, skipped } of results)
    for (const note of skipped === null ? report.notes : [`skipped: ${skipped}`])
      console.log(`${scenario.name}: ${note}`)
  const failed = results.filter(({ report }) => report.problems.length > 0).map(({ scenario }) => scenario.name)
  const total = results.reduce((sum, { seconds }) => sum + seconds, 0)
  console.log(
    `${results.length} scenarios in ${total} s; ${failed.length === 0 ? 'all promises kept' : `FAILED: ${failed.join(', ')}`}`,
  )
}

const { values, positionals } = parseArgs({
  options: {
    'gateway-threads': { type: 'string' },
    tls: { type: 'boolean', default: false },
    http2: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
// Every start of the program reads it (`../support/server.ts`).
if (values['gateway-threads'] !== undefined) process.env['TEST_GATEWAY_THREADS'] = values['gateway-threads']
if (values.tls) process.env['TEST_TLS'] = '1'
if (values.http2) process.env['TEST_HTTP'] = '2'
if (values.help) console.log(`npm run chaos -- [--tls] [--http2] [--gateway-threads N] [SCENARIO...]\n${known()}`)
else process.exitCode = await main(positionals)
