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

test('the time in the queue is that since a call began to wait, none in the turn in which it came', () => {
  const [waited, fresh] = [waiting(1000), waiting(0)]
  waited.stopWaiting(1250)
  fresh.stopWaiting(1250)
  assert.deepEqual([waited.exchange.queueMillis, fresh.exchange.queueMillis], [250, 0])
})

test('one that began to wait after the clock was read has not waited: less than nothing is told of those that got no worker', () => {
  const call = waiting(1000.5)
  call.stopWaiting(1000)
  assert.equal(call.exchange.queueMillis, 0)
})
