import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Access, AccessRule } from '../../sites/model.ts'
import { exact, GONE, model, OPEN, prefix, RIGHT, SETTINGS, site, sitesOf, text } from './testing/sites.ts'

const from = (...texts: string[]): AccessRule[] =>
  texts.map(one => ({ allows: one.startsWith('allow'), from: one.split(' ')[1]! }))
const guarded = (access: Partial<Access>) => ({ ...SETTINGS, access: { ...OPEN, ...access } })
const APP = { kind: 'app', name: 'app' } as const
const OFFICE = from('allow 10.0.0.0/8', 'deny all')

test('addresses are asked after the rewrites of a location, and again after each internal redirect', () => {
  const ask = sitesOf(
    model(
      site({
        locations: [
          prefix('/', { handler: APP, settings: guarded({ rules: OFFICE }) }),
          exact('/text', { rewrites: [text('for all')], settings: guarded({ rules: OFFICE }) }),
          prefix('/open/', {
            handler: APP,
            tryFiles: [
              { kind: 'file', path: '$uri' },
              { kind: 'uri', uri: '/shut' },
            ],
          }),
        ],
      }),
    ),
  )
  assert.equal(ask('/x', 'test', { address: '10.1.2.3' }).words, 'app /x?')
  assert.equal(ask('/x', 'test', { address: '192.0.2.1' }).words, '403')
  assert.equal(ask('/text', 'test', { address: '192.0.2.1' }).words, '200 for all')
  assert.equal(ask('/open/x', 'test', { address: '192.0.2.1' }).words, '403')
  assert.equal(ask('/open/x', 'test', { address: '10.0.0.1' }).words, 'app /shut?')
})

test('the page of a refusal is itself guarded', () => {
  const errorPages = [{ statuses: [403], becomes: null, target: '/403' }]
  const settings = { ...guarded({ rules: OFFICE }), errorPages }
  const ask = (isOpen: boolean) =>
    sitesOf(
      model(
        site({
          locations: [
            prefix('/', { handler: APP, settings }),
            exact('/403', { handler: APP, settings: isOpen ? { ...settings, access: OPEN } : settings }),
          ],
        }),
      ),
    )('/x', 'test', { address: '192.0.2.1' })
  assert.equal(ask(true).words, 'app /403?')
  assert.equal(ask(false).words, '403')
})

test('nobody is answered who goes while the page of an error is looked for', async () => {
  const errorPages = [{ statuses: [404], becomes: null, target: '/404' }]
  const page = exact('/404', { handler: APP, settings: guarded({ basic: 'Staff', users: '/users' }) })
  const went = sitesOf(model(site({ locations: [prefix('/', { settings: { ...SETTINGS, errorPages } }), page] })))(
    '/x',
    'test',
    { headers: ['authorization', GONE] },
  )
  await went.done
  await new Promise(setImmediate)
  assert.equal(went.words, 'nothing')
})

test('limit_except asks for other methods; GET stands for HEAD', () => {
  const limitExcept = { methods: ['GET'], access: { ...OPEN, rules: OFFICE } }
  const ask = sitesOf(
    model(
      site({ locations: [prefix('/', { handler: APP, limitExcept, locations: [exact('/in', { handler: APP })] })] }),
    ),
  )
  const words = (method: string, target = '/', address = '192.0.2.1') => ask(target, 'test', { method, address }).words
  assert.equal(words('GET'), 'app /?')
  assert.equal(words('HEAD'), 'app /?')
  for (const method of ['POST', 'get', 'DELETE', 'X']) assert.equal(words(method), '403', method)
  assert.equal(words('POST', '/', '10.0.0.1'), 'app /?')
  assert.equal(words('POST', '/in'), 'app /in?')
})

test('a trace says which rule decided', () => {
  const told: string[] = []
  const ask = sitesOf(
    model(site({ locations: [prefix('/', { handler: APP, settings: guarded({ rules: OFFICE }) })] })),
    [],
    '',
    one => {
      if (one.kind === 'access') told.push(`${one.what}: ${one.result}`)
    },
  )
  ask('/', 'test', { address: '192.0.2.1' })
  ask('/', 'test', { address: '10.0.0.1' })
  assert.deepEqual(told, ['deny all: refused', 'allow 10.0.0.0/8: in'])
})

const asks = (access: Partial<Access>, locations = [exact('/ask', { handler: APP })]) =>
  sitesOf(model(site({ locations: [prefix('/', { handler: APP, settings: guarded(access) }), ...locations] })))

test('satisfy: all locks, or any of them', async () => {
  const both = { rules: OFFICE, basic: 'Staff', users: '/users' }
  const tried = async (satisfy: 'all' | 'any', address: string, ...headers: string[]) => {
    const went = asks({ ...both, satisfy })('/', 'test', { address, headers })
    await went.done
    return went.words
  }
  const sent = ['authorization', RIGHT]
  const wrong = ['authorization', 'Basic eDp5']
  const [inside, outside] = ['10.0.0.1', '192.0.2.1']
  assert.equal(await tried('all', inside, ...sent), 'app /?')
  assert.equal(await tried('all', inside), '401')
  assert.equal(await tried('all', inside, ...wrong), '401')
  assert.equal(await tried('all', outside, ...sent), '403')
  assert.equal(await tried('any', inside, ...wrong), 'app /?')
  assert.equal(await tried('any', outside, ...sent), 'app /?')
  assert.equal(await tried('any', outside), '401')
  assert.equal(await tried('any', outside, ...wrong), '401')
})

test('a realm that turns out to be off asks for nothing', () => {
  const ask = asks({ basic: '$arg_realm', users: '/users' })
  assert.equal(ask('/?realm=off').words, 'app /?realm=off')
  assert.equal(ask('/?realm=x').words, '401')
})

test('a subrequest that is answered with nothing refuses, also where any lock is enough', async () => {
  for (const satisfy of ['all', 'any'] as const) {
    const went = asks({ request: '/ask', satisfy })('/')
    await went.done
    assert.equal(went.words, '500')
  }
})
