import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exchange } from '../http/exchange.ts'
import { accessLine } from './access-format.ts'

function exchange(changes: { target?: string; headers?: string[]; status?: number; address?: string }): Exchange {
  return {
    request: { method: 'GET', target: changes.target ?? '/a?b', version: '1.1', headers: changes.headers ?? [] },
    response: { status: changes.status ?? 200, bytesWritten: 12 },
    peer: { address: changes.address ?? '192.0.2.1' },
    receivedAt: 1000,
  } as unknown as Exchange
}

test('a line has the combined format and the seconds taken', () => {
  const line = accessLine(exchange({ headers: ['referer', 'http://r/', 'user-agent', 'curl/8'] }), 1250)
  assert.match(
    line,
    /^192\.0\.2\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a\?b HTTP\/1\.1" 200 12 "http:\/\/r\/" "curl\/8" 0\.250\n$/,
  )
})

test('a client that left before the answer is 499, a Unix socket has no address', () => {
  assert.match(accessLine(exchange({ status: 0, address: '' }), 1000), /^- - - .* 499 12 "-" "-" 0\.000\n$/)
})

test('quotes, backslashes, control characters and other scripts are escaped: no client forges a line', () => {
  const line = accessLine(exchange({ headers: ['user-agent', 'a"b\\c\nd\x1b[2Jé'] }), 1000)
  assert.ok(line.includes('"a\\"b\\\\c\\x0ad\\x1b[2J\\xe9"'), line)
  assert.equal(line.split('\n').length, 2)
})

test('what a client sends is bounded', () => {
  const line = accessLine(exchange({ target: `/${'x'.repeat(10_000)}` }), 1000)
  assert.ok(line.length < 2500, `${line.length}`)
  assert.ok(line.includes('x...'), line)
})
