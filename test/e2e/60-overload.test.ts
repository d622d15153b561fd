/** What the gateway does by itself while there is too much to do: probes, order of the queue, limits of what clients may take. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, truncateSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { OVERLOADED_MS } from '../../src/apps/pool/queue.ts'
import type { ProgramStatus } from '../../src/control/admin-messages.ts'
import { whyNoPython } from '../support/environments/environments.ts'
import { Gate } from '../support/gate.ts'
import { APPS, ROOT } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { getOnce, RawClient, withClient } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { isRefused, type Server, startServer, until, untilAnswered } from '../support/server.ts'
import { HTTP, testOfHttp1 } from '../support/translator.ts'

const skip = await whyNoPython()
const notLinux = process.platform !== 'linux' && 'needs Linux'

/** The program with few descriptors. */
function makeProgram(t: TestContext): string {
  const project = new Project(t, { few: `#!/bin/sh\nulimit -n 200\nexec "${join(ROOT, 'bin/jumak')}" "$@"\n` })
  chmodSync(project.path('few'), 0o755)
  return project.path('few')
}

/** Of a client that gets no answer. One of HTTP/2 gets none where a connection is refused: who refuses it does not know its version. */
const UNANSWERED = /^ended before "\\r\\n\\r\\n": ""$/
const PROBES = ['--health-path', '/-/alive', '--ready-path', '/-/ready']

async function probe(client: RawClient, path: string): Promise<[number, string]> {
  const response = await client.get(path).response()
  return [response.status, response.body.toString()]
}

// By HTTP/2 an idle connection is told to go away when the stop begins: nothing more can be asked on it.
testOfHttp1('probes while the only slot is busy, and while the program stops', { skip }, async t => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1', '--access-log', '-', ...PROBES] })
  const gate = new Gate(t)
  const busy = new RawClient(server.port).get(gate.target)
  await server.waitForLog(/holding/)
  const client = new RawClient(server.port)
  assert.deepEqual(await probe(client, '/-/alive'), [200, 'alive\n'])
  assert.deepEqual(await probe(client, '/-/ready'), [200, 'ready\n'])
  server.signal('SIGTERM')
  await server.waitForLog(/stopping/)
  // The gateway hears of it a moment after the log.
  let answer: [number, string] = [0, '']
  await until(
    async () => {
      answer = await probe(client, '/-/ready')
      return answer[0] !== 200
    },
    () => 'it is ready while it stops',
  )
  assert.deepEqual(answer, [503, 'not ready: the program is stopping\n'])
  // The drain ends the connection with its next response.
  assert.equal((await client.readToEnd()).length, 0)
  gate.open()
  assert.equal((await busy.response()).status, 200)
  client.close()
  busy.close()
  await server.ended(0)
  assert.equal(server.stdout.length, 1, server.stdout.join('\n'))
  assert.match(server.stdout[0]!, /\/hold/)
})

test('not ready, and alive, until a worker can serve', { skip }, async t => {
  const code = `import os, time
while not os.path.exists("go"):
    time.sleep(0.01)
from plain import application
`
  const project = new Project(t, { 'slow.py': code })
  const server = await startServer({
    app: 'slow',
    directory: project.directory,
    args: ['-w', '1', ...PROBES],
    env: { PYTHONPATH: APPS },
    waitReady: false,
  })
  await server.waitForLog(/ on http/)
  // The address is bound before the gateway listens.
  await until(
    async () => !(await isRefused(server, '/-/alive')),
    () => server.log.join('\n'),
  )
  assert.equal((await getOnce(server.port, '/-/alive')).status, 200)
  const response = await getOnce(server.port, '/-/ready')
  assert.deepEqual([response.status, response.body.toString()], [503, 'not ready: no worker can serve\n'])
  assert.equal(response.header('content-type'), 'text/plain; charset=utf-8')
  project.save('go', '')
  await server.waitForLog(/ ready$/)
  // Of several threads of the gateway one may hear of it later.
  await untilAnswered(server, '/-/ready', 'ready\n')
  await server.stop()
})

