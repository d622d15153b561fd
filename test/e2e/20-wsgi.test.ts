/** WSGI through all processes: plain.py, and the same application under wsgiref's validator, on the oldest and the newest Python. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { testedPythons, whyNoPython } from '../support/environments/environments.ts'
import { Gate } from '../support/gate.ts'
import { APPS } from '../support/paths.ts'
import { getOnce, RawClient, withClient as withClientOf } from '../support/raw-client.ts'
import { type Server, startServer } from '../support/server.ts'
import { reasonOf, testOfHttp1 } from '../support/translator.ts'

const pythons = await testedPythons()
const skip = await whyNoPython()

/** As `pattern()` of plain.py makes them. */
function pattern(size: number, offset = 0): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, i) => (i + offset) % 256))
}

for (const { executable, version } of pythons) {
  for (const app of ['plain', 'validated']) {
    describe(`${app} on Python ${version}`, { skip }, () => {
      let server: Server
      const directory = mkdtempSync(join(tmpdir(), 'jumak-wsgi-'))
      // One worker: a request that hangs or poisons it would show in the next.
      before(async () => {
        server = await startServer({ app, directory: APPS, args: ['-w', '1'], python: executable })
        await getOnce(server.port, '/hello')
        server.rememberFds()
      })
      after(async () => {
        await server.stop()
        rmdirSync(directory)
      })

      const withClient = <T>(use: (client: RawClient) => Promise<T>): Promise<T> => withClientOf(server.port, use)

      test('small, large and empty bodies with their lengths', () =>
        withClient(async client => {
          for (const size of [0, 1, 100, 65_536, 300_000, 3_000_000]) {
            const response = await client.get(`/bytes/${size}`).response()
            assert.equal(response.body.length, size)
            assert.equal(response.header('content-length'), String(size))
          }
        }))

      test('bodies of every size come back', () =>
        withClient(async client => {
          for (const size of [0, 1, 65_535, 65_537, 1_048_577, 5_000_000]) {
            const body = pattern(size)
            client.send(`POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: ${size}\r\n\r\n`).send(body)
            const response = await client.response()
            assert.ok(response.body.equals(body), `${size} bytes`)
          }
        }))

      test('each way of reading a body', () =>
        withClient(async client => {
          const lines = ['one\n', 'two\n', 'end']
          for (const [mode, got, rest] of [
            ['read', ['one\ntwo', '\nend'], ''],
            ['read-negative', ['one\ntwo\nend'], ''],
            ['readline', lines, ''],
            ['readlines', lines, ''],
            ['readlines-hint', ['one\n', 'two\n'], 'end'],
            ['iterate', lines, ''],
            // The validator forbids what these two do.
            ...(app === 'plain'
              ? ([
                  ['read-all', ['one\ntwo\nend'], ''],
                  ['readline-size', lines, ''],
                ] as const)
              : []),
          ] as const) {
            client.send(`POST /input/${mode} HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\n\r\none\ntwo\nend`)
            const { status, body } = await client.response()
            assert.equal(status, 200, mode)
            assert.deepEqual(JSON.parse(body.toString()), { got, rest, after: ['', ''] }, mode)
          }
        }))

      test("a stream's first chunk reaches the client before the second is made", () =>
        withClient(async client => {
          const gate = join(directory, 'go')
          client.get(`/stream?n=2&gate=${gate}`)
          const head = await client.head()
          assert.ok(head.headers.some(([name, value]) => name === 'transfer-encoding' && value === 'chunked'))
          await client.readUntil('chunk 0')
          // The application makes the second one when this file is there.
          writeFileSync(gate, '')
          await client.readUntil('chunk 1')
          rmSync(gate)
        }))

      test('HEAD and 304 have no content and the connection goes on', () =>
        withClient(async client => {
          client.send('HEAD /stream?n=3&delay=0 HTTP/1.1\r\nHost: t\r\n\r\n')
          assert.equal((await client.response('HEAD')).status, 200)
          assert.equal((await client.get('/status/304?length=5').response()).status, 304)
          assert.equal((await client.get('/status/204').response()).status, 204)
          assert.equal((await client.get('/hello').response()).body.toString(), 'Hello, world!')
        }))

      test('the write callable, a list with empty parts, nothing at all', () =>
        withClient(async client => {
          for (const [path, status, content] of [
            ['/write-callable', 200, 'written 1\nwritten 2\nreturned\n'],
            ['/many-parts', 200, 'one two'],
            ['/empty', 200, ''],
          ] as const) {
            const response = await client.get(path).response()
            assert.deepEqual([response.status, response.body.toString()], [status, content], path)
          }
        }))

      test('fields of a response as the application spells them, repeated ones too', () =>
        withClient(async client => {
          const { status, reason, headers } = await client.get('/headers').response()
          assert.deepEqual([status, reason], [200, reasonOf(200, 'Fine by me')])
          const values = (name: string) => headers.filter(([key]) => key === name).map(([, value]) => value)
          assert.deepEqual(values('set-cookie'), ['a=1; Path=/', 'b=2; Path=/'])
          assert.deepEqual([values('x-latin'), values('x-odd-case'), values('x-empty')], [['caf\xe9'], ['kept'], ['']])
        }))

      test('early hints come before the response (RFC8297)', () =>
        withClient(async client => {
          const hints = await client.get('/early-hints').head()
          assert.equal(hints.status, 103)
          assert.deepEqual(hints.headers, [['link', '</style.css>; rel=preload; as=style']])
          assert.equal((await client.response()).body.toString(), 'hinted')
        }))

      test('a second start_response with exc_info replaces a head that is not sent', () =>
        withClient(async client => {
          const response = await client.get('/exc-info-before').response()
          assert.deepEqual([response.status, response.body.toString()], [503, 'replaced'])
          assert.equal(response.reason, reasonOf(503, 'Replaced'))
          assert.equal(response.header('x-first'), undefined)
        }))

      test('files: whole, part, named, and what only looks like one', () =>
        withClient(async client => {
          assert.ok((await client.get('/file?size=1000000').response()).body.equals(pattern(1_000_000)))
          assert.ok((await client.get('/file?size=70000&length=no').response()).body.equals(pattern(70_000)))
          const part = await client.get('/file-partial?skip=10&length=20').response()
          assert.ok(part.body.equals(pattern(20, 10)))
          assert.ok((await client.get('/filelike?size=100000').response()).body.equals(pattern(100_000)))
          const named = await client.get('/file-named').response()
          assert.ok(named.body.equals(readFileSync(join(APPS, 'plain.py'))))
        }))

      test('a body that is read in part does not hurt the next request', () =>
        withClient(async client => {
          client
            .send('POST /half-read-body HTTP/1.1\r\nHost: t\r\nContent-Length: 300000\r\n\r\n')
            .send(pattern(300_000))
          assert.ok((await client.response()).body.equals(pattern(10)))
          assert.equal((await client.get('/hello').response()).body.toString(), 'Hello, world!')
        }))

      test('names of fields in any spelling, those of framing too', () =>
        withClient(async client => {
          const { body, headers } = await client.get('/noncanonical').response()
          assert.equal(body.toString(), 'noncanonical')
          const dates = headers.filter(([name]) => name === 'date').map(([, value]) => value)
          assert.deepEqual(dates, ['yesterday'])
        }))

      test('subprocesses of the application see nothing of ours', () =>
        withClient(async client => {
          const child = (await client.get('/child').response()).body.toString()
          assert.ok(!/jumak_worker/.test(child), child)
        }))

      test('close() is called exactly once, whatever the end', async () => {
        const closed = () => server.log.filter(line => /closed \d+/.test(line)).length
        // Lines of one worker come in their order: all that it has said before are there.
        await getOnce(server.port, '/print?m=counted')
        await server.waitForLog(/printed counted$/)
        const before = closed()
        await withClient(client => client.get('/closing?n=3').response())
        await withClient(async client => client.send('HEAD /closing?n=3 HTTP/1.1\r\nHost: t\r\n\r\n').response('HEAD'))
        await server.waitForLog(new RegExp(`closed ${before + 2}\\b`))
        // A client that leaves in the middle of a stream stops it.
        const client = new RawClient(server.port).get('/closing?n=100000&delay=0.01')
        await client.head()
        client.close()
        await server.waitForLog(new RegExp(`closed ${before + 3}\\b`))
        assert.equal(closed(), before + 3)
      })
    })
  }
}

