import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
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

describe('HUP while it serves', () => {
  test('an application that is added gets requests; until then they are nobody’s', async () => {
    const bench = new GatewayBench([shop])
    await bench.worker('shop', 1, saying('shop'))
    assert.equal((await bench.ask({ path: '/api' }))[0], 404)
    bench.configure(shop, api)
    await bench.worker('api', 2, saying('api'))
    assert.equal(await text(bench, { path: '/api' }), 'api')
    assert.equal(await text(bench, { path: '/shop' }), 'shop')
  })

  test('a removed one finishes what runs and what waits, gets nothing new, and is forgotten', async () => {
    const bench = new GatewayBench([shop, api])
    const held = holding()
    await bench.worker('shop', 1, held.script)
    const running = bench.send({ path: '/shop' })
    const waiting = bench.send({ path: '/shop' })
    await held.until(1)
    bench.configure(api)
    assert.equal((await bench.ask({ path: '/shop' }))[0], 404)
    assert.equal(bench.parts.applications.inFlight, 2)
    held.requests[0]!.link.respond(200, [], 'ran')
    await running.over()
    await held.until(2)
    bench.parts.applications.drainWorker(1)
    held.requests[1]!.link.respond(200, [], 'waited')
    await waiting.over()
    await bench.told('worker-drained', 1)
    assert.deepEqual([running.response.text, waiting.response.text], ['ran', 'waited'])
    assert.equal(bench.parts.applications.inFlight, 0)
  })

  test('the workers of a removed one answer what waits before they leave, though the master drains them at once', async () => {
    const bench = new GatewayBench([shop, api])
    const [one, two] = [holding(), holding()]
    await bench.worker('shop', 1, one.script)
    await bench.worker('shop', 2, two.script)
    const sent = Array.from({ length: 5 }, () => bench.send({ path: '/shop' }))
    await Promise.all([one.until(1), two.until(1)])
    bench.configure(api)
    bench.parts.applications.drainWorker(1)
    bench.parts.applications.drainWorker(2)
    for (let i = 0; i < 3; i++) {
      await one.until(i + 1)
      one.requests[i]!.link.respond(200, [], 'one')
    }
    await one.until(4)
    one.requests[3]!.link.respond(200, [], 'one')
    two.requests[0]!.link.respond(200, [], 'two')
    await Promise.all([bench.told('worker-drained', 1), bench.told('worker-drained', 2)])
    assert.deepEqual(sent.map(({ response }) => response.text).sort(), ['one', 'one', 'one', 'one', 'two'])
    assert.equal(bench.parts.applications.inFlight, 0)
  })

  test('what still waits for a removed one when its last worker has gone is answered 503', async () => {
    const bench = new GatewayBench([shop, api])
    const held = holding()
    const worker = await bench.worker('shop', 1, held.script)
    const running = bench.send({ path: '/shop' })
    const waiting = bench.send({ path: '/shop' })
    await held.until(1)
    bench.configure(api)
    bench.parts.applications.drainWorker(1)
    worker.die()
    await waiting.over()
    assert.deepEqual([running.response.status, waiting.response.status], [503, 503])
    const without = new GatewayBench([shop, api])
    const never = without.send({ path: '/shop' })
    without.configure(api)
    assert.equal(never.response.status, 503)
  })

  test('one with the name of a removed one is another: they share no worker', async () => {
    const bench = new GatewayBench([shop, api])
    const held = holding()
    await bench.worker('shop', 1, held.script)
    const running = bench.send({ path: '/shop' })
    await held.until(1)
    bench.configure(api)
    bench.configure(shop, api)
    const next = bench.send({ path: '/shop' })
    await bench.worker('shop', 2, saying('new'))
    await next.over()
    assert.equal(next.response.text, 'new')
    bench.parts.applications.drainWorker(1)
    held.requests[0]!.link.respond(200, [], 'old')
    await running.over()
    await bench.told('worker-drained', 1)
    assert.equal(running.response.text, 'old')
    assert.equal(await text(bench, { path: '/shop' }), 'new')
  })

  test('other hosts hold for the next request; what runs goes on with its workers', async () => {
    const bench = new GatewayBench([app('shop', { hosts: ['shop.example'] }), app('api')])
    const held = holding()
    await bench.worker('shop', 1, held.script)
    await bench.worker('api', 2, saying('api'))
    const running = bench.send({ authority: 'shop.example' })
    await held.until(1)
    bench.configure(app('shop', { hosts: ['kauf.example'] }), app('api'))
    assert.equal(await text(bench, { authority: 'shop.example' }), 'api')
    held.requests[0]!.link.respond(200, [], 'shop')
    await running.over()
    assert.equal(running.response.text, 'shop')
    bench.send({ authority: 'kauf.example' })
    await held.until(2)
  })

  test('another path holds with the generation that was started with it', async () => {
    const bench = new GatewayBench([shop, api])
    await bench.worker('shop', 1, seeing)
    bench.serve('shop', 1)
    bench.configure(app('shop', { path: '/kauf' }), api)
    assert.equal(await text(bench, { path: '/shop/a' }), '- /a')
    assert.equal((await bench.ask({ path: '/kauf/a' }))[0], 404)
    // Linked, but it does not serve yet.
    await bench.worker('shop', 2, seeing, { generation: 2, path: '/kauf' })
    assert.equal(await text(bench, { path: '/shop/a' }), '- /a')
    bench.parts.applications.drainWorker(1)
    bench.serve('shop', 2, '/kauf')
    assert.equal(await text(bench, { path: '/kauf/a' }), '- /a')
    assert.equal((await bench.ask({ path: '/shop/a' }))[0], 404)
  })

  test('the cookie of affinity is for the path in force, behind a proxy too, percent-encoded', async () => {
    const known = (path: string) => app('shop', { path, affinity: { kind: 'cookie' } })
    const bench = new GatewayBench([known('/shop'), api])
    await bench.worker('shop', 1, saying('1'))
    bench.serve('shop', 1)
    const pathOf = async (request: FakeRequest) => {
      const exchange = new FakeExchange(request)
      // A filter comes between.
      const { response } = exchange
      void bench.entry.handler(exchange)
      await once(response.events, 'over')
      const { headers } = response.head!
      return /Path=([^;]*)/.exec(headers[headers.indexOf('Set-Cookie') + 1]!)?.[1]
    }
    assert.equal(await pathOf({ path: '/shop/a' }), '/shop')
    // Applications behind one proxy have different paths there, too.
    assert.equal(await pathOf({ path: '/shop/a', rootPath: '/outer' }), '/outer/shop')
    bench.configure(known('/caf\u00e9'), api)
    await bench.worker('shop', 2, saying('2'), { generation: 2, path: '/caf\u00e9' })
    bench.serve('shop', 2, '/caf\u00e9')
    assert.equal(await pathOf({ path: '/caf%C3%A9/a' }), '/caf%C3%A9')
  })

  test('a new gateway, whose configuration has a newer path, takes that of the generation which serves', async () => {
    const bench = new GatewayBench([app('shop', { path: '/kauf' }), api])
    bench.serve('shop', 1, '/shop')
    await bench.worker('shop', 1, seeing, { path: '/shop' })
    assert.equal(await text(bench, { path: '/shop/a' }), '- /a')
    assert.equal((await bench.ask({ path: '/kauf/a' }))[0], 404)
    // HUP puts another one in its place, and takes it back.
    bench.configure(app('shop', { path: '/tienda' }), api)
    bench.configure(app('shop', { path: '/kauf' }), api)
    await bench.worker('shop', 2, seeing, { generation: 2, path: '/kauf' })
    bench.parts.applications.drainWorker(1)
    bench.serve('shop', 2, '/kauf')
    assert.equal(await text(bench, { path: '/kauf/a' }), '- /a')
    assert.equal((await bench.ask({ path: '/shop/a' }))[0], 404)
  })

  test('the cookie of affinity is for the path that is in force', async () => {
    const cookies = (path: string) => app('shop', { path, affinity: { kind: 'cookie' } })
    const bench = new GatewayBench([cookies('/shop'), api])
    await bench.worker('shop', 1, seeing)
    bench.serve('shop', 1)
    const cookie = async (path: string) => {
      const exchange = bench.send({ path })
      await exchange.over()
      return /; Path=([^;]*)/.exec((exchange.response.head?.headers ?? []).join(' '))?.[1]
    }
    assert.equal(await cookie('/shop/a'), '/shop')
    bench.configure(cookies('/kauf'), api)
    assert.equal(await cookie('/shop/a'), '/shop')
    await bench.worker('shop', 2, seeing, { generation: 2, path: '/kauf' })
    bench.parts.applications.drainWorker(1)
    bench.serve('shop', 2, '/kauf')
    assert.equal(await cookie('/kauf/a'), '/kauf')
  })

  test('one that is added has the key that came with it, and the others keep theirs', async () => {
    const [one, two] = ['one', 'two'].map(name => app(name, { path: `/${name}`, affinity: { kind: 'cookie' } }))
    const bench = new GatewayBench([one!])
    await bench.worker('one', 1, seeing)
    const ask = async (path: string, cookie = '') => {
      const exchange = bench.send({ path, headers: cookie === '' ? [] : ['cookie', cookie] })
      await exchange.over()
      return /jumak-home=[^;]*/.exec((exchange.response.head?.headers ?? []).join(' '))?.[0]
    }
    const ofOne = await ask('/one')
    bench.affinityKey = '7'.repeat(64)
    bench.configure(one!, two!)
    await bench.worker('two', 2, seeing)
    // A cookie that is good is not set again.
    assert.equal(await ask('/one', ofOne), undefined)
    const ofTwo = await ask('/two')
    const next = new GatewayBench([two!])
    await next.worker('two', 2, seeing)
    const exchange = next.send({ path: '/two', headers: ['cookie', ofTwo!] })
    await exchange.over()
    assert.match((exchange.response.head?.headers ?? []).join(' '), /jumak-home=/, 'signed with another key')
  })

  test('a generation that was begun before the path was changed keeps its own, though it serves later', async () => {
    const bench = new GatewayBench([shop, api])
    await bench.worker('shop', 1, seeing, { path: '/shop' })
    bench.serve('shop', 1, '/shop')
    bench.configure(app('shop', { path: '/kauf' }), api)
    await bench.worker('shop', 2, seeing, { generation: 2, path: '/shop' })
    bench.parts.applications.drainWorker(1)
    bench.serve('shop', 2, '/shop')
    assert.equal(await text(bench, { path: '/shop/a' }), '- /a')
    assert.equal((await bench.ask({ path: '/kauf/a' }))[0], 404)
  })

  test('a pool that is added takes its paths, one that is removed drains', async () => {
    const one = { name: 'export', paths: ['/export'], workers: 1 }
    const bench = new GatewayBench([app('default')])
    await bench.worker('default', 1, saying('main'))
    assert.equal(await text(bench, { path: '/export' }), 'main')
    bench.configure(app('default', { pools: [MAIN, one] }))
    const first = bench.send({ path: '/export' })
    const held = holding()
    await bench.worker('default', 2, held.script, { pool: 'export' })
    await held.until(1)
    const second = bench.send({ path: '/export' })
    bench.configure(app('default'))
    assert.equal(await text(bench, { path: '/export' }), 'main')
    bench.parts.applications.drainWorker(2)
    held.requests[0]!.link.respond(200, [], 'ran')
    await held.until(2)
    held.requests[1]!.link.respond(200, [], 'waited')
    await bench.told('worker-drained', 2)
    assert.deepEqual([first.response.text, second.response.text], ['ran', 'waited'])
    assert.equal(bench.parts.applications.inFlight, 0)
  })

  test('other paths of a pool keep its workers', async () => {
    const pool = (path: string) => app('default', { pools: [MAIN, { name: 'slow', paths: [path], workers: 1 }] })
    const bench = new GatewayBench([pool('/a')])
    await bench.worker('default', 1, saying('main'))
    await bench.worker('default', 2, saying('slow'), { pool: 'slow' })
    bench.configure(pool('/b'))
    assert.deepEqual([await text(bench, { path: '/a' }), await text(bench, { path: '/b' })], ['main', 'slow'])
  })

  test('a worker of nobody is drained when the master says so', async () => {
    const bench = new GatewayBench([shop])
    bench.parts.applications.drainWorker(7)
    await bench.told('worker-drained', 7)
  })
})
