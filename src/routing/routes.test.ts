/** Which application a request is for: a table of the rule, and random rules against a slow obvious model. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { applicationRoot, belowRoot, fullRoot } from '../http/application-root.ts'
import { decodePathBytes } from '../http/path.ts'
import { hostOf } from './hosts.ts'
import { NOBODY } from './prefixes.ts'
import { compileRoutes, type RouteRule } from './routes.ts'

type Named = Readonly<Record<string, Partial<RouteRule>>>

/** The name of the rule that claims the request; null: nobody. */
function finder(rules: Named): (authority: string, path: string, rootPath?: string) => string | null {
  const names = Object.keys(rules)
  const route = compileRoutes(Object.values(rules).map(rule => ({ hosts: [], path: '', rootPath: '', ...rule })))
  return (authority, path, rootPath) =>
    names[route(rootPath === undefined ? { authority, path } : { authority, path, rootPath })] ?? null
}

const byPath = finder({
  api: { path: '/api' },
  apiV2: { path: '/api/v2' },
  shop: { path: '/shop' },
  cafe: { path: '/café' },
})
const PATHS: readonly (readonly [path: string, name: string | null])[] = [
  ['/api', 'api'],
  ['/api/', 'api'],
  ['/api/x/y', 'api'],
  ['/api/v2', 'apiV2'],
  ['/api/v2/', 'apiV2'],
  ['/api/v20', 'api'],
  ['/apix', null],
  ['/API', null],
  ['/', null],
  ['//api', null],
  ['/api//v2', 'api'],
  ['/x/api', null],
  ['/%61pi', 'api'],
  ['/api%2fv2', 'apiV2'],
  ['/api%2Fx', 'api'],
  ['/%2561pi', null],
  ['/api%00', null],
  ['/api%00/x', null],
  ['/api;a=1', null],
  ['/api\\x', null],
  ['/api%', null],
  ['/api/%zz', 'api'],
  ['/%ff/api', null],
  ['/%c0%afapi', null],
  ['/api%c0%afx', null],
  ['/caf%C3%A9/1', 'cafe'],
  ['/caf%e9', null],
  ['*', null],
]
for (const [path, name] of PATHS) test(`${path} is for ${name ?? 'nobody'}`, () => assert.equal(byPath('', path), name))

const byHost = finder({
  shop: { hosts: ['shop.example.kr', 'xn--9t4b11yi5a.example'] },
  shopAdmin: { hosts: ['shop.example.kr'], path: '/admin' },
  tenants: { hosts: ['*.example.kr'], path: '/t' },
  deep: { hosts: ['*.a.example.kr'], path: '/t' },
  six: { hosts: ['[::1]'] },
  api: { path: '/api' },
})
const HOSTS: readonly (readonly [authority: string, path: string, name: string | null])[] = [
  ['shop.example.kr', '/', 'shop'],
  ['shop.example.kr:8443', '/x', 'shop'],
  ['SHOP.Example.KR', '/x', 'shop'],
  ['shop.example.kr.', '/x', 'shop'],
  ['shop.example.kr.:80', '/x', 'shop'],
  ['shop.example.kr..', '/x', null],
  ['shop.example.kr', '/admin/x', 'shopAdmin'],
  ['shop.example.kr', '/administration', 'shop'],
  ['shop.example.kr', '/api', 'shop'],
  ['shop.example.kr', '/t', 'shop'],
  ['xn--9t4b11yi5a.example', '/', 'shop'],
  ['XN--9T4B11YI5A.EXAMPLE', '/', 'shop'],
  ['one.example.kr', '/t/x', 'tenants'],
  ['b.one.example.kr', '/t', 'tenants'],
  ['b.a.example.kr', '/t', 'deep'],
  ['a.example.kr', '/t', 'tenants'],
  ['example.kr', '/t', null],
  ['one.example.kr', '/', null],
  ['one.example.kr', '/api', 'api'],
  ['evil-example.kr', '/t', null],
  ['.example.kr', '/t', null],
  ['shop.example.kr.evil.example', '/', null],
  ['[::1]', '/', 'six'],
  ['[0:0::0001]:80', '/', 'six'],
  ['[::2]', '/', null],
  ['', '/api', 'api'],
  ['', '/', null],
  ['constructor', '/api', 'api'],
  ['%73hop.example.kr', '/', null],
  [`${'a.'.repeat(5000)}example.kr`, '/t', null],
]
for (const [authority, path, name] of HOSTS)
  test(`${authority.slice(0, 40) || '(no host)'} ${path} is for ${name ?? 'nobody'}`, () =>
    assert.equal(byHost(authority, path), name))

test('with a root path of the proxy in front, a path is the same with it and without', () => {
  const find = finder({ main: { rootPath: '/outer' }, shop: { path: '/shop', rootPath: '/outer' } })
  for (const [path, name] of [
    ['/shop/x', 'shop'],
    ['/outer/shop/x', 'shop'],
    ['/outer', 'main'],
    ['/outershop', 'main'],
    ['/outer/outer/shop', 'main'],
  ] as const)
    assert.equal(find('', path), name, path)
})

