import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { MemoryBudget } from './memory-budget.ts'
import { Spool } from './spool.ts'
import { TemporaryFile } from './temporary-file.ts'
import { TemporarySpace } from './temporary-space.ts'

const directory = mkdtempSync(join(tmpdir(), 'jumak-spool-'))
after(() => rmSync(directory, { recursive: true }))

function spool(memoryBytes: number, totalBytes: number, where = directory) {
  const events = new EventEmitter()
  const errors: Error[] = []
  const queue = new Spool({
    space: new TemporarySpace(where),
    memory: new MemoryBudget(),
    memoryBytes,
    totalBytes,
    onChange: () => events.emit('change'),
    onFileError: error => errors.push(error),
    onLost: error => events.emit('error', error),
  })
  const take = async (): Promise<Buffer> => {
    for (;;) {
      let chunk: Buffer | null = null
      queue.take(view => {
        chunk = Buffer.from(view)
      })
      if (chunk !== null) return chunk
      assert.equal(queue.isEmpty, false, 'nothing left to wait for')
      await once(events, 'change')
    }
  }
  return { queue, take, errors, events }
}

/** Open descriptors of this process that belong to our temporary files. */
function openFiles(): number {
  return readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(join(directory, 'jumak-'))
    } catch {
      return false
    }
  }).length
}

async function untilNoFileIsOpen(): Promise<void> {
  while (openFiles() > 0) await new Promise(resolve => setImmediate(resolve))
}

test('bytes come out in order through memory and file, whatever the sizes and the turns', async () => {
  const step = fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.constant(-1))
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
      const { queue, take } = spool(4096, 1 << 20)
      let next = 0
      let expected = 0
      const check = (chunk: Buffer) => {
        for (const byte of chunk) assert.equal(byte, expected++ & 255)
      }
      for (const size of steps) {
        if (size > 0) queue.append(Buffer.from(Array.from({ length: size }, () => next++ & 255)))
        else if (!queue.isEmpty) check(await take())
      }
      while (!queue.isEmpty) check(await take())
      assert.equal(expected, next)
      queue.close()
    }),
    { numRuns: 60 },
  )
})

test('the file has no name and its descriptor is closed', { skip: process.platform !== 'linux' }, async () => {
  const { queue, take } = spool(1, 1 << 20)
  queue.append(Buffer.alloc(100_000))
  let taken = 0
  while (taken < 100_000) taken += (await take()).length
  assert.equal(openFiles(), 1)
  assert.deepEqual(readdirSync(directory), [])
  queue.append(Buffer.alloc(100_000))
  queue.close()
  await untilNoFileIsOpen()
})

test('closing before the file is even open leaves nothing', { skip: process.platform !== 'linux' }, async () => {
  const { queue } = spool(1, 1 << 20)
  queue.append(Buffer.alloc(10))
  queue.close()
  await untilNoFileIsOpen()
  while (readdirSync(directory).length > 0) await new Promise(resolve => setImmediate(resolve))
})

test('it is full at its bound, and empty again when everything was taken', async () => {
  const { queue, take } = spool(1000, 10_000)
  for (let i = 0; i < 9; i++) queue.append(Buffer.alloc(1000))
  assert.equal(queue.isFull, false)
  queue.append(Buffer.alloc(1000))
  assert.equal(queue.isFull, true)
  while (!queue.isEmpty) await take()
  assert.equal(queue.isFull, false)
  queue.close()
})

test('a directory that cannot be written loses nothing: memory takes its place, and it is full sooner', async () => {
  const { queue, take, errors, events } = spool(1000, 1 << 20, join(directory, 'missing'))
  const changed = once(events, 'change')
  queue.append(Buffer.from('a'.repeat(900)))
  queue.append(Buffer.from('b'.repeat(900)))
  await changed
  assert.equal(errors.length, 1)
  assert.equal(queue.isFull, true)
  let text = ''
  while (!queue.isEmpty) text += await take()
  queue.append(Buffer.from('c'))
  text += await take()
  assert.equal(text, `${'a'.repeat(900)}${'b'.repeat(900)}c`)
  assert.equal(errors.length, 1)
  queue.close()
})

test('a temporary file reads back any part of what was written', async () => {
  const events = new EventEmitter()
  const file = new TemporaryFile(new TemporarySpace(directory), new MemoryBudget(), () => events.emit('progress'))
  const data = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i & 255))
  for (let at = 0; at < data.length; at += 7001) file.append(data.subarray(at, at + 7001))
  while (file.pendingBytes > 0) await once(events, 'progress')
  assert.equal(file.written, data.length)
  for (const [position, length] of [
    [0, 10],
    [299_990, 10],
    [12_345, 100_000],
  ] as const) {
    const buffers = [Buffer.alloc(length - 1), Buffer.alloc(1)]
    const [error, bytes] = await new Promise<[Error | null, number]>(resolve => {
      file.read(position, buffers, (readError, read) => resolve([readError, read]))
    })
    assert.equal(error, null)
    assert.ok(
      Buffer.concat(buffers)
        .subarray(0, bytes)
        .equals(data.subarray(position, position + bytes)),
    )
  }
  file.close()
})
