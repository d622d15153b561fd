import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange } from '../apps/testing/fake-exchange.ts'
import type { HealthPaths } from '../config/types.ts'
import { health, type WhyNotReady } from './health.ts'

const NONE: ReadonlyMap<string, WhyNotReady> = new Map()

function ask(path: string, paths: HealthPaths, reason: string | null = null, method = 'GET', each = NONE) {
  const exchange = new FakeExchange({ path, method })
  let isPassedOn = false
  void health(
    paths,
    () => reason,
    each,
  )(() => {
    isPassedOn = true
  })(exchange)
  const { status, head, chunks, state } = exchange.response
  return { isPassedOn, status, headers: head?.headers ?? [], text: Buffer.concat(chunks).toString(), state }
}

const PATHS: HealthPaths = { live: '/-/alive', ready: '/-/ready' }

test('liveness is 200 whatever readiness says', () => {
  const { status, text, state, headers } = ask('/-/alive', PATHS, 'no worker')
  assert.deepEqual([status, text, state], [200, 'alive\n', 'ended'])
  assert.deepEqual(headers.slice(0, 4), ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', '6'])
})

test('readiness is 200, or 503 with its reason', () => {
  assert.equal(ask('/-/ready', PATHS).status, 200)
  const { status, text } = ask('/-/ready', PATHS, 'no worker')
  assert.deepEqual([status, text], [503, 'not ready: no worker\n'])
})

test('only exactly these paths are answered, and no path that is off', () => {
  for (const path of ['/', '/-/alive/', '/-/aliv', '/-/Alive', '*']) assert.ok(ask(path, PATHS).isPassedOn, path)
  assert.ok(ask('/-/ready', { live: '/-/alive', ready: null }).isPassedOn)
})

test('HEAD is answered like GET; another method gets 405 and is not passed on (RFC9110§15.5.6)', () => {
  assert.equal(ask('/-/ready', PATHS, null, 'HEAD').status, 200)
  const { status, headers, isPassedOn } = ask('/-/alive', PATHS, null, 'POST')
  assert.deepEqual([status, isPassedOn], [405, false])
  assert.deepEqual(headers.slice(-2), ['Allow', 'GET, HEAD'])
})

test('where there are several applications, each is asked for by its name', () => {
  const each = new Map<string, WhyNotReady>([
    ['shop', () => null],
    ['api', () => 'no worker can serve'],
  ])
  const of = (path: string, paths = PATHS) => ask(path, paths, 'api: no worker can serve', 'GET', each)
  assert.equal(of('/-/ready/shop').text, 'ready\n')
  assert.deepEqual([of('/-/ready/api').status, of('/-/ready/api').text], [503, 'not ready: no worker can serve\n'])
  assert.equal(of('/-/ready').text, 'not ready: api: no worker can serve\n')
  assert.ok(of('/-/ready/blog').isPassedOn)
  assert.ok(of('/-/ready/shop/').isPassedOn)
  assert.ok(of('null/shop', { live: null, ready: null }).isPassedOn)
})
