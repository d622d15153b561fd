import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { FakeExchange, type FakeRequest } from '../testing/fake-exchange.ts'
import { type Marshalled, Tuple, unmarshal } from '../testing/unmarshal.ts'
import { MarshalWriter } from './marshal.ts'
import { decodePath, ScopeWriter } from './scope.ts'

function bytesOf(request: FakeRequest, changes: object = {}, rootPath = ''): Buffer {
  const writer = new MarshalWriter()
  new ScopeWriter(rootPath).write(writer, Object.assign(new FakeExchange(request), { id: 'r-1' }, changes))
  return Buffer.from(writer.bytes())
}

function scope(request: FakeRequest, changes: object = {}, rootPath = ''): Map<string, Marshalled> {
  return unmarshal(bytesOf(request, changes, rootPath)) as Map<string, Marshalled>
}

const pair = (name: string, value: string) => Tuple.from([Buffer.from(name, 'latin1'), Buffer.from(value, 'latin1')])

/** Before all others. */
const REQUEST_ID = pair('x-request-id', 'r-1')

test('the scope of a request is what ASGI says, key by key', () => {
  const request = {
    method: 'POST',
    path: '/caf%C3%A9',
    query: 'a=%20b',
    version: '1.0' as const,
    headers: ['host', 'example.com', 'x-latin', 'caf\xe9', 'cookie', 'a', 'cookie', 'b', 'empty', ''],
  }
  assert.deepEqual(
    [...scope(request)],
    [
      ['type', 'http'],
      ['http_version', '1.0'],
      ['scheme', 'http'],
      ['root_path', ''],
      ['method', 'POST'],
      ['path', '/café'],
      ['raw_path', Buffer.from('/caf%C3%A9')],
      ['query_string', Buffer.from('a=%20b')],
      [
        'headers',
        [
          REQUEST_ID,
          pair('host', 'example.com'),
          pair('x-latin', 'caf\xe9'),
          pair('cookie', 'a'),
          pair('cookie', 'b'),
          pair('empty', ''),
        ],
      ],
      ['client', Tuple.from(['192.0.2.1', 4711])],
      ['server', Tuple.from(['127.0.0.1', 8000])],
    ],
  )
})

test('a WebSocket has no method, its own schemes, and the subprotocols of all its headers', () => {
  const headers = ['sec-websocket-protocol', 'chat, v2.chat', 'sec-websocket-protocol', 'x']
  const socket = scope({ scheme: 'https', version: '2', headers }, { isWebSocket: true })
  assert.equal(socket.has('method'), false)
  assert.equal(socket.get('type'), 'websocket')
  assert.equal(socket.get('scheme'), 'wss')
  assert.equal(socket.get('http_version'), '2')
  assert.deepEqual(socket.get('subprotocols'), ['chat', 'v2.chat', 'x'])
  assert.deepEqual(scope({}, { isWebSocket: true }).get('subprotocols'), [])
})

test('path is decoded as UTF-8: what is none becomes U+FFFD, what is no escape stays, raw bytes count as bytes', () => {
  assert.equal(decodePath('/plain'), '/plain')
  assert.equal(decodePath('/a%2Fb%2fc%25'), '/a/b/c%')
  assert.equal(decodePath('/%zz%4'), '/%zz%4')
  assert.equal(decodePath('/%ff%C3%A9'), '/\ufffdé')
  assert.equal(decodePath('/\xc3\xa9'), '/é')
})

test('the root path stands before a path that a proxy took it from, and is not doubled', () => {
  const path = (given: string) => scope({ path: given }, {}, '/shop').get('path')
  assert.equal(path('/cart'), '/shop/cart')
  assert.equal(path('/shop/cart'), '/shop/cart')
  assert.equal(path('/shop'), '/shop')
  assert.equal(path('/shopping'), '/shop/shopping')
  assert.equal(scope({}, {}, '/shop').get('root_path'), '/shop')
})

test('the Host header is the authority, which rules over it (RFC9112§3.2.2)', () => {
  const headers = ['host', 'other.example']
  assert.deepEqual(scope({ authority: 'real.example', headers }).get('headers'), [
    REQUEST_ID,
    pair('host', 'real.example'),
  ])
  assert.deepEqual(scope({ authority: '', headers: ['host', ''] }).get('headers'), [REQUEST_ID, pair('host', '')])
})

test('a Unix socket has no client, and a path for a server', () => {
  const peer = { address: '', port: 0, socketAddress: '' }
  const unix = scope({}, { peer, local: { address: '/run/app.sock', port: 0 } })
  assert.equal(unix.get('client'), null)
  assert.deepEqual(unix.get('server'), Tuple.from(['/run/app.sock', null]))
})

test('two listeners do not get each other’s server', () => {
  const writer = new MarshalWriter()
  const scopes = new ScopeWriter('')
  const server = (port: number) => {
    writer.start()
    scopes.write(writer, Object.assign(new FakeExchange(), { local: { address: '::1', port } }))
    return (unmarshal(writer.bytes()) as Map<string, Marshalled>).get('server')
  }
  assert.deepEqual(
    [server(80), server(81), server(80)].map(one => (one as Tuple)[1]),
    [80, 81, 80],
  )
})

test('X-Request-ID is the id of the exchange, whatever the client said', () => {
  const headers = ['accept', 'a', 'x-request-id', 'forged']
  assert.deepEqual(scope({ headers }).get('headers'), [REQUEST_ID, pair('accept', 'a')])
})

test('strangers who invent names do not make the gateway remember them all, and nothing gets lost', () => {
  for (let i = 0; i < 3000; i++) {
    const name = i % 2 ? `x-${i}` : `x-${'y'.repeat(100)}-${i}`
    assert.deepEqual(scope({ headers: [name, 'v'] }).get('headers'), [REQUEST_ID, pair(name, 'v')])
  }
})

const python = spawnSync('python3', ['--version']).status === 0

test('Python loads the scope with the types that ASGI asks for', { skip: python ? false : 'no python3' }, () => {
  const request = { path: '/caf%C3%A9', headers: ['host', 'h', 'user-agent', 'Mozilla/5.0 '.repeat(30), 'x', '\xff'] }
  const script = 'import sys,marshal;print(ascii(marshal.loads(sys.stdin.buffer.read())))'
  const result = spawnSync('python3', ['-c', script], { input: bytesOf(request), encoding: 'utf8' })
  assert.equal(
    result.stdout.trim(),
    `{'type': 'http', 'http_version': '1.1', 'scheme': 'http', 'root_path': '', 'method': 'GET', 'path': '/caf\\xe9', ` +
      `'raw_path': b'/caf%C3%A9', 'query_string': b'', 'headers': [(b'x-request-id', b'r-1'), (b'host', b'example.com'), ` +
      `(b'user-agent', b'${'Mozilla/5.0 '.repeat(30)}'), (b'x', b'\\xff')], ` +
      `'client': ('192.0.2.1', 4711), 'server': ('127.0.0.1', 8000)}`,
  )
})
