import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, fstatSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileFrame, frame, u32 } from '../testing/fake-worker.ts'
import { Bench, directory, echo, runningOne } from '../testing/pool-bench.ts'
import { FrameType } from '../wire/frames.ts'

test('a complete answer for a client that has gone is discarded and the link stays', async () => {
  const { bench, held, worker, exchange: gone } = await runningOne()
  gone.leave()
  held.requests[0]!.link.respond(200, [], 'late')
  const next = bench.send()
  await held.until(2)
  held.requests[1]!.link.respond(200, [], 'ok')
  await next.over()
  assert.equal(gone.response.text, '')
  assert.equal(next.response.text, 'ok')
  assert.equal(worker.links.length, 1)
})

test('a stream for a client that has gone is cut, and the slot gets a new link', async () => {
  const { bench, held, worker, exchange: gone } = await runningOne()
  gone.leave()
  const closed = once(worker.links[0]!.socket, 'close')
  const relinked = once(worker.events, 'link')
  held.requests[0]!.link.begin()
  await closed
  await relinked
  worker.script = echo
  const next = bench.send()
  await next.over()
  assert.equal(next.response.status, 200)
  assert.deepEqual(bench.lost, [])
})

test('a client that leaves a running stream ends it at once', async () => {
  const { held, worker, exchange } = await runningOne()
  held.requests[0]!.link.begin()
  held.requests[0]!.link.chunk('one')
  await once(exchange.response.events, 'write')
  const closed = once(worker.links[0]!.socket, 'close')
  exchange.leave()
  await closed
})

test('an interim response, chunks and the end arrive in order', async () => {
  const bench = new Bench()
  await bench.linkedWorker(1, 1, ({ link }) => {
    const inform = Buffer.concat([Buffer.from([103, 0]), Buffer.from('Early Hints\0Link\0</a.css>')])
    link.socket.write(frame(FrameType.INFORM, inform))
    link.begin()
    link.chunk('a')
    link.chunk('b')
    link.finish()
  })
  const exchange = bench.send()
  await exchange.over()
  assert.deepEqual(exchange.response.informed[0]!.headers, ['Link', '</a.css>'])
  assert.equal(exchange.response.text, 'ab')
})

test('a slow client blocks no worker: the slot is free while memory and a file hold the response', async () => {
  const bench = new Bench()
  const big = Buffer.alloc(400_000, 'response ')
  await bench.linkedWorker(1, 1, request => {
    if (request.environ.get('PATH_INFO') !== '/big') return echo(request)
    request.link.begin()
    for (let i = 0; i < big.length; i += 50_000) request.link.chunk(big.subarray(i, i + 50_000))
    request.link.finish()
  })
  const slow = bench.send({ path: '/big' })
  slow.response.accepts = false
  const next = bench.send({ path: '/next' })
  await next.over()
  assert.equal(slow.response.bytesWritten, 50_000)
  assert.equal(slow.response.state, 'started')
  slow.response.accepts = true
  slow.response.drain()
  await slow.over()
  assert.ok(Buffer.concat(slow.response.chunks).equals(big))
})

test('when all buffers are full the worker is held back, until the client goes on', async () => {
  const bench = new Bench()
  const big = Buffer.alloc(8_000_000, 'response ')
  let finished = false
  await bench.linkedWorker(1, 1, ({ link }) => {
    link.begin()
    for (let i = 0; i < big.length; i += 500_000) link.chunk(big.subarray(i, i + 500_000))
    link.socket.write(frame(FrameType.END, u32(1)), () => {
      finished = true
    })
  })
  const slow = bench.send()
  slow.response.accepts = false
  await once(slow.response.events, 'write')
  // In these turns the gateway would read on, if it did not hold the link.
  for (let i = 0; i < 50; i++) await new Promise(resolve => setImmediate(resolve))
  assert.equal(finished, false)
  slow.response.accepts = true
  slow.response.drain()
  await slow.over()
  assert.ok(Buffer.concat(slow.response.chunks).equals(big))
})

test('a file that a worker offers is sent by the gateway, and the worker is free', {
  skip: process.platform !== 'linux',
}, async () => {
  const bench = new Bench()
  const path = join(directory, 'file.txt')
  writeFileSync(path, '0123456789')
  const fd = openSync(path, 'r')
  const stat = fstatSync(fd, { bigint: true })
  await bench.linkedWorker(1, 1, ({ link, environ }) => {
    const wrong = environ.get('PATH_INFO') === '/wrong'
    link.begin()
    link.socket.write(fileFrame(fd, 2, wrong ? 100 : 5, stat.dev, stat.ino))
    link.events.once('file-opened', answer => {
      if (answer === 0) link.chunk('from the worker')
      link.finish()
    })
  })
  const exchange = bench.send()
  await exchange.over()
  assert.equal(exchange.response.text, '23456')
  const wrong = bench.send({ path: '/wrong' })
  await wrong.over()
  assert.equal(wrong.response.text, 'from the worker')
  closeSync(fd)
})
