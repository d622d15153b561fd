/**
 * A request that goes on to another server is one request, in whatever form a client writes it, and whoever breaks off when: HTTP/2 that becomes HTTP/1.1,
 * absolute targets, answers before the request is sent, uploads that end early, interim responses without end.
 * With fields of HTTP/1.1: `75-proxy.test.ts`.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import * as h2 from '../support/http2-client.ts'
import { Http2Client, Type } from '../support/http2-client.ts'
import { Project } from '../support/project.ts'
import { withClient } from '../support/raw-client.ts'
import { type Server, startServer, until } from '../support/server.ts'
import { type Backend, type Reached, startEcho, startRaw } from '../support/upstreams.ts'

function start(t: TestContext, { port, close }: Backend, more = ''): Promise<Server> {
  t.after(close)
  const project = new Project(t, {
    'jumak.toml': `[[site]]\n${more}\nlocations = [{ match = "/", proxy = "http://127.0.0.1:${port}" }]\n`,
  })
  return startServer({ directory: project.directory })
}

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const LINES = `x HTTP/1.1\r\nHost: a\r\n\r\n${SMUGGLED}`

/** Head, content and trailers of one stream, for a server that would write them as they are. */
const STREAMS: Readonly<Record<string, readonly Buffer[]>> = {
  'transfer-encoding': [h2.post(1, '/outer', ['transfer-encoding', 'chunked']), h2.data(1, `0\r\n\r\n${SMUGGLED}`, 1)],
  'length of nothing': [h2.post(1, '/outer', ['content-length', '0']), h2.data(1, SMUGGLED, h2.END_STREAM)],
  'length too small': [h2.post(1, '/outer', ['content-length', '5']), h2.data(1, `hello${SMUGGLED}`, h2.END_STREAM)],
  'length too large': [h2.post(1, '/outer', ['content-length', '999']), h2.data(1, SMUGGLED, h2.END_STREAM)],
  'two lengths': [
    h2.post(1, '/outer', ['content-length', '0'], ['content-length', String(SMUGGLED.length)]),
    h2.data(1, SMUGGLED, h2.END_STREAM),
  ],
  connection: [h2.get(1, '/outer', ['connection', 'content-length'])],
  'lines in a value': [h2.get(1, '/outer', ['x', `a\r\n\r\n${SMUGGLED}`])],
  'a bare line feed in a value': [h2.get(1, '/outer', ['x', 'a\ntransfer-encoding: chunked'])],
  'lines in a name': [h2.get(1, '/outer', [`x: a\r\n\r\n${SMUGGLED}x`, 'a'])],
  'a colon in a name': [h2.get(1, '/outer', ['transfer-encoding: chunked', 'a'])],
  'lines in the path': [h2.get(1, `/${LINES}`)],
  'a blank in the path': [h2.get(1, '/smuggled HTTP/1.1')],
  'lines in the method': [
    h2.frame(Type.HEADERS, 5, 1, h2.block(h2.requestFields('/outer', `GET /smuggled HTTP/1.1\r\nA: b\r\n\r\nGET`))),
  ],
  'lines in the authority': [
    h2.frame(
      Type.HEADERS,
      5,
      1,
      h2.block(
        h2.requestFields('/outer').map(([name, value]) => [name, name === ':authority' ? `a\r\nX: ${LINES}` : value]),
      ),
    ),
  ],
}

