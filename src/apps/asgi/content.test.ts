/** Content of requests over a multiplexed link, through the pool, against a worker on a real socket. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { ProtocolError } from '../../http/errors.ts'
import { holdingAsgi, turn, until } from '../testing/asgi-bench.ts'
import { echo, makeBench } from '../testing/make-asgi-bench.ts'
import { MAX_CONTENT, WINDOW } from '../wire/multiplex.ts'

test('content that is known to be short travels in the request, other content follows as it comes', async () => {
  const bench = makeBench()
  const worker = await bench.worker(1, 10, echo)
  const short = bench.send({ method: 'POST', body: Buffer.from('short') })
  await short.over()
  assert.equal(short.response.text, 'short')
  const long = Buffer.alloc(200_000, 'abcdefg')
  for (const isChunked of [true, false]) {
    let inline = -1
    worker.script = exchange => {
      inline = exchange.body.length
      echo(exchange)
    }
    const exchange = bench.send({ method: 'POST', body: isChunked ? Buffer.from('tiny') : long, isChunked })
    await exchange.over()
    assert.equal(inline, 0)
    assert.equal(exchange.response.bytesWritten, isChunked ? 4 : long.length)
    if (!isChunked) assert.ok(Buffer.concat(exchange.response.chunks).equals(long))
  }
})

test('an application that does not read holds its client back within the window', async () => {
  const bench = makeBench()
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const body = Buffer.alloc(2_000_000)
  const exchange = bench.send({ method: 'POST', body, chunkSize: 10_000 })
  const at = await held.the(0)
  await until(at.events, 'body', () => at.body.length >= WINDOW)
  for (let i = 0; i < 50; i++) await turn()
  assert.ok(at.body.length < WINDOW + MAX_CONTENT, `${at.body.length} bytes`)
  assert.equal(at.hasAllBody, false)
  at.credit(100_000)
  await until(at.events, 'body', () => at.body.length >= WINDOW + 100_000)
  at.events.on('body', () => at.credit(MAX_CONTENT))
  at.credit(WINDOW)
  await until(at.events, 'body-end', () => at.hasAllBody)
  assert.equal(at.body.length, body.length)
  at.respond(201)
  await exchange.over()
})

test('content that breaks off is an error of the client, and the application is told', async () => {
  const bench = makeBench()
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const bodyError = new ProtocolError(413, 'too large', 'limits.body')
  const exchange = bench.send({ method: 'POST', body: Buffer.alloc(100_000), bodyError })
  const at = await held.the(0)
  await until(at.events, 'disconnect', () => at.disconnected !== null)
  assert.equal(exchange.error, bodyError)
  const begun = bench.send({ method: 'POST', body: Buffer.alloc(1_000_000), bodyError })
  const second = await held.the(1)
  second.begin()
  await once(begun.response.events, 'start')
  second.credit(1_000_000)
  for (let i = 0; i < 4; i++) second.events.on('body', () => second.credit(MAX_CONTENT))
  await begun.over()
  assert.equal(begun.response.state, 'aborted')
})

test('an application may answer before it has all content, and stream while it reads', async () => {
  const bench = makeBench()
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const refused = bench.send({ method: 'POST', body: Buffer.alloc(3_000_000) })
  ;(await held.the(0)).respond(401)
  await refused.over()
  assert.equal(refused.response.status, 401)
  const body = Buffer.alloc(3_000_000, 'xyz')
  const both = bench.send({ method: 'POST', body })
  const at = await held.the(1)
  at.begin()
  let sent = 0
  const pass = () => {
    at.chunk(at.body.subarray(sent, sent + MAX_CONTENT))
    at.credit(at.body.length - sent)
    sent = at.body.length
  }
  if (at.body.length > 0) pass()
  at.events.on('body', pass)
  at.events.on('body-end', () => at.end())
  await both.over()
  assert.ok(Buffer.concat(both.response.chunks).equals(body))
})