describe('an application that breaks the rules', { skip }, () => {
  let server: Server
  before(async () => {
    server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1'] })
    server.expectLog(/warn {2}gateway .* failed in worker \d+: /)
  })
  after(() => server.stop())

  for (const [path, complaint] of [
    ['/crash', /RuntimeError: crashed on purpose$/],
    ['/crash-after-start', /RuntimeError: crashed after start_response$/],
    ['/no-start-response', /AssertionError: the application sent content before it called start_response$/],
    ['/start-twice', /AssertionError: start_response was called a second time without exc_info$/],
    ['/returns-none', /TypeError: the application returned None: it must return an iterable of bytes$/],
    [
      '/returns-text',
      /TypeError: the application returned str \('text instead of a list of bytes'\): it must return an iterable of bytes$/,
    ],
    [
      '/yields-text',
      /TypeError: the application returned a list with str \('text instead of bytes'\): it must be bytes$/,
    ],
    ['/system-exit', /SystemExit: 3$/],
    ['/bad-status', /ValueError: the status must look like '200 OK': '20 OK'$/],
    ['/bad-header', /ValueError: the value of header X-Bad has a control character: /],
  ] as const) {
    test(`${path}: 500 for the client, the reason in the log, and the worker goes on`, async () => {
      const from = server.log.length
      assert.equal((await getOnce(server.port, path)).status, 500)
      await server.waitForLog(complaint, from)
      assert.equal((await getOnce(server.port, '/hello')).body.toString(), 'Hello, world!')
      assert.ok(!server.log.slice(from).some(line => line.includes('jumak_worker')), 'no frames of ours')
    })
  }

  test('response splitting is impossible', async () => {
    const response = await getOnce(server.port, '/bad-header?kind=crlf')
    assert.equal(response.status, 500)
    assert.equal(response.header('x-split'), undefined)
  })

  for (const path of ['/short', '/crash-mid', '/exc-info-after']) {
    test(`${path}: begun, so it is cut, and never looks complete`, async () => {
      const client = new RawClient(server.port).get(path)
      await assert.rejects(client.response(), /^Error: ended (?:before|after) /)
      client.close()
      assert.equal((await getOnce(server.port, '/hello')).status, 200)
    })
  }

  test('more than Content-Length is cut off and logged', async () => {
    const from = server.log.length
    const response = await getOnce(server.port, '/long')
    assert.deepEqual([response.body.toString(), response.header('content-length')], ['exact', '5'])
    await server.waitForLog(/more content than its Content-Length/, from)
  })

  test('mistakes that harm nobody: content of a 204, chunks made by hand, a close() that fails', async () => {
    const from = server.log.length
    await withClientOf(server.port, async client => {
      assert.equal((await client.get('/content-with-204').response()).status, 204)
      // RFC9110§7.6.1: framing is the server's, so what looks like it is content.
      const chunked = await client.get('/chunked-by-hand').response()
      assert.deepEqual([chunked.header('transfer-encoding'), chunked.header('content-length')], [undefined, '15'])
      assert.equal(chunked.body.toString(), '5\r\nhello\r\n0\r\n\r\n')
      assert.equal((await client.get('/closing-raises').response()).body.toString(), 'xxxxx')
    })
    await server.waitForLog(/RuntimeError: close failed$/, from)
  })

  testOfHttp1("fields of the connection are the server's: an application's are dropped", async () => {
    const client = new RawClient(server.port)
    const response = await client.get('/hop-by-hop').response()
    assert.equal(response.status, 200)
    for (const name of ['connection', 'keep-alive']) assert.equal(response.header(name), undefined, name)
    client.close()
  })
})

