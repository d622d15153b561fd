/** How time ends exchanges of a multiplexed link: deadlines of paths and streams, clients that closed their side. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { ClientGoneError, type HttpError } from '../../http/errors.ts'
import { holdingAsgi, until } from '../testing/asgi-bench.ts'
import { makeBenchThatWaits } from '../testing/make-asgi-bench.ts'

test('a path has the deadline of its prefix; a silent stream has one of its own', async () => {
  const requestFor = [
    { prefix: '/quick/', timeout: 100 },
    { prefix: '/poll/', timeout: 0 },
  ]
  const bench = makeBenchThatWaits({ timeouts: { request: 60_000, requestFor, streamIdle: 200 } })
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const [quick, poll, stream] = ['/quick/x', '/poll/x', '/stream'].map(path => bench.send({ path }))
  await held.the(2)
  held.exchanges[2]!.begin(['Content-Type', 'text/plain'])
  await Promise.all([quick!.over(), stream!.over()])
  assert.equal((quick!.error as HttpError).status, 504)
  assert.equal(stream!.response.state, 'aborted')
  assert.ok(bench.logs.some(line => /GET \/stream is cancelled in worker 1: no content for \d+ ms/.test(line)))
  assert.equal(poll!.response.state, 'idle')
  held.exchanges[1]!.respond(200)
  await poll!.over()
})

test('a client that closed its side is dropped while its worker is silent, but not when it is answered or slow', async () => {
  const bench = makeBenchThatWaits()
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const [poll, talking, slow] = ['/poll', '/talking', '/slow'].map(path => bench.send({ path }))
  const socket = bench.webSocket()
  const silent = bench.send({ path: '/silent' })
  await held.the(4)
  held.exchanges[3]!.accept()
  await once(socket.response.events, 'accepted')
  slow!.response.accepts = false
  held.exchanges[1]!.begin(['Content-Type', 'text/plain'])
  held.exchanges[2]!.begin(['Content-Type', 'text/plain'])
  held.exchanges[2]!.chunk('12345')
  await until(slow!.response.events, 'write', () => slow!.response.text === '12345')
  const saying = setInterval(() => held.exchanges[1]!.chunk('.'), 100)
  for (const exchange of [poll, talking, slow, socket]) exchange!.isHalfClosed = true
  await poll!.over()
  assert.ok(poll!.response.abortCause instanceof ClientGoneError)
  await until(held.exchanges[0]!.events, 'disconnect', () => held.exchanges[0]!.disconnected !== null)
  clearInterval(saying)
  held.exchanges[1]!.end()
  await talking!.over()
  assert.equal(talking!.response.state, 'ended')
  assert.deepEqual([slow!.response.state, silent.response.state, socket.channel!.closed], ['started', 'idle', null])
  assert.deepEqual(bench.logs, [])
})

test('no time passes while a debugger has the event loop', async () => {
  const bench = makeBenchThatWaits({ timeouts: { request: 100, streamIdle: 100 } })
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  bench.pool.debugged(1, true)
  const exchange = bench.send({ path: '/debugged' })
  await held.the(0)
  // wait: both limits pass; a busy machine only makes this longer
  await new Promise(resolve => setTimeout(resolve, 500))
  assert.equal(exchange.response.state, 'idle')
  bench.pool.debugged(1, false)
  await exchange.over()
  assert.equal((exchange.error as HttpError).status, 504)
})
