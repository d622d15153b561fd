import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLimitUse, parseRate } from './limit-words.ts'

test('a rate is requests in a time', () => {
  const values = ['10/s', '30/m', '5/h', '1/d', '10r/s', '3/s'].map(text => parseRate(text))
  const us = [100_000, 2_000_000, 720_000_000, 86_400_000_000, 100_000, 1_000_000 / 3]
  assert.deepEqual(
    values,
    us.map(value => ({ value })),
  )
  for (const text of ['', '10', '0/s', '10/x', '-1/s', '1.5/s', '9999999/s'])
    assert.ok('problem' in parseRate(text), text)
})

test('an entry of limits names a limit, and says what becomes of more', () => {
  const login = { name: 'login', burst: 0, delay: 0, status: 429, isDryRun: false }
  assert.deepEqual(parseLimitUse('login'), { value: login })
  assert.deepEqual(parseLimitUse('off'), { value: null })
  assert.deepEqual(parseLimitUse('login burst=5 nodelay'), { value: { ...login, burst: 5, delay: 5 } })
  assert.deepEqual(parseLimitUse('login burst=5 delay=2 status=503 dry-run'), {
    value: { name: 'login', burst: 5, delay: 2, status: 503, isDryRun: true },
  })
  for (const text of [
    '',
    'Login',
    'login burst',
    'login burst=-1',
    'login burst=5 burst=6',
    'login nodelay',
    'login burst=5 nodelay delay=2',
    'login status=200',
    'login burst=1000000',
    'login other=1',
    'login dry-run=1',
  ])
    assert.ok('problem' in parseLimitUse(text), text)
})
