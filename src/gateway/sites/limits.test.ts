/** Limits in a site, with requests that come when the test says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange } from '../../apps/testing/fake-exchange.ts'
import type { HttpError } from '../../http/errors.ts'
import { ConnectionCount } from '../../limits/connections.ts'
import { LimitMemories, limitId } from '../../limits/memories.ts'
import { compileSites, NO_EFFECTS } from '../../routing/sites/compile.ts'
import type { LimitStep } from '../../routing/sites/site-request.ts'
import { SiteRequest } from '../../routing/sites/site-request.ts'
import { prefix, SETTINGS, site } from '../../routing/sites/testing/sites.ts'
import type { LimitUse, RequestLimit } from '../../sites/model.ts'
import { NO_SITES } from '../../sites/testing/no-sites.ts'
import { limitSteps } from './limits.ts'

const PLACE = { file: 'test.toml', line: 1, column: 1 }
const rate = (name: string, perSecond: number, key = '$remote_addr'): RequestLimit => ({
  name,
  key,
  of: { kind: 'rate', interval: 1_000_000 / perSecond },
  place: PLACE,
})
const connections = (name: string, most: number, key = '$remote_addr'): RequestLimit => ({
  name,
  key,
  of: { kind: 'connections', most },
  place: PLACE,
})
const use = (name: string, of: Partial<LimitUse> = {}): LimitUse => ({
  name,
  burst: 0,
  delay: 0,
  status: 429,
  isDryRun: false,
  ...of,
})

function limitsOf(limits: readonly RequestLimit[], uses: readonly LimitUse[]) {
  const memories = new LimitMemories(false)
  const told: string[] = []
  const makeStep = limitSteps(limits, memories, (name, _, isDryRun) => told.push(`${name}${isDryRun ? ' (dry)' : ''}`))
  const root = prefix('', { settings: { ...SETTINGS, limits: uses } })
  const compiled = compileSites(
    { ...NO_SITES, sites: [site({ root })], limits },
    { ...NO_EFFECTS, makeLimitStep: makeStep },
  )
  assert.deepEqual(compiled.problems, [])
  const [one] = compiled.sites
  const step: LimitStep = one!.root.limits!
  const ask = (at: number, of: { readonly address?: string; readonly query?: string } = {}) => {
    const exchange = new FakeExchange({ address: '192.0.2.1', ...of })
    Object.assign(exchange, { receivedAt: at })
    const request = new SiteRequest(exchange, one!, '/')
    return { exchange, request, result: step(request) }
  }
  return { ask, told, memories }
}

/** What became of it: the status, or how long it waits. */
function words(result: ReturnType<LimitStep>): string {
  return result === null ? 'passes' : result instanceof Promise ? 'waits' : String(result.status)
}

test('a burst waits, or is served at once, and what is more is refused with the time to come again', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { ask, told } = limitsOf([rate('a', 2)], [use('a', { burst: 3, delay: 1 })])
  const asked = Array.from({ length: 5 }, () => ask(1000))
  assert.deepEqual(
    asked.map(({ result }) => words(result)),
    ['passes', 'passes', 'waits', 'waits', '429'],
  )
  assert.deepEqual(
    asked.map(({ request }) => request.rateStatus),
    ['PASSED', 'PASSED', 'DELAYED', 'DELAYED', 'REJECTED'],
  )
  assert.equal((asked[4]!.result as HttpError).retryAfter, 1)
  assert.deepEqual(told, ['a'])
  const ended: string[] = []
  for (const [i, { result }] of asked.entries())
    if (result instanceof Promise) void result.then(error => ended.push(`${i} ${error}`))
  t.mock.timers.tick(499)
  await Promise.resolve()
  assert.deepEqual(ended, [])
  for (const time of [1, 500]) {
    t.mock.timers.tick(time)
    for (let i = 0; i < 5; i++) await Promise.resolve()
  }
  assert.deepEqual(ended, ['2 null', '3 null'])
})

