import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reloads, type SettledApp, settledWords } from './reloads.ts'

const served = (app: string, generation: number): SettledApp => ({
  app,
  generation,
  failure: null,
  serving: generation,
})

test('a reload is over with the first generation that is newer than all when it was asked for', async () => {
  const reloads = new Reloads()
  const waited = reloads.wait('shop', 3)
  for (const settled of [served('shop', 3), served('api', 9), served('shop', 4), served('shop', 5)])
    reloads.settled(settled)
  assert.deepEqual(await waited, served('shop', 4))
})

test('several may wait for the same', async () => {
  const reloads = new Reloads()
  const all = Promise.all([reloads.wait('a', 1), reloads.wait('a', 1), reloads.wait('a', 2)])
  reloads.settled(served('a', 2))
  reloads.settled(served('a', 3))
  assert.deepEqual(
    (await all).map(({ generation }) => generation),
    [2, 2, 3],
  )
})

test('an application that is removed ends all waits for it', async () => {
  const reloads = new Reloads()
  const waited = reloads.wait('a', 7)
  reloads.settled({ app: 'a', generation: Number.POSITIVE_INFINITY, failure: 'it is removed', serving: null })
  assert.equal((await waited).failure, 'it is removed')
})

test('the words', () => {
  assert.equal(settledWords(served('shop', 2), false), 'generation 2 serves')
  assert.equal(settledWords(served('shop', 2), true), 'shop: generation 2 serves')
  const failed = { app: 'shop', generation: 3, failure: 'app.py could not be imported: KeyError', serving: 2 }
  assert.equal(settledWords(failed, false), 'app.py could not be imported: KeyError\ngeneration 2 serves on')
  assert.equal(settledWords({ ...failed, serving: null }, true), 'shop: app.py could not be imported: KeyError')
})
