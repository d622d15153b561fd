/** On real sockets: a client that has connected is accepted, even if the listener closes in the same moment. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { closeWhenQuiet } from './last-accepts.ts'

const CLIENTS = 100

/** `busyMs`: how long it takes to accept a client. */
async function open(t: TestContext, isUnix: boolean, busyMs = 0): Promise<Server> {
  const server = createServer(socket => {
    const end = performance.now() + busyMs
    while (performance.now() < end);
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
    // All are in the kernel's queue when this returns: nothing was accepted meanwhile.
    const answers = Array.from({ length: CLIENTS }, () => ask(server))
    const address = server.address()
    await closeWhenQuiet(server)
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(['hello']))
    const late = await ask({ address: () => address } as Server)
    assert.match(late, /^(ECONNREFUSED|ENOENT)$/)
  })

test('clients in the queue are accepted even if that takes long', async t => {
  const server = await open(t, false, 5)
  const answers = Array.from({ length: CLIENTS }, () => ask(server))
  await closeWhenQuiet(server)
  assert.deepEqual(new Set(await Promise.all(answers)), new Set(['hello']))
})

test('a socket closes although clients never stop coming', async t => {
  const server = await open(t, false)
  const address = server.address()
  let isOver = false
  let answered = 0
  const clients = Promise.all(
    Array.from({ length: 12 }, async () => {
      while (!isOver && (await ask({ address: () => address } as Server)) === 'hello') answered++
    }),
  )
  while (answered < 100) await new Promise(resolve => setTimeout(resolve, 5))
  await closeWhenQuiet(server)
  assert.equal(server.listening, false)
  isOver = true
  await clients
})
