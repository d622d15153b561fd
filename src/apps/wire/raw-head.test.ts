import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_RAW_HEAD, RawHeadReader } from './raw-head.ts'

const HEAD = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nX-Empty:\r\nSet-Cookie:  a=\xe9 \r\n\r\n'

function read(bytes: Buffer, cuts: readonly number[] = []) {
  const reader = new RawHeadReader()
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    const head = reader.push(bytes.subarray(from, cut))
    if (head !== null) return { ...head, rest: head.rest.toString('latin1') + bytes.toString('latin1', cut) }
    from = cut
  }
  return null
}

test('a head is the same however it is cut, and what follows it is left', () => {
  const bytes = Buffer.from(`${HEAD}\r\n\r\nrest`, 'latin1')
  const whole = {
    status: 101,
    reason: 'Switching Protocols',
    headers: ['Upgrade', 'websocket', 'X-Empty', '', 'Set-Cookie', 'a=\xe9'],
    rest: '\r\n\r\nrest',
  }
  assert.deepEqual(read(bytes), whole)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 12 }), cuts =>
      assert.deepEqual(
        read(
          bytes,
          cuts.sort((a, b) => a - b),
        ),
        whole,
      ),
    ),
  )
  assert.equal(read(bytes.subarray(0, HEAD.length - 1)), null)
})

test('what is no head of HTTP/1.1 is refused', () => {
  for (const text of [
    'soup',
    'HTTP/2 101 OK',
    'HTTP/1.1 99 OK',
    'HTTP/1.1 600 OK',
    'HTTP/1.1 101\tOK',
    'HTTP/1.1 200 a\rb',
    'HTTP/1.1 200 OK\r\nno colon',
    'HTTP/1.1 200 OK\r\n: no name',
    'HTTP/1.1 200 OK\r\nX A: b',
    'HTTP/1.1 200 OK\r\nX: a\r\n folded',
    'HTTP/1.1 200 OK\r\nX: a\nb: c',
    'HTTP/1.1 200 OK\r\nX: \0',
  ])
    assert.throws(() => read(Buffer.from(`${text}\r\n\r\n`, 'latin1')), /a |no /, text)
  assert.equal(read(Buffer.from('HTTP/1.0 204\r\n\r\n'))!.reason, '')
})

test('a head is bounded', () => {
  const reader = new RawHeadReader()
  assert.equal(reader.push(Buffer.alloc(MAX_RAW_HEAD - 1, 'x')), null)
  assert.throws(() => reader.push(Buffer.from('xx')), /more than 65536 bytes/)
})