test('who goes waits no more', async () => {
  const { ask } = limitsOf([rate('a', 1)], [use('a', { burst: 5 })])
  ask(1000)
  const { exchange, result } = ask(1000)
  exchange.leave()
  await assert.rejects(result as Promise<unknown>, /client closed/)
})

test('of several limits one that refuses takes nothing from the others', () => {
  const { ask } = limitsOf([rate('a', 1), rate('b', 1, '$arg_b')], [use('a', { burst: 1, delay: 1 }), use('b')])
  const got = [
    ask(1000, { query: 'b=1' }),
    ask(1000, { query: 'b=1' }),
    // Were the last one counted in a, this would be refused.
    ask(1000, { query: 'b=2' }),
    ask(1000, { query: 'b=3' }),
  ]
  assert.deepEqual(
    got.map(({ result }) => words(result)),
    ['passes', '429', 'passes', '429'],
  )
})

test('an empty key is not limited; clients of one IPv6 network are one', () => {
  const byQuery = limitsOf([rate('a', 1, '$arg_key')], [use('a')])
  for (let i = 0; i < 3; i++) assert.equal(words(byQuery.ask(1000).result), 'passes')
  const byClient = limitsOf([rate('a', 1)], [use('a')])
  const got = ['2001:db8::1', '2001:db8::2', '2001:db8:0:1::1', '::ffff:192.0.2.9', '192.0.2.9'].map(address =>
    words(byClient.ask(1000, { address }).result),
  )
  assert.deepEqual(got, ['passes', '429', 'passes', 'passes', '429'])
})

test('a dry run refuses nobody and says who would be', () => {
  const { ask, told } = limitsOf(
    [rate('a', 1), connections('c', 1)],
    [use('a', { isDryRun: true }), use('c', { isDryRun: true })],
  )
  ask(1000)
  const { result, request } = ask(1000)
  assert.equal(words(result), 'passes')
  assert.deepEqual([request.rateStatus, request.connectionStatus], ['REJECTED_DRY_RUN', 'REJECTED_DRY_RUN'])
  assert.deepEqual(told, ['a (dry)', 'c (dry)'])
})

test('requests that run are counted until they end, however they end', () => {
  const limit = connections('c', 2)
  const { ask, memories } = limitsOf([limit], [use('c', { status: 503 })])
  const [one, other, third] = [ask(1), ask(1), ask(1)]
  assert.deepEqual(
    [one, other, third].map(({ result }) => words(result)),
    ['passes', 'passes', '503'],
  )
  assert.equal(words(ask(1, { address: '192.0.2.2' }).result), 'passes')
  one.exchange.close()
  assert.equal(words(ask(1).result), 'passes')
  other.exchange.leave()
  other.exchange.close()
  const count = new ConnectionCount(memories.known.get(limitId(limit))!, 0)
  assert.equal(count.count('192.0.2.1'), 1)
})

test('a request that comes to a second location with limits is counted once', () => {
  const { ask } = limitsOf([rate('a', 1), connections('c', 1)], [use('a'), use('c')])
  const { request, exchange } = ask(1)
  const step = request.location.limits!
  assert.equal(step(request), null)
  exchange.close()
  assert.equal(words(ask(2000).result), 'passes')
})

test('a request and what is asked for it are one', () => {
  const { ask } = limitsOf([rate('a', 1), connections('c', 1)], [use('a'), use('c')])
  const { request, exchange } = ask(1)
  const { location, site: of } = request
  const asked = new SiteRequest(new FakeExchange({ address: '192.0.2.1' }), of, '/auth', null, request)
  assert.equal(location.limits!(asked), null)
  assert.deepEqual([request.rateStatus, request.connectionStatus], ['PASSED', 'PASSED'])
  exchange.close()
  assert.equal(words(ask(2000).result), 'passes')
})