test('--queue-order newest-first: whoever comes last is served first while the oldest waits too long', {
  skip,
}, async t => {
  const format = ['--access-log', '-', '--access-log-format', '%(U)s %(s)s']
  const queue = ['--queue-order', 'newest-first', '--queue-limit', '2']
  // With more threads each makes room by the oldest of its own calls, and the three are on three threads.
  const args = ['-w', '1', '--gateway-threads', '1', ...queue, ...format, ...PROBES]
  const server = await startServer({ app: 'plain', directory: APPS, args })
  server.expectLog(/GET \/hello\/1 was refused: Too many requests are waiting/)
  const gate = new Gate(t)
  const busy = new RawClient(server.port).get(gate.target)
  await server.waitForLog(/holding/)
  const waiting: RawClient[] = []
  for (const path of ['/hello/1', '/hello/2']) {
    waiting.push(new RawClient(server.port).get(path))
    // When the gateway has answered this one, it has read the one before.
    await getOnce(server.port, '/-/alive')
  }
  // wait: how long a request has waited decides the order, and both are in the queue before this begins
  await delay(OVERLOADED_MS)
  waiting.push(new RawClient(server.port).get('/hello/3'))
  const refused = await waiting[0]!.response()
  assert.equal(refused.status, 503)
  assert.match(refused.header('retry-after')!, /^[1-9]\d*$/)
  gate.open()
  for (const client of [busy, ...waiting.slice(1)]) assert.equal((await client.response()).status, 200)
  for (const client of [busy, ...waiting]) client.close()
  await server.stop()
  assert.deepEqual(server.stdout, ['/hello/1 503', '/hold 200', '/hello/3 200', '/hello/2 200'])
})

test('--limit-connections-per-address: one address cannot take what another one needs', { skip }, async () => {
  const args = ['-w', '1', '--trusted-proxies', 'none', '--limit-connections-per-address', '2']
  const server = await startServer({ app: 'plain', directory: APPS, args })
  server.expectLog(/a connection from 127\.0\.0\.1 was refused: it has 2 open, .*limit-connections-per-address/)
  const holders = [new RawClient(server.port), new RawClient(server.port)]
  for (const holder of holders) assert.equal((await holder.get('/hello').response()).status, 200)
  const third = new RawClient(server.port)
  if (HTTP === '1') {
    const refused = await third.response()
    assert.deepEqual([refused.status, refused.header('retry-after')], [503, '1'])
  } else await assert.rejects(third.response(), { message: UNANSWERED })
  third.close()
  if (process.platform === 'linux') assert.equal(await statusFrom(server, '127.0.0.2'), 200)
  holders[0]!.close()
  // The gateway hears of it a moment later.
  await untilServed(server)
  holders[1]!.close()
  await server.stop()
})

test('--limit-requests-per-address: one address cannot fill the queue, and a proxy’s clients are told apart', {
  skip: skip || notLinux,
}, async t => {
  const limits = ['--queue-limit', '4', '--trusted-proxies', '127.0.0.9']
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1', ...limits] })
  server.expectLog(/GET \/hello from 127\.0\.0\.1 was refused: 2 requests .*\(limit-requests-per-address\)/)
  const gate = new Gate(t)
  const busy = new RawClient(server.port).get(gate.target)
  await server.waitForLog(/holding/)
  // A request whose content has not come counts, too. It counts when the server has asked for the content.
  const head = 'POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n'
  const upload = new RawClient(server.port).send(head)
  assert.equal((await upload.head()).status, 100)
  const first = new RawClient(server.port).get('/hello')
  await untilWaiting(server, 1)
  const refused = await getOnce(server.port, '/hello')
  assert.equal(refused.status, 429)
  assert.match(refused.header('retry-after')!, /^[1-9]\d*$/)
  const others = [
    statusFrom(server, '127.0.0.2'),
    statusFrom(server, '127.0.0.9', { 'X-Forwarded-For': '192.0.2.1' }),
    statusFrom(server, '127.0.0.9', { 'X-Forwarded-For': '192.0.2.2' }),
  ]
  await untilWaiting(server, 4)
  gate.open()
  for (const client of [busy, first]) assert.equal((await client.response()).status, 200)
  assert.deepEqual(await Promise.all(others), [200, 200, 200])
  assert.equal((await upload.send('hello').response()).body.toString(), 'hello')
  // Nothing is left of the count.
  assert.deepEqual(await Promise.all([1, 2, 3].map(() => statusFrom(server, '127.0.0.1'))), [200, 200, 200])
  for (const client of [busy, first, upload]) client.close()
  await server.stop()
})

