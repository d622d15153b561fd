import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HpackError } from './errors.ts'
import { MAX_INTEGER, MAX_INTEGER_BYTES, Reader, writeInteger } from './integers.ts'
import { integer } from './testing/blocks.ts'

function read(hex: string, mask: number): number {
  return new Reader(Buffer.from(hex, 'hex')).integer(mask)
}

for (const [name, value, mask, hex] of [
  ['RFC7541§C.1.1: 10 in five bits', 10, 0x1f, '0a'],
  ['RFC7541§C.1.2: 1337 in five bits', 1337, 0x1f, '1f9a0a'],
  ['RFC7541§C.1.3: 42 in eight bits', 42, 0xff, '2a'],
  ['all ones of the first byte are followed by a byte', 127, 0x7f, '7f00'],
  ['the largest number', MAX_INTEGER, 0x0f, '0ff0ffffff07'],
] as const)
  test(name, () => {
    assert.equal(integer(value, mask, 0).toString('hex'), hex)
    assert.equal(read(hex, mask), value)
  })

test('bits before the number are kept when it is written, and do not count when it is read', () => {
  assert.equal(integer(1337, 0x1f, 0x20).toString('hex'), '3f9a0a')
  assert.equal(read('ff9a0a', 0x1f), 1337)
})

test('zeros at the end are a number as long as it is not too long', () => {
  assert.equal(read('1f8080808000', 0x1f), 31)
  assert.throws(() => read('1f808080808000', 0x1f), /more than 6 bytes.*RFC7541§5\.1/)
})

test('a number that is too large or cut short is an error', () => {
  assert.throws(() => read('0ff1ffffff07', 0x0f), /larger than 2147483647.*RFC7541§5\.1/)
  assert.throws(() => read('1fffffffff7f', 0x1f), HpackError)
  assert.throws(() => read('1f', 0x1f), /ends within a number.*RFC7541§5\.1/)
  assert.throws(() => read('1f80', 0x1f), /ends within a number/)
})

test('any number is read as it was written', () => {
  fc.assert(
    fc.property(fc.nat(MAX_INTEGER), fc.integer({ min: 1, max: 8 }), (value, bits) => {
      const into = Buffer.alloc(MAX_INTEGER_BYTES + 2)
      const end = writeInteger(value, 2 ** bits - 1, 0, into, 1)
      const reader = new Reader(into.subarray(0, end))
      reader.at = 1
      assert.ok(end - 1 <= MAX_INTEGER_BYTES)
      assert.equal(reader.integer(2 ** bits - 1), value)
      assert.equal(reader.at, end)
    }),
  )
})
