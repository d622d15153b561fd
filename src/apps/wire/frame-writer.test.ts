import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameWriter } from './frame-writer.ts'

test('numbers are little-endian, a character of text is a byte, and a length may be written later', () => {
  const writer = new FrameWriter(4)
  writer.u32(0)
  writer.u8(7)
  writer.latin1('\xe9\0a')
  writer.raw(Buffer.from('xyz'))
  writer.patchU32(0, 0xfedcba98)
  assert.equal(writer.bytes().toString('latin1'), '\x98\xba\xdc\xfe\x07\xe9\0axyz')
})

test('a writer grows for a large value, and gives the memory back at the next start', () => {
  const writer = new FrameWriter()
  writer.latin1('x'.repeat(2_000_000))
  assert.ok(writer.buffer.length >= 2_000_000)
  writer.start()
  assert.ok(writer.buffer.length < 100_000)
  assert.equal(writer.bytes().length, 0)
})

test('detached bytes stay as they are', () => {
  const writer = new FrameWriter()
  writer.latin1('kept')
  const bytes = writer.bytes()
  writer.detach()
  writer.latin1('next')
  assert.equal(bytes.toString(), 'kept')
  assert.equal(writer.bytes().toString(), 'next')
})
