import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FakeExchange, type FakeRequest } from '../apps/testing/fake-exchange.ts'
import type { Script } from '../apps/testing/fake-worker.ts'
import { holding, saying } from '../apps/testing/pool-bench.ts'
import { app, GatewayBench, MAIN } from './testing/gateway-bench.ts'

/** Answers with what the application sees. */
const seeing: Script = ({ environ, link }) =>
  link.respond(200, [], `${environ.get('SCRIPT_NAME') ?? '-'} ${environ.get('PATH_INFO')}`)

const shop = app('shop', { path: '/shop' })
const api = app('api', { path: '/api' })
const text = async (bench: GatewayBench, request: FakeRequest) => (await bench.ask(request))[1]

describe('who gets a request', () => {
  test('one application that is for all requests is called without a router', () => {
    const one = app('default')
    const bench = new GatewayBench([one], { health: { live: null, ready: null } })
    const [only] = bench.parts.applications.values()
    assert.equal(bench.entry.handler, only!.handler)
  })

  test('each application gets what is below its path, and no one the rest', async () => {
    const bench = new GatewayBench([shop, api])
    await bench.worker('shop', 1, saying('shop'))
    await bench.worker('api', 2, saying('api'))
    assert.deepEqual(await bench.ask({ path: '/shop/cart' }), [200, 'shop'])
    assert.deepEqual(await bench.ask({ path: '/api' }), [200, 'api'])
    const [status, answer] = await bench.ask({ path: '/apix', headers: ['accept', 'text/plain'] })
    assert.equal(status, 404)
    assert.match(answer, /No application has this path/)
    assert.match(bench.lines.at(-1)!, /^: GET \/apix for example\.com was refused: No application has this path$/)
  })

  test('one application with a path gets nothing else, and is not named', async () => {
    const bench = new GatewayBench([shop])
    await bench.worker('shop', 1, saying('shop'))
    const exchange = bench.send({ path: '/shop' })
    await exchange.over()
    assert.deepEqual([exchange.response.text, exchange.app], ['shop', ''])
    assert.equal((await bench.ask({ path: '/' }))[0], 404)
  })

  test('the operator’s page for 404 is also for what nobody claims', async () => {
    const errorPages = [{ status: 404, format: 'text', content: 'ours' }] as const
    const bench = new GatewayBench([shop, api], { errorPages })
    assert.deepEqual(await bench.ask({ path: '/', headers: ['accept', 'text/plain'] }), [404, 'ours'])
  })

  test('exchanges know their application where there are several', async () => {
    const bench = new GatewayBench([shop, api])
    assert.equal(bench.send({ path: '/shop' }).app, 'shop')
    assert.equal(bench.send({ path: '/' }).app, '')
  })

  test('X-Forwarded-Prefix and the path of the application are in front of PATH_INFO', async () => {
    const bench = new GatewayBench([shop, api])
    await bench.worker('shop', 1, seeing)
    assert.equal(await text(bench, { path: '/shop/a' }), '- /a')
    for (const path of ['/shop/a', '/outer/shop/a'])
      assert.equal(await text(bench, { path, rootPath: '/outer' }), '/outer/shop /a')
  })

  test('two applications never see each other’s requests, whatever hosts and paths come', async () => {
    const apps = [
      app('one', { path: '/a', hosts: ['one.example'] }),
      app('two', { path: '/a/b', hosts: ['*.example'] }),
      app('all', { path: '/b' }),
    ]
    const bench = new GatewayBench(apps)
    const seen = new Set<string>()
    for (const [index, { name }] of apps.entries())
      await bench.worker(name, index + 1, ({ link }) => {
        seen.add(name)
        link.respond(200, [], name)
      })
    const host = fc.constantFrom('one.example', 'ONE.example:80', 'two.example', 'a.two.example.', 'example', 'other')
    const segment = fc.constantFrom('a', 'b', 'c', '..', '.', '', '%61', '%2f', '%2e%2e', 'ab')
    const path = fc
      .tuple(fc.constantFrom('', '/a', '/a/b', '/b'), fc.array(segment, { maxLength: 5 }))
      .map(([start, segments]) => `${start}/${segments.join('/')}`)
    await fc.assert(
      fc.asyncProperty(host, path, async (authority, path) => {
        const [status, answer] = await bench.ask({ authority, path, headers: ['accept', 'text/plain'] })
        const name = claimed(authority, path)
        if (name === '400' || name === '404') assert.equal(String(status), name)
        else assert.deepEqual([status, answer], [200, name])
      }),
      { numRuns: 300 },
    )
    assert.equal(seen.size, 3, 'each application got some')
  })
})

