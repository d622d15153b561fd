import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WorkerCount } from './worker-count.ts'

test('ASGI has its own number, and an unknown application has the smaller one', () => {
  const count = new WorkerCount({ workers: 4, asgiWorkers: 1 })
  assert.deepEqual([count.of('wsgi'), count.of('asgi'), count.of(null)], [4, 1, 1])
  const given = new WorkerCount({ workers: 3, asgiWorkers: null })
  assert.deepEqual([given.of('wsgi'), given.of('asgi'), given.of(null)], [3, 3, 3])
})

test('TTIN and TTOU change it, and one worker stays', () => {
  const count = new WorkerCount({ workers: 2, asgiWorkers: 1 })
  count.change('wsgi', 1)
  assert.equal(count.of('wsgi'), 3)
  for (let i = 0; i < 9; i++) count.change('wsgi', -1)
  assert.equal(count.of('wsgi'), 1)
  count.change('wsgi', 1)
  assert.equal(count.of('wsgi'), 2)
})

test('a new configuration keeps their change, unless the setting changed', () => {
  const count = new WorkerCount({ workers: 2, asgiWorkers: null })
  count.change('wsgi', 1)
  count.configure({ workers: 2, asgiWorkers: null }, false)
  assert.equal(count.of('wsgi'), 3)
  count.configure({ workers: 5, asgiWorkers: null }, true)
  assert.equal(count.of('wsgi'), 5)
})
