/**
 * `npm run bench:routing`: what it costs to find the site and the location of a request, among one and among a thousand of each. Runs in this
 * process, without sockets. The cases take turns, so that a busy machine slows all of them down.
 */
import { parseArgs } from 'node:util'
import type { Exchange } from '../src/http/exchange.ts'
import { NO_CONTENT } from '../src/http/no-content.ts'
import { compileSites } from '../src/routing/sites/compile.ts'
import { Phases } from '../src/routing/sites/phases.ts'
import type { SiteContent } from '../src/routing/sites/site-content.ts'
import { exact, model, prefix, regex, site } from '../src/routing/sites/testing/sites.ts'
import type { Location } from '../src/sites/model.ts'
import { amountOf, runCommand } from './command.ts'

const HELP = `usage: npm run bench:routing -- [--rounds N]

CPU nanoseconds of a request between its protocol and its application, among one server with one location and among a thousand.
--rounds  of 100,000 requests for each case (15)`

const REQUESTS = 100_000
const WARM_UP = 3
const MANY = 1000
/** In turns, so that nothing helps that is remembered of the last request. */
const HOSTS = 10

const handler = { kind: 'app', name: 'main' } as const
const times = <Value>(count: number, make: (i: number) => Value) => Array.from({ length: count }, (_, i) => make(i))
const root = prefix('/', { handler })
const sections = [root, ...times(MANY - 1, i => prefix(`/section-${i}/`, { handler }))]
const others = [
  root,
  ...times(MANY / 2, i => exact(`/exact-${i}`, { handler })),
  ...times(MANY / 2, i => regex(`^/old-${i}/\\d+$`, { handler })),
]

/** With more than one server, requests come to the first ones, which have these locations; the rest has one. */
function handlerFor(servers: number, locations: readonly Location[]): (exchange: Exchange) => void {
  const sites = times(servers, i =>
    site({
      names: servers === 1 ? [] : [{ kind: 'exact', name: `host-${i}.example.kr` }],
      locations: i < HOSTS ? locations : [root],
    }),
  )
  const found: Partial<SiteContent> = { toApplication: () => {} }
  return new Phases(compileSites(model(...sites)).find, found as SiteContent).handle
}

const CASES = [
  ['one server, one location', handlerFor(1, [root])],
  ['one server, 1,000 locations', handlerFor(1, sections)],
  ['1,000 servers, one location each', handlerFor(MANY, [root])],
  ['1,000 servers, those that are asked with 1,000 locations', handlerFor(MANY, sections)],
  ['one server, 500 exact paths and 500 regular expressions', handlerFor(1, others)],
] as const

const paths = times(997, i => Buffer.from(`/section-${i}/page/${i}`))
const hosts = times(HOSTS, i => Buffer.from(`host-${i}.example.kr:8000`))

/** Text comes anew with each request, as a parser makes it: what V8 knows of it after the first look is part of the cost. */
function run(handle: (exchange: Exchange) => void): number {
  const local = { address: '127.0.0.1', port: 0, tls: null }
  const before = process.cpuUsage()
  for (let i = 0; i < REQUESTS; i++) {
    const path = paths[i % paths.length]!.toString('latin1')
    const authority = hosts[i % HOSTS]!.toString('latin1')
    const request = { method: 'GET', target: path, path, query: '', scheme: 'http', authority, version: '1.1' } as const
    handle({
      request: { ...request, headers: [] },
      local,
      body: NO_CONTENT,
      errorPage: null,
    } as Partial<Exchange> as Exchange)
  }
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / REQUESTS
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' }, help: { type: 'boolean' } } })
  if (values.help) {
    console.log(HELP)
    return
  }
  const rounds = amountOf('rounds', values.rounds)
  const figures = CASES.map((): number[] => [])
  for (let round = -WARM_UP; round < rounds; round++)
    for (const [i, [, handle]] of CASES.entries()) {
      const nanoseconds = run(handle)
      if (round >= 0) figures[i]!.push(nanoseconds)
    }
  const middles = figures.map(all => all.sort((a, b) => a - b)[all.length >> 1]!)
  for (const [i, [name]] of CASES.entries()) {
    const more = i === 0 ? '' : `${(middles[i]! - middles[0]!).toFixed(0).padStart(8)} more`
    console.log(`${name.padEnd(58)}${middles[i]!.toFixed(0).padStart(6)} ns${more}`)
  }
}

await runCommand('bench:routing', 'bench:routing', main)
