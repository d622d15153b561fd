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
import { closeWhenQuiet } from './last-accepts.ts'

const CLIENTS = 100
/** Only for clients that cannot connect. */
const LIMIT_MS = 60_000

async function open(t: TestContext, isUnix: boolean, onAccept: () => void = () => {}): Promise<Server> {
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
  else server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** Each of them sends its answer, or the code of its error. */
const CLIENTS_THREAD = `
const { connect } = require('node:net')
const { parentPort, workerData: { target, count, connected } } = require('node:worker_threads')
for (let i = 0; i < count; i++) {
  let text = ''
  const socket = connect(target, () => {
    if (Atomics.add(connected, 0, 1) + 1 === count) Atomics.notify(connected, 0)
  })
  socket.on('data', data => (text += data))
  socket.on('error', error => parentPort.postMessage(error.code))
  socket.on('end', () => parentPort.postMessage(text))
}`

/** Returns when all clients are in the queue of the kernel; the promise has their answers. */
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

for (const isUnix of [false, true])
  test(`clients in the queue of a ${isUnix ? 'Unix' : 'TCP'} socket are accepted before it closes; later ones are refused`, async t => {
    const server = await open(t, isUnix)
    const { answers } = fillQueue(server)
    const address = server.address()
    await closeWhenQuiet(server)
    assert.deepEqual(await answers, new Array(CLIENTS).fill('hello'))
    const late = await ask({ address: () => address } as Server)
    assert.match(late, /^(ECONNREFUSED|ENOENT)$/)
  })

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
