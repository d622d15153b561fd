import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RequestDeadlines, RequestTimes } from './request-times.ts'

const requestFor = [
  { prefix: '/export/', timeout: 300_000 },
  { prefix: '/export/small/', timeout: 5000 },
  { prefix: '/poll/', timeout: 0 },
]
const times = new RequestTimes({ request: 30_000, requestFor }, '')

const CASES: readonly (readonly [path: string, time: number])[] = [
  ['/', 30_000],
  ['/export', 300_000],
  ['/export/', 300_000],
  ['/export/x/y', 300_000],
  ['/exports', 30_000],
  ['/a/export', 30_000],
  ['/export/small', 5000],
  ['/export/small/x', 5000],
  ['/export/smaller', 300_000],
  ['/poll', 0],
  ['/%65xport', 300_000],
  ['/export%2fx', 300_000],
  ['/export%', 30_000],
  ['/%ff/export', 30_000],
  ['*', 30_000],
]

for (const [path, time] of CASES) test(`${path} has ${time} ms`, () => assert.equal(times.of(path), time))

test('the prefix / matches every path', () => {
  const all = new RequestTimes({ request: 0, requestFor: [{ prefix: '/', timeout: 7 }] }, '')
  assert.deepEqual([all.of('/'), all.of('/x/y'), all.shortest], [7, 7, 7])
})

test('a prefix matches with the root path before it and without, in the setting and in the request', () => {
  const rooted = new RequestTimes(
    {
      request: 1,
      requestFor: [
        { prefix: '/a/', timeout: 2 },
        { prefix: '/shop/b/', timeout: 3 },
      ],
    },
    '/shop',
  )
  assert.deepEqual(
    ['/a', '/shop/a', '/b', '/shop/b', '/shop'].map(path => rooted.of(path)),
    [2, 2, 3, 3, 1],
  )
})

test('a prefix is written from the root of a mounted application', () => {
  const mounted = new RequestTimes({ request: 1, requestFor: [{ prefix: '/a/', timeout: 2 }] }, '/outer', '/shop')
  assert.deepEqual(
    ['/shop/a', '/outer/shop/a/x', '/a', '/outer/a', '/shop/ab'].map(path => mounted.of(path)),
    [2, 2, 1, 1, 1],
  )
})

test('the shortest time leaves out requests without one', () => {
  assert.equal(times.shortest, 5000)
  assert.equal(new RequestTimes({ request: 0, requestFor: [] }, '').shortest, Number.POSITIVE_INFINITY)
})

test('paths with the same time share a list', () => {
  const deadlines = new RequestDeadlines(times)
  assert.equal(deadlines.of('/export'), deadlines.of('/export/y'))
  assert.notEqual(deadlines.of('/export'), deadlines.of('/'))
  // What a location says.
  assert.equal(deadlines.of('/export', 30_000), deadlines.of('/'))
  assert.equal(deadlines.of('/', 300_000), deadlines.of('/export'))
  assert.equal(deadlines.of('/', 7), deadlines.of('/export', 7))
  assert.notEqual(deadlines.of('/', 7), deadlines.of('/'))
})

test('the longest time is none where a path has none', () => {
  assert.equal(times.longest, 0)
  assert.equal(new RequestTimes({ request: 30_000, requestFor: requestFor.slice(0, 2) }, '').longest, 300_000)
})
