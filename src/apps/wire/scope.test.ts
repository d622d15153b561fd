import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applicationRoot } from '../../http/application-root.ts'
import { FakeExchange, type FakeRequest } from '../testing/fake-exchange.ts'
import { readScope, type Scope } from '../testing/read-scope.ts'
import { FrameWriter } from './frame-writer.ts'
import { ScopeWriter } from './scope.ts'

function scope(request: FakeRequest, changes: object = {}, rootPath = '', mount = ''): Scope {
  const writer = new FrameWriter()
  new ScopeWriter(applicationRoot(rootPath, mount)).write(
    writer,
    Object.assign(new FakeExchange(request), { id: 'r-1' }, changes),
  )
  return readScope(writer.bytes())
}

test('the head has what a scope needs, in the order of the wire; the exchange’s id is the first header', () => {
  const request = {
    method: 'POST',
    path: '/caf%C3%A9',
    query: 'a=%20b',
    version: '1.0' as const,
    headers: ['host', 'example.com', 'x-latin', 'caf\xe9', 'cookie', 'a', 'cookie', 'b', 'empty', ''],
  }
  assert.deepEqual(scope(request), {
    type: 'http',
    connection: '1.0 http 4711 192.0.2.1 8000  127.0.0.1',
    method: 'POST',
    headers: [
      ...['x-request-id', 'r-1', 'host', 'example.com', 'x-latin', 'caf\xe9'],
      ...['cookie', 'a', 'cookie', 'b', 'empty', ''],
    ],
    query: 'a=%20b',
    rawPath: '/caf%C3%A9',
    path: '/café',
  })
})

test('a WebSocket has its own schemes', () => {
  const socket = scope({ scheme: 'https', version: '2' }, { isWebSocket: true })
  assert.equal(socket.type, 'websocket')
  assert.match(socket.connection, /^2 wss /)
  assert.match(scope({}, { isWebSocket: true }).connection, /^1\.1 ws /)
})

test('who has proved a password stands in front of the query, behind what a certificate says', () => {
  const user = 'j\xc3\xbcrg'
  const plain = scope({ query: 'q' }, { user })
  assert.deepEqual([plain.type, plain.query, plain.rawPath], ['http+user', user, 'q'])
  assert.equal(scope({}, { user, isWebSocket: true }).type, 'websocket+user')
  assert.equal(scope({ headers: ['remote-user', 'x'] }).type, 'http')
})

test('the path is percent-decoded, invalid escapes stay, and a NUL in it does no harm', () => {
  const path = (given: string) => scope({ path: given }).path
  assert.equal(path('/plain'), '/plain')
  assert.equal(path('/a%2Fb%2fc%25'), '/a/b/c%')
  assert.equal(path('/%zz%4'), '/%zz%4')
  assert.equal(path('/%ff%C3%A9'), '/\ufffdé')
  assert.equal(path('/\xc3\xa9'), '/é')
  assert.equal(path('/%00a%00'), '/\0a\0')
})

test('the root path is put before a path that a proxy took it from, and never twice', () => {
  const path = (given: string, root = '/shop') => scope({ path: given }, {}, root).path
  assert.equal(path('/cart'), '/shop/cart')
  assert.equal(path('/shop/cart'), '/shop/cart')
  assert.equal(path('/shop'), '/shop')
  assert.equal(path('/shopping'), '/shop/shopping')
  assert.equal(path('/caf%C3%A9/1', '/café'), '/café/1')
  assert.equal(path('/1', '/café'), '/café/1')
})

test('a request’s own root path counts instead of the configured one, for this request only', () => {
  const own = (rootPath?: string) =>
    scope(rootPath === undefined ? { path: '/cart' } : { path: '/cart', rootPath }, {}, '/shop')
  assert.deepEqual(
    [own('/app').path, own('/app').connection],
    ['/app/cart', '1.1 http 4711 192.0.2.1 8000 /app 127.0.0.1'],
  )
  assert.deepEqual([own().path, own().connection], ['/shop/cart', '1.1 http 4711 192.0.2.1 8000  127.0.0.1'])
})

test('a mounted application: the path begins with the proxy’s root path and its own path', () => {
  const of = (request: FakeRequest, rootPath: string) => {
    const { path, connection } = scope(request, {}, rootPath, '/shop')
    return [path, connection.split(' ')[5]]
  }
  assert.deepEqual(of({ path: '/shop/a' }, ''), ['/shop/a', ''])
  for (const path of ['/outer/shop/a', '/shop/a']) {
    assert.deepEqual(of({ path }, '/outer'), ['/outer/shop/a', ''])
    assert.deepEqual(of({ path, rootPath: '/outer' }, ''), ['/outer/shop/a', '/outer/shop'])
    assert.deepEqual(of({ path, rootPath: '/outer' }, '/other'), ['/outer/shop/a', '/outer/shop'])
  }
})

test('a request’s names, scheme and local address do not get into the head of another', () => {
  const one = new ScopeWriter(applicationRoot('', ''))
  const write = (headers: string[], changes: object) => {
    const writer = new FrameWriter()
    one.write(writer, Object.assign(new FakeExchange({ headers }), { id: 'r-1' }, changes))
    return readScope(writer.bytes())
  }
  const locals = ['127.0.0.1:8000', '::1:8000', '127.0.0.1:8001', '/run/öpp:0', '127.0.0.1:0'].map(text => {
    const colon = text.lastIndexOf(':')
    return { address: text.slice(0, colon), port: Number(text.slice(colon + 1)), tls: null }
  })
  const headers = (i: number) => [
    'host',
    'a.example',
    `x-${i % 2000}`,
    'odd',
    i % 3 === 0 ? 'accept' : 'cookie',
    `v${i}`,
  ]
  for (let i = 0; i < 3000; i++) {
    const changes = { local: locals[i % 5]!, isWebSocket: i % 7 === 0 }
    const expected = scope({ headers: headers(i) }, changes)
    assert.deepEqual(write(headers(i), changes), expected)
    assert.equal(expected.headers[6], i % 3 === 0 ? 'accept' : 'cookie')
  }
})

test('the Host header is the authority, which takes precedence (RFC9112§3.2.2)', () => {
  const host = (request: FakeRequest) => scope(request).headers.slice(2)
  assert.deepEqual(host({ authority: 'real.example', headers: ['host', 'other.example'] }), ['host', 'real.example'])
  assert.deepEqual(host({ authority: '', headers: ['host', ''] }), ['host', ''])
})

test('for a Unix socket the client’s address is empty, and the server’s is a path', () => {
  const peer = { address: '', port: 0, socketAddress: '' }
  const unix = scope({}, { peer, local: { address: '/run/my öpp.sock', port: 0, tls: null } })
  assert.equal(unix.connection, '1.1 http 0  0  /run/my \xc3\xb6pp.sock')
})

test('X-Request-ID is the id of the exchange, whatever the client has sent', () => {
  const headers = ['accept', 'a', 'x-request-id', 'forged']
  assert.deepEqual(scope({ headers }).headers, ['x-request-id', 'r-1', 'accept', 'a'])
})
