/** Requests that go on to other servers: what reaches them, what comes back, and what a broken or dead one does to anybody else. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { acceptOf } from '../../src/http/websocket-key.ts'
import { frame } from '../../src/websocket/testing/client.ts'
import { Authority, pemOf } from '../support/certificates.ts'
import { askBroken, MISBEHAVIOURS, OK } from '../support/misbehaviours.ts'
import { Project } from '../support/project.ts'
import { type RawResponse, withClient } from '../support/raw-client.ts'
import { type Server, startServer, until } from '../support/server.ts'
import { type Backend, type Reached, startEcho, startRaw } from '../support/upstreams.ts'

/** Else this machine's own clients would be believed. */
const TRUST = 'trusted-proxies = "192.0.2.1"\n'

async function start(t: TestContext, toml: string, backends: readonly Backend[]): Promise<Server> {
  const project = new Project(t, {
    'jumak.toml': `${TRUST}${toml}`,
    'public/index.html': 'home',
    'files/report': 'the report',
  })
  t.after(() => Promise.all(backends.map(one => one.close())))
  return startServer({ directory: project.directory })
}

function ask(server: Server, text: string, method = 'GET'): Promise<RawResponse> {
  return withClient(server.target, client => client.send(text).response(method))
}

function get(server: Server, path: string, ...headers: string[]): Promise<RawResponse> {
  return ask(server, `GET ${path} HTTP/1.1\r\nHost: shop.test\r\n${headers.map(line => `${line}\r\n`).join('')}\r\n`)
}

function reached(response: RawResponse): Reached {
  assert.equal(response.status, 200, response.body.toString())
  return JSON.parse(response.body.toString()) as Reached
}

function fields({ headers }: Reached): Record<string, string> {
  return Object.fromEntries(headers.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), headers[i + 1]!]] : [])))
}