test('print and wsgi.errors come to the log with the name of the worker', async () => {
  const server = await startServer({ app: 'plain', directory: APPS })
  await getOnce(server.port, '/print?m=soup')
  await getOnce(server.port, '/errors?m=rice')
  for (const said of ['printed soup', 'to wsgi\\.errors: rice', 'one line', 'another line'])
    await server.waitForLog(new RegExp(` worker \\d +\\[\\S+\\] ${said}$`))
  await server.stop()
})

test('--root-path: SCRIPT_NAME is the root path, PATH_INFO what follows it', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1', '--root-path', '/shop'] })
  const environ = JSON.parse((await getOnce(server.port, '/shop/environ')).body.toString())
  assert.deepEqual([environ.SCRIPT_NAME, environ.PATH_INFO], ['/shop', '/environ'])
  await server.stop()
})

test('threads: two requests at once in one worker, and wsgi.multithread says so', async t => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1', '--threads', '2'] })
  const gate = new Gate(t)
  const slow = new RawClient(server.port).get(gate.target)
  await server.waitForLog(/holding/)
  const environ = JSON.parse((await getOnce(server.port, '/environ')).body.toString())
  assert.equal(environ['wsgi.multithread'], true)
  assert.equal(environ['wsgi.multiprocess'], false)
  gate.open()
  assert.equal((await slow.response()).body.toString(), 'let go')
  slow.close()
  await server.stop()
})

test('a slow client costs no worker: neither one that sends slowly nor one that reads slowly', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1'] })
  const sender = new RawClient(server.port)
  sender.send('POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nhalf')
  const reader = new RawClient(server.port).get('/bytes/20000000')
  assert.equal((await reader.head()).status, 200)
  reader.socket.pause()
  // The only worker must be free for others while both are in the middle.
  for (let i = 0; i < 20; i++) assert.equal((await getOnce(server.port, '/hello')).status, 200)
  reader.socket.resume()
  assert.equal((await reader.readExactly(20_000_000)).length, 20_000_000)
  sender.send('x'.repeat(96))
  assert.equal((await sender.response()).body.length, 100)
  sender.close()
  reader.close()
  await server.stop()
})
