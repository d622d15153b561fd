import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HpackDecoder } from './decoder.ts'
import { HpackEncoder, roomFor } from './encoder.ts'
import { decodeAll, pairs } from './testing/blocks.ts'

/** An encoder with a decoder of the same table behind it. */
class Pair {
  readonly encoder: HpackEncoder
  readonly decoder = new HpackDecoder(4096)

  constructor(maxTableSize = 4096) {
    this.encoder = new HpackEncoder(maxTableSize)
  }

  /** The bytes of a block, which was decoded to what it was made of. */
  send(status: number, lines: readonly string[], comesAgain = false): Buffer {
    const into = Buffer.alloc(roomFor(lines) + 2, 0xaa)
    const end = comesAgain
      ? this.encoder.encodeAgain(status, lines, into, 1)
      : this.encoder.encode(status, lines, into, 1)
    assert.ok(end <= into.length - 1, `${end} bytes in the room for ${into.length - 2}`)
    assert.equal(into[0], 0xaa)
    const block = into.subarray(1, end)
    const expected = status === 0 ? [] : [':status', String(status)]
    assert.deepEqual(pairs(decodeAll(this.decoder, block)).flat(), [...expected, ...lines])
    return block
  }

  sizes(status: number, lines: readonly string[], times: number): number[] {
    return Array.from({ length: times }, () => this.send(status, lines).length)
  }
}

test('a status is one byte when the static table has it, and in the end when it has not', () => {
  const pair = new Pair()
  assert.deepEqual(pair.sizes(200, [], 2), [1, 1])
  assert.deepEqual(pair.send(404, []).toString('hex'), '8d')
  assert.deepEqual(pair.sizes(302, [], 3), [5, 5, 1])
})

test('a field enters the table the second time, and is one byte from then on', () => {
  const lines = ['content-type', 'text/plain', 'x-name', 'value']
  const [first, second, third] = new Pair().sizes(200, lines, 3)
  assert.ok(first! > 20)
  // Two literals with indexing: `content-type` has a smaller index than the prefix holds, in one byte less.
  assert.equal(second, first! - 1)
  assert.equal(third, 3)
})

test('a value that never comes again pushes nothing out of the table', () => {
  const pair = new Pair()
  const send = (i: number) => pair.send(200, ['x-request-id', `${i}`.padStart(36, '0'), 'server', 'jumak'])
  for (let i = 0; i < 2; i++) send(i)
  const size = send(2).length
  for (let i = 3; i < 1000; i++) assert.equal(send(i).length, size)
})

test('a date is sent twice in its second, then named', () => {
  const pair = new Pair()
  for (let second = 10; second < 60; second++) {
    const lines = ['date', `Mon, 30 Nov 2026 08:11:${second} GMT`, 'server', 'jumak', 'content-type', 'text/html']
    const sizes = pair.sizes(200, lines, 4)
    assert.deepEqual(sizes.slice(2), [4, 4])
  }
})

test('fields of one name and of old entries are found, whatever came between', () => {
  const pair = new Pair()
  const types = ['text/html', 'text/css', 'text/javascript', 'application/json', 'image/png']
  for (let round = 0; round < 4; round++)
    for (const type of types) {
      const { length } = pair.send(200, ['content-type', type, 'vary', 'Accept'])
      if (round > 1) assert.equal(length, 3)
    }
})

test('a secret is never indexed, here and by whoever passes it on (RFC7541§7.1.3)', () => {
  for (const name of [
    'set-cookie',
    'authorization',
    'authentication-info-token',
    'x-csrf-token',
    'x-session-id',
    'x-api-key',
  ]) {
    const pair = new Pair()
    const blocks = Array.from({ length: 4 }, () => Buffer.from(pair.send(200, [name, 'secret'])))
    for (const block of blocks) {
      assert.equal(block.toString('hex'), blocks[0]!.toString('hex'))
      // RFC7541§6.2.3: 0001 and an index, or no index.
      assert.equal(block[1]! >> 4, 1)
      assert.deepEqual(
        decodeAll(new HpackDecoder(4096), block).map(field => field.isSensitive),
        [false, true],
      )
    }
  }
})

test('what one connection was sent does not shorten what another is', () => {
  const lines = ['x-name', 'value', 'server', 'jumak']
  const first = Buffer.from(new Pair().send(200, lines))
  new Pair().sizes(200, lines, 3)
  assert.equal(new Pair().send(200, lines).toString('hex'), first.toString('hex'))
})

