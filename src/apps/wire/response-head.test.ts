import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHead, decodeTrailers } from './response-head.ts'
import { WireViolation } from './violation.ts'

const decode = (status: number, text: string) => {
  const bytes = Buffer.from(`--${text}--`, 'latin1')
  return decodeHead(status, bytes, 2, bytes.length - 2)
}

test('a head that comes again is one object, which nobody can change', () => {
  const [first, second, third] = [1, 2, 3].map(() => decode(200, 'OK\0X-Again\0yes'))
  assert.deepEqual(first, { status: 200, reason: 'OK', headers: ['X-Again', 'yes'] })
  assert.equal(second!.comesAgain, true)
  assert.deepEqual(second!.headers, ['X-Again', 'yes'])
  assert.equal(third, second)
  assert.throws(() => second!.headers.push('X-More', 'no'), TypeError)
})

test('the same bytes with another status are another head', () => {
  for (const status of [201, 202, 201, 202, 202]) assert.equal(decode(status, 'Fine\0X-Status\0any').status, status)
})

test('heads of one length are told apart, also when each of them comes again', () => {
  const letters = ['a', 'b', 'b', 'c', 'a', 'a', 'c', 'b', 'a']
  const heads = letters.map(letter => decode(200, `OK\0X-Letter\0${letter}\0X-Last\0same`))
  assert.deepEqual(
    heads.map(({ headers }) => headers[1]),
    letters,
  )
  assert.equal(heads[8], heads[5])
  assert.equal(heads[7], heads[2])
})

test('a head that breaks the rules is refused each time', () => {
  for (let i = 0; i < 3; i++) assert.throws(() => decode(200, 'OK\0bad name\0x'), WireViolation)
})

test('long heads, and more heads than are remembered, are read correctly', () => {
  const long = 'x'.repeat(300)
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(decode(200, `OK\0X-Long\0${long}`).headers, ['X-Long', long])
    for (let n = 0; n < 600; n++) assert.deepEqual(decode(200, `OK\0X-Number\0${n}`).headers, ['X-Number', String(n)])
  }
})

test('trailers are never shared', () => {
  const bytes = Buffer.from('X-Sum\0abc')
  const [first, second] = [1, 2].map(() => decodeTrailers(bytes, 0, bytes.length))
  assert.deepEqual(first, ['X-Sum', 'abc'])
  assert.notEqual(first, second)
})
