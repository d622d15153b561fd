import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { applicationRoot } from '../../http/application-root.ts'
import type { FakeAsgiExchange } from '../testing/fake-asgi-worker.ts'
import { makeBench } from '../testing/make-asgi-bench.ts'

const affinity = {
  kind: 'cookie',
  name: 'home',
  app: 'shop',
  root: () => applicationRoot('', ''),
  key: Buffer.alloc(32, 'k'),
} as const

test('a WebSocket may bring the cookie, and HTTP of the same client goes to its worker', async () => {
  const bench = makeBench({ affinity })
  const script = (exchange: FakeAsgiExchange) => {
    if (exchange.scope.type === 'websocket') exchange.accept('', ['x-own', '1'])
    else exchange.respond(200, [], String(exchange.worker.id))
  }
  for (const id of [1, 2, 3]) await bench.worker(id, 10, script)
  const socket = bench.webSocket()
  await once(socket.sent.events, 'accepted')
  const { headers } = socket.accepted!
  assert.deepEqual(headers.slice(0, 3), ['x-own', '1', 'Set-Cookie'])
  const cookie = headers[3]!.split(';')[0]!
  for (let i = 0; i < 6; i++) {
    const exchange = bench.send({ headers: ['cookie', cookie] })
    await exchange.over()
    assert.equal(exchange.sent.text, String(socket.servedBy!.worker))
  }
  const another = bench.webSocket({ headers: ['cookie', cookie] })
  await once(another.sent.events, 'accepted')
  assert.deepEqual(another.accepted!.headers, ['x-own', '1'])
  assert.equal(another.servedBy!.worker, socket.servedBy!.worker)
})

test('an exchange knows its worker, for the access log', async () => {
  const bench = makeBench()
  await bench.worker(7, 10, exchange => exchange.respond(200))
  const exchange = bench.send()
  await exchange.over()
  assert.deepEqual([exchange.servedBy!.worker, exchange.servedBy!.pid], [7, process.pid])
})
