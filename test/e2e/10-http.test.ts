/** HTTP/1.1 through all processes, byte by byte where it matters. One server for the file. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { APPS } from '../support/paths.ts'
import { RawClient, withClient as withClientOf } from '../support/raw-client.ts'
import { type Server, startServer } from '../support/server.ts'

let server: Server

before(async () => {
  server = await startServer({ app: 'plain', directory: APPS })
  const client = new RawClient(server.port)
  await client.get('/hello', 'Connection: close').response()
  client.close()
  server.rememberFds()
})

after(() => server.stop())

const withClient = <T>(use: (client: RawClient) => Promise<T>): Promise<T> => withClientOf(server.port, use)

test('keep-alive: several requests on one connection', () =>
  withClient(async client => {
    for (let i = 0; i < 3; i++) {
      const response = await client.get('/hello').response()
      assert.equal(response.status, 200)
      assert.equal(response.body.toString(), 'Hello, world!')
      assert.ok(response.header('date'))
    }
  }))

test('pipelined requests are answered in order', () =>
  withClient(async client => {
    client.get('/bytes/1').get('/bytes/2').get('/hello').get('/bytes/3')
    assert.deepEqual(
      [await client.response(), await client.response(), await client.response(), await client.response()].map(
        r => r.body.length,
      ),
      [1, 2, 13, 3],
    )
  }))

test('a head that arrives byte by byte', () =>
  withClient(async client => {
    for (const byte of 'GET /hello HTTP/1.1\r\nHost: t\r\n\r\n') {
      client.send(byte)
      await new Promise(resolve => setImmediate(resolve))
    }
    assert.equal((await client.response()).status, 200)
  }))

test('a chunked body with extensions and trailers reaches the application whole', () =>
  withClient(async client => {
    client.send('POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n')
    client.send('5;name=value\r\nhello\r\n7\r\n, world\r\n0\r\nX-Checksum: 1\r\n\r\n')
    assert.equal((await client.response()).body.toString(), 'hello, world')
  }))

test('Expect: 100-continue is answered before the body is sent (RFC9110§10.1.1)', () =>
  withClient(async client => {
    client.send('POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n')
    assert.equal((await client.head()).status, 100)
    client.send('body')
    assert.equal((await client.response()).body.toString(), 'body')
  }))

test('HEAD has the headers of GET and no content', () =>
  withClient(async client => {
    client.send('HEAD /hello HTTP/1.1\r\nHost: t\r\n\r\n')
    const head = await client.response('HEAD')
    assert.equal(head.status, 200)
    assert.equal(head.header('content-length'), '13')
    assert.equal((await client.get('/hello').response()).status, 200)
  }))

test('HTTP/1.0 closes unless asked to keep alive (RFC9112§9.3)', async () => {
  await withClient(async client => {
    client.send('GET /hello HTTP/1.0\r\n\r\n')
    assert.match((await client.readToEnd()).toString(), /Hello, world!$/)
  })
  await withClient(async client => {
    client.send('GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    const first = await client.response()
    assert.equal(first.header('connection'), 'keep-alive')
    assert.equal((await client.get('/hello').response()).status, 200)
  })
})

test('a stream to an HTTP/1.0 client ends with the connection, unchunked', () =>
  withClient(async client => {
    client.send('GET /stream?n=3&delay=0 HTTP/1.0\r\n\r\n')
    const head = await client.head()
    assert.ok(!head.headers.some(([name]) => name === 'transfer-encoding'))
    assert.equal((await client.readToEnd()).toString(), 'chunk 0\nchunk 1\nchunk 2\n')
  }))

for (const [name, status, bytes] of [
  ['a bare LF (RFC9112§2.2)', 400, 'GET / HTTP/1.1\nHost: t\n\n'],
  ['obs-fold (RFC9112§5.2)', 400, 'GET / HTTP/1.1\r\nHost: t\r\nA: b\r\n c\r\n\r\n'],
  [
    'Content-Length with Transfer-Encoding (RFC9112§6.1)',
    400,
    'POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['two lengths (RFC9112§6.3)', 400, 'POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc'],
  ['a signed length', 400, 'POST / HTTP/1.1\r\nHost: t\r\nContent-Length: +3\r\n\r\nabc'],
  [
    'an unknown transfer coding (RFC9112§6.1)',
    501,
    'POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  ],
  ['no Host (RFC9112§3.2)', 400, 'GET / HTTP/1.1\r\n\r\n'],
  ['two Hosts', 400, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['a space before the colon (RFC9112§5.1)', 400, 'GET / HTTP/1.1\r\nHost : t\r\n\r\n'],
  ['NUL in a value (RFC9110§5.5)', 400, 'GET / HTTP/1.1\r\nHost: t\r\nA: b\0c\r\n\r\n'],
  ['a fragment in the target', 400, 'GET /a#b HTTP/1.1\r\nHost: t\r\n\r\n'],
  ['HTTP/2 without its preface', 505, 'GET / HTTP/2.0\r\nHost: t\r\n\r\n'],
  ['CONNECT', 501, 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n'],
  [
    'an expectation that nobody knows (RFC9110§10.1.1)',
    417,
    'POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nExpect: miracles\r\n\r\na',
  ],
  ['a request line that is too long', 414, `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: t\r\n\r\n`],
  ['headers that are too many', 431, `GET / HTTP/1.1\r\nHost: t\r\n${'A: b\r\n'.repeat(2000)}\r\n`],
  ['a length that is too large', 413, 'POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999\r\n\r\n'],
  [
    'a chunk size with junk (RFC9112§7.1)',
    400,
    'POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1x\r\na\r\n0\r\n\r\n',
  ],
] as const) {
  test(`${name}: ${status}, Connection: close, and the connection closes`, () =>
    withClient(async client => {
      client.send(bytes)
      const response = await client.response()
      assert.equal(response.status, status)
      assert.equal(response.header('connection'), 'close')
      assert.equal(Number(response.header('content-length')), response.body.length)
      assert.equal((await client.readToEnd()).length, 0)
      assert.equal(client.reset, false, 'the refusal can be read: no reset')
    }))
}

test('refusals come as HTML or JSON where the client accepts it', () =>
  withClient(async client => {
    client.send('POST /echo HTTP/1.1\r\nHost: t\r\nAccept: application/json\r\nContent-Length: 99999999999999\r\n\r\n')
    const response = await client.response()
    assert.equal(response.header('content-type'), 'application/problem+json')
    assert.equal(JSON.parse(response.body.toString()).status, 413)
  }))

test('a header with an underscore is dropped: nobody can spoof HTTP_X_FORWARDED_FOR', () =>
  withClient(async client => {
    const response = await client.get('/environ', 'X_Forwarded_For: 6.6.6.6', 'X_Real: a', 'X-Real: b').response()
    const environ = JSON.parse(response.body.toString())
    assert.equal(environ.HTTP_X_FORWARDED_FOR, undefined)
    assert.equal(environ.HTTP_X_REAL, 'b')
  }))

test('Proxy: never becomes HTTP_PROXY (httpoxy)', () =>
  withClient(async client => {
    const environ = JSON.parse((await client.get('/environ', 'Proxy: http://evil/').response()).body.toString())
    assert.equal(environ.HTTP_PROXY, undefined)
  }))

test('X-Forwarded-For and -Proto from loopback set address and scheme; a host must be asked for by name', () =>
  withClient(async client => {
    const response = await client
      .get('/environ', 'X-Forwarded-For: 203.0.113.7', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: shop.example')
      .response()
    const environ = JSON.parse(response.body.toString())
    assert.equal(environ.REMOTE_ADDR, '203.0.113.7')
    assert.equal(environ['wsgi.url_scheme'], 'https')
    assert.equal(environ.HTTP_HOST, 'test')
  }))

test('absolute-form: its authority wins over Host (RFC9112§3.2.2)', () =>
  withClient(async client => {
    client.send('GET http://right.example/environ?x=1 HTTP/1.1\r\nHost: wrong.example\r\n\r\n')
    const environ = JSON.parse((await client.response()).body.toString())
    assert.equal(environ.HTTP_HOST, 'right.example')
    assert.equal(environ.PATH_INFO, '/environ')
    assert.equal(environ.QUERY_STRING, 'x=1')
  }))

test('OPTIONS * is answered (RFC9110§9.3.7)', () =>
  withClient(async client => {
    client.send('OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n')
    assert.equal((await client.response()).status, 204)
  }))

test('PATH_INFO is percent-decoded to latin-1 characters, RAW_URI is as sent', () =>
  withClient(async client => {
    const environ = JSON.parse((await client.get('/environ/a%20b/%EC%A3%BC?q=%20').response()).body.toString())
    assert.equal(Buffer.from(environ.PATH_INFO, 'latin1').toString(), '/environ/a b/주')
    assert.equal(environ.QUERY_STRING, 'q=%20')
    assert.equal(environ.RAW_URI, '/environ/a%20b/%EC%A3%BC?q=%20')
    assert.equal(environ.SERVER_PROTOCOL, 'HTTP/1.1')
  }))

test('a body that the application does not read does not hurt the next request', () =>
  withClient(async client => {
    const body = Buffer.alloc(300_000, 'x')
    client.send(`POST /unread-body HTTP/1.1\r\nHost: t\r\nContent-Length: ${body.length}\r\n\r\n`).send(body)
    assert.equal((await client.response()).status, 200)
    assert.equal((await client.get('/hello').response()).body.toString(), 'Hello, world!')
  }))

test('a client that half-closes after its request is answered', () =>
  withClient(async client => {
    client.get('/hello')
    client.socket.end()
    assert.equal((await client.response()).status, 200)
  }))

test('uploads that are cancelled leave nothing behind (the end of this file counts the descriptors)', async () => {
  const heads = ['Content-Length: 1000\r\n\r\nabc', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n']
  for (let i = 0; i < 40; i++) {
    const client = new RawClient(server.port)
    client.send(`POST /echo HTTP/1.1\r\nHost: t\r\n${heads[i % 2]}`)
    client.socket.end()
    assert.equal((await client.readToEnd()).toString(), '', 'nobody reads an answer')
    client.close()
  }
})

test('Expect: 100-continue with the content already there keeps the connection', () =>
  withClient(async client => {
    client.send('POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello')
    assert.equal((await client.response()).body.toString(), 'hello')
    assert.equal((await client.get('/hello').response()).status, 200)
  }))
