import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GatewayChange } from '../../control/messages.ts'
import { Answers } from './answers.ts'
import { EpochEntry } from './epoch-entry.ts'
import { Epochs, isChange } from './epochs.ts'

const serve = (generation: number): GatewayChange => ({ type: 'serve', app: 'default', generation, path: '' })

test('changes come into force in order, one at a time, and what is said after them waits', () => {
  const events: string[] = []
  const prepared: (() => void)[] = []
  const epochs = new Epochs({
    prepare: (epoch, _, onPrepared) => {
      events.push(`prepare ${epoch}`)
      prepared.push(onPrepared)
    },
    commit: epoch => events.push(`commit ${epoch}`),
  })
  epochs.after(() => events.push('at once'))
  epochs.begin(serve(1))
  epochs.begin(serve(2))
  epochs.after(() => events.push('after both'))
  assert.deepEqual(events.splice(0), ['at once', 'prepare 1'])
  prepared.shift()!()
  assert.deepEqual(events.splice(0), ['commit 1', 'prepare 2'])
  prepared.shift()!()
  assert.deepEqual(events, ['commit 2', 'after both'])
})

test('a question is answered when all have answered that live', () => {
  const answers = new Answers<number>()
  const seen: string[] = []
  answers.ask('a', [0, 1, 2], all => seen.push(all.join(' ')))
  answers.answer('a', 1, 10)
  answers.answer('a', 1, 11)
  answers.answer('b', 0, 12)
  answers.threadDied(0)
  assert.equal(seen.length, 0)
  answers.answer('a', 2, 20)
  assert.deepEqual(seen, ['10 20'])
  answers.ask('none', [], all => seen.push(all.join(' ')))
  assert.deepEqual(seen, ['10 20', ''])
})

test('which messages are changes', () => {
  assert.equal(isChange({ type: 'stopping' }), true)
  assert.equal(isChange({ type: 'worker-drain', worker: 1 }), false)
})

test('a thread puts a change in force before its next request after the epoch word has changed', () => {
  let epoch = 0
  const entry = new EpochEntry(() => epoch)
  const handlers = [() => {}, () => {}, () => {}] as const
  entry.handler = handlers[0]
  entry.prepared(1, () => (entry.handler = handlers[1]))
  assert.equal(entry.handler, handlers[0])
  epoch = 1
  assert.equal(entry.handler, handlers[1])
  entry.prepared(2, () => (entry.handler = handlers[2]))
  epoch = 2
  entry.follow()
  assert.equal(entry.handler, handlers[2], 'without a request too')
  entry.prepared(1, () => (entry.handler = handlers[0]))
  assert.equal(entry.handler, handlers[0], 'what is in force already: for a thread that is new')
})
