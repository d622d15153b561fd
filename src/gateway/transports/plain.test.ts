/** Both ways of reading, on real sockets: `onread` on a re-wrapped handle, and 'data' events where the handle is not there. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import net, { connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { MemoryBudget } from '../../base/memory-budget.ts'
import { listen, SocketTransport } from './plain.ts'
import { Recorder } from './testing/recorder.ts'

async function pair(
  t: TestContext,
  moveHandle: boolean,
  memory = new MemoryBudget(),
): Promise<{ client: Socket; transport: SocketTransport; recorder: Recorder }> {
  const server = createServer({ noDelay: true, pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect({ port: (server.address() as { port: number }).port, host: '127.0.0.1', allowHalfOpen: true })
  const [accepted] = (await once(server, 'connection')) as [Socket]
  const recorder = new Recorder()
  const transport = new SocketTransport(accepted, null, moveHandle, memory)
  transport.handler = recorder
  transport.start()
  t.after(async () => {
    client.destroy()
    transport.destroy()
    server.close()
    // The test hangs here, and fails, if the server does not count a moved handle down.
    await once(server, 'close')
  })
  return { client, transport, recorder }
}

for (const moveHandle of [true, false]) {
  const way = moveHandle ? 'onread' : 'data events'

  test(`${way}: bytes in, bytes out, addresses`, async t => {
    const { client, transport, recorder } = await pair(t, moveHandle)
    client.write('ping')
    await recorder.until('data')
    assert.equal(recorder.text, 'ping')
    transport.write(Buffer.from('pong'))
    const [answer] = await once(client, 'data')
    assert.equal(answer.toString(), 'pong')
    assert.equal(transport.remoteAddress, '127.0.0.1')
    assert.equal(transport.remotePort, client.localPort)
    assert.equal(transport.localPort, client.remotePort)
  })

  test(`${way}: a half-closed client can still be answered`, async t => {
    const { client, transport, recorder } = await pair(t, moveHandle)
    client.end('last words')
    await recorder.until('end')
    assert.equal(recorder.text, 'last words')
    transport.write(Buffer.from('answer'))
    transport.end()
    const [answer] = await once(client, 'data')
    assert.equal(answer.toString(), 'answer')
    await recorder.until('close')
  })

  test(`${way}: paused, nothing more than what was already read arrives; resumed, all of it does`, async t => {
    const { client, transport, recorder } = await pair(t, moveHandle)
    transport.pause()
    const size = 4 * 1024 * 1024
    client.write(Buffer.alloc(size, 'x'))
    // Round trips of another connection, so that the loop turns often enough for a read that is due.
    for (let i = 0; i < 50; i++) await new Promise(resolve => setImmediate(resolve))
    const early = recorder.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    assert.ok(early <= 64 * 1024, `${early} bytes while paused`)
    transport.resume()
    while (recorder.chunks.reduce((sum, chunk) => sum + chunk.length, 0) < size)
      await new Promise(resolve => setImmediate(resolve))
    assert.equal(recorder.text.length, size)
  })

  test(`${way}: a slow reader is told by write() and drain`, async t => {
    const { client, transport, recorder } = await pair(t, moveHandle)
    client.pause()
    const block = Buffer.alloc(1024 * 1024)
    let written = 0
    while (transport.write(block) && written < 64) written++
    assert.ok(transport.pendingBytes > 0)
    client.resume()
    await recorder.until('drain')
    assert.equal(transport.pendingBytes, 0)
  })

  test(`${way}: text and the bytes behind it arrive in order, whatever pends of them`, async t => {
    const { client, transport } = await pair(t, moveHandle)
    client.pause()
    const expected: string[] = []
    for (let i = 0, more = 3; more > 0; i++) {
      const [text, content] = [`head ${i} `, `${i % 10}`.repeat(100_000)]
      transport.writeBehind(text, Buffer.from(content))
      expected.push(text + content)
      if (transport.pendingBytes > 0) more--
    }
    const long = 'h'.repeat(70_000)
    transport.writeBehind(long, Buffer.from('end'))
    transport.end()
    const parts: Buffer[] = []
    client.on('data', (part: Buffer) => parts.push(part))
    client.resume()
    await once(client, 'end')
    assert.ok(Buffer.concat(parts).equals(Buffer.from(`${expected.join('')}${long}end`)))
  })

  test(`${way}: a reset is a close, once, and nothing after it`, async t => {
    const { client, recorder } = await pair(t, moveHandle)
    client.resetAndDestroy()
    await recorder.until('close')
    await new Promise(resolve => setImmediate(resolve))
    assert.deepEqual(
      recorder.calls.filter(call => call !== 'end'),
      ['close'],
    )
  })
}

for (const moveHandle of [true, false]) {
  test(`pending bytes are counted until they are taken (${moveHandle ? 'onread' : 'data events'})`, async t => {
    const memory = new MemoryBudget()
    const { client, transport } = await pair(t, moveHandle, memory)
    transport.write(Buffer.from('small'))
    assert.equal(memory.accounts, 0, 'the kernel takes it, and nobody counts')
    client.pause()
    // Below the mark at which the stream says that it is full, and nothing more is written: it emits no 'drain' for the last bytes.
    while (transport.pendingBytes === 0) transport.write(Buffer.alloc(16 * 1024))
    assert.equal(memory.used, transport.pendingBytes)
    transport.writeJoined('text', Buffer.alloc(1000))
    assert.equal(memory.used, transport.pendingBytes)
    client.resume()
    while (memory.used > 0) await new Promise(resolve => setImmediate(resolve))
    assert.equal(transport.pendingBytes, 0)
  })
}

test('near the limit of memory a pending write returns false, and a drain follows', async t => {
  const memory = new MemoryBudget({ limit: 1024, onEvict() {} })
  memory.open('other', null).set(1000)
  const { client, transport, recorder } = await pair(t, true, memory)
  client.pause()
  let taken = true
  while (taken) taken = transport.write(Buffer.alloc(20))
  assert.ok(transport.pendingBytes <= 20)
  client.resume()
  await recorder.until('drain')
})

test('beyond the limit of memory the connection is cut, and holds nothing', async t => {
  const evicted: string[] = []
  const memory = new MemoryBudget({ limit: 1024 * 1024, onEvict: what => evicted.push(what) })
  const { client, transport, recorder } = await pair(t, true, memory)
  client.pause()
  while (memory.used <= memory.limit) transport.write(Buffer.alloc(256 * 1024))
  await recorder.until('close')
  assert.deepEqual([evicted, memory.used, memory.accounts], [['a connection was cut'], 0, 0])
})

test('an end behind pending bytes: they are sent, and nothing is held after the close', async t => {
  const memory = new MemoryBudget()
  const { client, transport, recorder } = await pair(t, true, memory)
  client.pause()
  for (let i = 0; i < 100; i++) transport.write(Buffer.alloc(100_000))
  transport.end()
  let received = 0
  client.on('data', (data: Buffer) => {
    received += data.length
  })
  client.on('end', () => client.end())
  client.resume()
  await recorder.until('close')
  assert.deepEqual([received, memory.used, memory.accounts], [10_000_000, 0, 0])
})

test('how much the kernel has taken of a long write is known before its end', async t => {
  const { client, transport } = await pair(t, true)
  const length = 32_000_000
  let received = 0
  const enough = Promise.withResolvers<void>()
  client.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (received < length / 2) return
    client.pause()
    enough.resolve()
  })
  transport.write(Buffer.alloc(length))
  await enough.promise
  assert.equal(transport.pendingBytes, length, 'the stream has one write, which is not over')
  assert.ok(transport.takenBytes >= received && transport.takenBytes < length, `${transport.takenBytes}`)
})

test('a client that has reset its connection before it was accepted is served by nobody: the system does not know its address any more', async t => {
  // Not in the type definitions yet.
  const { BoundSocket } = net as unknown as {
    BoundSocket: new (options: { host: string }) => { address(): { port: number }; fd(): number }
  }
  const bound = new BoundSocket({ host: '127.0.0.1' })
  const { port } = bound.address()
  const listening = Promise.withResolvers<void>()
  const served: string[] = []
  const server = listen(
    bound.fd(),
    null,
    new MemoryBudget(),
    transport => {
      served.push(transport.remoteAddress)
      transport.handler = { onData: () => served.push('data'), onEnd() {}, onDrain() {}, onClose() {} }
    },
    listening.resolve,
    listening.reject,
  )
  t.after(() => server.close())
  await listening.promise
  // Nobody accepts while this runs.
  const script = `import socket, struct
s = socket.create_connection(("127.0.0.1", ${port}))
s.sendall(b"POST / HTTP/1.1\\r\\n")
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()`
  assert.equal(spawnSync('python3', ['-c', script]).status, 0)
  const after = connect({ port, host: '127.0.0.1' })
  await once(after, 'connect')
  while (!served.includes('127.0.0.1')) await new Promise(setImmediate)
  assert.deepEqual(served, ['127.0.0.1'])
  after.destroy()
})
