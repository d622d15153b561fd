/** TLS on real sockets, in both ways: with the handle of the plain socket taken over, and on top of the plain socket. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectPlain, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect, createSecureContext, type TLSSocket } from 'node:tls'
import { localCertificate } from '../../../test/support/certificates.ts'
import { MemoryBudget } from '../../base/memory-budget.ts'
import type { TlsFacts } from '../../http/tls-facts.ts'
import { SocketTransport } from './plain.ts'
import { Recorder } from './testing/recorder.ts'
import { PIECE, TlsTransport } from './tls.ts'

const site = localCertificate()
const secureContext = createSecureContext({ cert: readFileSync(site.certificate), key: readFileSync(site.key) })
const NO_FACTS = {} as TlsFacts

interface Pair {
  readonly raw: Socket
  readonly client: TLSSocket
  readonly transport: TlsTransport
  readonly recorder: Recorder
  /** Node's own of TLS. */
  readonly handle: Handle
}

interface Begun extends Pair {
  /** The handshake. */
  readonly secure: Promise<void>
}

async function begin(t: TestContext, takesHandle: boolean, memory = new MemoryBudget()): Promise<Begun> {
  const server = createServer({ noDelay: true, pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const raw = connectPlain({ port, host: '127.0.0.1', allowHalfOpen: true })
  const client = connect({ socket: raw, ca: readFileSync(site.authority), servername: site.name })
  const [accepted] = (await once(server, 'connection')) as [Socket]
  const plain = new SocketTransport(accepted, null, true, memory)
  let open: SocketTransport | TlsTransport = plain
  t.after(async () => {
    client.destroy()
    open.destroy()
    server.close()
    // It hangs here if the server does not count a handle down that was taken over.
    await once(server, 'close')
  })
  const hello = await new Promise<Buffer>(resolve => {
    plain.handler = { onData: chunk => resolve(Buffer.from(chunk)), onEnd() {}, onDrain() {}, onClose() {} }
    plain.start()
  })
  const recorder = new Recorder()
  const options = { isServer: true, secureContext }
  const socket = plain.takeSocket()
  let handle: Handle
  const factsOf = (session: TLSSocket) => {
    handle = (session as unknown as { _handle: Handle })._handle
    return NO_FACTS
  }
  const transport = new TlsTransport(socket, plain, options, factsOf, memory, takesHandle)
  open = transport
  const { _handle } = socket as unknown as { _handle: unknown }
  assert.equal(_handle === null, takesHandle, 'this Node has other handles: see handles.ts')
  transport.handler = recorder
  const secure = Promise.withResolvers<void>()
  transport.shakeHands(
    hello,
    () => {
      transport.start()
      secure.resolve()
    },
    secure.reject,
  )
  return { raw, client, transport, recorder, handle: handle!, secure: secure.promise }
}

async function pair(t: TestContext, takesHandle: boolean, memory?: MemoryBudget): Promise<Pair> {
  const begun = await begin(t, takesHandle, memory)
  await Promise.all([begun.secure, once(begun.client, 'secureConnect')])
  return begun
}

for (const takesHandle of [true, false]) {
  const way = takesHandle ? 'handle taken over' : 'plain socket below'

  test(`${way}: bytes in, bytes out, addresses`, async t => {
    const { client, transport, recorder } = await pair(t, takesHandle)
    client.write('ping')
    await recorder.until('data')
    assert.equal(recorder.text, 'ping')
    assert.equal(transport.write(Buffer.from('pong')), true)
    assert.equal(transport.pendingBytes, 0)
    const [answer] = await once(client, 'data')
    assert.equal(answer.toString(), 'pong')
    assert.equal(transport.remoteAddress, '127.0.0.1')
    assert.equal(transport.remotePort, client.localPort)
    assert.equal(transport.localPort, client.remotePort)
  })

  test(`${way}: a half-closed client can still be answered`, async t => {
    const { client, transport, recorder } = await pair(t, takesHandle)
    client.end('last')
    await recorder.until('end')
    assert.equal(recorder.text, 'last')
    transport.write(Buffer.from('answer'))
    transport.end()
    assert.equal((await allOf(client)).toString(), 'answer')
    await recorder.until('close')
    assert.equal(recorder.calls.filter(call => call === 'close').length, 1)
  })

  test(`${way}: several small writes in one turn arrive in order, and none is overwritten`, async t => {
    const { client, transport } = await pair(t, takesHandle)
    const expected: string[] = []
    for (let i = 0; i < 200; i++) {
      const text = `${i} `.repeat(i % 7)
      transport.writeJoined('head ', Buffer.from(text))
      expected.push(`head ${text}`)
    }
    transport.end()
    assert.equal((await allOf(client)).toString(), expected.join(''))
  })

  test(`${way}: text and the bytes behind it arrive in order, short and long ones`, async t => {
    const { client, transport } = await pair(t, takesHandle)
    const expected: string[] = []
    for (const length of [1000, 40_000, 100_000, 400_000]) {
      transport.writeBehind(`head ${length} `, Buffer.alloc(length, 'x'))
      expected.push(`head ${length} ${'x'.repeat(length)}`)
    }
    transport.end()
    assert.equal((await allOf(client)).toString(), expected.join(''))
  })

  test(`${way}: a small write behind one that pended is not overwritten by that of another client`, async t => {
    const { client, transport, recorder } = await pair(t, takesHandle)
    const other = await pair(t, takesHandle)
    client.pause()
    const block = Buffer.alloc(PIECE, 'x')
    let length = 0
    do {
      transport.write(block)
      length += block.length
      await new Promise(resolve => setImmediate(resolve))
    } while (transport.pendingBytes === 0)
    const drained = Promise.withResolvers<void>()
    recorder.onDrain = () => {
      transport.writeJoined('', Buffer.alloc(5000, 'a'))
      other.transport.writeJoined('', Buffer.alloc(5000, 'b'))
      drained.resolve()
    }
    const all = allOf(client)
    client.resume()
    await drained.promise
    transport.end()
    const content = await all
    assert.equal(content.length, length + 5000)
    assert.deepEqual([...new Set(content.subarray(length).toString('latin1'))], ['a'])
  })

  test(`${way}: nothing comes while it is paused, and nothing is lost`, async t => {
    const { client, transport, recorder } = await pair(t, takesHandle)
    const data = randomBytes(3_000_000)
    let isPaused = false
    let pauses = 0
    const parts: Buffer[] = []
    transport.handler = {
      onData(chunk) {
        assert.ok(!isPaused, 'data while paused')
        parts.push(Buffer.from(chunk))
        if (++pauses % 3 !== 0) return
        isPaused = true
        transport.pause()
        setImmediate(() => {
          isPaused = false
          transport.resume()
        })
      },
      onEnd: () => recorder.onEnd(),
      onDrain() {},
      onClose: () => recorder.onClose(),
    }
    client.end(data)
    await recorder.until('end')
    assert.ok(Buffer.concat(parts).equals(data))
  })

  test(`${way}: a slow client makes writes return false, and is told of the drain once all is taken`, async t => {
    const { client, transport, recorder } = await pair(t, takesHandle)
    client.pause()
    const block = randomBytes(1024 * 1024)
    let written = 0
    while (transport.pendingBytes === 0 || transport.write(block)) {
      transport.write(block)
      written++
      assert.ok(written < 200, 'a client that reads nothing took it all')
    }
    assert.ok(transport.pendingBytes > 0)
    const before = transport.takenBytes
    client.resume()
    await recorder.until('drain')
    assert.equal(transport.pendingBytes, 0)
    assert.ok(transport.takenBytes > before)
  })

  test(`${way}: a large write arrives whole before the end`, async t => {
    const { client, transport } = await pair(t, takesHandle)
    const data = randomBytes(5_000_000)
    transport.write(data)
    transport.end()
    assert.ok((await allOf(client)).equals(data))
  })

  test(`${way}: of a large write OpenSSL has a little at a time, the memory budget counts the rest, and order is kept`, async t => {
    const memory = new MemoryBudget()
    const { client, transport, recorder } = await pair(t, takesHandle, memory)
    client.pause()
    const data = randomBytes(20_000_000)
    assert.equal(transport.write(data.subarray(0, 100)), true)
    assert.equal(transport.write(data.subarray(100)), false)
    assert.equal(transport.writeJoined('head', Buffer.from('content')), false)
    assert.ok(memory.used > 19_000_000 && transport.pendingBytes >= memory.used)
    assert.ok(transport.takenBytes < 200_000)
    const parts: Buffer[] = []
    client.on('data', (part: Buffer) => parts.push(part))
    client.resume()
    await recorder.until('drain')
    assert.equal(memory.used, 0)
    assert.equal(transport.pendingBytes, 0)
    transport.write(Buffer.from('last'))
    transport.end()
    await once(client, 'end')
    client.end()
    assert.ok(Buffer.concat(parts).equals(Buffer.concat([data, Buffer.from('headcontentlast')])))
  })

  test(`${way}: no write to OpenSSL is larger than PIECE, so little memory stays with a connection`, async t => {
    const { client, transport, handle } = await pair(t, takesHandle)
    const sizes = writesOf(handle)
    const parts = [1, PIECE - 1, 3 * PIECE + 1, ...Array<number>(60).fill(10_000), PIECE].map(n => randomBytes(n))
    for (const part of parts) transport.write(part)
    transport.end()
    assert.ok((await allOf(client)).equals(Buffer.concat(parts)))
    assert.ok(Math.max(...sizes) <= PIECE, `${sizes}`)
  })

  test(`${way}: a reset reaches the client as an error`, async t => {
    const { client, transport, recorder } = await pair(t, takesHandle)
    const failed = once(client, 'error')
    transport.reset()
    const [error] = await failed
    assert.match((error as NodeJS.ErrnoException).code ?? '', /ECONNRESET/)
    await recorder.until('close')
  })

  test(`${way}: a client that is reset closes the transport once`, async t => {
    const { raw, client, recorder } = await pair(t, takesHandle)
    client.on('error', () => {})
    client.write('ping')
    await recorder.until('data')
    raw.resetAndDestroy()
    await recorder.until('close')
    assert.deepEqual(
      recorder.calls.filter(call => call === 'close'),
      ['close'],
    )
  })

  test(`${way}: a broken record closes the transport, and nothing is read behind it`, async t => {
    const { raw, client, transport, recorder } = await pair(t, takesHandle)
    client.on('error', () => {})
    client.write('ping')
    await recorder.until('data')
    // What nobody has encrypted, as application data (RFC8446§5.1).
    raw.write(Buffer.concat([Buffer.from([23, 3, 3, 0, 64]), Buffer.alloc(64)]))
    raw.write(Buffer.alloc(1_000_000))
    await recorder.until('close')
    assert.equal(recorder.text, 'ping')
    assert.equal(transport.pendingBytes, 0)
  })

  test(`${way}: a handshake that fails tells why, and closes the transport`, async t => {
    const { raw, client, secure, recorder } = await begin(t, takesHandle)
    client.on('error', () => {})
    // An alert: bad_certificate (RFC8446§6).
    raw.write(Buffer.from([21, 3, 3, 0, 2, 2, 42]))
    await assert.rejects(secure, /bad.certificate/i)
    await recorder.until('close')
    assert.deepEqual(recorder.calls, ['close'])
  })

  test(`${way}: a client that goes away during its handshake is at its end`, async t => {
    const { raw, client, recorder } = await begin(t, takesHandle)
    client.on('error', () => {})
    raw.end()
    await recorder.until('end')
    assert.deepEqual(recorder.calls, ['end'])
  })

  test(`${way}: what pends is counted in the memory budget, and counted down`, async t => {
    const memory = new MemoryBudget()
    const { client, transport, recorder } = await pair(t, takesHandle, memory)
    client.pause()
    while (transport.pendingBytes === 0) transport.write(Buffer.alloc(1024 * 1024))
    assert.ok(memory.used > 0)
    transport.destroy()
    await recorder.until('close')
    assert.equal(memory.used, 0)
  })
}

/** How large the writes are that it gets. */
function writesOf(handle: Handle): number[] {
  const sizes: number[] = []
  const { writeBuffer, writev } = handle
  handle.writeBuffer = (request, data) => {
    sizes.push(data.length)
    return writeBuffer.call(handle, request, data)
  }
  handle.writev = (request, chunks, areBuffers) => {
    const parts = chunks.filter(chunk => Buffer.isBuffer(chunk))
    sizes.push(parts.reduce((sum, { length }) => sum + length, 0))
    return writev.call(handle, request, chunks, areBuffers)
  }
  return sizes
}

interface Handle {
  writeBuffer(request: unknown, data: Buffer): number
  writev(request: unknown, chunks: unknown[], areBuffers: boolean): number
}

async function allOf(client: TLSSocket): Promise<Buffer> {
  const chunks: Buffer[] = []
  client.on('data', chunk => chunks.push(chunk as Buffer))
  await once(client, 'end')
  client.end()
  return Buffer.concat(chunks)
}
