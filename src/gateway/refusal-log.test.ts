import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exchange } from '../http/exchange.ts'
import { RefusalLog } from './refusal-log.ts'

test('one line a second, with the number of those that were not said', t => {
  let now = 5000
  t.mock.method(performance, 'now', () => now)
  const lines: string[] = []
  const log = new RefusalLog((_level, message) => lines.push(message))
  const exchange = { id: 'a-1', request: { method: 'GET', path: '/x' } } as unknown as Exchange
  for (let i = 0; i < 10; i++) log.report('Too many requests are waiting', exchange)
  now += 1500
  log.report('Too many requests are waiting', exchange)
  assert.deepEqual(lines, [
    'GET /x (request a-1) was refused: Too many requests are waiting',
    'GET /x (request a-1) was refused: Too many requests are waiting; and 9 requests before it',
  ])
})
