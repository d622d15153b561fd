import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange } from '../testing/fake-exchange.ts'
import { Call } from './call.ts'
import { CallQueue } from './queue.ts'

function waiting(since: number): Call {
  const call = new Call(new FakeExchange(), null)
  const queue = new CallQueue<Call>()
  call.enter(queue)
  queue.push(call)
  call.waitsSince = since
  return call
}

test('a call’s time in the queue counts from when it began to wait; in the turn in which it came it is zero', () => {
  const [waited, fresh] = [waiting(1000), waiting(0)]
  waited.stopWaiting(1250)
  fresh.stopWaiting(1250)
  assert.deepEqual([waited.exchange.queueMillis, fresh.exchange.queueMillis], [250, 0])
})

test('a call that began to wait after the clock was read has waited for zero milliseconds, not for less', () => {
  const call = waiting(1000.5)
  call.stopWaiting(1000)
  assert.equal(call.exchange.queueMillis, 0)
})
