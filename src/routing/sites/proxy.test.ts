/** The path that an upstream gets, in nginx's forms. Beside a real nginx: `test/differential/proxy.test.ts`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RewriteStep } from '../../sites/model.ts'
import { proxyTarget } from './proxy.ts'
import { model, PLACE, prefix, site, sitesOf } from './testing/sites.ts'

function target(uri: string | null, asked: string, rewrites: RewriteStep[] = [], match = '/one/'): string {
  const handler = { kind: 'proxy', destination: null, isTls: false, upstream: 'back', uri, prefix: match } as const
  const went = sitesOf(model(site({ locations: [prefix(match, { handler, rewrites })] })))(asked)
  return proxyTarget(went.request!.location.proxy!, went.request!)
}

function rewrite(source: string, to: string): RewriteStep {
  return { kind: 'rewrite', pattern: { source, ignoresCase: false }, to, flag: 'break', place: PLACE }
}

test('without a path the target goes on as it was sent', () => {
  assert.equal(target(null, '/one/a%20b?q=1'), '/one/a%20b?q=1')
  assert.equal(target(null, '/one/../one/%2e/x//y'), '/one/../one/%2e/x//y')
})

test('with one it stands for the prefix of the location', () => {
  assert.equal(target('/two/', '/one/a?q=1'), '/two/a?q=1')
  assert.equal(target('/', '/one/a'), '/a')
  assert.equal(target('/two', '/one/a'), '/twoa')
  assert.equal(target('/two/', '/one/a%20b%3fc'), '/two/a%20b%3Fc')
  assert.equal(target('/two/', '/one/./x/../y'), '/two/y')
})

test('after a rewrite the whole new path goes on, escaped', () => {
  assert.equal(target(null, '/one/a?q=1', [rewrite('^/one/(.*)$', '/new/$1')]), '/new/a?q=1')
  assert.equal(target('/two/', '/one/a?q=1', [rewrite('^/one/(.*)$', '/new/$1 x')]), '/new/a%20x?q=1')
})

test('a path with variables is all of the path and the query', () => {
  assert.equal(target('/x$uri', '/one/a?q=1'), '/x/one/a')
  assert.equal(target('/x?from=$arg_q', '/one/a?q=1'), '/x?from=1')
  assert.equal(target('/x$uri', '/one/a%0d%0ab'), '/x/one/a%0D%0Ab')
})
