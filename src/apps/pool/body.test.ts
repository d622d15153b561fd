import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { BLOCK } from '../../base/block-queue.ts'
import { MemoryBudget } from '../../base/memory-budget.ts'
import { TemporarySpace } from '../../base/temporary-space.ts'
import { RequestBody } from './body.ts'

const directory = mkdtempSync(join(tmpdir(), 'jumak-body-'))
after(() => rmSync(directory, { recursive: true }))

/** Content of one letter, complete. It is given in pieces that are views of one buffer. */
async function collected(letter: string, length: number, memory: MemoryBudget, memoryBytes: number) {
  const body = new RequestBody({
    ...{ space: new TemporarySpace(directory), memory, memoryBytes, expected: length, onRoom() {} },
    onError: assert.fail,
  })
  const shared = Buffer.alloc(15_000)
  for (let left = length; left > 0; left -= 15_000) body.append(shared.fill(letter).subarray(0, Math.min(left, 15_000)))
  shared.fill('-')
  await new Promise<void>(resolve => body.seal(resolve))
  return body
}

function read(body: RequestBody, position: number): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    body.read(position, (error, piece) => (error === null ? resolve(piece) : reject(error))),
  )
}

for (const [where, memoryBytes] of [
  ['in memory', 1024 * 1024],
  ['in a file', 70_000],
] as const) {
  test(`content ${where} is read back from any position`, async () => {
    const body = await collected('a', 500_000, new MemoryBudget(), memoryBytes)
    const stream = { writableLength: 0 }
    body.goesTo(stream)
    for (const position of [0, 1, BLOCK, 69_999, 70_001, 499_999]) {
      const piece = await read(body, position)
      assert.ok(piece.length > 0 && piece.equals(Buffer.alloc(piece.length, 'a')))
    }
    assert.equal((await read(body, 500_000)).length, 0)
    body.close()
  })

  for (const [who, streamOf] of [
    ['a socket still has', () => ({ writableLength: 1 })],
    ['somebody has who is not known', () => null],
    ['an earlier socket may still have', () => 'two'],
  ] as const)
    test(`a piece ${where} that ${who} does not change when the content is over`, async () => {
      const memory = new MemoryBudget()
      const body = await collected('a', 500_000, memory, memoryBytes)
      const stream = streamOf()
      if (typeof stream === 'string') {
        body.goesTo({ writableLength: 0 })
        await read(body, 0)
        body.goesTo({ writableLength: 0 })
      } else if (stream !== null) {
        body.goesTo(stream)
      }
      const pieces: Buffer[] = []
      for (let at = 0; at < 500_000; at += pieces.at(-1)!.length) pieces.push(await read(body, at))
      body.close()
      const other = await collected('b', 500_000, memory, memoryBytes)
      other.goesTo({ writableLength: 0 })
      for (let at = 0; at < 500_000; ) at += (await read(other, at)).length
      for (const piece of pieces) assert.ok(piece.equals(Buffer.alloc(piece.length, 'a')))
      other.close()
    })
}

test('the memory of content that was taken is used for the next one', async () => {
  const memory = new MemoryBudget()
  const body = await collected('a', 500_000, memory, 1024 * 1024)
  const stream = { writableLength: 1 }
  body.goesTo(stream)
  const piece = await read(body, 0)
  stream.writableLength = 0
  body.close()
  const spare = memory.used
  assert.ok(spare >= 500_000)
  const other = await collected('b', 500_000, memory, 1024 * 1024)
  assert.equal(piece.toString('latin1', 0, 1), 'b', 'the block is used again')
  other.close()
  assert.equal(memory.used, spare)
})