test('requests and responses pass whole: fields, content, orders, errors, upgrades, streams', async t => {
  const echo = await startEcho('echo', (request, response) => {
    switch (request.url?.split('?')[0]) {
      case '/app/orders':
        response.setHeader('X-Accel-Redirect', '/protected/report')
        response.setHeader('Server', 'secret/1.0')
        response.end('not this')
        return true
      case '/app/gone':
        response.writeHead(404, { 'X-Powered-By': 'p', Server: 'secret/1.0' })
        response.end('its own page')
        return true
      case '/app/moved':
        response.writeHead(302, { Location: '/else' })
        response.end()
        return true
      case '/app/trailers':
        response.writeHead(200, { Trailer: 'X-Sum' })
        response.write('content')
        response.addTrailers({ 'X-Sum': '7' })
        response.end()
        return true
      case '/app/events':
        response.writeHead(200, { 'Content-Type': 'text/event-stream' })
        response.write('data: 1\n\n')
        request.on('close', () => response.end())
        return true
      default:
        return false
    }
  })
  const sockets = await startRaw({
    ws: (socket, request) => {
      const key = /sec-websocket-key: (\S+)/i.exec(request)![1]!
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\nX-From: ws\r\n\r\nhello`,
      )
      socket.on('data', chunk => socket.write(chunk))
    },
    liar: socket => socket.write('HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nframes'),
    no: socket => socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'),
  })
  const server = await start(
    t,
    `[[upstream]]
name = "back"
servers = ["127.0.0.1:${echo.port}"]
[[site]]
names = ["shop.test"]
error-page = ["404 =404 /index.html"]
root = "public"
locations = [
  { match = "/app/", proxy = "http://back" },
  { match = "/pages/", proxy = "http://back/app/", intercept-errors = true },
  { match = "/set/", proxy = "http://back", proxy-set-headers = { Host = "own.test", X-Real-IP = "", X-Path = "$uri" } },
  { match = "/ws/", proxy = "http://127.0.0.1:${sockets.port}" },
  { match = "/small/", proxy = "http://back", limit-request-body = 5 },
  { match = "/protected/", internal = true, alias = "files/" },
]`,
    [echo, sockets],
  )
  server.expectLog(/\/ws\/liar: upstream .*101 whose Sec-WebSocket-Accept/)

  const plain = reached(
    await get(
      server,
      '/app/a%20b?q=1',
      'X-Forwarded-For: 6.6.6.6',
      'X-Real-IP: 6.6.6.6',
      'Forwarded: for=6.6.6.6',
      'TE: trailers',
    ),
  )
  assert.equal(plain.url, '/app/a%20b?q=1')
  const { 'x-request-id': id, ...sent } = fields(plain)
  assert.ok(id)
  assert.deepEqual(sent, {
    host: 'shop.test',
    'x-real-ip': '127.0.0.1',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': 'shop.test',
    'cdn-loop': 'jumak',
  })
  const set = fields(reached(await get(server, '/set/x')))
  assert.equal(set['host'], 'own.test')
  assert.equal(set['x-real-ip'], undefined)
  assert.equal(set['x-path'], '/set/x')

  const post = 'POST /app/x HTTP/1.1\r\nHost: shop.test\r\n'
  assert.equal(reached(await ask(server, `${post}Content-Length: 5\r\n\r\nhello`)).body, 'hello')
  const chunked = reached(await ask(server, `${post}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n`))
  assert.equal(chunked.body, 'abc')
  assert.equal(fields(chunked)['transfer-encoding'], 'chunked')
  const large = 'x'.repeat(3_000_000)
  assert.equal(
    reached(await ask(server, `${post}Content-Length: ${large.length}\r\n\r\n${large}`)).body.length,
    large.length,
  )
  const expects = await withClient(server.target, async client => {
    client.send(`${post}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`)
    assert.equal((await client.head()).status, 100)
    return client.send('ok').response()
  })
  assert.equal(reached(expects).body, 'ok')
  assert.equal(
    (await ask(server, `POST /small/x HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 6\r\n\r\n123456`)).status,
    413,
  )
  const head = await ask(server, 'HEAD /app/x HTTP/1.1\r\nHost: shop.test\r\n\r\n', 'HEAD')
  assert.equal(head.status, 200)

  const order = await get(server, '/app/orders')
  assert.equal(order.body.toString(), 'the report')
  assert.equal(order.header('server'), undefined)
  assert.equal((await get(server, '/app/gone')).body.toString(), 'its own page')
  const gone = await get(server, '/pages/gone')
  assert.equal(gone.status, 404)
  assert.equal(gone.body.toString(), 'home')
  assert.equal((await get(server, '/pages/moved')).header('location'), '/else')

  const trailers = await get(server, '/app/trailers', 'TE: trailers', 'Connection: TE')
  assert.deepEqual(trailers.trailers, [['x-sum', '7']])
  await withClient(server.target, async client => {
    client.get('/app/events', 'Host: shop.test')
    await client.readUntil('data: 1')
  })

  const upgrade = (path: string, more = '') =>
    `GET ${path} HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`
  await withClient(server.target, async client => {
    client.send(upgrade('/ws/ws'))
    const answer = await client.head()
    assert.equal(answer.status, 101)
    assert.ok(answer.headers.some(([name]) => name === 'x-from'))
    assert.equal((await client.readExactly(5)).toString(), 'hello')
    const echoed = frame(1, 'to and fro')
    client.send(echoed)
    assert.deepEqual(await client.readExactly(echoed.length), echoed)
  })
  assert.equal((await ask(server, upgrade('/ws/liar'))).status, 502)
  const refused = await ask(server, upgrade('/ws/no'))
  assert.equal(refused.status, 403)
  assert.equal(refused.body.toString(), 'no')
  // No other protocol is asked for, whatever a client would like.
  const h2c = reached(
    await get(server, '/app/x', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: x'),
  )
  assert.deepEqual(
    Object.keys(fields(h2c)).filter(name => /upgrade|connection|http2/.test(name)),
    [],
  )
  await server.stop()
})

test('content that one server has had goes to no other, and no length without content; a site’s log has proxied requests', async t => {
  const echo = await startEcho('echo', (request, response) => {
    const to = /^\/first\/(.*)/.exec(request.url!)?.[1]
    if (to === undefined) return false
    response.setHeader('X-Accel-Redirect', to === 'named' ? '@second' : '/second/')
    request.once('data', () => response.end())
    return true
  })
  const toml = `[[log]]
name = "own"
file = "own.log"
format = '$request_method $uri $status'
[[site]]
logs = ["own"]
proxy-read-timeout = "5s"
locations = [
  { match = "/",  proxy = "http://127.0.0.1:${echo.port}" },
  { match = "/first/", proxy = "http://127.0.0.1:${echo.port}" },
  { match = "/second/", proxy = "http://127.0.0.1:${echo.port}" },
  { match = "@second", proxy = "http://127.0.0.1:${echo.port}" },
]`
  const { directory } = new Project(t, { 'jumak.toml': TRUST + toml })
  t.after(() => echo.close())
  const server = await startServer({ directory })
  server.expectLog(/POST \/first\/named .*has read the content/)
  const own = () => readFileSync(join(directory, 'own.log'), 'utf8').split('\n')
  const post = (path: string) => `POST ${path} HTTP/1.1\r\nHost: a\r\n`
  const whole = reached(await ask(server, `${post('/first/path')}Content-Length: 5\r\n\r\nhello`))
  assert.deepEqual([whole.method, whole.url, whole.body], ['GET', '/second/', ''])
  assert.equal(fields(whole)['content-length'], undefined)
  const half = await ask(server, `${post('/first/path')}Content-Length: 500000\r\n\r\nhello`)
  assert.equal(reached(half).body, '')
  const chunked = await ask(server, `${post('/first/path')}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`)
  assert.equal(fields(reached(chunked))['transfer-encoding'], undefined)
  assert.equal((await ask(server, `${post('/first/named')}Content-Length: 5\r\n\r\nhello`)).status, 500)
  assert.equal(reached(await get(server, '/after')).url, '/after')
  await until(
    () => own().length === 6,
    () => own().join('\n'),
  )
  assert.deepEqual(own().slice(0, 2), ['GET /second/ 200', 'GET /second/ 200'])
  await server.stop()
})

test('a broken server hurts its own request only, and is named in the log', async t => {
  const raw = await startRaw({
    ...Object.fromEntries(Object.entries(MISBEHAVIOURS).map(([name, { act }]) => [name, act])),
    good: socket => socket.write(OK),
  })
  const server = await start(
    t,
    `[[site]]\nlocations = [{ match = "/raw/", proxy = "http://127.0.0.1:${raw.port}", proxy-read-timeout = "600ms" }]`,
    [raw],
  )
  server.acceptAnyLog()
  const told = await Promise.all(
    Object.keys(MISBEHAVIOURS).map(async name => {
      const { outcome, text } = await askBroken(server.target, name)
      assert.doesNotMatch(text, /evil|127\.0\.0\.1/, name)
      const good = await get(server, '/raw/good')
      assert.equal(good.body.toString(), 'ok', name)
      return [name, outcome]
    }),
  )
  assert.deepEqual(
    Object.fromEntries(told),
    Object.fromEntries(Object.entries(MISBEHAVIOURS).map(([name, { ours }]) => [name, ours])),
  )
  for (const [name, { isTold = true }] of Object.entries(MISBEHAVIOURS))
    if (isTold) await server.waitForLog(new RegExp(`GET /raw/${name}: upstream 127\\.0\\.0\\.1:${raw.port}, `))
  await server.stop()
})

test('a server that dies is left out, and requests go to the others; nothing is sent twice that must not be', async t => {
  const [first, second] = await Promise.all([startEcho('first'), startEcho('second')])
  const server = await start(
    t,
    `[[upstream]]
name = "back"
servers = ["127.0.0.1:${first.port} weight=2 fail-timeout=60s", "127.0.0.1:${second.port}", "127.0.0.1:1 backup"]
[[site]]
locations = [{ match = "/", proxy = "http://back" }]`,
    [second],
  )
  server.mayLog(/another server is asked/)
  const count = async (requests: number, method = 'GET') => {
    const got: Record<string, number> = {}
    await withClient(server.target, async client => {
      for (let i = 0; i < requests; i++) {
        client.send(
          `${method} /${i} HTTP/1.1\r\nHost: a\r\n${method === 'POST' ? 'Content-Length: 1\r\n\r\nx' : '\r\n'}`,
        )
        const { server: name, url } = reached(await client.response())
        assert.equal(url, `/${i}`)
        got[name] = (got[name] ?? 0) + 1
      }
    })
    return got
  }
  assert.deepEqual(await count(300), { first: 200, second: 100 })
  assert.ok(first.accepted <= 2 && second.accepted <= 2, 'connections are used again')
  await first.close()
  assert.deepEqual(await count(50), { second: 50 })
  assert.deepEqual(await count(10, 'POST'), { second: 10 })
  await server.stop()
})

test('a server that is not well, says its health check, gets no requests until it is; all threads hear it from one', async t => {
  const status = { one: 200, two: 200 }
  let checks = 0
  const own = (name: 'one' | 'two') => (request: IncomingMessage, response: ServerResponse) => {
    if (request.url !== '/health?deep') return false
    checks++
    response.writeHead(status[name]).end()
    return true
  }
  const [one, two] = await Promise.all([startEcho('one', own('one')), startEcho('two', own('two'))])
  const server = await start(
    t,
    `[[upstream]]
name = "back"
servers = ["127.0.0.1:${one.port}", "127.0.0.1:${two.port}"]
health-check = "/health?deep interval=100ms timeout=1s status=200-299"
[[site]]
locations = [{ match = "/", proxy = "http://back" }]`,
    [one, two],
  )
  const who = async () => {
    const names = await Promise.all(Array.from({ length: 8 }, () => get(server, '/x').then(one => reached(one).server)))
    return [...new Set(names)].sort()
  }
  assert.deepEqual(await who(), ['one', 'two'])
  status.one = 503
  server.expectLog(/upstream back: 127\.0\.0\.1:\d+ gets no requests: GET \/health\?deep was answered with 503/)
  await server.waitForLog(/gets no requests/)
  assert.deepEqual(await who(), ['two'])
  status.one = 204
  await server.waitForLog(new RegExp(`upstream back: 127\\.0\\.0\\.1:${one.port} is well again`))
  assert.deepEqual(await who(), ['one', 'two'])
  // A server that accepts nobody is not well either.
  server.expectLog(/gets no requests: GET \/health\?deep failed: ECONNREFUSED/)
  await two.close()
  await server.waitForLog(new RegExp(`127\\.0\\.0\\.1:${two.port} gets no requests`))
  assert.deepEqual(await who(), ['one'])
  assert.ok(checks > 4)
  await server.stop()
})

test('of 2,000 marked requests none gets the response of another, whoever aborts', async t => {
  const echo = await startEcho('echo', (request, response) => {
    const number = Number(/\/(\d+)/.exec(request.url!)![1])
    if (number % 7 === 0) {
      response.writeHead(200, { 'Content-Length': '100000' })
      response.write(`mark ${number} `)
      setImmediate(() => request.socket.destroy())
    } else response.end(`mark ${number} `.repeat(1 + (number % 50)))
    return true
  })
  const server = await start(t, `[[site]]\nlocations = [{ match = "/", proxy = "http://127.0.0.1:${echo.port}" }]`, [
    echo,
  ])
  server.acceptAnyLog()
  let next = 0
  let whole = 0
  const client = async () => {
    while (next < 2000) {
      const numbers = Array.from({ length: 1 + (next % 4) }, () => next++)
      await withClient(server.target, async one => {
        one.send(numbers.map(number => `GET /${number} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
        for (const number of numbers) {
          if (number % 11 === 0) return
          const body = await one.response().then(
            response => response.body.toString(),
            () => null,
          )
          if (body === null) return
          assert.equal(body, `mark ${number} `.repeat(1 + (number % 50)))
          whole++
        }
      })
    }
  }
  await Promise.all(Array.from({ length: 16 }, client))
  assert.ok(whole > 800, String(whole))
  await server.stop()
})

