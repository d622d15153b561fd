import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionError, errorName, Flag } from './frames.ts'
import { HeaderBlocks } from './header-block.ts'

const { END_HEADERS, END_STREAM, PADDED, PRIORITY } = Flag
const bytes = (...values: number[]) => Buffer.from(values)

function failure(call: () => unknown): string {
  try {
    call()
    return 'none'
  } catch (error) {
    assert.ok(error instanceof ConnectionError)
    return `${errorName(error.code)} ${error.rule}`
  }
}

test('a whole block, without padding and priority', () => {
  const blocks = new HeaderBlocks(100)
  const plain = blocks.headers(END_HEADERS | END_STREAM, 1, bytes(1, 2, 3))
  assert.deepEqual(plain, { stream: 1, isLast: true, dependsOnItself: false, bytes: bytes(1, 2, 3) })
  const both = blocks.headers(END_HEADERS | PADDED | PRIORITY, 3, bytes(2, 0x80, 0, 0, 5, 9, 1, 2, 3, 0, 0))
  assert.deepEqual(both, { stream: 3, isLast: false, dependsOnItself: false, bytes: bytes(1, 2, 3) })
  assert.ok(blocks.headers(END_HEADERS | PRIORITY, 3, bytes(0x80, 0, 0, 3, 9))!.dependsOnItself)
  assert.equal(blocks.openStream, 0)
})

test('a block in pieces: those of its HEADERS are kept, for their bytes change', () => {
  const blocks = new HeaderBlocks(100)
  const first = bytes(1, 2)
  assert.equal(blocks.headers(END_STREAM, 5, first), null)
  first.fill(9)
  assert.deepEqual([blocks.openStream, blocks.keptBytes], [5, 2])
  assert.equal(blocks.continuation(0, 5, bytes()), null)
  assert.equal(blocks.continuation(0, 5, bytes(3)), null)
  const block = blocks.continuation(END_HEADERS, 5, bytes(4))
  assert.deepEqual(block, { stream: 5, isLast: true, dependsOnItself: false, bytes: bytes(1, 2, 3, 4) })
  assert.deepEqual([blocks.openStream, blocks.keptBytes], [0, 0])
})

test('mistakes', () => {
  const blocks = new HeaderBlocks(100)
  assert.equal(
    failure(() => blocks.headers(END_HEADERS | PADDED, 1, bytes())),
    'FRAME_SIZE_ERROR RFC9113§6.2',
  )
  assert.equal(
    failure(() => blocks.headers(END_HEADERS | PRIORITY, 1, bytes(0, 0, 0, 0))),
    'FRAME_SIZE_ERROR RFC9113§6.2',
  )
  assert.equal(
    failure(() => blocks.headers(END_HEADERS | PADDED, 1, bytes(1))),
    'PROTOCOL_ERROR RFC9113§6.1',
  )
  assert.equal(
    failure(() => blocks.headers(END_HEADERS | PADDED | PRIORITY, 1, bytes(1, 0, 0, 0, 3, 1))),
    'PROTOCOL_ERROR RFC9113§6.1',
  )
  assert.equal(
    failure(() => blocks.continuation(END_HEADERS, 1, bytes())),
    'PROTOCOL_ERROR RFC9113§6.10',
  )
  blocks.headers(0, 1, bytes(1))
  assert.equal(
    failure(() => blocks.continuation(END_HEADERS, 3, bytes())),
    'PROTOCOL_ERROR RFC9113§6.10',
  )
})

test('bounds: of bytes, and of frames', () => {
  const long = new HeaderBlocks(100)
  long.headers(0, 1, Buffer.alloc(60))
  assert.equal(
    failure(() => long.continuation(0, 1, Buffer.alloc(41))),
    'ENHANCE_YOUR_CALM RFC9113§10.5.1',
  )
  const many = new HeaderBlocks(100)
  many.headers(0, 1, bytes())
  for (let i = 0; i < 31; i++) many.continuation(0, 1, bytes())
  assert.equal(
    failure(() => many.continuation(0, 1, bytes())),
    'ENHANCE_YOUR_CALM RFC9113§10.5.1',
  )
})
