import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange } from '../apps/testing/fake-exchange.ts'
import type { Exchange } from '../http/exchange.ts'
import { createRouter } from './router.ts'
import { compileRoutes } from './routes.ts'

const rules = ['/api', '/shop'].map(path => ({ hosts: [], path, rootPath: '' }))

/** Who got the request, with the path that it saw; or the status of the refusal. */
function ask(path: string): string {
  const got: string[] = []
  const targets = rules.map(rule => ({
    name: rule.path.slice(1),
    handler: ({ request, app }: Exchange) => void got.push(`/${app} ${request.path}`),
  }))
  const handler = createRouter(compileRoutes(rules), targets, (_, error) => got.push(String(error.status)))
  void handler(new FakeExchange({ path, target: path }))
  assert.equal(got.length, 1)
  return got[0]!
}

test('a request goes to the application that claims it, and nobody’s is answered 404', () => {
  assert.equal(ask('/api/x'), '/api /api/x')
  assert.equal(ask('/shop'), '/shop /shop')
  assert.equal(ask('/'), '404')
  assert.equal(ask('/apix'), '404')
})

test('an application sees the path by which it was chosen: without dot segments', () => {
  assert.equal(ask('/api/../shop/x'), '/shop /shop/x')
  assert.equal(ask('/api/%2e%2e%2fshop/a%20b'), '/shop /shop/a%20b')
  assert.equal(ask('/shop/./x'), '/shop /shop/x')
  assert.equal(ask('/api/..'), '404')
})

test('a path that servers read differently is refused: `..` after an empty segment', () => {
  assert.equal(ask('/api//../x'), '400')
  assert.equal(ask('/api//x'), '/api /api//x')
})

test('the target stays as it was sent, for the log', () => {
  const exchange = new FakeExchange({ path: '/api/../shop', target: '/api/../shop' })
  const targets = rules.map(() => ({ name: '', handler: () => {} }))
  const handler = createRouter(compileRoutes(rules), targets, () => assert.fail())
  void handler(exchange)
  assert.deepEqual([exchange.request.path, exchange.request.target], ['/shop', '/api/../shop'])
})
