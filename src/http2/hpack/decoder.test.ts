import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FieldKind } from '../../http/request-rules.ts'
import { HpackDecoder } from './decoder.ts'
import { HpackError } from './errors.ts'
import { type FieldName, fieldName } from './field-names.ts'
import { decodeAll, indexed, integer, type Kind, literal, pairs, sizeUpdate, stringOf } from './testing/blocks.ts'

function decode(...parts: readonly Buffer[]): ReturnType<typeof decodeAll> {
  return decodeAll(new HpackDecoder(4096), Buffer.concat(parts))
}

test('an index that the tables do not have is an error (RFC7541§6.1)', () => {
  assert.throws(() => decode(indexed(0)), /An index is 0.*RFC7541§6\.1/)
  assert.throws(() => decode(indexed(62)), /no index 62.*RFC7541§6\.1/)
  assert.throws(() => decode(indexed(2 ** 31 - 1)), /no index 2147483647/)
  assert.throws(() => decode(literal('indexing', 62, 'a')), /no index 62/)
  assert.deepEqual(pairs(decode(indexed(61))), [['www-authenticate', '']])
})

test('a block that is cut short is an error', () => {
  const whole = Buffer.concat([literal('indexing', 'name', 'value'), literal('never', 'a', 'b', true)])
  const first = literal('indexing', 'name', 'value').length
  for (let end = 1; end < whole.length; end++)
    if (end !== first) assert.throws(() => decode(whole.subarray(0, end)), HpackError)
  assert.equal(decode(whole).length, 2)
})

test('a string that is larger than its block is an error, and nothing is allocated for it', () => {
  assert.throws(() => decode(integer(0, 0x3f, 0x40), integer(2 ** 31 - 1, 0x7f, 0x80)), /ends within a string/)
})

test('a size update stands at the beginning, twice at most, within the limit (RFC7541§4.2, §6.3)', () => {
  assert.deepEqual(decode(sizeUpdate(0), sizeUpdate(4096)), [])
  assert.throws(() => decode(sizeUpdate(0), sizeUpdate(1), sizeUpdate(2)), /more than two.*RFC7541§4\.2/)
  assert.throws(() => decode(indexed(2), sizeUpdate(0)), /behind a field.*RFC7541§4\.2/)
  assert.throws(() => decode(sizeUpdate(4097)), /4097 octets, of 4096.*RFC7541§6\.3/)
})

test('a smaller table loses its oldest entries', () => {
  const decoder = new HpackDecoder(4096)
  decodeAll(decoder, Buffer.concat([literal('indexing', 'old', '1'), literal('indexing', 'new', '2')]))
  assert.deepEqual(pairs(decodeAll(decoder, indexed(63))), [['old', '1']])
  assert.deepEqual(pairs(decodeAll(decoder, Buffer.concat([sizeUpdate(36), indexed(62)]))), [['new', '2']])
  assert.throws(() => decodeAll(decoder, indexed(63)), HpackError)
})

test('a client must come down to a lower limit before its next field (RFC7541§4.2)', () => {
  const lowered = (): HpackDecoder => {
    const decoder = new HpackDecoder(4096)
    decoder.setMaxTableSize(100)
    return decoder
  }
  assert.throws(() => decodeAll(lowered(), indexed(2)), /as small as 100 octets.*RFC7541§4\.2/)
  assert.throws(() => decodeAll(lowered(), Buffer.concat([sizeUpdate(101), indexed(2)])), /101 octets, of 100/)
  for (const size of [0, 100]) {
    const decoder = lowered()
    decodeAll(decoder, Buffer.concat([sizeUpdate(size), indexed(2)]))
    decodeAll(decoder, indexed(2))
  }
})

test('the smallest limit since the last block counts, though it was raised again (RFC7541§4.2)', () => {
  for (const raised of [200, 8192]) {
    const changed = (): HpackDecoder => {
      const decoder = new HpackDecoder(4096)
      decoder.setMaxTableSize(100)
      decoder.setMaxTableSize(raised)
      return decoder
    }
    assert.throws(() => decodeAll(changed(), sizeUpdate(raised)), /as small as 100 octets/)
    decodeAll(changed(), Buffer.concat([sizeUpdate(100), sizeUpdate(raised)]))
  }
})

