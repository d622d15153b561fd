import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameInput, type InputSink } from './input.ts'
import { Pieces } from './pieces.ts'
import { Receiver } from './ws.ts'

const FRAME = 200_000

/** A masked binary frame. */
function frame(content: Buffer): Buffer {
  const head = Buffer.alloc(14)
  head[0] = 0x82
  head[1] = 0xff
  head.writeBigUInt64BE(BigInt(content.length), 2)
  head.writeUInt32BE(0x01020304, 10)
  return Buffer.concat([head, content.map((byte, i) => byte ^ ((i % 4) + 1))])
}

const CONTENT = Buffer.from(Array.from({ length: FRAME }, (_, i) => (i * 7 + (i >> 8)) & 255))

test('a frame that comes byte by byte arrives whole', () => {
  const messages: Buffer[] = []
  const sink = { onMessage: data => messages.push(data) } as Partial<InputSink> as InputSink
  const input = new FrameInput(sink, 1_000_000, {})
  for (const byte of Buffer.concat([frame(CONTENT), frame(CONTENT)])) input.push(Buffer.of(byte))
  assert.equal(messages.length, 2)
  for (const data of messages) assert.ok(data.equals(CONTENT))
})

test('of its pieces few are kept, whatever their size', () => {
  for (const size of [1, 100, 8192]) {
    const receiver = new Receiver({
      isServer: true,
      maxPayload: 1e9,
      maxFragments: 0,
      maxBufferedChunks: 0,
      extensions: {},
    })
    const pieces = new Pieces()
    let longest = 0
    let received: Buffer | null = null
    receiver.on('message', (data: Buffer) => (received = data))
    const bytes = frame(CONTENT)
    for (let at = 0; at < bytes.length; at += size) {
      receiver._write(Buffer.from(bytes.subarray(at, at + size)), 'buffer', () => {})
      pieces.gather(receiver._buffers)
      longest = Math.max(longest, receiver._buffers.length)
    }
    assert.ok(CONTENT.equals(received!))
    assert.ok(longest <= 64 + 10, `${longest} pieces`)
    assert.equal(receiver._buffers.length, 0)
  }
})
