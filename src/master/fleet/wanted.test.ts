import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Wanted } from './wanted.ts'

test('ASGI has its own number, and who is not known yet the smaller one', () => {
  const wanted = new Wanted({ workers: 4, asgiWorkers: 1 })
  assert.deepEqual([wanted.of('wsgi'), wanted.of('asgi'), wanted.of(null)], [4, 1, 1])
  const given = new Wanted({ workers: 3, asgiWorkers: null })
  assert.deepEqual([given.of('wsgi'), given.of('asgi'), given.of(null)], [3, 3, 3])
})

test('TTIN and TTOU add to it, and one stays', () => {
  const wanted = new Wanted({ workers: 2, asgiWorkers: 1 })
  wanted.change('wsgi', 1)
  assert.equal(wanted.of('wsgi'), 3)
  for (let i = 0; i < 9; i++) wanted.change('wsgi', -1)
  assert.equal(wanted.of('wsgi'), 1)
  wanted.change('wsgi', 1)
  assert.equal(wanted.of('wsgi'), 2)
})

test('another configuration keeps what they have added, unless the setting changed', () => {
  const wanted = new Wanted({ workers: 2, asgiWorkers: null })
  wanted.change('wsgi', 1)
  wanted.configure({ workers: 2, asgiWorkers: null }, false)
  assert.equal(wanted.of('wsgi'), 3)
  wanted.configure({ workers: 5, asgiWorkers: null }, true)
  assert.equal(wanted.of('wsgi'), 5)
})