test('a request is never two, whatever stands in its fields', async t => {
  const seen: string[] = []
  const echo = await startEcho('echo', request => {
    seen.push(`${request.method} ${request.url}`)
    return false
  })
  const server = await start(t, `[[site]]\nlocations = [{ match = "/", proxy = "http://127.0.0.1:${echo.port}" }]`, [
    echo,
  ])
  server.acceptAnyLog()
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
  const heads = [
    'Content-Length: 0\r\nContent-Length: 40',
    'Content-Length: 5\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'Transfer-Encoding : chunked',
    'Transfer-Encoding: xchunked',
    'Connection: content-length\r\nContent-Length: 37',
    'Connection: transfer-encoding, host\r\nContent-Length: 37',
    'Content_Length: 0\r\nContent-Length: 37',
    'Expect: 100-continue, x\r\nContent-Length: 37',
    'X: y\r\n Content-Length: 0\r\nContent-Length: 37',
    'Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 37',
  ]
  for (const head of heads)
    await withClient(server.target, async client => {
      client.send(`POST /outer HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n${smuggled}`)
      client.socket.end()
      await client.readToEnd()
    })
  await withClient(server.target, async client => {
    const chunks = `0\r\nContent-Length: 99\r\nTransfer-Encoding: x\r\n\r\n`
    client.send(`POST /trailers HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`)
    assert.deepEqual(
      Object.keys(fields(reached(await client.response()))).filter(name => name === 'content-length'),
      [],
    )
  })
  await until(
    () => seen.some(line => line.endsWith('/trailers')),
    () => seen.join(', '),
  )
  // Where the content had a length that was read in one way, it was content; the smuggled line is a request only of the client itself.
  const allowed = new Set(['POST /outer', 'POST /trailers', 'GET /smuggled'])
  for (const line of seen) assert.ok(allowed.has(line), line)
  assert.equal(seen.filter(line => line === 'GET /smuggled').length, 0, seen.join(', '))
  await server.stop()
})