/** The rule of the documents, said in another way than `routing/` does it: by the resolved text. */
function claimed(authority: string, path: string): string {
  const host = authority.toLowerCase().replace(/:80$/, '').replace(/\.$/, '')
  const kept: string[] = []
  const segments = decodeURIComponent(path).slice(1).split('/')
  for (const segment of segments) {
    if (segment === '..' && kept.at(-1) === '') return '400'
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
  }
  const resolved = `/${kept.join('/')}/`
  if (host === 'one.example' && resolved.startsWith('/a/')) return 'one'
  if (host.endsWith('.example') && resolved.startsWith('/a/b/')) return 'two'
  return resolved.startsWith('/b/') ? 'all' : '404'
}

describe('apart', () => {
  test('a full queue of one refuses nothing of another, and the log names the one', async () => {
    const bench = new GatewayBench([app('shop', { path: '/shop', limits: { queue: 1 } }), api])
    bench.send({ path: '/shop' })
    assert.equal((await bench.ask({ path: '/shop' }))[0], 503)
    const waits = bench.send({ path: '/api' })
    assert.match(bench.lines.at(-1)!, /^shop: GET \/shop was refused: Too many requests are waiting$/)
    await bench.worker('api', 1, saying('api'))
    await waits.over()
    assert.equal(waits.response.text, 'api')
  })

  test('a request that cost one application two workers bars no retry of another', async () => {
    const bench = new GatewayBench([app('one', { hosts: ['one.example'] }), app('two', { hosts: ['two.example'] })])
    const dying: Script = ({ link }) => link.socket.destroy()
    const first = bench.send({ authority: 'one.example', path: '/a/b' })
    await bench.worker('one', 1, dying)
    await bench.told('worker-lost', 1)
    await bench.worker('one', 2, dying)
    await first.over()
    assert.equal(first.response.status, 502)
    const second = bench.send({ authority: 'two.example', path: '/a/b' })
    await bench.worker('two', 3, dying)
    await bench.told('worker-lost', 3)
    await bench.worker('two', 4, saying('two'))
    await second.over()
    assert.equal(second.response.text, 'two')
  })

  test('each has its own limit of content and its own files', async t => {
    const directory = mkdtempSync(join(tmpdir(), 'jumak-files-'))
    t.after(() => rmSync(directory, { recursive: true }))
    for (const name of ['shop', 'api']) {
      mkdirSync(join(directory, name))
      writeFileSync(join(directory, name, 'a.txt'), `of ${name}`)
    }
    const mount = (name: string) => [{ url: '/static/', directory: join(directory, name) }]
    const bench = new GatewayBench([
      app('shop', { path: '/shop', limits: { body: 3 }, staticMounts: mount('shop') }),
      app('api', { path: '/api', limits: { body: 5 }, staticMounts: mount('api') }),
    ])
    await bench.worker('shop', 1, saying('shop'))
    await bench.worker('api', 2, saying('api'))
    const body = Buffer.from('1234')
    assert.equal((await bench.ask({ method: 'POST', path: '/shop', body }))[0], 413)
    assert.equal((await bench.ask({ method: 'POST', path: '/api', body }))[0], 200)
    for (const name of ['shop', 'api']) {
      assert.equal(await text(bench, { path: `/${name}/static/a.txt` }), `of ${name}`)
    }
  })

  test('while the code of one changes the other serves', async () => {
    const bench = new GatewayBench([shop, api], { isDevelopment: true })
    const { applications } = bench.parts
    await bench.worker('shop', 1, saying('shop'))
    await bench.worker('api', 2, saying('api'))
    const files = { files: [], generation: 1 }
    applications.get('api')!.codeGuard!.onMessage({ type: 'sources', app: 'api', ...files })
    const held = bench.send({ path: '/shop' })
    assert.equal(await text(bench, { path: '/api' }), 'api')
    assert.equal(held.response.state, 'idle')
    applications.get('shop')!.codeGuard!.onMessage({ type: 'sources', app: 'shop', ...files })
    await held.over()
    assert.equal(held.response.text, 'shop')
  })

  test('the question of an error page goes to the application of the page', async () => {
    const bench = new GatewayBench([shop, api], { isDevelopment: true })
    const state = async (path: string) => {
      const exchange = new FakeExchange({ path, authority: 'localhost', headers: ['jumak-state', '1'] })
      Object.assign(exchange, { peer: { address: '127.0.0.1', port: 1, socketAddress: '127.0.0.1' } })
      await bench.entry.handler(exchange)
      return exchange.response.text
    }
    const before = [await state('/shop/x'), await state('/api/x')]
    bench.parts.applications
      .get('shop')!
      .codeGuard!.onMessage({ type: 'broken', app: 'shop', message: 'no', report: null, files: [] })
    const after = [await state('/shop/x'), await state('/api/x')]
    assert.notEqual(after[0], before[0])
    assert.equal(after[1], before[1])
    assert.match(await state('/'), /No application/)
  })
})

