import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reloads } from './reloads.ts'

test('a reload is over with the first generation that is newer than all when it was asked for', async () => {
  const reloads = new Reloads()
  const waited = reloads.wait('shop', 3)
  reloads.settled({ app: 'shop', generation: 3, failure: 'the one before' })
  reloads.settled({ app: 'api', generation: 9, failure: 'another application' })
  reloads.settled({ app: 'shop', generation: 4, failure: null })
  reloads.settled({ app: 'shop', generation: 5, failure: 'a later one' })
  assert.deepEqual(await waited, { app: 'shop', generation: 4, failure: null })
})

test('several may wait for the same', async () => {
  const reloads = new Reloads()
  const all = Promise.all([reloads.wait('a', 1), reloads.wait('a', 1), reloads.wait('a', 2)])
  reloads.settled({ app: 'a', generation: 2, failure: 'broken' })
  reloads.settled({ app: 'a', generation: 3, failure: null })
  assert.deepEqual(
    (await all).map(({ generation }) => generation),
    [2, 2, 3],
  )
})

test('the end of an application, and that of the program, end its waits', async () => {
  const reloads = new Reloads()
  const [a, b] = [reloads.wait('a', 1), reloads.wait('b', 1)]
  reloads.end('a', 'it was removed')
  assert.equal((await a).failure, 'it was removed')
  reloads.end(null, 'the program stops')
  assert.equal((await b).failure, 'the program stops')
})
