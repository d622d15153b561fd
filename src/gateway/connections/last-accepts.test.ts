/**
 * On real sockets: a client that has connected is accepted, even if the listener closes in the same moment. The clients run in a thread, and
 * the test's own thread stands still until all are connected. So all of them are in the kernel's queue when it goes on, and none was accepted.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { closeToNewcomers, closeWhenQuiet } from './last-accepts.ts'

const CLIENTS = 100
/** Only for clients that cannot connect. */
const LIMIT_MS = 60_000

async function open(
  t: TestContext,
  isUnix: boolean,
  onAccept: () => void = () => {},
  host = '127.0.0.1',
): Promise<Server> {
  const server = createServer(socket => {
    onAccept()
    socket.end('hello')
  })
  const directory = mkdtempSync(join(tmpdir(), 'jumak-accept-'))
  t.after(() => {
    server.close()
    rmSync(directory, { recursive: true })
  })
  if (isUnix) server.listen(join(directory, 'socket'))
  else server.listen(0, host)
  await once(server, 'listening')
  return server
}

/** Each of them sends its answer, or the code of its error. */
const CLIENTS_THREAD = `
const { connect } = require('node:net')
const { parentPort, workerData: { target, count, connected } } = require('node:worker_threads')
for (let i = 0; i < count; i++) {
  let text = ''
  const tried = () => {
    if (Atomics.add(connected, 0, 1) + 1 === count) Atomics.notify(connected, 0)
  }
  const socket = connect(target, tried)
  socket.on('data', data => (text += data))
  socket.on('error', error => {
    if (socket.connecting || error.syscall === 'connect') tried()
    parentPort.postMessage(error.code)
  })
  socket.on('end', () => parentPort.postMessage(text))
}`

/** Returns when all clients are in the queue of the kernel, or refused; the promise has their answers. */
function fillQueue(server: Server): { answers: Promise<string[]> } {
  const address = server.address() as AddressInfo | string
  const target = typeof address === 'string' ? { path: address } : { port: address.port, host: '127.0.0.1' }
  const connected = new Int32Array(new SharedArrayBuffer(4))
  const clients = new Worker(CLIENTS_THREAD, { eval: true, workerData: { target, count: CLIENTS, connected } })
  const texts: string[] = []
  clients.on('message', text => texts.push(text))
  const answers = once(clients, 'exit').then(() => texts)
  for (let seen = 0; seen < CLIENTS; seen = Atomics.load(connected, 0))
    assert.notEqual(Atomics.wait(connected, 0, seen, LIMIT_MS), 'timed-out', `${seen} clients are connected`)
  return { answers }
}

function ask(server: Server): Promise<string> {
  const address = server.address() as AddressInfo | string
  const socket = typeof address === 'string' ? connect(address) : connect(address.port, '127.0.0.1')
  return new Promise(resolve => {
    let text = ''
    socket.on('data', data => (text += data))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!))
    socket.on('end', () => resolve(text))
  })
}

const WAYS = {
  'that refuses newcomers': (server: Server, isUnix: boolean) =>
    closeToNewcomers(server, { fd: descriptorOf(server), isUnix, deadlineMs: 30_000 }),
  'that others may have': closeWhenQuiet,
}

const skip = process.platform !== 'linux' && 'only Linux can refuse newcomers'

function descriptorOf(server: Server): number {
  return (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd
}

for (const [way, close] of Object.entries(WAYS))
  for (const isUnix of [false, true])
    test(`clients in the queue of a ${isUnix ? 'Unix' : 'TCP'} socket ${way} are accepted before it closes; later ones are refused`, async t => {
      const server = await open(t, isUnix)
      const { answers } = fillQueue(server)
      const address = server.address()
      await close(server, isUnix)
      assert.deepEqual(await answers, new Array(CLIENTS).fill('hello'))
      const late = await ask({ address: () => address } as Server)
      assert.match(late, /^(ECONNREFUSED|ENOENT)$/)
    })

for (const isUnix of [false, true])
  test(`clients of a ${isUnix ? 'Unix' : 'TCP'} socket that come in the moment before the close are refused, not reset`, {
    skip,
  }, async t => {
    const server = await open(t, isUnix)
    let answers: Promise<string[]> | null = null
    const close = server.close.bind(server)
    server.close = callback => {
      answers ??= fillQueue(server).answers
      return close(callback)
    }
    await WAYS['that refuses newcomers'](server, isUnix)
    assert.deepEqual(await answers, new Array(CLIENTS).fill('ECONNREFUSED'))
  })

test('where clients come over a network, those whose handshake has begun have half a second; others are refused meanwhile', {
  skip,
}, async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  for (const [host, deadlineMs, ms] of [
    ['0.0.0.0', 30_000, 500],
    ['::', 30_000, 500],
    ['0.0.0.0', 300, 30],
    ['127.0.0.1', 30_000, 20],
  ] as const) {
    const server = await open(t, false, () => {}, host)
    const closed = closeToNewcomers(server, { fd: descriptorOf(server), isUnix: false, deadlineMs })
    while ((await ask(server)) !== 'ECONNREFUSED');
    t.mock.timers.tick(ms - 1)
    await turns()
    assert.equal(server.listening, true, `${host} before ${ms} ms`)
    t.mock.timers.tick(1)
    await closed
    assert.equal(server.listening, false)
  }
})

/** More than a close needs. */
async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise(resolve => setImmediate(resolve))
}

test('clients in the queue are accepted even if that takes long', async t => {
  // Each takes 5 ms by this clock, all together longer than the listener looks for a quiet time.
  let lost = 0
  const { now } = performance
  t.mock.method(performance, 'now', () => now.call(performance) + lost)
  const server = await open(t, false, () => (lost += 5))
  const { answers } = fillQueue(server)
  await closeWhenQuiet(server)
  assert.deepEqual(await answers, new Array(CLIENTS).fill('hello'))
})

test('a socket closes although clients never stop coming', async t => {
  const server = await open(t, false)
  const address = server.address()
  let isOver = false
  let answered = 0
  const busy = Promise.withResolvers<void>()
  const clients = Promise.all(
    Array.from({ length: 12 }, async () => {
      while (!isOver && (await ask({ address: () => address } as Server)) === 'hello')
        if (++answered === CLIENTS) busy.resolve()
    }),
  )
  await busy.promise
  await closeWhenQuiet(server)
  assert.equal(server.listening, false)
  isOver = true
  await clients
})
