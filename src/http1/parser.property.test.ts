/** Cutting the bytes anywhere changes neither the calls nor the error. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cut, record } from './testing/recorded-calls.ts'

const good = fc.constantFrom(
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n',
  '\r\n\r\nGET http://h:1/x HTTP/1.1\r\nHost: other\r\nConnection: close, x\r\n\r\n',
  'PUT /e HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx',
  'GET / HTTP/1.0\r\nConnection: keep-alive\r\nX_Y: dropped\r\n\r\n',
)
const junk = fc.constantFrom(
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  'x',
  '#',
  '\r\n',
  'ÿ',
  '0',
  'Host: b\r\n',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: gzip\r\n',
  'a'.repeat(70),
)

/** Several requests, with junk inserted somewhere. */
const streams = fc
  .tuple(fc.array(good, { minLength: 1, maxLength: 3 }), fc.array(fc.tuple(fc.nat(200), junk), { maxLength: 2 }))
  .map(([requests, insertions]) => {
    let text = requests.join('')
    for (const [place, what] of insertions) {
      const at = place % (text.length + 1)
      text = text.slice(0, at) + what + text.slice(at)
    }
    return Buffer.from(text, 'latin1')
  })

test('cut anywhere, the calls and the error are the same', () => {
  fc.assert(
    fc.property(streams, fc.array(fc.nat(400), { maxLength: 6 }), (bytes, places) => {
      assert.deepEqual(record(cut(bytes, places)), record([bytes]))
    }),
    { numRuns: 3000 },
  )
})

test('byte by byte, the calls and the error are the same', () => {
  fc.assert(
    fc.property(streams, bytes => {
      assert.deepEqual(record([...bytes].map(byte => Buffer.from([byte]))), record([bytes]))
    }),
    { numRuns: 1000 },
  )
})

test('any bytes at all end in calls or in a ProtocolError, never in another error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
      record([Buffer.from(bytes)])
    }),
    { numRuns: 2000 },
  )
})

test('headers of any length near the limit: byte by byte, the calls and the error are the same', () => {
  for (let length = 170; length < 200; length++) {
    const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'v'.repeat(length)}\r\n\r\n`)
    assert.deepEqual(record([...bytes].map(byte => Buffer.from([byte]))), record([bytes]), `${length} bytes`)
  }
})
