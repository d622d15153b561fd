/** Each rule by itself; what HTTP/1.1 makes of them is in `http1/serializer.test.ts`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  checkContentLength,
  checkFinalStatus,
  checkInterimStatus,
  checkValue,
  fieldBehind,
  mayBeInterim,
  mayBeTrailer,
  mayHaveContent,
  meaningOf,
  NO_FIELD,
} from './response-rules.ts'

test('hop-by-hop fields are the connection’s, however they are spelled (RFC9110§7.6.1)', () => {
  for (const name of ['Keep-Alive', 'keep-alive', 'TE', 'Transfer-Encoding', 'Proxy-Connection'])
    assert.equal(meaningOf(name), 'drop', name)
  assert.equal(meaningOf('CONTENT-LENGTH'), 'content-length')
  assert.equal(meaningOf('Set-Cookie'), '')
  assert.equal(meaningOf('constructor'), '')
})

test('a name that is no token, a value with CR, LF, NUL or what is no byte: response splitting', () => {
  for (const name of ['', 'a b', 'a\r\nb', 'a:', 'é']) assert.throws(() => meaningOf(name), /not a header name/)
  for (const value of ['a\r\nb: c', 'a\n', '\r', '\0', '\x7f', '\u010d\u010a'])
    assert.throws(() => checkValue('x', value), /^Error: x has a character/)
  checkValue('x', 'a\tb\xff')
})

test('names that follow one another are found in any order, and checked when they are new', () => {
  for (const names of [
    ['A', 'B', 'C'],
    ['A', 'C', 'B'],
    ['C', 'B', 'A', 'A'],
  ]) {
    let field = NO_FIELD
    for (const name of names) {
      field = fieldBehind(field, name)
      assert.equal(field.name, name)
    }
    const last = field
    assert.throws(() => fieldBehind(last, 'not a name'))
  }
})

test('Content-Length: digits, and the same number each time (RFC9110§8.6)', () => {
  assert.equal(checkContentLength('12', -1), 12)
  assert.equal(checkContentLength('12', 12), 12)
  assert.throws(() => checkContentLength('13', 12), /both 12 and 13/)
  for (const value of ['', ' 1', '1,1', '-1', '0x1', '1234567890123456'])
    assert.throws(() => checkContentLength(value, -1), /invalid/)
})

test('statuses: final or interim, and 101 is neither', () => {
  for (const status of [200, 999]) checkFinalStatus(status)
  for (const status of [99, 100, 101, 199, 1000, Number.NaN]) assert.throws(() => checkFinalStatus(status))
  for (const status of [100, 103]) checkInterimStatus(status)
  for (const status of [101, 200, 99]) assert.throws(() => checkInterimStatus(status))
})

test('content: none for HEAD, 204, 205, 304 (RFC9110§6.4.1)', () => {
  assert.ok(mayHaveContent(200, false))
  assert.ok(!mayHaveContent(200, true))
  for (const status of [204, 205, 304]) assert.ok(!mayHaveContent(status, false))
})

test('what an interim response and trailers may have', () => {
  assert.ok(mayBeInterim(meaningOf('Link')))
  assert.ok(mayBeInterim(meaningOf('Date')))
  assert.ok(!mayBeInterim(meaningOf('Content-Length')))
  assert.ok(mayBeTrailer('Server-Timing'))
  for (const name of ['Set-Cookie', 'content-type', 'Transfer-Encoding', 'Date']) assert.ok(!mayBeTrailer(name), name)
})
