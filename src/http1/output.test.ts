import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BLOCK } from '../base/block-queue.ts'
import { MemoryBudget } from '../base/memory-budget.ts'
import type { Transport } from '../http/transport.ts'
import type { Pace } from '../protocols/pace.ts'
import type { Http1Context } from './context.ts'
import { Output } from './output.ts'

/** A transport that keeps what it is given, as a socket whose client takes nothing does. */
function outputTo(answer: { takes: boolean; pendingBytes: number }) {
  const written: Buffer[] = []
  const transport = {
    write(data: Buffer) {
      written.push(data)
      return answer.takes
    },
    writeJoined(text: string, data: Buffer) {
      written.push(Buffer.concat([Buffer.from(text, 'latin1'), data]))
      return answer.takes
    },
    get pendingBytes() {
      return answer.pendingBytes
    },
  } as Partial<Transport> as Transport
  const memory = new MemoryBudget()
  const pace = { awaitTaking() {} } as Partial<Pace> as Pace
  const output = new Output(transport, pace, { memory } as Partial<Http1Context> as Http1Context)
  return { output, written, memory }
}

test('views of any size leave with the text around them, and their buffer may change', () => {
  for (const length of [1, 16_384, 16_385, BLOCK - 6, BLOCK - 5, BLOCK, 3 * BLOCK + 7])
    for (const [before, after] of [
      ['', ''],
      ['head ', '\r\n'],
      ['h'.repeat(20_000), ''],
    ] as const) {
      const { output, written } = outputTo({ takes: false, pendingBytes: 1 })
      const shared = Buffer.alloc(length, 'x')
      assert.equal(output.sendView(before, shared, after), false)
      shared.fill('-')
      assert.equal(Buffer.concat(written).toString(), before + 'x'.repeat(length) + after)
    }
})

test('a block is used again when the kernel has it, and not while the transport may read it', () => {
  const answer = { takes: false, pendingBytes: 1 }
  const { output, written, memory } = outputTo(answer)
  output.sendView('', Buffer.alloc(BLOCK, 'a'), '')
  assert.equal(memory.used, 0)
  output.drained()
  output.sendView('', Buffer.alloc(BLOCK, 'b'), '')
  assert.equal(written.map(data => data.toString('latin1', 0, 1)).join(''), 'ab')
  answer.pendingBytes = 0
  output.drained()
  assert.equal(memory.used, 2 * BLOCK)
  output.sendView('', Buffer.alloc(BLOCK, 'c'), '')
  assert.equal(memory.used, 2 * BLOCK)
  // Taken in part, and nobody tells of the rest.
  Object.assign(answer, { takes: true, pendingBytes: 1 })
  output.sendView('', Buffer.alloc(BLOCK, 'd'), '')
  assert.equal(memory.used, BLOCK)
})
