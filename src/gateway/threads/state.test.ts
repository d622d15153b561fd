import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testApp, testConfig } from '../../config/testing/config.ts'
import { gatewayApp, gatewayPart } from '../../control/config-shape.ts'
import type { TrafficReport } from '../../control/messages.ts'
import { NO_SITES } from '../../sites/testing/no-sites.ts'
import { mergeReports } from './merge-reports.ts'
import { PoolTable } from './pool-table.ts'
import { ThreadState } from './state.ts'

const app = (name: string) => gatewayApp(testApp({ name }))

test('a later thread is told the last of each change, for the applications that there are', () => {
  const config = gatewayPart(testConfig({ apps: [testApp({ name: 'shop' }), testApp({ name: 'blog' })] }))
  const state = new ThreadState({
    type: 'start',
    build: 'b',
    config,
    affinityKey: 'first',
    listeners: [],
    waits: false,
    tls: null,
  })
  state.changed({ type: 'serve', app: 'shop', generation: 1, path: '' })
  state.changed({ type: 'serve', app: 'shop', generation: 2, path: '' })
  state.changed({ type: 'serve', app: 'blog', generation: 3, path: '' })
  state.changed({ type: 'apps', apps: [app('shop'), app('wiki')], affinityKey: 'second', sites: NO_SITES })
  state.changed({ type: 'https', https: { redirect: true, hsts: 300 } })
  state.changed({ type: 'stopping' })
  state.told({ type: 'log-level', level: 'debug' })
  assert.deepEqual(
    state.changes.map(change => [change.type, 'generation' in change ? change.generation : 0]),
    [
      ['apps', 0],
      ['serve', 2],
      ['stopping', 0],
    ],
  )
  const { start } = state
  assert.equal(start.config.logLevel, 'debug')
  assert.deepEqual(start.config.https, { redirect: true, hsts: 300 })
  assert.deepEqual(
    [start.affinityKey, start.config.apps.map(({ name }) => name)],
    ['first', ['shop']],
    'it keeps its key',
  )
})

test('a later thread makes no pool that has gone: there are no cells for it', () => {
  const [main] = testApp().pools
  const shop = (...names: string[]) =>
    testApp({ name: 'shop', pools: [main!, ...names.map(name => ({ ...main!, name }))] })
  const config = gatewayPart(testConfig({ apps: [shop('api', 'old')] }))
  const state = new ThreadState({
    type: 'start',
    build: '',
    config,
    affinityKey: '',
    listeners: [],
    waits: false,
    tls: null,
  })
  const table = new PoolTable(2, config.apps)
  const apps = [gatewayApp(shop('api', 'new'))]
  table.configure(apps)
  state.changed({ type: 'apps', apps, affinityKey: '', sites: NO_SITES })
  const made = state.start.config.apps[0]!.pools.map(({ name }) => name)
  assert.deepEqual(made, ['', 'api'])
  for (const name of made) assert.ok(table.list.some(({ pool }) => pool === name))
})

test('a pool keeps its memory while it is in the configuration', () => {
  const table = new PoolTable(2, [app('shop'), app('blog')])
  const [shop, blog] = table.list
  table.configure([app('shop')])
  assert.equal(table.list[0]!.cells, shop!.cells)
  table.configure([app('shop'), app('blog')])
  assert.equal(table.list[0]!.cells, shop!.cells)
  assert.notEqual(table.list[1]!.cells, blog!.cells)
})

test('reports are added up, and stay bounded', () => {
  const report = (thread: number): TrafficReport => ({
    connections: 10,
    http2Connections: thread,
    upstreams: [],
    streams: 5,
    pools: [{ app: 'a', pool: '', waiting: 1, answered: 5, perSecond: 1.5 }],
    workers: Array.from({ length: 40 }, (_, worker) => ({
      worker,
      answered: 2,
      running: 64,
      requests: Array.from({ length: 64 }, (_, i) => ({
        id: `${thread}-${i}`,
        method: 'GET',
        path: '/',
        state: 'running' as const,
        milliseconds: i,
      })),
    })),
  })
  const merged = mergeReports([report(0), report(1)])
  assert.deepEqual([merged.connections, merged.http2Connections, merged.streams], [20, 1, 10])
  assert.deepEqual(merged.pools, [{ app: 'a', pool: '', waiting: 2, answered: 10, perSecond: 3 }])
  const [first] = merged.workers
  assert.deepEqual([merged.workers.length, first!.answered, first!.running, first!.requests.length], [40, 4, 128, 64])
  assert.equal(first!.requests[0]!.milliseconds, 63, 'the oldest come first')
  assert.equal(
    merged.workers.reduce((sum, { requests }) => sum + requests.length, 0),
    2000,
  )
})