describe('ready', () => {
  const health = { live: null, ready: '/-/ready' }
  const ready = (bench: GatewayBench, name = '') => text(bench, { path: `/-/ready${name}` })

  test('of all, and of each by its name: the reason names the application and the pool', async () => {
    const pools = [MAIN, { name: 'export', paths: ['/export'], workers: 1 }]
    const bench = new GatewayBench([app('shop', { path: '/shop', pools }), api], { health })
    await bench.worker('shop', 1, saying('shop'))
    await bench.worker('api', 2, saying('api'))
    assert.equal(await ready(bench, '/api'), 'ready\n')
    assert.equal(await ready(bench, '/shop'), 'not ready: pool export: no worker can serve\n')
    assert.equal(await ready(bench), 'not ready: shop: pool export: no worker can serve\n')
    await bench.worker('shop', 3, saying('export'), { pool: 'export' })
    assert.equal(await ready(bench), 'ready\n')
    bench.isStopping = true
    assert.equal(await ready(bench, '/api'), 'not ready: the program is stopping\n')
  })

  test('of one application, as before: it is not named', async () => {
    const bench = new GatewayBench([app('default')], { health })
    assert.equal(await ready(bench), 'not ready: no worker can serve\n')
    await bench.worker('default', 1, saying('application'))
    assert.equal(await ready(bench, '/default'), 'application')
  })
})

describe('pools for paths', () => {
  const pools = [
    MAIN,
    { name: 'export', paths: ['/export', '/résumé'], workers: 1 },
    { name: 'csv', paths: ['/export/csv'], workers: 1 },
  ]

  test('the longest path wins, decoded and below the root of the application', async () => {
    const bench = new GatewayBench([app('shop', { path: '/shop', rootPath: '/outer', pools }), api])
    for (const [index, { name }] of pools.entries())
      await bench.worker('shop', index + 1, saying(name || 'main'), { pool: name })
    const cases = {
      '/shop': 'main',
      '/shop/exports': 'main',
      '/shop/x/export': 'main',
      '/shop/export': 'export',
      '/outer/shop/export/': 'export',
      '/shop/%65xport/x': 'export',
      '/shop/x/../export': 'export',
      '/shop/export/csv/x': 'csv',
      '/shop/export/csvx': 'export',
      '/shop/r%C3%A9sum%C3%A9': 'export',
    }
    for (const [path, pool] of Object.entries(cases)) assert.equal(await text(bench, { path }), pool, path)
    assert.equal(await text(bench, { path: '/shop/export', rootPath: '/proxy' }), 'export')
  })

  test('slow requests there never delay the others, nor take their place in the queue', async () => {
    const bench = new GatewayBench([app('default', { pools, limits: { queue: 2 } })])
    const held = holding()
    await bench.worker('default', 1, saying('main'))
    await bench.worker('default', 2, held.script, { pool: 'export' })
    const exports = Array.from({ length: 3 }, () => bench.send({ path: '/export' }))
    await held.until(1)
    assert.equal((await bench.ask({ path: '/export' }))[0], 503)
    for (let i = 0; i < 20; i++) assert.deepEqual(await bench.ask({ path: '/x/../y' }), [200, 'main'])
    assert.equal(bench.parts.applications.inFlight, 3)
    for (const [index, exchange] of exports.entries()) {
      await held.until(index + 1)
      held.requests[index]!.link.respond(200, [], 'export')
      await exchange.over()
      assert.equal(exchange.response.text, 'export')
    }
  })
})
