import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryBudget } from '../base/memory-budget.ts'
import { testConfig } from '../config/testing/config.ts'
import { MemoryTransport } from '../http/testing/memory-transport.ts'
import { Flusher } from '../protocols/flusher.ts'
import { createPaces, Pace } from '../protocols/pace.ts'
import { Output, sendBuffers } from './output.ts'
import { tick } from './testing/connect.ts'

function setUp(flush: (output: Output) => void = () => {}, memory = new MemoryBudget()) {
  const { limits, timeouts } = testConfig()
  const transport = new MemoryTransport()
  const pace = new Pace(transport, createPaces(timeouts, limits), () => {})
  const output: Output = new Output(transport, pace, new Flusher(), sendBuffers(memory), {
    flush() {
      flush(output)
      output.write()
    },
  })
  transport.handler = { onData() {}, onEnd() {}, onDrain: () => output.drained(), onClose: () => output.close() }
  return { transport, output, pace, texts: () => transport.writes.map(String) }
}

function put(output: Output, text: string): void {
  const at = output.reserve(text.length)
  output.at = at + output.buffer.write(text, at, 'latin1')
}

test('what is put together in one turn leaves in one write at its end, behind what its owner adds then', async () => {
  let turns = 0
  const { output, texts } = setUp(output => {
    if (turns++ === 0) put(output, '!')
  })
  put(output, 'a')
  put(output, 'b')
  assert.deepEqual([texts(), output.isEmpty], [[], false])
  await tick()
  assert.deepEqual([texts(), output.isEmpty], [['ab!'], true])
})

test('large blocks keep their place', async () => {
  const { output, texts } = setUp()
  put(output, 'a')
  output.add(Buffer.from('LARGE'))
  put(output, 'b')
  await tick()
  assert.equal(texts().join(''), 'aLARGEb')
})

test('more than a buffer holds leaves in order, and full buffers may leave before the end of the turn', async () => {
  const { output, texts } = setUp()
  const frames = Array.from({ length: 40 }, (_, i) => String.fromCharCode(65 + i).repeat(9000))
  for (const frame of frames) {
    put(output, frame)
    if (output.isLarge) output.write()
  }
  assert.ok(texts().length > 2)
  await tick()
  assert.equal(texts().join(''), frames.join(''))
})

test('while the client takes nothing, frames wait, also full buffers; then they leave in order', async () => {
  const { transport, output, texts } = setUp()
  transport.reading = false
  put(output, 'a')
  await tick()
  assert.ok(output.isBlocked)
  const frames = Array.from({ length: 10 }, (_, i) => String(i).repeat(16_000))
  for (const frame of frames) put(output, frame)
  output.add(Buffer.from('LARGE'))
  await tick()
  assert.deepEqual([texts(), output.isEmpty], [['a'], false])
  transport.drain()
  output.write()
  assert.equal(texts().join(''), `a${frames.join('')}LARGE`)
  assert.ok(output.isEmpty && !output.isBlocked)
})

test('a buffer that the transport still has is not used for another connection', async () => {
  const [slow, other] = [setUp(), setUp()]
  slow.transport.reading = false
  // The transport keeps what it does not copy.
  const kept: Buffer[] = []
  slow.transport.write = data => {
    kept.push(data)
    slow.transport.pendingBytes += data.length
    return false
  }
  put(slow.output, 'a'.repeat(20_000))
  put(slow.output, 'b'.repeat(50_000))
  await tick()
  slow.output.isBlocked = false
  slow.output.write()
  for (let i = 0; i < 20; i++) {
    put(other.output, 'z'.repeat(60_000))
    await tick()
  }
  const text = Buffer.concat(kept).toString('latin1')
  assert.ok(!text.includes('z') && text.startsWith('a'.repeat(20_000)))
})

test('a buffer that the transport still has when it asks for no pause is not kept: nobody tells when it has left', async () => {
  const memory = new MemoryBudget()
  const { transport, output } = setUp(() => {}, memory)
  transport.write = data => {
    transport.pendingBytes = data.length
    return true
  }
  for (let i = 0; i < 50; i++) {
    put(output, 'a'.repeat(20_000))
    await tick()
    transport.pendingBytes = 0
  }
  // The next pause gives back all that was kept.
  transport.drain()
  assert.ok(memory.used < 3 * 65_536, `${memory.used} bytes`)
})

test('the end: everything is written whether the client takes it or not, and nothing behind it', async () => {
  const { transport, output, texts } = setUp()
  transport.reading = false
  put(output, 'a')
  await tick()
  put(output, 'b')
  output.add(Buffer.from('c'))
  put(output, 'd')
  output.writeAll()
  assert.equal(texts().join(''), 'abcd')
  put(output, 'e')
  await tick()
  assert.equal(texts().join(''), 'abcd')
})

test('closed: what waits is dropped, and nothing is written', async () => {
  const { output, texts } = setUp()
  put(output, 'a')
  output.add(Buffer.from('b'))
  output.close()
  assert.ok(output.isEmpty)
  put(output, 'c')
  await tick()
  assert.deepEqual(texts(), [])
})