test('what clients do not get stands in no 101, 103 and trailer either, and the cookies of a 101 are changed', async t => {
  const hidden = 'Server: secret/1.0\r\nX-Token: secret\r\nX-Accel-Redirect: /secret\r\n'
  const back = await startRaw({
    early: socket =>
      socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n${hidden}\r\nHTTP/1.1 204 No Content\r\n\r\n`),
    trailers: socket =>
      socket.write(
        `HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n${hidden}\r\n`,
      ),
    socket: (socket, request) => {
      const accept = acceptOf(/Sec-WebSocket-Key: (\S+)/i.exec(request)![1]!)
      socket.write(
        `HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSet-Cookie: a=b; Path=/back/\r\n${hidden}\r\n`,
      )
    },
  })
  const server = await start(
    t,
    `[[site]]
proxy-hide-headers = ["X-Token"]
proxy-cookie-path = "/back/ /front/"
cookie-flags = "* secure"
locations = [{ match = "/", proxy = "http://127.0.0.1:${back.port}" }]
`,
    [back],
  )
  /** Up to the end of the section that follows `from`. */
  const answer = (path: string, from: string, ...fields: string[]) =>
    withClient(server.target, async client => {
      const before = await client.get(path, ...fields).readUntil(from)
      return before + (await client.readUntil('\r\n\r\n'))
    })
  const handshake = ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
  const all = [
    await answer('/early', 'HTTP/1.1 204'),
    await answer('/trailers', '\r\nok\r\n0\r\nx-sum: 7', 'TE: trailers', 'Connection: TE'),
    await answer('/socket', 'HTTP/1.1 101', ...handshake, 'Connection: Upgrade'),
  ]
  for (const text of all) assert.doesNotMatch(text, /secret/)
  assert.match(all[0]!, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n\r\n/)
  assert.match(all[2]!, /^HTTP\/1\.1 101 [\s\S]*\r\nSet-Cookie: a=b; Path=\/front\/; Secure\r\n/)
  await server.stop()
})

test('a server is told what the settings say of the client, and keeps to its speed where nothing is kept for it', async t => {
  let sent = 0
  const echo = await startEcho('echo', (request, response) => {
    if (!/large/.test(request.url!)) return false
    response.writeHead(200, request.url!.includes('says') ? { 'X-Accel-Buffering': 'no' } : {})
    const piece = Buffer.alloc(64 * 1024)
    const more = () => {
      while (sent < 64 * 1024 ** 2) {
        sent += piece.length
        if (!response.write(piece)) return
      }
      response.end()
    }
    response.on('drain', more)
    more()
    return true
  })
  const server = await start(
    t,
    `[[site]]
proxy-forwarded = "both"
locations = [
  { match = "/", proxy = "http://127.0.0.1:${echo.port}" },
  { match = "/own/", proxy = "http://127.0.0.1:${echo.port}", proxy-forwarded = "forwarded", proxy-pass-request-headers = false },
  { match = "/none/", proxy = "http://127.0.0.1:${echo.port}", proxy-forwarded = "off", proxy-pass-request-body = false },
  { match = "/unkept/", proxy = "http://127.0.0.1:${echo.port}", proxy-buffering = false },
]`,
    [echo],
  )
  const { 'x-request-id': _, ...both } = fields(reached(await get(server, '/x', 'Forwarded: for=6.6.6.6')))
  assert.equal(both['forwarded'], 'for=127.0.0.1;host=shop.test;proto=http')
  assert.equal(both['x-forwarded-for'], '127.0.0.1')
  const own = reached(
    await ask(server, 'GET /own/x HTTP/1.1\r\nHost: shop.test:81\r\nCookie: a=1\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n'),
  )
  assert.deepEqual(Object.keys(fields(own)).sort(), ['cdn-loop', 'forwarded', 'host', 'x-request-id'])
  assert.equal(fields(own)['forwarded'], 'for=127.0.0.1;host="shop.test:81";proto=http')
  // Content that is not passed on is no request of its own.
  await withClient(server.target, async client => {
    const inner = 'GET /none/smuggled HTTP/1.1\r\nHost: shop.test\r\n\r\n'
    client.send(`POST /none/x HTTP/1.1\r\nHost: shop.test\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`)
    const first = reached(await client.response('POST'))
    assert.deepEqual([first.url, first.body, fields(first)['content-length']], ['/none/x', '', '0'])
    assert.equal(fields(first)['x-forwarded-for'], undefined)
    client.send('GET /none/y HTTP/1.1\r\nHost: shop.test\r\n\r\n')
    assert.equal(reached(await client.response()).url, '/none/y')
  })
  for (const path of ['/unkept/large', '/says-large']) {
    sent = 0
    await withClient(server.target, async client => {
      client.send(`GET ${path} HTTP/1.1\r\nHost: shop.test\r\n\r\n`)
      await client.head()
      client.socket.pause()
      let before = -1
      // Buffers of the system are full when nothing more is taken.
      while (before !== sent) {
        before = sent
        // wait: that nothing happens has no event
        await new Promise(resolve => setTimeout(resolve, 150))
      }
      assert.ok(sent < 32 * 1024 ** 2, `${path}: ${sent} bytes were taken for a client that reads nothing`)
    })
  }
  await server.stop()
})

test('a server is asked by TLS when its certificate is right; else the next one is, and the log says why', async t => {
  const authority = new Authority()
  const [right, wrong] = [authority.issue({ names: ['localhost'] }), authority.issue({ names: ['else.test'] })]
  const [good, bad] = await Promise.all([
    startEcho('good', () => false, 0, pemOf(right)),
    startEcho('bad', () => false, 0, pemOf(wrong)),
  ])
  const server = await start(
    t,
    `[[upstream]]
name = "back"
servers = ["127.0.0.1:${bad.port}", "127.0.0.1:${good.port}"]
[[site]]
proxy-ssl-trusted-certificate = "${authority.file}"
proxy-ssl-name = "localhost"
locations = [
  { match = "/", proxy = "https://back" },
  { match = "/bad/", proxy = "https://127.0.0.1:${bad.port}" },
  { match = "/system/", proxy = "https://127.0.0.1:${good.port}", proxy-ssl-verify = false },
]`,
    [good, bad],
  )
  server.mayLog(/proxy-ssl-verify.* is off/)
  server.expectLog(/127\.0\.0\.1:\d+: .*certificate is for another name.*another server is asked/)
  server.expectLog(/GET \/bad\/x: .*certificate is for another name/)
  for (let i = 0; i < 3; i++) assert.equal(reached(await get(server, `/${i}`)).server, 'good')
  assert.equal(good.accepted, 1, 'connections are used again')
  const refused = await get(server, '/bad/x')
  assert.equal(refused.status, 502)
  assert.doesNotMatch(refused.body.toString(), /certificate|else/)
  assert.equal(reached(await get(server, '/system/x')).server, 'good')
  const large = 'x'.repeat(2_000_000)
  const post = `POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: ${large.length}\r\n\r\n${large}`
  assert.equal(reached(await ask(server, post)).body.length, large.length)
  await server.stop()
})

test('variables say which servers were asked, and what each has said', async t => {
  const echo = await startEcho('echo', (request, response) => {
    if (!request.url!.endsWith('/fields')) return false
    response.writeHead(200, { Server: 'own', 'Set-Cookie': ['a=1; Path=/', 'sid=x=y; HttpOnly'] })
    response.end('12345')
    return true
  })
  const dead = await startEcho('dead')
  await dead.close()
  t.after(() => echo.close())
  const project = new Project(t, {
    'jumak.toml': `${TRUST}[[upstream]]
name = "back"
servers = ["127.0.0.1:${dead.port}", "127.0.0.1:${echo.port} backup"]
[[log]]
name = "own"
file = "own.log"
format = "$uri $upstream_addr $upstream_status $upstream_response_length $upstream_response_time $upstream_connect_time"
[[site]]
logs = ["own"]
add-headers-always = { X-Asked = "$upstream_addr/$upstream_status", X-Of = "$upstream_http_server $upstream_cookie_sid $proxy_host:$proxy_port" }
locations = [
  { match = "/", proxy = "http://back", proxy-set-headers = { X-Chain = "$proxy_add_x_forwarded_for" } },
  { match = "/one/", proxy = "http://127.0.0.1:${echo.port}" },
]`,
  })
  const server = await startServer({ directory: project.directory })
  server.expectLog(/ECONNREFUSED; another server is asked/)
  const both = await get(server, '/fields')
  const addresses = `127.0.0.1:${dead.port}, 127.0.0.1:${echo.port}`
  assert.equal(both.header('x-asked'), `${addresses}/502, 200`)
  assert.equal(both.header('x-of'), 'own x=y back:80')
  const one = await get(server, '/one/x', 'X-Forwarded-For: 192.0.2.9')
  assert.equal(one.header('x-of'), `  127.0.0.1:${echo.port}:${echo.port}`.trimStart())
  const chain = fields(reached(await get(server, '/x', 'X-Forwarded-For: 192.0.2.9')))
  assert.equal(chain['x-chain'], '192.0.2.9, 127.0.0.1')
  assert.equal(chain['x-forwarded-for'], '127.0.0.1')
  await server.stop()
  const [first] = readFileSync(project.path('own.log'), 'utf8').split('\n')
  assert.match(first!, new RegExp(`^/fields ${addresses} 502, 200 0, 5 \\d\\.\\d{3}, \\d\\.\\d{3} -, \\d\\.\\d{3}$`))
})

test('with proxy-request-buffering a server is asked when the content is complete, and another one gets it whole', async t => {
  let asked = 0
  const dying = await startRaw({ put: socket => socket.destroy() })
  const good = await startEcho('good', () => {
    asked++
    return false
  })
  const server = await start(
    t,
    `[[upstream]]
name = "back"
servers = ["127.0.0.1:${dying.port} weight=9", "127.0.0.1:${good.port}"]
[[site]]
proxy-request-buffering = true
locations = [{ match = "/", proxy = "http://back" }]`,
    [dying, good],
  )
  server.expectLog(/PUT \/put: .*another server is asked/)
  const large = 'x'.repeat(3_000_000)
  const put = await ask(server, `PUT /put HTTP/1.1\r\nHost: a\r\nContent-Length: ${large.length}\r\n\r\n${large}`)
  assert.equal(reached(put).body, large)
  asked = 0
  await withClient(server.target, async client => {
    client.send('PUT /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
    assert.equal(reached(await get(server, '/between')).url, '/between')
    assert.equal(asked, 1)
    client.send('0\r\n\r\n')
    const chunked = reached(await client.response())
    assert.deepEqual([chunked.body, fields(chunked)['content-length']], ['abc', '3'])
  })
  await server.stop()
})

test('a request chooses its server among proxy-allow-hosts, and no other, whatever it writes and names resolve to', async t => {
  const [good, grouped, other] = await Promise.all([startEcho('good'), startEcho('grouped'), startEcho('other')])
  const server = await start(
    t,
    `[[upstream]]
name = "back"
servers = ["127.0.0.1:${grouped.port}"]
[[site]]
locations = [
  { match = "/to/", proxy = "http://$arg_to", proxy-allow-hosts = ["back", "127.0.0.1:${good.port}", "localhost:${good.port}", "*.invalid:80"], proxy-request-buffering = true },
  { match = "~ ^/path/([^/]+)/", proxy = "http://$1:${good.port}/own$uri", proxy-allow-hosts = ["127.0.0.1:${good.port}"] },
  { match = "/host/", proxy = "http://$host:${good.port}", proxy-allow-hosts = ["localhost:${good.port}"] },
]`,
    [good, grouped, other],
  )
  server.expectLog(
    /GET \/host\/x: .* is refused: localhost resolves to .*127\.0\.0\.1, which proxy-allow-hosts must name with port \d+/,
    /GET \/to\/x\?to=127\.0\.0\.1:\d+: .* is refused: 127\.0\.0\.1:\d+ is not among proxy-allow-hosts/,
    /\.invalid does not resolve/,
  )
  server.mayLog(/the server that the request has chosen is refused/)
  const to = async (text: string) => {
    const response = await get(server, `/to/x?to=${text}`)
    return response.status === 200 ? reached(response).server : response.status
  }
  assert.equal(await to(`127.0.0.1:${good.port}`), 'good')
  assert.equal(await to(`LOCALHOST.:${good.port}`), 'good')
  assert.equal(await to('back'), 'grouped')
  assert.equal(reached(await get(server, '/path/127.0.0.1/a%20b?q=1')).url, '/own/path/127.0.0.1/a%20b')
  const post = `POST /to/x?to=127.0.0.1:${good.port} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`
  assert.equal(reached(await ask(server, post)).body, 'abc')
  const bad = [
    ...[`127.0.0.1:${other.port}`, `127.1:${good.port}`, `2130706433:${good.port}`, `0x7f000001:${good.port}`],
    ...[`x@127.0.0.1:${good.port}`, `127.0.0.1:${other.port}@127.0.0.1:${good.port}`, `[::ffff:7f00:1]:${other.port}`],
    ...[`127.0.0.1:${good.port}/x`, `127.0.0.1:${other.port}%23:${good.port}`, 'x.invalid:81', 'unix:/run/x.sock', ''],
  ]
  for (const text of bad) assert.equal(await to(text), 403, text)
  assert.equal(await to('x.invalid'), 502)
  const local = await ask(server, 'GET /host/x HTTP/1.1\r\nHost: localhost\r\n\r\n')
  assert.equal(local.status, 403)
  assert.doesNotMatch(local.body.toString(), /localhost|allow/)
  assert.equal(other.accepted, 0)
  await server.stop()
})

test('a site that passes requests to itself answers with 508, and the log names the circle', async t => {
  const server = await start(
    t,
    `[[site]]
locations = [{ match = "/", proxy = "http://127.0.0.1:$server_port", proxy-allow-hosts = ["127.0.0.1:1-65535"], proxy-pass-request-headers = false }]`,
    [],
  )
  server.expectLog(
    /GET \/x for shop\.test: http:\/\/127\.0\.0\.1:\$server_port leads back here: .* 10 times \(CDN-Loop\)/,
  )
  assert.equal((await get(server, '/x')).status, 508)
  await server.stop()
})
