import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answered } from '../http/exchange.ts'
import { createAccessWriter } from './access-log.ts'

function written(conditions: { minStatus?: number; slowerThan?: number }): string[] {
  const lines: string[] = []
  const config = { path: '-', format: '%(s)s %(m)s', minStatus: 0, slowerThan: 0, ...conditions }
  const write = createAccessWriter(config, line => lines.push(line.trimEnd()))
  for (const [status, method, elapsed] of [
    [200, 'FAST', 0],
    [200, 'SLOW', 5000],
    [404, 'FAST', 0],
    [500, 'SLOW', 5000],
    [0, 'FAST', 0],
  ] as const) {
    const entry = { response: { status }, request: { method }, receivedAt: performance.now() - elapsed }
    write(entry as unknown as Answered)
  }
  return lines
}

test('without a condition every request has a line; a client that left has status 499', () => {
  assert.deepEqual(written({}), ['200 FAST', '200 SLOW', '404 FAST', '500 SLOW', '499 FAST'])
})

test('with conditions only a request that meets one of them has a line', () => {
  assert.deepEqual(written({ minStatus: 404 }), ['404 FAST', '500 SLOW', '499 FAST'])
  assert.deepEqual(written({ slowerThan: 5000 }), ['200 SLOW', '500 SLOW'])
  assert.deepEqual(written({ minStatus: 499, slowerThan: 1000 }), ['200 SLOW', '500 SLOW', '499 FAST'])
})
