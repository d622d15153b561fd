import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WorkerCounts } from './worker-count.ts'

const MAIN = { name: '', paths: [], workers: null }
const EXPORT = { name: 'export', paths: ['/export'], workers: 2 }
const DEFAULT = { workers: 4, asgiWorkers: 1, workersReason: 'auto: 4 cores', pools: [MAIN] }
const given = (workers: number, pools = [MAIN] as (typeof MAIN | typeof EXPORT)[]) => ({
  workers,
  asgiWorkers: null,
  workersReason: '',
  pools,
})

test('ASGI has its own number, and an unknown application has the smaller one', () => {
  const counts = new WorkerCounts(DEFAULT)
  assert.deepEqual([counts.ofMain('wsgi'), counts.ofMain('asgi'), counts.ofMain(null)], [4, 1, 1])
  const three = new WorkerCounts(given(3))
  assert.deepEqual([three.ofMain('wsgi'), three.ofMain('asgi'), three.ofMain(null)], [3, 3, 3])
})

test('TTIN and TTOU change it, and one worker stays', () => {
  const counts = new WorkerCounts({ ...DEFAULT, workers: 2 })
  counts.change('wsgi', 1)
  assert.equal(counts.ofMain('wsgi'), 3)
  for (let i = 0; i < 9; i++) counts.change('wsgi', -1)
  assert.equal(counts.ofMain('wsgi'), 1)
  counts.change('wsgi', 1)
  assert.equal(counts.ofMain('wsgi'), 2)
})

test('a new configuration keeps their change, unless the setting changed', () => {
  const counts = new WorkerCounts(given(2))
  counts.change('wsgi', 1)
  counts.configure(given(2))
  assert.equal(counts.ofMain('wsgi'), 3)
  counts.configure(given(5))
  assert.equal(counts.ofMain('wsgi'), 5)
})

test('the number of cores is another setting than the same number', () => {
  const counts = new WorkerCounts(DEFAULT)
  counts.change('wsgi', 1)
  counts.configure(given(4))
  assert.equal(counts.ofMain('wsgi'), 4)
})

test('each pool has a number of its own, and keeps what a command said until its own setting changes', () => {
  const counts = new WorkerCounts(given(2, [MAIN, EXPORT]))
  const numbers = () => counts.ofPools('wsgi').map(({ name, wanted }) => [name, wanted])
  counts.set('wsgi', 'export', 3)
  counts.set('wsgi', '', 5)
  assert.deepEqual(numbers(), [
    ['', 5],
    ['export', 3],
  ])
  assert.equal(counts.inAll('wsgi'), 8)
  counts.configure(given(4, [MAIN, EXPORT]))
  assert.equal(counts.inAll('wsgi'), 4 + 3)
  counts.configure(given(4, [MAIN, { ...EXPORT, workers: 1 }]))
  assert.equal(counts.inAll('wsgi'), 4 + 1)
  counts.set('wsgi', 'export', 3)
  counts.configure(given(4))
  counts.configure(given(4, [MAIN, EXPORT]))
  assert.equal(counts.inAll('wsgi'), 4 + 2)
})
