/**
 * HTTP/2 from outside, with the clients of others: node:http2, curl and h2load (`69-http2-clients.test.ts` has Python's and nghttp). What
 * requests and responses mean is tested by `npm run test:http2` with the tests of HTTP/1; frames are tested by the engine's own tests and
 * h2spec.
 */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { run } from '../../../scripts/lib/command.ts'
import { type Certificate, localCertificate } from '../../support/certificates.ts'
import { Gate } from '../../support/gate.ts'
import { get, Http2Client, Type } from '../../support/http2-client.ts'
import { APPS } from '../../support/paths.ts'
import { temporaryDirectory } from '../../support/project.ts'
import { type Server, startServer, until } from '../../support/server.ts'

let certificate: Certificate
let server: Server

before(async () => {
  certificate = localCertificate()
  server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '2'], tls: certificate })
})
after(() => server.stop())

function open(t: TestContext, to: Server = server): ClientHttp2Session {
  const session = connect(`https://127.0.0.1:${to.programPort}`, {
    ca: readFileSync(certificate.authority),
    servername: certificate.name,
  })
  session.on('error', () => {})
  t.after(() => session.destroy())
  return session
}

interface Answer {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly interim: readonly number[]
  readonly body: Buffer
  readonly code: number
}

async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  const interim: number[] = []
  const parts: Buffer[] = []
  let headers: Record<string, unknown> = {}
  stream.on('headers', one => interim.push(one[':status']!))
  stream.on('response', one => {
    headers = { ...one }
  })
  stream.on('data', (part: Buffer) => parts.push(part))
  stream.on('error', () => {})
  await new Promise(resolve => stream.once('close', resolve))
  return { status: Number(headers[':status']), headers, interim, body: Buffer.concat(parts), code: stream.rstCode! }
}

test('GET, HEAD, 304, a large download and an upload, side by side on one connection', async t => {
  const session = open(t)
  const content = randomBytes(3_000_000)
  const upload = session.request({ ':method': 'POST', ':path': '/echo' })
  upload.end(content)
  const [hello, head, unchanged, large, echo] = await Promise.all([
    answerOf(session.request({ ':path': '/hello' })),
    answerOf(session.request({ ':method': 'HEAD', ':path': '/bytes/100' })),
    answerOf(session.request({ ':path': '/status/304' })),
    answerOf(session.request({ ':path': '/bytes/5000000' })),
    answerOf(upload),
  ] as const)
  assert.deepEqual([hello.status, hello.body.toString()], [200, 'Hello, world!'])
  assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '100', 0])
  assert.equal(unchanged.status, 304)
  assert.equal(large.body.length, 5_000_000)
  assert.ok(echo.body.equals(content))
})

test('the application is told of HTTP/2, and gets cookies of several fields as one (RFC9113§8.2.3)', async t => {
  const { body } = await answerOf(open(t).request({ ':path': '/environ', cookie: ['a=1', 'b=2'] }))
  const environ = JSON.parse(body.toString())
  assert.deepEqual([environ.SERVER_PROTOCOL, environ.HTTP_COOKIE], ['HTTP/2.0', 'a=1; b=2'])
})

test('early hints come before the response, and 100 before content that waits for it', async t => {
  const session = open(t)
  const hinted = await answerOf(session.request({ ':path': '/early-hints' }))
  assert.deepEqual([hinted.interim, hinted.body.toString()], [[103], 'hinted'])
  const waiting = session.request({ ':method': 'POST', ':path': '/echo', expect: '100-continue' })
  waiting.once('continue', () => waiting.end('soup'))
  const answer = await answerOf(waiting)
  assert.deepEqual([answer.status, answer.body.toString()], [200, 'soup'])
})

test('a response that its application leaves in the middle ends in RST_STREAM, and the connection goes on', async t => {
  const session = open(t)
  server.expectLog(/RuntimeError: crashed in the middle$/)
  const cut = await answerOf(session.request({ ':path': '/crash-mid' }))
  assert.equal(cut.code, constants.NGHTTP2_INTERNAL_ERROR)
  assert.equal((await answerOf(session.request({ ':path': '/hello' }))).status, 200)
})

test('a drain finishes what runs and takes no new stream: GOAWAY twice, the second with the last stream', async t => {
  const stopping = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1'], tls: certificate })
  const session = open(t, stopping)
  const last: number[] = []
  session.on('goaway', (_code, id) => last.push(id))
  const closed = once(session, 'close')
  // Who has closed its side, and opens no window for its answer, holds up nobody.
  const left = new Http2Client(stopping.programTarget, { window: 0 }).send(get(1, '/bytes/100'))
  await left.until(() => left.of(Type.HEADERS).length > 0)
  left.socket.end()
  const gate = new Gate(t)
  const running = answerOf(session.request({ ':path': gate.target }))
  await stopping.waitForLog(/holding/)
  stopping.signal('SIGTERM')
  // Behind the answer the session would end without reading on.
  await until(
    () => last.length > 1,
    () => `only ${last.length} GOAWAY came`,
  )
  gate.open()
  assert.equal((await running).body.toString(), 'let go')
  await closed
  assert.deepEqual(last.slice(0, 2), [2 ** 31 - 1, 1])
  await stopping.ended(0)
})

test('curl: by ALPN over TLS', async t => {
  const file = join(temporaryDirectory(t), 'content')
  writeFileSync(file, randomBytes(5_000_000))
  const options = [
    '-sS',
    '--http2',
    '--cacert',
    certificate.authority,
    '--data-binary',
    `@${file}`,
    '-o',
    `${file}.echo`,
  ]
  const url = `https://${certificate.name}:${server.programPort}/echo`
  const resolve = ['--resolve', `${certificate.name}:${server.programPort}:127.0.0.1`]
  const { output } = await run('curl', [...options, ...resolve, '-w', '%{http_version} %{http_code}', url])
  assert.equal(output, '2 200')
  const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
  assert.equal(hash(`${file}.echo`), hash(file))
})

const H2LOAD = existsSync('/usr/bin/h2load')

test('reloads under h2load: no request is lost', { skip: !H2LOAD && 'h2load is not installed' }, async () => {
  const url = `https://127.0.0.1:${server.programPort}/hello`
  let isOver = false
  const load = run('h2load', ['-n', '20000', '-c', '4', '-m', '16', url]).finally(() => {
    isOver = true
  })
  let reloads = 0
  while (!isOver && reloads < 20) {
    const from = server.log.length
    server.signal('SIGHUP')
    await server.waitForLog(/generation \d+ serves;/, from)
    reloads++
  }
  const { output } = await load
  assert.match(output, /20000 succeeded, 0 failed, 0 errored, 0 timeout/)
  assert.ok(reloads > 0)
})
