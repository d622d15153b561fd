import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Limits, Timeouts } from '../config/types.ts'
import { Call } from './call.ts'
import { Dispatcher } from './dispatcher.ts'
import { FakeExchange } from './testing/fake-exchange.ts'

test('a request that waits has its time limit, though requests became long in the turn in which it came', async () => {
  const options = { limits: { queue: 100 } as Limits, timeouts: { queue: 1000 } as Timeouts }
  const dispatcher = new Dispatcher(options, [], (_, error) => assert.ifError(error))
  for (let i = 0; i < 1000; i++) dispatcher.learn(10)
  const calls = Array.from({ length: 2 }, () => new Call(new FakeExchange(), null))
  dispatcher.dispatch(calls[0]!)
  dispatcher.learn(1e6)
  dispatcher.dispatch(calls[1]!)
  await setImmediate()
  const armed = calls.map(({ waiting }) => waiting?.isArmed)
  dispatcher.close()
  assert.deepEqual(armed, [true, true])
})
