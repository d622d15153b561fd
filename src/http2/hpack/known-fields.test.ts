import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Field } from './field.ts'
import { fieldName } from './field-names.ts'
import { decodeField, readField } from './known-fields.ts'
import { StringReader } from './strings.ts'
import { stringOf } from './testing/blocks.ts'

function read(name: string, value: string, isHuffman = false): Field {
  const reader = new StringReader(Buffer.concat([stringOf(value, isHuffman), Buffer.from('behind')]))
  const field = readField(reader, fieldName(name))
  assert.equal(reader.at, reader.bytes.length - 'behind'.length)
  assert.deepEqual([field.name, field.value], [fieldName(name), value])
  return field
}

test('a field is the same object from the third time on', () => {
  for (const isHuffman of [false, true]) {
    const fields = Array.from({ length: 4 }, () => read('user-agent', 'test/1.0', isHuffman))
    assert.notEqual(fields[0], fields[1])
    assert.equal(fields[2], fields[1])
    assert.equal(fields[3], fields[1])
  }
})

test('one value of two names is two fields', () => {
  for (let i = 0; i < 4; i++) for (const name of ['x-one', 'x-two']) read(name, 'the same')
})

test('an invalid value stays invalid', () => {
  for (let i = 0; i < 4; i++) {
    assert.equal(read('x-name', 'a\0b').isValid, false)
    assert.equal(read('x-name', ' b').isValid, false)
    assert.equal(read('X-Name', 'b').isValid, false)
    assert.equal(read('x-name', 'b').isValid, true)
  }
})

for (const [what, name, value] of [
  ['a secret', 'cookie', 'session=1'],
  ['a secret', 'authorization', 'Basic YTpi'],
  ['a long value', 'x-name', 'x'.repeat(128)],
  ['a field with a long name', 'x'.repeat(65), 'value'],
] as const)
  test(`${what} is not kept: ${name.slice(0, 20)}`, () => {
    const fields = Array.from({ length: 4 }, () => read(name, value))
    assert.equal(new Set(fields).size, 4)
  })

test('what is kept is what is decoded, for any values', () => {
  const value = fc.uint8Array({ maxLength: 3 }).map(bytes => Buffer.from(bytes).toString('latin1'))
  const name = fc.constantFrom('x-a', 'x-b', ':path', 'cookie', 'BAD')
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value, fc.boolean()), { maxLength: 30 }), fields => {
      for (const [name, value, isHuffman] of [...fields, ...fields, ...fields]) {
        const decoded = decodeField(new StringReader(stringOf(value, isHuffman)), fieldName(name))
        assert.deepEqual(read(name, value, isHuffman), decoded)
      }
    }),
    { numRuns: 200 },
  )
})