test('a path below the root path is matched without it, also where another application has that path', () => {
  const find = finder({ main: { rootPath: '/shop' }, shop: { path: '/shop', rootPath: '/shop' } })
  assert.deepEqual(
    ['/shop', '/shop/x', '/shop/shop', '/shop/shop/x', '/x'].map(path => find('', path)),
    ['main', 'main', 'shop', 'shop', 'main'],
  )
})

test('the root path of a request counts in place of the configured one', () => {
  const find = finder({ main: { rootPath: '/outer' }, shop: { path: '/shop', rootPath: '/outer' } })
  assert.equal(find('', '/own/shop/x', '/own'), 'shop')
  assert.equal(find('', '/shop/x', '/own'), 'shop')
  assert.equal(find('', '/outer/shop/x', '/own'), 'main')
  assert.equal(find('', '/own', '/own'), 'main')
})

test('no rules claim nothing', () => assert.equal(compileRoutes([])({ authority: 'a', path: '/' }), NOBODY))

const segment = fc.constantFrom('a', 'b', 'ab', 'A', 'é')
const prefix = fc.array(segment, { maxLength: 3 }).map(parts => parts.map(part => `/${part}`).join(''))
const label = fc.constantFrom('a', 'b', 'kr')
const name = fc.array(label, { minLength: 1, maxLength: 3 }).map(labels => labels.join('.'))
const host = fc.oneof(
  name,
  name.map(text => `*.${text}`),
)
const rule = fc.record({
  hosts: fc.array(host, { maxLength: 2 }),
  path: prefix,
  rootPath: fc.oneof({ weight: 2, arbitrary: fc.constant('') }, fc.constant('/a'), fc.constant('/r')),
})
const requested = fc.record({
  authority: fc.oneof(
    name,
    name.map(text => `${text.toUpperCase()}.:80`),
    fc.constant(''),
  ),
  path: fc
    .array(fc.oneof(segment, fc.constantFrom('r', '', '%61', '%2f', 'a%2fb')), { maxLength: 5 })
    .map(parts => encodeURI(`/${parts.join('/')}`).replaceAll('%25', '%')),
})

const bytes = (text: string) => Buffer.from(text).toString('latin1')
const isWithin = (path: string, of: string) => `${path}/`.startsWith(`${of}/`)

/** Every rule is judged by itself; the best one wins. */
function obvious(
  rules: readonly RouteRule[],
  { authority, path }: { authority: string; path: string },
  ownRoot?: string,
) {
  const wanted = hostOf(authority)
  const decoded = decodePathBytes(path)
  let best = NOBODY
  let rank: readonly number[] = []
  for (const [index, { hosts, path: own, rootPath }] of rules.entries()) {
    const specific =
      hosts.length === 0
        ? [0]
        : hosts.flatMap(one => {
            if (one === wanted) return [1000]
            return one.startsWith('*.') && wanted.endsWith(one.slice(1)) && wanted.length > one.length - 1
              ? [one.length]
              : []
          })
    if (specific.length === 0) continue
    const forms =
      ownRoot === undefined
        ? [...(rootPath === '' ? [] : [[bytes(rootPath + own), 1] as const]), [bytes(own), 0] as const]
        : [[bytes(own), 0] as const]
    const seen = ownRoot !== undefined && isWithin(decoded, ownRoot) ? decoded.slice(ownRoot.length) : decoded
    for (const [form, isFull] of forms) {
      if (!isWithin(seen, form)) continue
      const here = [Math.max(...specific), form.length, isFull, -index]
      const at = here.findIndex((value, i) => value !== rank[i])
      if (best === NOBODY || (at >= 0 && here[at]! > rank[at]!)) [best, rank] = [index, here]
    }
  }
  return best
}

test('random rules and requests: the same answer as when every rule is judged by itself', () => {
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 8 }),
      requested,
      fc.option(fc.constantFrom('/a', '/r'), { nil: undefined }),
      (rules, request, own) => {
        const route = compileRoutes(rules)
        const head = own === undefined ? request : { ...request, rootPath: own }
        assert.equal(route(head), obvious(rules, request, own))
      },
    ),
    { numRuns: 5000 },
  )
})

test('what an application gets as PATH_INFO is the path below the prefix by which it was chosen', () => {
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 6 }),
      requested,
      fc.option(fc.constantFrom('/a', '/r'), { nil: undefined }),
      (rules, request, own) => {
        const index = compileRoutes(rules)(own === undefined ? request : { ...request, rootPath: own })
        if (index === NOBODY) return
        const { path, rootPath } = rules[index]!
        const root = applicationRoot(rootPath, path)
        const decoded = decodePathBytes(request.path)
        const info = belowRoot(decoded, fullRoot(root, own), root)
        const outer = own ?? bytes(rootPath)
        assert.ok([bytes(path) + info, outer + bytes(path) + info].includes(decoded), `${decoded} → ${info}`)
        assert.ok(info === '' || info.startsWith('/'))
      },
    ),
    { numRuns: 5000 },
  )
})

test('a thousand hosts and paths cost no more than a few', () => {
  const rules = Array.from({ length: 1000 }, (_, i) => ({ hosts: [`h${i}.example`], path: `/p${i}`, rootPath: '' }))
  const route = compileRoutes(rules)
  assert.equal(route({ authority: 'h999.example', path: '/p999/x' }), 999)
  assert.equal(route({ authority: 'h999.example', path: '/p998/x' }), NOBODY)
})