test('a value that would fill half of the table does not enter it', () => {
  const pair = new Pair()
  const [first, , third] = pair.sizes(200, ['content-security-policy', 'x'.repeat(2100)], 3)
  assert.equal(third, first)
  assert.equal(pair.sizes(200, ['content-security-policy', 'x'.repeat(1900)], 3)[2], 2)
})

test('names beyond the bound of the cache are sent as literals', () => {
  const pair = new Pair()
  const long = `x-${'long-'.repeat(20)}`
  const [first, , third] = pair.sizes(200, [long, 'value'], 3)
  assert.equal(third, first)
})

test('a head that comes again is the same few bytes, and still right when the table changes', () => {
  const pair = new Pair()
  const lines = ['content-type', 'text/plain', 'content-length', '5', 'server', 'jumak']
  const sizes = Array.from({ length: 5 }, () => pair.send(200, lines, true).length)
  assert.deepEqual(sizes.slice(2), [4, 4, 4])
  // Another entry moves the indexes.
  for (let i = 0; i < 2; i++) pair.send(200, ['x-other', 'a'])
  assert.equal(pair.send(200, lines, true).length, 4)
  pair.encoder.setPeerTableSize(0)
  // Another head tells the client of it.
  pair.send(204, [])
  assert.ok(pair.send(200, lines, true).length > 10)
  for (let i = 0; i < 3; i++) assert.ok(pair.send(200, lines, true).length > 10)
})

test('a short head that comes again is not kept as literals', () => {
  const pair = new Pair()
  const lines = ['server', 'jumak']
  assert.deepEqual(
    Array.from({ length: 4 }, () => pair.send(200, lines, true).length),
    [9, 8, 2, 2],
  )
})

test('changes of the table are told at the beginning of the next block (RFC7541§4.2)', () => {
  const begin = (...sizes: number[]): string => {
    const encoder = new HpackEncoder(4096)
    for (const size of sizes) encoder.setPeerTableSize(size)
    const into = Buffer.alloc(roomFor([]))
    return into.subarray(0, encoder.encode(200, [], into, 0)).toString('hex')
  }
  assert.equal(begin(), '88')
  assert.equal(begin(4096), '88')
  // We need no more than 4096, whatever the client allows.
  assert.equal(begin(65536), '88')
  assert.equal(begin(100), '3f4588')
  assert.equal(begin(0), '2088')
  assert.equal(begin(0, 4096), '203fe11f88')
  assert.equal(begin(100, 0, 200), '203fa90188')
  assert.equal(begin(200, 100), '3f4588')
  // Our own limit is smaller than what the client has at first.
  const into = Buffer.alloc(roomFor([]))
  assert.equal(into.subarray(0, new HpackEncoder(1024).encode(200, [], into, 0)).toString('hex'), '3fe10788')
})

test('any fields and any sizes of the table: what is encoded is decoded to the same', () => {
  const name = fc.oneof(
    fc.constantFrom(
      'content-type',
      'date',
      'server',
      'set-cookie',
      'x-a',
      'x-b',
      'etag',
      'cache-control',
      'x'.repeat(70),
    ),
    fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/),
  )
  const value = fc.oneof(
    fc.constantFrom('', 'a', 'text/html; charset=utf-8', 'x'.repeat(100), 'y'.repeat(127), 'z'.repeat(300), '\xe9\xff'),
    fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes).toString('latin1')),
  )
  const lines = fc.array(fc.tuple(name, value), { maxLength: 8 }).map(fields => fields.flat())
  const head = fc.record({ status: fc.constantFrom(0, 103, 200, 204, 302, 404, 999), lines })
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ head: fc.nat(3), comesAgain: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ sizes: fc.array(fc.nat(5000), { maxLength: 3 }) }) },
  )
  fc.assert(
    fc.property(
      fc.array(head, { minLength: 4, maxLength: 4 }),
      fc.array(step, { maxLength: 40 }),
      fc.nat(6000),
      (heads, steps, own) => {
        const pair = new Pair(own)
        for (const step of steps) {
          if ('sizes' in step) {
            for (const size of step.sizes) {
              pair.encoder.setPeerTableSize(size)
              pair.decoder.setMaxTableSize(size)
            }
          } else pair.send(heads[step.head]!.status, heads[step.head]!.lines, step.comesAgain)
        }
      },
    ),
    { numRuns: 300 },
  )
})
