import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { addFilter } from '../../http/filtered-response.ts'
import { MemoryExchange } from '../../http/testing/memory-response.ts'
import { LimitedRate } from './limited-rate.ts'

/** A response of these bytes through the filter; `advance` lets time pass and returns the bytes that have come. */
function limited(t: TestContext, { rate, after = 0, size }: { rate: number; after?: number; size: number }) {
  let now = 1000
  t.mock.method(performance, 'now', () => now)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const exchange = new MemoryExchange()
  addFilter(exchange, head => ({ head, content: out => new LimitedRate(out, rate, after) }))
  const came = () => exchange.client.bytesWritten
  const advance = (ms: number) => {
    for (let i = 0; i < ms; i++) {
      now += 1
      t.mock.timers.tick(1)
    }
    return came()
  }
  exchange.response.start({ status: 200, reason: '', headers: ['Content-Length', String(size)] })
  return { exchange, advance, came }
}

test('so many bytes a second come, evenly, after those that are free', t => {
  const { exchange, advance, came } = limited(t, { rate: 8000, after: 3000, size: 19_000 })
  assert.equal(exchange.response.write(Buffer.alloc(10_000, 'a')), false, 'the source waits')
  exchange.response.onDrain(() => {
    if (exchange.response.write(Buffer.alloc(9000, 'b'))) exchange.response.end()
    else exchange.response.onDrain(() => exchange.response.end())
  })
  // The free bytes, and the first piece.
  assert.equal(came(), 3000 + 1024)
  assert.ok(Math.abs(advance(1000) - 11_000) <= 1024)
  assert.equal(exchange.client.state, 'started')
  assert.equal(advance(1000), 19_000)
  assert.equal(exchange.client.state, 'ended')
})

test('a rate of a few bytes a second comes once a second', t => {
  const { exchange, advance, came } = limited(t, { rate: 3, size: 9 })
  exchange.response.write(Buffer.from('123456789'))
  exchange.response.end()
  assert.equal(came(), 3)
  assert.equal(advance(999), 3)
  assert.equal(advance(1), 6)
  assert.equal(advance(1000), 9)
  assert.equal(exchange.client.outcome.isComplete, true)
})

test('a client that leaves ends the timer', t => {
  const { exchange, advance } = limited(t, { rate: 1000, size: 100_000 })
  exchange.response.write(Buffer.alloc(100_000))
  const before = advance(500)
  exchange.leave()
  assert.equal(advance(5000), before)
})
