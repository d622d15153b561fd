import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NOT_IN_VALUE } from '../../http/headers.ts'
import { HpackError } from './errors.ts'
import { type Decoded, decodedRoom, decodeHuffman, encodeHuffman, huffmanLength } from './huffman.ts'

function encode(text: string): string {
  const into = Buffer.alloc(huffmanLength(text))
  assert.equal(encodeHuffman(text, into, 0), into.length)
  return into.toString('hex')
}

function decode(hex: string): { text: string; hasForbidden: boolean } {
  // The bytes around it must not be looked at.
  const bytes = Buffer.from(`00${hex}ff`, 'hex')
  const decoded: Decoded = {
    characters: Buffer.alloc(decodedRoom(bytes.length - 2)),
    length: 0,
    hasForbidden: false,
  }
  decodeHuffman(bytes, 1, bytes.length - 1, decoded)
  return {
    text: decoded.characters.toString('latin1', 0, decoded.length),
    hasForbidden: decoded.hasForbidden,
  }
}

for (const [text, hex] of [
  ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
  ['no-cache', 'a8eb10649cbf'],
  ['custom-key', '25a849e95ba97d7f'],
  ['custom-value', '25a849e95bb8e8b4bf'],
  ['302', '6402'],
  ['private', 'aec3771a4b'],
  ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
  ['https://www.example.com', '9d29ad171863c78f0b97c8e9ae82ae43d3'],
  [
    'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    '94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
  ],
  ['', ''],
] as const)
  test(`RFC7541§C.4, §C.6: ${JSON.stringify(text)}`, () => {
    assert.equal(encode(text), hex)
    assert.deepEqual(decode(hex), { text, hasForbidden: false })
  })

test('every character, alone and among others', () => {
  for (let i = 0; i < 256; i++) {
    const character = String.fromCharCode(i)
    for (const text of [character, `a${character}`, `${character}Z`, `0${character}${character}x`])
      assert.deepEqual(decode(encode(text)), { text, hasForbidden: NOT_IN_VALUE.test(text) })
  }
})

test('any text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      const text = Buffer.from(bytes).toString('latin1')
      assert.deepEqual(decode(encode(text)), { text, hasForbidden: NOT_IN_VALUE.test(text) })
    }),
  )
})

test('any bytes are the code of what they are decoded to, or an error (RFC7541§5.2)', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
      const hex = Buffer.from(bytes).toString('hex')
      try {
        assert.equal(encode(decode(hex).text), hex)
      } catch (error) {
        assert.ok(error instanceof HpackError, String(error))
      }
    }),
    { numRuns: 2000 },
  )
})

test('padding is at most seven ones (RFC7541§5.2)', () => {
  // `0` is 00000, `1` is 00001, `&` is 11111000.
  assert.equal(decode('07').text, '0')
  assert.throws(() => decode('06'), /is not ones.*RFC7541§5\.2/)
  assert.throws(() => decode('00'), /is not ones/)
  assert.throws(() => decode('07ff'), /more than 7 bits/)
  assert.throws(() => decode('ff'), /more than 7 bits/)
  assert.throws(() => decode('f8ff'), /more than 7 bits/)
  // Behind `0` there are the first eleven bits of `$`.
  assert.throws(() => decode('07fe'), /more than 7 bits/)
})

test('EOS is no character (RFC7541§5.2)', () => {
  assert.throws(() => decode('ffffffff'), /symbol EOS.*RFC7541§5\.2/)
  assert.throws(() => decode('07ffffffffff'), /symbol EOS/)
  assert.throws(() => decode('fffffffc07'), /symbol EOS/)
})
