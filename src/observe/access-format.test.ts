import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answered } from '../http/exchange.ts'
import { compileAccessFormat } from './access-format.ts'

interface Changes {
  readonly target?: string
  readonly headers?: string[]
  readonly responseHeaders?: string[]
  readonly status?: number
  readonly bytes?: number
  readonly address?: string
  readonly untouched?: boolean
  readonly app?: string
  readonly version?: '1.0' | '1.1' | '2'
}

function entry(changes: Changes = {}): Answered {
  const target = changes.target ?? '/a?b'
  const [path, query = ''] = target.split('?')
  return {
    id: 'k3-1',
    request: {
      method: 'GET',
      target,
      path,
      query,
      scheme: 'http',
      authority: 'example.com',
      version: changes.version ?? '1.1',
      headers: changes.headers ?? [],
    },
    response: {
      status: changes.status ?? 200,
      bytesWritten: changes.bytes ?? 12,
      head: { status: 200, reason: '', headers: changes.responseHeaders ?? [] },
    },
    peer: { address: changes.address ?? '192.0.2.1', port: 1, socketAddress: '127.0.0.1' },
    receivedAt: 1000,
    queueMillis: changes.untouched ? -1 : 5,
    runMicros: changes.untouched ? -1 : 240_000,
    servedBy: changes.untouched ? null : { worker: 7, pid: 4711 },
    app: changes.app ?? '',
  } as Answered
}

const line = (format: string, changes: Changes = {}, now = 1250.5) => compileAccessFormat(format)(entry(changes), now)

test('the port of the client, and the phrase of the status', () => {
  assert.equal(line('%(h)s:%({client-port}x)s %({reason}x)s', { status: 404 }), '192.0.2.1:1 Not Found\n')
})

test('HTTP/2 is HTTP/2.0 in every format, as nginx and Apache write it', () => {
  const changes = { version: '2' } as const
  assert.equal(line('%(r)s|%(H)s', changes), 'GET /a?b HTTP/2.0|HTTP/2.0\n')
  assert.match(line('combined', changes), /"GET \/a\?b HTTP\/2\.0" 200/)
  assert.equal(JSON.parse(line('json', changes)).protocol, 'HTTP/2.0')
})

test('where there are several applications, lines name the one that got the request', () => {
  const one = { headers: ['user-agent', 'curl/8'] }
  assert.equal(line('combined', { ...one, app: 'shop' }).slice(line('combined', one).length - 1), ' application=shop\n')
  assert.equal(line('common', { app: 'shop' }), line('common'))
  assert.equal(line('%({app}x)s|%(s)s', { app: 'shop' }), 'shop|200\n')
  assert.equal(line('%({app}x)s|%(s)s'), '-|200\n')
  assert.equal(JSON.parse(line('json', { app: 'shop' })).app, 'shop')
  assert.ok(!('app' in JSON.parse(line('json'))))
})

test('combined has the fields that every reader knows, and our own behind them', () => {
  assert.match(
    line('combined', { headers: ['referer', 'http://r/', 'user-agent', 'curl/8'] }),
    /^192\.0\.2\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a\?b HTTP\/1\.1" 200 12 "http:\/\/r\/" "curl\/8" 0\.250500 k3-1 queue=0\.005000 app=0\.240000 worker=7\n$/,
  )
})

test('common is the format of the first servers, and has nothing more', () => {
  assert.match(line('common'), /^192\.0\.2\.1 - - \[[^\]]+\] "GET \/a\?b HTTP\/1\.1" 200 12\n$/)
})

test('499 for a client that left before the answer, a hyphen for the address of a Unix socket and for no worker', () => {
  assert.match(
    line('combined', { status: 0, address: '', untouched: true }),
    /^- - - .* 499 12 "-" "-" 0\.250500 k3-1 queue=- app=- worker=-\n$/,
  )
})

test('each atom of gunicorn means the same as in gunicorn', () => {
  const changes = {
    headers: [
      'referer',
      'http://r/',
      'user-agent',
      'curl/8',
      'authorization',
      `Basic ${btoa('ann:secret')}`,
      'x-a',
      '1',
    ],
    responseHeaders: ['Content-Type', 'text/plain'],
    bytes: 0,
  }
  const format = '%(h)s|%(l)s|%(u)s|%(r)s|%(m)s|%(U)s|%(q)s|%(H)s|%(s)s|%(B)s|%(b)s|%(f)s|%(a)s'
  assert.equal(line(format, changes), '192.0.2.1|-|ann|GET /a?b HTTP/1.1|GET|/a|b|HTTP/1.1|200|0|-|http://r/|curl/8\n')
  assert.equal(line('%(T)s|%(M)s|%(D)s|%(L)s|%(p)s', {}, 3250.5), '2|2250|2250500|2.250500|<4711>\n')
  assert.equal(line('%({X-A}i)s|%({x-b}i)s|%({content-type}o)s|%({x}o)s|100%%', changes), '1|-|text/plain|-|100%\n')
  assert.match(line('%(t)s'), /^\[.* \+0000\]\n$/)
})

test('our own atoms: request id, time in the queue and in the application, worker', () => {
  const format = '%({request-id}x)s %({queue-time}x)s %({app-time}x)s %({worker}x)s'
  assert.equal(line(format), 'k3-1 0.005000 0.240000 7\n')
  assert.equal(line(format, { untouched: true }), 'k3-1 - - -\n')
})

test('quotes, backslashes, control characters and other scripts are escaped: no client forges a line', () => {
  const evil = 'a"b\\c\nd\x1b[2Jé\x9b'
  const changes = {
    headers: ['user-agent', evil, 'referer', evil, 'x', evil, 'authorization', `Basic ${btoa(`${evil}:`)}`],
    responseHeaders: ['x', evil],
    target: `/${evil}?${evil}`,
  }
  const escaped = 'a\\"b\\\\c\\x0ad\\x1b[2J\\xe9\\x9b'
  for (const atom of ['%(a)s', '%(f)s', '%({x}i)s', '%({x}o)s', '%(u)s', '%(q)s']) {
    assert.equal(line(atom, changes), `${escaped}\n`, atom)
  }
  for (const format of ['common', 'combined', 'json', '%(U)s', '%(r)s'])
    assert.match(line(format, changes), /^[\x20-\x7e]+\n$/, format)
})

test('a piece that a client chooses is bounded', () => {
  for (const format of ['common', 'combined', 'json', '%(r)s', '%(U)s', '%(u)s']) {
    const long = 'x'.repeat(10_000)
    const text = line(format, { target: `/${long}`, headers: ['authorization', `Basic ${btoa(long)}`] })
    assert.ok(text.length < 4500, `${format}: ${text.length}`)
  }
})

test('json is one object a line, without unknown fields', () => {
  const { time, ...rest } = JSON.parse(line('json', { headers: ['user-agent', 'a"b\u00c3\u00a9', 'referer', '\x9b'] }))
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.deepEqual(rest, {
    request: 'k3-1',
    client: '192.0.2.1',
    method: 'GET',
    target: '/a?b',
    protocol: 'HTTP/1.1',
    host: 'example.com',
    status: 200,
    bytes: 12,
    seconds: 0.2505,
    queueSeconds: 0.005,
    appSeconds: 0.24,
    worker: 7,
    referer: '\ufffd',
    agent: 'a"bé',
  })
  const bare = JSON.parse(line('json', { untouched: true, status: 0 }))
  assert.deepEqual([bare.status, 'worker' in bare, 'appSeconds' in bare, 'agent' in bare], [499, false, false, false])
})
