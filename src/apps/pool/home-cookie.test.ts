import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applicationRoot } from '../../http/application-root.ts'
import { FakeExchange } from '../testing/fake-exchange.ts'
import { HomeCookie } from './home-cookie.ts'

const OPTIONS = {
  kind: 'cookie',
  name: 'jumak-home',
  app: 'shop',
  root: () => applicationRoot('', ''),
  key: Buffer.alloc(32, 'k'),
} as const
const CLIENT = 'Zm9vYmFyYmF6cXV4'
const cookie = new HomeCookie(OPTIONS)

function made(worker = 17, from = cookie, request = {}): string {
  return from.write(worker, CLIENT, new FakeExchange(request).request)
}

/** The part that a browser sends back. */
function sentBack(setCookie = made()): string {
  return setCookie.slice(0, setCookie.indexOf(';'))
}

test('what was set is read again', () => {
  assert.deepEqual(cookie.read(['cookie', sentBack()]), { worker: 17, client: CLIENT })
  assert.deepEqual(cookie.read(['cookie', `a=1; ${sentBack()}; b=2`])?.worker, 17)
  assert.deepEqual(cookie.read(['cookie', 'a=1', 'cookie', sentBack()])?.worker, 17)
  assert.deepEqual(cookie.read(['cookie', sentBack(made(2_147_483_647))])?.worker, 2_147_483_647)
})

test('it is for this application, this browser session, and no script', () => {
  assert.match(made(), /; Path=\/; HttpOnly; SameSite=Lax$/)
  assert.match(made(1, cookie, { scheme: 'https' }), /; Path=\/; HttpOnly; SameSite=Lax; Secure$/)
  assert.match(made(1, new HomeCookie({ ...OPTIONS, root: () => applicationRoot('', '/shop') })), /; Path=\/shop;/)
  assert.match(made(1, cookie, { rootPath: '/from/a/proxy' }), /; Path=\/from\/a\/proxy;/)
  const shop = new HomeCookie({ ...OPTIONS, root: () => applicationRoot('/outer', '/shop') })
  assert.match(made(1, shop), /; Path=\/outer\/shop;/)
  assert.match(made(1, shop, { rootPath: '/x' }), /; Path=\/x\/shop;/)
  assert.match(made(1, cookie, { rootPath: '/caf\xc3\xa9;Domain=x' }), /; Path=\/caf%C3%A9%3BDomain=x; HttpOnly/)
})

test('a cookie that was changed, cut, invented or signed by others counts as none', () => {
  const right = sentBack()
  const wrong = [
    right.replace('.17.', '.18.'),
    right.replace('=1.', '=2.'),
    right.replace('Zm9v', 'Zm9w'),
    right.slice(0, -1),
    `${right}A`,
    right.replace(/[^.]{22}$/, 'A'.repeat(22)),
    'jumak-home=',
    'jumak-home=1.17',
    `x${right}`,
    sentBack(made(17, new HomeCookie({ ...OPTIONS, app: 'other' }))),
    sentBack(made(17, new HomeCookie({ ...OPTIONS, key: Buffer.alloc(32, 'x') }))),
    sentBack(made(17, new HomeCookie({ ...OPTIONS, name: 'other' }))),
  ]
  for (const line of wrong) assert.equal(cookie.read(['cookie', line]), null, line)
  assert.equal(cookie.read([]), null)
})

test('the cookie of another application with the same name does not hide ours, but only a few are tried', () => {
  const foreign = sentBack(made(17, new HomeCookie({ ...OPTIONS, app: 'other' })))
  assert.equal(cookie.read(['cookie', `${foreign}; ${sentBack()}`])?.worker, 17)
  assert.equal(cookie.read(['cookie', `${`${foreign}; `.repeat(1000)}${sentBack()}`]), null)
})