test('a limit that is raised, or that the table is within, asks for nothing', () => {
  const decoder = new HpackDecoder(4096)
  decoder.setMaxTableSize(8192)
  decodeAll(decoder, indexed(2))
  decodeAll(decoder, sizeUpdate(50))
  decoder.setMaxTableSize(60)
  decodeAll(decoder, indexed(2))
})

test('an entry that is larger than the table empties it, and is a field nevertheless (RFC7541§4.4)', () => {
  const decoder = new HpackDecoder(4096)
  decodeAll(decoder, literal('indexing', 'a', 'b'))
  const large = 'x'.repeat(4096)
  assert.deepEqual(pairs(decodeAll(decoder, literal('indexing', 62, large))), [['a', large]])
  assert.throws(() => decodeAll(decoder, indexed(62)), HpackError)
})

test('an entry may take its name from the one that it pushes out (RFC7541§4.4)', () => {
  const decoder = new HpackDecoder(4096)
  decodeAll(decoder, Buffer.concat([sizeUpdate(50), literal('indexing', 'name', 'a')]))
  decodeAll(decoder, literal('indexing', 62, 'abcdefgh'))
  assert.deepEqual(pairs(decodeAll(decoder, indexed(62))), [['name', 'abcdefgh']])
})

const VALID_NAMES = ['a', ':path', ':unknown', 'x-a.b_c', "!#$%&'*+-.^_`|~09az"]
const INVALID_NAMES = ['', 'A', 'nAme', 'a b', ' a', 'a:', ':', '::a', ':A', 'a\0', 'a\r\n', '\x7f', 'é', 'a\t']
const VALID_VALUES = ['', 'a', 'a b', 'a\tb', '\xe9\x80\xff', '"', "<>[]^`{|}~$@#?'"]
const INVALID_VALUES = [' ', ' a', 'a ', '\ta', 'a\t', 'a\0b', 'a\rb', 'a\nb', '\x01', '\x1f', '\x7f']

test('an invalid name or value is told, and the block is decoded on (RFC9113§8.2.1)', () => {
  const cases = [
    ...VALID_NAMES.map(name => [name, 'value', true] as const),
    ...INVALID_NAMES.map(name => [name, 'value', false] as const),
    ...VALID_VALUES.map(value => ['name', value, true] as const),
    ...INVALID_VALUES.map(value => ['name', value, false] as const),
  ]
  for (const isHuffman of [false, true])
    for (const kind of ['indexing', 'without', 'never'] satisfies Kind[])
      for (const [name, value, isValid] of cases) {
        const decoder = new HpackDecoder(4096)
        const expected = { name, value, isValid, isSensitive: kind === 'never' }
        const behind = { name: ':method', value: 'GET', isValid: true, isSensitive: false }
        const block = Buffer.concat([literal(kind, name, value, isHuffman), indexed(2)])
        assert.deepEqual(decodeAll(decoder, block), [expected, behind])
        // The entry remembers it, and so does a field that takes its name only.
        if (kind !== 'indexing') continue
        const again = Buffer.concat([indexed(62), literal('without', 62, 'b')])
        const [whole, named] = decodeAll(decoder, again)
        assert.deepEqual(whole, expected)
        assert.equal(named!.isValid, !INVALID_NAMES.includes(name))
      }
})

