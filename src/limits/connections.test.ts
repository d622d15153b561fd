import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { ConnectionCount, forgetConnections } from './connections.ts'
import { makeTable, SETS, WAYS } from './table.ts'

test('counts each key over all threads, and lets in as many as the limit says', () => {
  const memory = makeTable(true)
  const [one, other] = [new ConnectionCount(memory, 0), new ConnectionCount(memory, 1)]
  const add = (count: ConnectionCount, key: string, most: number) => {
    const place = count.add(key, most)
    assert.notEqual(place, -1, key)
    return place
  }
  const [a, ofOther] = [add(one, 'a', 2), add(other, 'a', 2)]
  assert.equal(one.add('a', 2), -1)
  const b = add(one, 'b', 1)
  other.remove(ofOther)
  assert.equal(one.count('a'), 1)
  assert.equal(add(one, 'a', 2), a)
  for (const place of [a, a, b]) one.remove(place)
  assert.deepEqual([one.count('a'), one.count('b')], [0, 0])
})

test('what a dead thread had is forgotten, and nothing of the others', () => {
  const memory = makeTable(true)
  const [one, other] = [new ConnectionCount(memory, 0), new ConnectionCount(memory, 1)]
  const [place] = [one.add('a', 100), other.add('a', 100), one.add('a', 100), other.add('a', 100)]
  forgetConnections(memory, 1)
  assert.equal(one.count('a'), 2)
  for (let i = 0; i < 2; i++) one.remove(place!)
  assert.equal(one.count('a'), 0)
})

test('a place is free again when nothing runs; a full set refuses', () => {
  const count = new ConnectionCount(makeTable(false), 0)
  for (let i = 0; i < SETS * WAYS; i++) {
    count.remove(count.add(`key ${i}`, 1))
  }
  let refused = 0
  for (let i = 0; i < SETS * WAYS; i++) if (count.add(`key ${i}`, 1) < 0) refused++
  // Sets fill unevenly: about an eighth finds no room.
  assert.ok(refused > 0 && refused < SETS * WAYS * 0.2, `${refused}`)
})

const THREADS = 4
const HAMMER = `
const { parentPort, workerData } = require('node:worker_threads')
import(workerData.url).then(({ ConnectionCount }) => {
  const count = new ConnectionCount(workerData.memory, workerData.thread)
  const running = new Int32Array(workerData.running)
  let most = 0
  for (let i = 0; i < 30_000; i++) {
    const place = count.add('a', 2)
    if (place < 0) continue
    most = Math.max(most, Atomics.add(running, 0, 1) + 1)
    Atomics.sub(running, 0, 1)
    count.remove(place)
  }
  parentPort.postMessage(most)
})`

test('threads together never have more than the limit', async () => {
  const memory = makeTable(true)
  const running = new SharedArrayBuffer(4)
  const url = new URL('./connections.ts', import.meta.url).href
  const workers = Array.from(
    { length: THREADS },
    (_, thread) => new Worker(HAMMER, { eval: true, workerData: { url, memory, running, thread } }),
  )
  for (const [most] of await Promise.all(workers.map(worker => once(worker, 'message'))))
    assert.ok((most as number) <= 2, `${most}`)
  assert.equal(new ConnectionCount(memory, 0).count('a'), 0)
})