test('no stream of HTTP/2 becomes two requests of HTTP/1.1, nor does its content', async t => {
  const seen: Reached[] = []
  const echo = await startEcho('echo', request => {
    seen.push({ server: '', method: request.method!, url: request.url!, headers: request.rawHeaders, body: '' })
    return false
  })
  const server = await start(t, echo)
  server.acceptAnyLog()
  for (const [what, frames] of Object.entries(STREAMS)) {
    const client = new Http2Client(server.programTarget).send(...frames)
    await until(
      () => client.isEnded || client.frames.some(({ type, stream }) => stream === 1 || type === Type.GOAWAY),
      () => `${what}: no answer`,
    )
    client.close()
    assert.ok(
      seen.every(({ url, method }) => url === '/outer' && method === 'POST'),
      `${what}: ${JSON.stringify(seen)}`,
    )
    seen.length = 0
  }
  // What is right goes on as content, with a framing of ours; fields behind it are no fields of the head.
  const client = new Http2Client(server.programTarget).send(
    h2.post(1, '/outer'),
    h2.data(1, SMUGGLED),
    h2.frame(
      Type.HEADERS,
      5,
      1,
      h2.block([
        ['content-length', '3'],
        ['x-t', '1'],
      ]),
    ),
  )
  await until(
    () => client.isEnded || client.frames.some(({ stream }) => stream === 1),
    () => 'no answer',
  )
  client.close()
  const good = new Http2Client(server.programTarget).send(h2.post(1, '/outer'), h2.data(1, SMUGGLED, h2.END_STREAM))
  assert.equal(await good.response(1), 200)
  good.close()
  assert.deepEqual([...new Set(seen.map(({ method, url }) => `${method} ${url}`))], ['POST /outer'])
  for (const { headers } of seen)
    assert.ok(!headers.some((name, i) => i % 2 === 0 && /^(?:content-length|x-t)$/i.test(name)), headers.join())
  await server.stop()
})

test('an absolute target goes on as a path, with the host that it names', async t => {
  const server = await start(t, await startEcho('echo'))
  const ask = (target: string) =>
    withClient(server.target, async client => {
      const { status, body } = await client.send(`GET ${target} HTTP/1.1\r\nHost: other.test\r\n\r\n`).response()
      if (status !== 200) return status
      const { url, headers } = JSON.parse(body.toString()) as Reached
      return `${headers[1]} ${url}`
    })
  assert.equal(await ask('http://shop.test/a%20b?q=1'), 'shop.test /a%20b?q=1')
  assert.equal(await ask('http://shop.test:81'), 'shop.test:81 /')
  assert.equal(await ask('http://shop.test?q=1'), 'shop.test /?q=1')
  for (const bad of [
    'http://user@shop.test/',
    'http:///x',
    'ftp://shop.test/',
    'shop.test:80',
    '//shop.test/x http://b/',
  ])
    assert.equal(await ask(bad), 400, bad)
  await server.stop()
})

test('whoever breaks off hurts one request: early answers, uploads that end, interim responses without end', async t => {
  let waits = 0
  let ended = 0
  let drips = 0
  const raw = await startRaw({
    // Says how it ends before it has read a byte of the content, and keeps the connection.
    early: socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly'),
    // Does the same and closes.
    closes: socket => socket.end('HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nclose'),
    waits: socket => {
      waits++
      socket.once('close', () => ended++).resume()
    },
    drips: socket => {
      const timer = setInterval(() => {
        drips++
        socket.write('HTTP/1.1 102 Processing\r\n\r\n')
      }, 100)
      socket.once('close', () => clearInterval(timer))
    },
    good: socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood'),
  })
  const server = await start(t, raw, 'proxy-read-timeout = "500ms"')
  server.expectLog(/GET \/drips: upstream .* gave no response in time/)
  server.mayLog(/POST \/(?:early|closes|waits): /)
  const good = () =>
    withClient(server.target, async client => {
      const { status, body } = await client.get('/good').response()
      assert.deepEqual([status, body.toString()], [200, 'good'])
    })
  const post = (path: string) => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n`
  for (const [path, status, text] of [
    ['/early', 200, 'early'],
    ['/closes', 413, 'close'],
  ] as const) {
    await withClient(server.target, async client => {
      const response = await client.send(`${post(path)}GET /good HTTP/1.1\r\nHost: a\r\n\r\n`).response()
      assert.deepEqual([response.status, response.body.toString()], [status, text])
    })
    await good()
  }
  await withClient(server.target, async client => {
    client.send(`${post('/waits')}some`)
    await until(
      () => waits > 0,
      () => 'nothing has come',
    )
  })
  await until(
    () => ended > 0,
    () => 'the server was not told that its client has gone',
  )
  await good()
  await withClient(server.target, async client => {
    assert.equal((await client.get('/drips').response()).status, 504)
  })
  assert.ok(drips < 16)
  await good()
  await server.stop()
})
