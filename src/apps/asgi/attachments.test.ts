/** Sockets of their own for applications of WSGI in greenlets. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { HttpError } from '../../http/errors.ts'
import { holdingAsgi, until } from '../testing/asgi-bench.ts'
import type { FakeAsgiExchange, FakeAsgiWorker } from '../testing/fake-asgi-worker.ts'
import type { FakeExchange } from '../testing/fake-exchange.ts'
import { makeBench } from '../testing/make-asgi-bench.ts'
import { MAX_ATTACHING, MultiplexType } from '../wire/multiplex.ts'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const HEADERS = ['upgrade', 'websocket', 'connection', 'Upgrade', 'sec-websocket-key', KEY]
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
const HEAD = `${SWITCH}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n`

function take(exchange: FakeAsgiExchange, token: number, flags = 0): void {
  const payload = Buffer.alloc(5, flags)
  payload.writeUInt32LE(token)
  exchange.write(MultiplexType.TAKEN, payload)
}

interface Opened {
  readonly its: FakeAsgiExchange
  readonly bench: ReturnType<typeof makeBench>
  readonly worker: FakeAsgiWorker
  readonly exchange: FakeExchange
}

async function asked(...options: Parameters<typeof makeBench>): Promise<Opened> {
  const bench = makeBench({ isGreen: true, ...options[0] })
  const held = holdingAsgi()
  const worker = await bench.worker(1, 1, held.script)
  const exchange = bench.webSocket({ headers: HEADERS })
  return { bench, worker, exchange, its: await held.the(0) }
}

async function attached(...options: Parameters<typeof makeBench>): Promise<Opened> {
  const one = await asked(...options)
  take(one.its, 7)
  await until(one.worker.events, 'attached', () => one.worker.attached.length === 1)
  assert.equal(one.worker.attached[0]!.token, 7)
  return one
}

test('bytes pass on a connection of its own, and the slot is free', async () => {
  const { bench, worker, exchange } = await attached()
  const [own] = worker.attached
  own!.socket.write(`${HEAD}soup`)
  await once(exchange.sent.events, 'accepted')
  exchange.transport.receive('to the worker')
  await until(worker.events, 'bytes', () => own!.bytes === 'to the worker')
  assert.equal(exchange.transport.text, 'soup')
  worker.script = one => one.respond(200, [], 'ok')
  const other = bench.send()
  await other.over()
  assert.equal(other.sent.text, 'ok')
  own!.socket.end(' is ready')
  await once(own!.socket, 'close')
  assert.equal(exchange.transport.text, 'soup is ready')
  assert.deepEqual(exchange.transport.calls, ['watch 0', 'end'])
  assert.deepEqual(bench.lost, [])
})

test('a worker that waits is told that the bytes come on the connection', async () => {
  const { worker, exchange, its } = await asked()
  take(its, 1, 1)
  await until(worker.events, 'attached', () => worker.attached.length === 1)
  worker.attached[0]!.socket.write(HEAD)
  await once(exchange.sent.events, 'accepted')
  exchange.transport.receive('soup')
  await until(worker.events, 'bytes', () => worker.attached[0]!.bytes === '\0soup')
})

test('a client that goes ends the connection, before its 101 and after', async () => {
  for (const head of ['', HEAD]) {
    const { worker, exchange, bench, its } = await attached()
    const { socket } = worker.attached[0]!
    if (head === '') {
      exchange.leave()
      // The greenlet may still wait for its connection.
      await once(its.events, 'disconnect')
    } else {
      socket.write(head)
      await once(exchange.sent.events, 'accepted')
      exchange.transport.leave()
    }
    await once(socket, 'close')
    worker.script = one => one.respond(200, [], 'ok')
    await bench.send().over()
    assert.deepEqual(bench.lost, [])
  }
})

test('an answer that is none is a 502, and so is a connection that the worker refuses', async () => {
  for (const [bytes, words] of [
    ['soup\r\n\r\n', /no status line/],
    ['', /no whole head/],
  ] as const) {
    const { worker, exchange, bench } = await attached()
    worker.attached[0]!.socket.end(bytes)
    await exchange.over()
    assert.equal((exchange.error as HttpError).status, 502)
    assert.match(bench.logs[0]!, words)
    assert.deepEqual(bench.lost, [])
  }
})

test('another status is an ordinary response', async () => {
  const { worker, exchange } = await attached()
  worker.attached[0]!.socket.end('HTTP/1.1 403 No\r\n\r\nsoup')
  await exchange.over()
  assert.deepEqual([exchange.sent.head!.status, exchange.sent.text], [403, 'soup'])
})

test('so many connect at a time; the others follow', async () => {
  const bench = makeBench({ isGreen: true })
  const held = holdingAsgi()
  const count = MAX_ATTACHING + 3
  const worker = await bench.worker(1, count, held.script)
  for (let i = 0; i < count; i++) bench.webSocket({ headers: HEADERS })
  for (let i = 0; i < count; i++) take(await held.the(i), i)
  await until(worker.events, 'attached', () => worker.attached.length === count)
  assert.deepEqual(
    worker.attached.map(({ token }) => token).sort((a, b) => a - b),
    Array.from({ length: count }, (_, i) => i),
  )
})

test('a drain cuts it when nearly all of the time is over; the loss of the worker ends it', async () => {
  const { bench, worker, exchange } = await attached({ timeouts: { graceful: 200 } })
  worker.attached[0]!.socket.write(HEAD)
  await once(exchange.sent.events, 'accepted')
  const drained = once(bench.events, 'drained')
  bench.pool.drainWorker(1)
  assert.equal(exchange.tunnel!.isClosed, false)
  await drained
  assert.equal(exchange.tunnel!.isClosed, true)

  const other = await attached()
  other.worker.attached[0]!.socket.write(HEAD)
  await once(other.exchange.sent.events, 'accepted')
  other.worker.socket!.destroy()
  await once(other.worker.attached[0]!.socket, 'close')
  assert.equal(other.exchange.tunnel!.isClosed, true)
})

test('an application of ASGI gets none, and nothing may follow TAKEN', async () => {
  const { bench, its, exchange } = await asked({ isGreen: false })
  take(its, 1)
  await exchange.over()
  assert.match(bench.lost[0]![1], /a worker that has no sockets/)
  const other = await asked()
  take(other.its, 1)
  other.its.respond(200, [], '')
  await other.exchange.over()
  assert.match(other.bench.lost[0]![1], /behind TAKEN/)
})
