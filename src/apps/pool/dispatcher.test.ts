import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { testApp } from '../../config/testing/config.ts'
import { FakeExchange } from '../testing/fake-exchange.ts'
import { Call } from './call.ts'
import { Dispatcher } from './dispatcher.ts'
import { OWN_SLOTS } from './slots.ts'
import type { PoolLink, PoolWorker } from './worker.ts'

/** A worker with one slot, which is busy. */
function oneSlot() {
  const sent: Call[] = []
  const worker = { generation: 1, suspectSince: 0, usableSlots: 1, suspect: () => {}, slots: [] as unknown[] }
  const slot = {
    worker,
    usable: true,
    capacity: 1,
    inFlight: 1,
    streams: 0,
    takesAhead: true,
    firstSince: 0,
    flush: () => {},
    send: (call: Call) => {
      slot.inFlight++
      sent.push(call)
      return true
    },
  }
  worker.slots.push(slot)
  return { worker: worker as unknown as PoolWorker, slot: slot as unknown as PoolLink & { inFlight: number }, sent }
}

test('a request that waits has its time limit, though requests became long in the turn in which it came', async () => {
  const options = testApp({ limits: { queue: 100 }, timeouts: { queue: 1000 } })
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

test('a request that comes back from a lost worker gets the freed slot before a new one of the same turn', () => {
  const { worker, slot, sent } = oneSlot()
  const options = testApp({ limits: { queue: 100 }, timeouts: { queue: 0 } })
  const dispatcher = new Dispatcher(options, [worker], (_, error) => assert.ifError(error))
  const [returned, newcomer] = [new Call(new FakeExchange(), null), new Call(new FakeExchange(), null)]
  returned.losses = 1
  dispatcher.takeBack(returned)
  dispatcher.pump()
  slot.inFlight--
  dispatcher.pumpSoon()
  dispatcher.dispatch(newcomer)
  assert.deepEqual(sent, [returned])
})

test('a slot that comes free before other threads can see that a request waits is taken at once', async () => {
  const { worker, slot, sent } = oneSlot()
  const options = testApp({ limits: { queue: 100 }, timeouts: { queue: 0 } })
  let isPublished = false
  const lane = {
    isShared: true,
    free: () => (isPublished && slot.inFlight === 0 ? slot : null),
    ahead: () => null,
    publish: () => {
      const isNew = !isPublished
      isPublished = true
      slot.inFlight = 0
      return isNew
    },
    isOverloadedElsewhere: () => false,
  }
  const slots = Object.assign(Object.create(OWN_SLOTS) as typeof OWN_SLOTS, { lane: () => lane })
  const dispatcher = new Dispatcher({ ...options, slots }, [worker], (_, error) => assert.ifError(error))
  const call = new Call(new FakeExchange(), null)
  dispatcher.dispatch(call)
  await setImmediate()
  assert.deepEqual(sent, [call])
})