async function untilWaiting({ temporaryDirectory }: Server, count: number): Promise<void> {
  const ask = ['status', '--json', '--admin-socket', join(temporaryDirectory, 'admin.sock')]
  const waiting = async () =>
    (JSON.parse((await runJumak(ask, APPS)).stdout) as ProgramStatus).gateway!.traffic!.waiting
  await until(
    async () => (await waiting()) === count,
    () => `${count} do not wait`,
  )
}

/** The status of an answer to a client with this address. */
async function statusFrom({ port }: Server, localAddress: string, headers: Record<string, string> = {}) {
  const options = { port, host: '127.0.0.1', localAddress, path: '/hello', agent: false, headers }
  const [response] = (await once(request(options).end(), 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode
}

testOfHttp1(
  'with few descriptors: 503 over the limit that follows from them, and no EMFILE',
  {
    skip: skip || notLinux,
  },
  async t => {
    const server = await startServer({
      app: 'plain',
      directory: APPS,
      program: makeProgram(t),
      args: ['-w', '1', '--log-level', 'debug'],
    })
    await server.waitForLog(/connections +up to 75 at a time/)
    server.expectLog(/a connection was refused: 75 are open, which is the limit \(limit-connections\)/)
    const clients = Array.from({ length: 250 }, () => new RawClient(server.port).get('/hello'))
    // All of them are there at the same time: none closes before the last one is answered.
    const statuses = await Promise.all(clients.map(statusOf))
    const count = (status: string) => statuses.filter(one => one === status).length
    assert.equal(count('200'), 75)
    assert.ok(count('503') > 0, statuses.join())
    assert.equal(count('503') + count('closed'), 175, statuses.join())
    for (const client of clients) client.close()
    await untilServed(server)
    await server.stop()
    assert.ok(!server.log.some(line => line.includes('EMFILE')))
  },
)

/** While the gateway has not seen yet that others have gone, it refuses: with 503, or by closing where many linger already. */
async function untilServed({ port }: Server): Promise<void> {
  let answer = ''
  await until(
    async () => {
      answer = await withClient(port, client => statusOf(client.get('/hello')))
      if (answer !== '200') assert.match(answer, /^(?:503|closed)$/)
      return answer === '200'
    },
    () => `the last answer: ${answer}`,
  )
}

/** `200`, `503` …, or `closed` when no answer came. */
async function statusOf(client: RawClient): Promise<string> {
  try {
    return String((await client.response()).status)
  } catch (error) {
    assert.match((error as Error).message, UNANSWERED)
    return 'closed'
  }
}

/** A client that reads the head of a response and nothing more until it is told to. */
class Download {
  readonly #socket
  #received = 0

  constructor(port: number, path: string) {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n`)
  }

  async head(): Promise<string> {
    const [chunk] = (await once(this.#socket, 'data')) as [Buffer]
    this.#socket.pause()
    const text = chunk.toString('latin1')
    const end = text.indexOf('\r\n\r\n')
    assert.ok(end > 0, 'the head comes in one piece')
    this.#received = chunk.length - end - 4
    return text.slice(0, end)
  }

  /** How much the content is. */
  async rest(): Promise<number> {
    this.#socket.on('data', (chunk: Buffer) => (this.#received += chunk.length))
    this.#socket.resume()
    if (!this.#socket.destroyed) await once(this.#socket, 'close')
    return this.#received
  }
}

test('large files that many download slowly: 503 with Retry-After over the bound of open files, no EMFILE, nothing cut', {
  skip: skip || notLinux,
}, async t => {
  const size = 16 * 1024 * 1024
  const files = new Project(t, { 'large.bin': '' })
  truncateSync(files.path('large.bin'), size)
  const args = ['-w', '1', '--static', `/files=${files.directory}`]
  const server = await startServer({ app: 'plain', directory: APPS, program: makeProgram(t), args })
  server.expectLog(/GET \/files\/large.bin was refused: Too many files are open/)
  const downloads = Array.from({ length: 70 }, () => new Download(server.port, '/files/large.bin'))
  const heads = await Promise.all(downloads.map(download => download.head()))
  // While they wait all else is served.
  assert.equal((await getOnce(server.port, '/hello')).status, 200)
  const isServed = heads.map(head => head.startsWith('HTTP/1.1 200 '))
  for (const head of heads)
    if (!head.startsWith('HTTP/1.1 200 ')) assert.match(head, /^HTTP\/1.1 503 .*Retry-After: 1/is)
  const served = isServed.filter(Boolean).length
  assert.ok(served >= 16 && served < 70, `${served} of 70 were served`)
  const lengths = await Promise.all(downloads.map(download => download.rest()))
  for (const [i, length] of lengths.entries())
    assert.ok(!isServed[i] || length === size, `a download ended after ${length} of ${size} bytes`)
  assert.equal((await getOnce(server.port, '/files/large.bin')).body.length, size)
  await server.stop()
  assert.ok(!server.log.some(line => line.includes('EMFILE')), server.log.join('\n'))
})

test('--min-body-rate and --min-send-rate: a client that is too slow, though never silent, is ended', {
  skip,
}, async () => {
  const rates = ['--body-timeout', '2s', '--min-body-rate', '1K', '--send-timeout', '1s', '--min-send-rate', '64M']
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1', '--access-log', '-', ...rates] })
  const upload = new RawClient(server.port).send('POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n')
  // wait: a client that sends ten bytes a second is what this is about
  const drip = setInterval(() => upload.send('x'), 100)
  const refused = await upload.response()
  clearInterval(drip)
  upload.close()
  assert.equal(refused.status, 408)
  assert.match(refused.body.toString(), /The content comes too slowly/)

  const length = 100_000_000
  const download = connect(server.port, '127.0.0.1')
  download.write(`GET /bytes/${length} HTTP/1.1\r\nHost: t\r\n\r\n`)
  let received = 0
  download.on('data', (chunk: Buffer) => {
    received += chunk.length
    download.pause()
    // wait: a client that takes some ten megabytes a second is what this is about
    setTimeout(() => download.resume(), 5)
  })
  await once(download, 'close')
  assert.ok(received > 0 && received < length, `${received} of ${length}`)
  await server.stop()
})

test('--limit-temp-bytes: large uploads are refused, responses wait for their clients, small things go on', {
  skip,
}, async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '2', '--limit-temp-bytes', '2M'] })
  server.expectLog(
    /POST \/echo was refused: Too much content is being stored \(limit-temp-bytes\)/,
    /temporary files hold 2 MB, which is the limit \(limit-temp-bytes\)/,
  )
  const known = new RawClient(server.port).send('POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 9000000\r\n')
  const early = await known.send('Expect: 100-continue\r\n\r\n').head()
  assert.equal(early.status, 503, 'before its content was asked for')
  known.close()

  const unknown = new RawClient(server.port).send(
    'POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n',
  )
  const megabyte = Buffer.from(`100000\r\n${'x'.repeat(0x100000)}\r\n`)
  for (let i = 0; i < 6; i++) unknown.send(megabyte)
  const late = await unknown.response()
  assert.deepEqual([late.status, late.header('retry-after')], [503, '10'])
  unknown.close()

  const from = server.log.length
  const slow = new RawClient(server.port).get('/bytes/16000000')
  slow.socket.pause()
  await server.waitForLog(/temporary files hold/, from)
  assert.equal((await getOnce(server.port, '/hello')).status, 200)
  const upload = new RawClient(server.port).send('POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n')
  assert.equal((await upload.send('x'.repeat(1_000_000)).response()).body.length, 1_000_000)
  upload.close()
  slow.socket.resume()
  assert.equal((await slow.response()).body.length, 16_000_000)
  slow.close()
  await server.stop()
})
