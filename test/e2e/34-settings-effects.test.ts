/**
 * What each limit and timeout does to a client of the real program. Their values and defaults are tested beside their definitions. Each
 * start has many settings. Timeouts are set to a second. Where only time tells a setting from its default, the limit is the default, so
 * that a busy machine has as much time as there is.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { whyNoPython } from '../support/environments/environments.ts'
import { APPS } from '../support/paths.ts'
import { temporaryDirectory } from '../support/project.ts'
import { getOnce, RawClient, withClient } from '../support/raw-client.ts'
import { type Server, startServer, TRACEBACK, until } from '../support/server.ts'

const skip = await whyNoPython()

/** `seconds`: the default of the setting. Must begin when the time of the setting begins. */
async function beforeDefault<Value>(seconds: number, what: Promise<Value>): Promise<Value> {
  const late = Promise.withResolvers<never>()
  // wait: at most; only the default comes later
  const timer = setTimeout(
    () => late.reject(new Error(`not within ${seconds} s: is the setting obeyed?`)),
    seconds * 990,
  )
  try {
    return await Promise.race([what, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Sends a request, takes its response, and leaves. */
function exchange(port: number, bytes: string): Promise<number> {
  return withClient(port, async client => (await client.send(bytes).response()).status)
}

const post = (path: string, length: number, content = '') =>
  `POST ${path} HTTP/1.1\r\nHost: t\r\nContent-Length: ${length}\r\n\r\n${content}`

const ofClients = [
  ...['--header-timeout', '1s', '--body-timeout', '1s', '--send-timeout', '1s', '--keep-alive', '1s'],
  ...['--limit-request-line', '300', '--limit-request-fields', '5', '--limit-request-header-size', '512'],
  ...['--limit-request-body', '1000', '--trusted-proxies', '127.0.0.1', '--graceful-timeout', '1s'],
  ...['-w', '1', '--access-log', '-'],
  ...['--lifespan', 'on'],
]

test('what a client may take', { skip }, async t => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ofClients })
  const { port } = server

  await t.test('a setting that does nothing for a WSGI application is told', async () => {
    server.expectLog(/lifespan does nothing for a WSGI application$/)
    await server.waitForLog(/lifespan does nothing/)
  })

  await t.test('--header-timeout', async () => {
    assert.equal(await beforeDefault(15, exchange(port, 'GET / HTTP/1.1\r\nHost: t\r\n')), 408)
  })

  await t.test('--body-timeout', async () => {
    assert.equal(await beforeDefault(30, exchange(port, post('/echo', 10, 'half'))), 408)
  })

  await t.test('--keep-alive', async () => {
    const client = new RawClient(port).get('/hello')
    assert.equal((await client.response()).status, 200)
    assert.equal((await beforeDefault(75, client.readToEnd())).length, 0)
    client.close()
  })

  await t.test('--send-timeout', async () => {
    const length = 50_000_000
    const client = new RawClient(port).get(`/bytes/${length}`)
    client.socket.pause()
    await beforeDefault(
      60,
      until(
        () => server.stdout.some(line => line.includes(`/bytes/${length}`)),
        () => 'the exchange is not over',
      ),
    )
    client.socket.resume()
    assert.ok((await client.readToEnd()).length < length)
    client.close()
  })

  await t.test('--limit-request-line, -fields, -header-size and -body', async () => {
    const get = (path: string, ...fields: string[]) =>
      exchange(port, [`GET ${path} HTTP/1.1`, 'Host: t', ...fields, '', ''].join('\r\n'))
    const long = (length: number) => `/hello?${'x'.repeat(length - '/hello?'.length - 'GET  HTTP/1.1'.length)}`
    assert.deepEqual([await get(long(300)), await get(long(301))], [200, 414])
    const four = ['A: 1', 'B: 2', 'C: 3', 'D: 4']
    assert.deepEqual([await get('/', ...four), await get('/', ...four, 'E: 5')], [200, 431])
    assert.deepEqual([await get('/', `A: ${'x'.repeat(400)}`), await get('/', `A: ${'x'.repeat(510)}`)], [200, 431])
    assert.equal(await exchange(port, post('/echo', 1000, 'x'.repeat(1000))), 200)
    assert.equal(await exchange(port, post('/echo', 1001)), 413)
  })

  await t.test('--trusted-proxies', async () => {
    assert.equal(await remoteAddress(server), '203.0.113.9')
  })

  await t.test('--graceful-timeout', async () => {
    server.expectLog(/1 request was cut at the end of the graceful timeout/, /1 worker did not leave in time: killed/)
    server.expectLog(/The server is stopping/)
    const client = new RawClient(port).get('/sleep?s=25')
    await server.waitForLog(/sleeping 25/)
    // With the default of 30 s the request would end by itself, and no log line would say that it was cut.
    await server.stop()
    client.close()
  })
})

async function remoteAddress(server: Server): Promise<string> {
  const response = await getOnce(server.port, '/environ', 'X-Forwarded-For: 203.0.113.9')
  return JSON.parse(response.body.toString()).REMOTE_ADDR
}

test('what waits, and where things lie; settings from the file of --config', { skip }, async t => {
  const directory = temporaryDirectory(t)
  const temporary = temporaryDirectory(t)
  const file = join(directory, 'other.toml')
  const lines = [
    'request-buffering = false',
    'queue-limit = 1',
    'limit-requests-per-address = 0',
    'queue-timeout = 4',
    'limit-connections = 3',
    'health-path = "/-/alive"',
    'limit-connections-per-address = 0',
    'workers = 1',
  ]
  writeFileSync(file, [...lines, 'trusted-proxies = "none"', 'access-log = "-"', 'access-log-slow = 2', ''].join('\n'))
  const args = ['--config', file, '--temp-dir', temporary]
  const server = await startServer({ app: 'plain', directory: APPS, args })
  const { port } = server
  const hello = () => exchange(port, 'GET /hello HTTP/1.1\r\nHost: t\r\n\r\n')

  await t.test('--temp-dir', async () => {
    assert.equal(readdirSync(temporary).length, 1)
    assert.deepEqual(readdirSync(server.temporaryDirectory), ['admin.sock'])
    const client = new RawClient(port).get('/bytes/10000000')
    client.socket.pause()
    const folder = `/proc/${server.gateway().pid}/fd`
    const opened = () => readdirSync(folder).map(name => linkOf(join(folder, name)))
    if (process.platform === 'linux')
      await until(
        () => opened().some(path => path.startsWith(`${temporary}/`) && path.endsWith('(deleted)')),
        () => `open: ${opened()}`,
      )
    client.socket.resume()
    assert.equal((await client.response()).body.length, 10_000_000)
    client.close()
  })

  await t.test('--trusted-proxies none', async () => {
    assert.equal(await remoteAddress(server), '127.0.0.1')
  })

  // The worker is taken by the beginning of a body, and is free at its end.
  const holder = new RawClient(port).send(post('/slow-echo', 100_000, 'x'.repeat(65_536)))

  await t.test('--request-buffering off', async () => {
    assert.equal((await holder.head()).status, 200)
  })

  const waiting = [hello(), hello()]

  await t.test('--queue-limit', async () => {
    server.expectLog(/GET \/hello was refused: Too many requests are waiting/)
    assert.equal(await Promise.race(waiting), 503)
    await server.waitForLog(/Too many requests are waiting/)
  })

  await t.test('--queue-timeout', async () => {
    server.expectLog(/GET \/hello was refused: No worker was free in time/)
    assert.deepEqual(await beforeDefault(30, Promise.all(waiting)), [503, 503])
    await server.waitForLog(/No worker was free in time/)
  })

  await t.test('--limit-connections', async () => {
    server.expectLog(/a connection was refused: 3 are open, which is the limit/)
    const others: RawClient[] = []
    // The gateway hears a moment later that the clients before have gone, and refuses until then.
    await until(
      async () => {
        const one = new RawClient(port).get('/-/alive')
        if ((await one.response()).status === 200) others.push(one)
        else one.close()
        return others.length === 2
      },
      () => `${others.length} are open besides the holder`,
    )
    assert.equal(await hello(), 503)
    for (const one of others) one.close()
  })

  await t.test('--access-log-slow', async () => {
    holder.send('x'.repeat(100_000 - 65_536))
    await holder.readUntil('\r\n0\r\n\r\n')
    holder.close()
    await server.stop()
    assert.ok(server.stdout.some(line => line.includes('/slow-echo')))
    assert.ok(!server.stdout.some(line => line.includes('/environ')), server.stdout.join('\n'))
  })
})

/** Empty when the descriptor has gone. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT')
    return ''
  }
}

const ofSockets = [
  ...['--ws-max-size', '10', '--ws-ping-interval', '1s', '--ws-ping-timeout', '1s'],
  ...['--concurrency', '1', '--queue-timeout', '1s', '--lifespan', 'off', '-w', '1'],
  ...['--threads', '4'],
]

test('ASGI and WebSockets', { skip }, async t => {
  const server = await startServer({ app: 'asgi_limits', directory: APPS, args: ofSockets })
  const open = async (options: { autoPong: boolean }) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`, options)
    await once(socket, 'open')
    return socket
  }

  await t.test('a setting that does nothing for an ASGI application is told', async () => {
    server.expectLog(/threads does nothing for an ASGI application: concurrency says what a worker runs at a time$/)
    await server.waitForLog(/threads does nothing/)
  })

  await t.test('--ws-max-size', async () => {
    const socket = await open({ autoPong: true })
    socket.send('0123456789')
    const [data] = await once(socket, 'message')
    assert.equal(data.toString(), '0123456789')
    socket.send('0123456789a')
    const [code] = await once(socket, 'close')
    assert.equal(code, 1009)
  })

  await t.test('--ws-ping-interval and --ws-ping-timeout', async () => {
    const socket = await open({ autoPong: false })
    await beforeDefault(20, once(socket, 'ping'))
    await beforeDefault(20, once(socket, 'close'))
  })

  await t.test('--concurrency', async () => {
    const holder = new RawClient(server.port).send(post('/first', 100_000, 'x'.repeat(99_999)))
    await server.waitForLog(/asked for \/first/)
    server.expectLog(/GET \/second was refused: No worker was free in time/)
    assert.equal(await beforeDefault(30, exchange(server.port, 'GET /second HTTP/1.1\r\nHost: t\r\n\r\n')), 503)
    assert.equal((await holder.send('x').response()).body.toString(), 'answered')
    holder.close()
  })

  await t.test('--lifespan off', async () => {
    await server.stop()
    assert.ok(!server.log.some(line => line.includes('asked for a lifespan')))
  })
})

test('--lifespan on, and --log-level error', { skip }, async () => {
  const args = ['--lifespan', 'on', '-w', '1', '--log-level', 'error']
  const server = await startServer({ app: 'asgi_limits', directory: APPS, args, waitReady: false })
  server.expectLog(
    /error master +the application's start-up failed \(--lifespan on\): it raised RuntimeError: there is no lifespan here/,
    TRACEBACK,
    /error master +RuntimeError: there is no lifespan here$/,
  )
  await server.ended(3)
  for (const line of server.log) assert.match(line, /^\S+ \S+ error /)
})