test('one name is one object, in all connections, and says what it means', () => {
  const names: FieldName[] = []
  const sink = { field: (name: FieldName) => names.push(name) }
  for (let i = 0; i < 2; i++) {
    const decoder = new HpackDecoder(4096)
    decoder.decode(literal('indexing', 'x-some-name', 'a'), sink)
    decoder.decode(literal('without', 62, 'b'), sink)
    decoder.decode(literal('without', 'x-some-name', 'c', true), sink)
  }
  assert.equal(new Set(names).size, 1)
  const path = fieldName(':path')
  names.length = 0
  new HpackDecoder(4096).decode(Buffer.concat([indexed(4), literal('never', ':path', '/')]), sink)
  assert.deepEqual(names, [path, path])
  assert.ok(names.every(name => name === path && name.isPseudo))
  assert.equal(fieldName('host').kind, FieldKind.HOST)
  assert.equal(fieldName('x_y').kind, FieldKind.DROPPED)
  assert.equal(fieldName('host').isPseudo, false)
})

test('the cache of names is bounded', () => {
  const name = (i: number) => `x-invented-${i}`
  for (let i = 0; i < 3000; i++) fieldName(name(i))
  assert.equal(fieldName(name(0)), fieldName(name(0)))
  assert.notEqual(fieldName(name(2999)), fieldName(name(2999)))
  assert.notEqual(fieldName('x'.repeat(65)), fieldName('x'.repeat(65)))
  assert.equal(fieldName(':path'), fieldName(':path'))
})

test('a bomb materialises nothing: 64 KiB that stand for 250 MB are calls with one string', () => {
  const decoder = new HpackDecoder(4096)
  const value = 'x'.repeat(4000)
  const block = Buffer.concat([literal('indexing', 'a', value), Buffer.alloc(64 * 1024 - 4100, indexed(62))])
  let calls = 0
  let length = 0
  let first: string | null = null
  const before = process.memoryUsage().heapUsed
  decoder.decode(block, {
    field(_, value) {
      first ??= value
      calls++
      length += value.length
    },
  })
  assert.equal(first, value)
  assert.equal(calls, 64 * 1024 - 4100 + 1)
  assert.ok(length > 240e6)
  // Copies would be 240 MB.
  assert.ok(process.memoryUsage().heapUsed - before < 50e6)
})

test('strings of no characters and entries of no size make a bounded table', () => {
  const decoder = new HpackDecoder(4096)
  const empty = literal('indexing', '', '')
  assert.equal(decodeAll(decoder, Buffer.concat(new Array<Buffer>(20_000).fill(empty))).length, 20_000)
  // 4096 octets hold 128 entries of 32.
  assert.equal(decodeAll(decoder, indexed(62 + 127)).length, 1)
  assert.throws(() => decodeAll(decoder, indexed(62 + 128)), HpackError)
})

test('any bytes are fields or an HpackError; there are no more fields than bytes', () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 30 }).map(bytes => Buffer.from(bytes)),
    fc.integer({ min: 0, max: 70 }).map(indexed),
    fc.integer({ min: 0, max: 5000 }).map(sizeUpdate),
    fc
      .tuple(
        fc.constantFrom<Kind>('indexing', 'without', 'never'),
        fc.nat(66),
        fc.string({ maxLength: 9 }),
        fc.boolean(),
      )
      .map(([kind, index, value, isHuffman]) => literal(kind, index, value, isHuffman)),
    fc.string({ maxLength: 9 }).map(text => stringOf(text, true)),
  )
  fc.assert(
    fc.property(fc.array(fc.array(part, { maxLength: 6 }), { maxLength: 5 }), blocks => {
      const decoder = new HpackDecoder(100)
      for (const parts of blocks) {
        const block = Buffer.concat(parts)
        let calls = 0
        try {
          decoder.decode(block, { field: () => calls++ })
        } catch (error) {
          assert.ok(error instanceof HpackError, String(error))
          assert.match(error.rule, /^RFC7541§\d\.\d$/)
        }
        assert.ok(calls <= block.length)
      }
    }),
    { numRuns: 1000 },
  )
})

test('strings of an entry hold nothing of the block', () => {
  const decoder = new HpackDecoder(4096)
  const block = literal('indexing', 'name', 'value'.repeat(10))
  decodeAll(decoder, block)
  block.fill(0)
  assert.deepEqual(pairs(decodeAll(decoder, indexed(62))), [['name', 'value'.repeat(10)]])
})
