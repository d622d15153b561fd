import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MemoryBudget } from '../../base/memory-budget.ts'
import { Outbox } from './outbox.ts'

/** The two ends of a connection. `far` reads nothing before it is asked to. */
async function pair(t: TestContext): Promise<{ near: Socket; far: Socket }> {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-outbox-'))
  const server = createServer({ pauseOnConnect: true }).listen(join(directory, 's'))
  await once(server, 'listening')
  const near = connect(join(directory, 's'))
  const [far] = (await once(server, 'connection')) as [Socket]
  t.after(() => {
    near.destroy()
    far.destroy()
    server.close()
    rmSync(directory, { recursive: true })
  })
  return { near, far }
}

/** Writes frames that are numbers, in order. */
function numbers(outbox: Outbox) {
  let next = 0
  return {
    write(count: number): void {
      const writer = outbox.begin()
      for (const end = next + count; next < end; next++) writer.u32(next)
    },
    async expect(far: Socket): Promise<void> {
      const expected = Buffer.alloc(next * 4)
      for (let i = 0; i < next; i++) expected.writeUInt32LE(i, i * 4)
      const pieces: Buffer[] = []
      let bytes = 0
      far.on('data', (piece: Buffer) => {
        pieces.push(piece)
        bytes += piece.length
        if (bytes >= expected.length) far.pause().emit('all')
      })
      far.resume()
      await once(far, 'all')
      assert.ok(Buffer.concat(pieces).equals(expected))
    },
  }
}

const turn = () => new Promise<void>(resolve => setImmediate(() => setImmediate(resolve)))

test('bytes that a worker does not read at once arrive in order, from two buffers and no more', async t => {
  const { near, far } = await pair(t)
  const outbox = new Outbox(near, new MemoryBudget(), () => {})
  const frames = numbers(outbox)
  const used = new Set()
  for (let i = 0; i < 30; i++) {
    frames.write(2000)
    used.add(outbox.begin())
    await turn()
  }
  assert.equal(used.size, 2)
  await frames.expect(far)
})

test('the outbox of a worker that does not read is congested until it has read', async t => {
  const { near, far } = await pair(t)
  const room: number[] = []
  const memory = new MemoryBudget()
  const outbox = new Outbox(near, memory, () => room.push(near.writableLength))
  const frames = numbers(outbox)
  for (let i = 0; !outbox.isCongested; i++) {
    assert.ok(i < 200, 'never congested')
    frames.write(10_000)
    await turn()
  }
  assert.deepEqual(room, [])
  assert.ok(memory.used > 2 * 1024 * 1024, `${memory.used} bytes are counted`)
  await frames.expect(far)
  while (memory.used > 0) await turn()
  assert.equal(room.length, 1)
  assert.equal(outbox.isCongested, false)
})

test('bytes written before the end arrive, and none written after it', async t => {
  const { near, far } = await pair(t)
  const outbox = new Outbox(near, new MemoryBudget(), () => {})
  const frames = numbers(outbox)
  for (let i = 0; i < 10; i++) {
    frames.write(20_000)
    await turn()
  }
  outbox.finish()
  near.end()
  const late = outbox.begin()
  late.raw(Buffer.alloc(late.buffer.length, 0xff))
  outbox.flush()
  await turn()
  await frames.expect(far)
  far.resume()
  await once(far, 'end')
})
