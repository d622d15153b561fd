import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { SyslogConfig } from '../../config/types.ts'
import type { Answered } from '../../http/exchange.ts'
import { openSender } from './open.ts'
import { requestMetrics, Statsd } from './statsd.ts'
import { Syslog } from './syslog.ts'
import { openUnixReceiver } from './testing/unix-receiver.ts'

const LIMIT_MS = 5000

function kept(): { sent: string[]; sender: { send(payload: Buffer): void } } {
  const sent: string[] = []
  return { sent, sender: { send: payload => sent.push(payload.toString('latin1')) } }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

test('the metrics of one turn share a datagram, which fits into a packet', async () => {
  const { sent, sender } = kept()
  const statsd = new Statsd({ prefix: 'shop.gunicorn', tags: 'env:prod,x' }, sender)
  statsd.count('requests')
  statsd.gauge('workers', 2)
  await turn()
  statsd.timer('request.duration', 1.23456)
  statsd.histogram('backlog', 7)
  await turn()
  assert.deepEqual(sent, [
    'shop.gunicorn.requests:1|c|@1.0|#env:prod,x\nshop.gunicorn.workers:2|g|#env:prod,x',
    'shop.gunicorn.request.duration:1.235|ms|#env:prod,x\nshop.gunicorn.backlog:7|h|#env:prod,x',
  ])
  for (let i = 0; i < 100; i++) statsd.count('requests')
  await turn()
  const later = sent.slice(2)
  assert.equal(later.length, 4)
  assert.ok(later.every(one => one.length <= 1432 && !one.endsWith('\n')))
  assert.equal(later.join('\n').split('\n').length, 100)
})

test('a request has three metrics; one whose client left is 499', async () => {
  const { sent, sender } = kept()
  const write = requestMetrics(new Statsd({ prefix: '', tags: '' }, sender))
  for (const status of [200, 0]) write({ receivedAt: performance.now(), response: { status } } as unknown as Answered)
  await turn()
  const lines = sent
    .join('\n')
    .replaceAll(/:[\d.]+\|ms/g, ':N|ms')
    .split('\n')
  const [first, second] = [200, 499].map(status => [
    'request.duration:N|ms',
    'requests:1|c|@1.0',
    `request.status.${status}:1|c|@1.0`,
  ])
  assert.deepEqual(lines, [...first!, ...second!])
})

const CONFIG = { name: 'gunicorn.shop', facility: 19 }
const UDP: SyslogConfig['address'] = { kind: 'udp', host: '127.0.0.1', port: 1 }

test('a line is a message of syslog: priority, name, process, and a NUL; a long one is cut', () => {
  const { sent, sender } = kept()
  const syslog = new Syslog({ ...CONFIG, address: UDP }, sender)
  syslog.write('critical', 'error', 'two\nlines', 7)
  syslog.write('info', 'access', 'x'.repeat(10_000), 7)
  syslog.write('debug', 'error', 'a\tb\x1b[2J\0<0>c\x9b', 7)
  assert.equal(sent[0], '<154>gunicorn.shop.error: [7] two\nlines\0')
  assert.equal(sent[1]!.length, 8192)
  assert.equal(sent[2], '<159>gunicorn.shop.error: [7] a\tb#033[2J#000<0>c#233\0')
  assert.match(sent[1]!, /^<158>gunicorn\.shop\.access: \[7\] x+\0$/)
})

test('over TCP no text begins another message (RFC6587§3.4.2)', () => {
  const { sent, sender } = kept()
  const syslog = new Syslog({ ...CONFIG, address: { ...UDP, kind: 'tcp' } }, sender)
  syslog.write('warn', 'error', 'two\n<0>lines\r\0', 7)
  assert.deepEqual(sent, ['<156>gunicorn.shop.error: [7] two#012<0>lines#015#000\n'])
})

const noProblem = (problem: string) => assert.fail(problem)

test('datagrams by UDP come, also those that are sent before the name is found', async t => {
  const server = createSocket('udp4')
  t.after(() => server.close())
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  const got: string[] = []
  const both = new Promise<void>(resolve =>
    server.on('message', message => {
      if (got.push(message.toString()) === 2) resolve()
    }),
  )
  const sender = openSender({ kind: 'udp', host: 'localhost', port: server.address().port }, noProblem)
  for (const text of ['one', 'two']) sender.send(Buffer.from(text))
  await sender.close(LIMIT_MS)
  await both
  assert.deepEqual(got, ['one', 'two'])
})

test('that nobody listens is told once, and is no error', async () => {
  const server = createSocket('udp4')
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  const told: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const sender = openSender({ kind: 'udp', host: '127.0.0.1', port }, problem => {
    told.push(problem)
    resolve()
  })
  const timer = setInterval(() => sender.send(Buffer.from('x')), 1)
  await promise
  await turn()
  clearInterval(timer)
  await sender.close(LIMIT_MS)
  assert.equal(told.length, 1)
  assert.match(told[0]!, /ECONNREFUSED.*; what cannot be sent is lost, and this is told once/)
})

test('a connection over TCP that ends is made again', async t => {
  const sockets: Socket[] = []
  const server = createServer(socket => sockets.push(socket)).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sender = openSender({ kind: 'tcp', host: '127.0.0.1', port }, () => {})
  sender.send(Buffer.from('one\n'))
  await once(server, 'connection')
  const [first] = await once(sockets[0]!, 'data')
  assert.equal(String(first), 'one\n')
  sockets[0]!.destroy()
  const again = once(server, 'connection')
  const timer = setInterval(() => sender.send(Buffer.from('two\n')), 10)
  await again
  clearInterval(timer)
  const [second] = await once(sockets[1]!, 'data')
  assert.match(String(second), /^two\n/)
  sockets[1]!.destroy()
  await sender.close(LIMIT_MS)
})

function socketPath(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'jt-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return join(directory, 'log')
}

for (const kind of ['dgram', 'stream'] as const)
  test(`a Unix socket gets messages: ${kind}`, async t => {
    const path = socketPath(t)
    const receiver = await openUnixReceiver(path, kind)
    t.after(() => receiver.close())
    const sender = openSender({ kind: 'unix', path }, noProblem)
    for (const text of ['<14>a: one\0', '<14>a: ü\0']) sender.send(Buffer.from(text))
    await sender.close(LIMIT_MS)
    assert.equal(await receiver.until(/ü/), '<14>a: one\0<14>a: ü\0')
  })

test('a Unix socket that is not there is told once', async t => {
  const path = socketPath(t)
  const { promise, resolve } = Promise.withResolvers<string>()
  const sender = openSender({ kind: 'unix', path }, resolve)
  sender.send(Buffer.from('x'))
  assert.match(await promise, /cannot send to \/.*\/log: No such file or directory; what cannot/)
  await sender.close(LIMIT_MS)
})

test('a server to which there is no way costs the messages, and is told once', async () => {
  const told: string[] = []
  // The kernel refuses to connect to it without SO_BROADCAST, as it refuses where there is no route.
  const { promise, resolve } = Promise.withResolvers<void>()
  const sender = openSender({ kind: 'udp', host: '255.255.255.255', port: 514 }, problem => {
    told.push(problem)
    resolve()
  })
  sender.send(Buffer.from('x'))
  await promise
  sender.send(Buffer.from('y'))
  await sender.close(100)
  assert.equal(told.length, 1)
  assert.match(told[0]!, /EACCES/)
})
