import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MemoryBudget } from './memory-budget.ts'
import { Spool } from './spool.ts'
import { TemporaryFile } from './temporary-file.ts'
import { freeBytes, TemporarySpace } from './temporary-space.ts'
import { CountedFiles } from './testing/counted-files.ts'

function makeSpace(t: TestContext, bytes: number, files = 100) {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-space-'))
  t.after(() => rmSync(directory, { recursive: true, maxRetries: 5 }))
  let told = 0
  const counted = new CountedFiles(files)
  const space = new TemporarySpace(directory, { bytes, files: counted, onFull: () => told++ })
  return { space, files: counted, told: () => told }
}

async function untilEmpty(space: TemporarySpace, files: CountedFiles): Promise<void> {
  await files.untilClosed()
  assert.equal(space.bytes, 0)
}

test('bytes count from append to close; bytes that overwrite others do not count twice', async t => {
  const { space, files } = makeSpace(t, 1000)
  const events = new EventEmitter()
  const file = new TemporaryFile(space, new MemoryBudget(), () => events.emit('progress'))
  file.append(Buffer.alloc(600))
  assert.deepEqual([space.bytes, files.count], [600, 1])
  while (file.pendingBytes > 0) await once(events, 'progress')
  file.rewind()
  file.append(Buffer.alloc(500))
  assert.equal(space.bytes, 600)
  file.append(Buffer.alloc(200))
  assert.equal(space.bytes, 700)
  file.close()
  await untilEmpty(space, files)
})

test('a file that cannot be made gives its room back', async t => {
  const { space } = makeSpace(t, 1000)
  const events = new EventEmitter()
  const files = new CountedFiles()
  const missing = new TemporarySpace(join(space.directory, 'missing'), { bytes: 1000, files, onFull() {} })
  const file = new TemporaryFile(missing, new MemoryBudget(), () => events.emit('progress'))
  file.append(Buffer.alloc(600))
  await once(events, 'progress')
  assert.ok(file.error !== null)
  file.close()
  await untilEmpty(missing, files)
})

test('room for bytes, and for files', t => {
  const { space } = makeSpace(t, 1000, 1)
  assert.ok(space.hasRoomFor(1000))
  assert.ok(!space.hasRoomFor(1001))
  const file = new TemporaryFile(space, new MemoryBudget(), () => {})
  assert.ok(!space.hasRoomFor(1), 'no more files')
  assert.ok(space.hasRoom)
  file.close()
})

test('onFull is called once, and again after some room was free', t => {
  const { space, told } = makeSpace(t, 1000)
  space.take(1000)
  space.take(50)
  space.take(-100)
  space.take(100)
  assert.equal(told(), 1)
  space.take(-500)
  space.take(600)
  assert.equal(told(), 2)
})

test('free bytes of a disk; a guess for a directory that does not exist', () => {
  assert.ok(freeBytes(tmpdir()) > 0)
  assert.ok(freeBytes('/nowhere/at/all') > 0)
})

function makeSpool(space: TemporarySpace) {
  const events = new EventEmitter()
  const spool = new Spool({
    space,
    memory: new MemoryBudget(),
    memoryBytes: 100,
    totalBytes: 10_000,
    onChange: () => events.emit('change'),
    onFileError: error => events.emit('error', error),
    onLost: error => events.emit('error', error),
  })
  const takeAll = async () => {
    const chunks: Buffer[] = []
    while (!spool.isEmpty) {
      if (!spool.take(chunk => chunks.push(Buffer.from(chunk)))) await once(events, 'change')
    }
    return Buffer.concat(chunks)
  }
  return { spool, takeAll }
}

test('a spool without room for a file is full when its memory is full, and still keeps what is appended', async t => {
  const { space, files } = makeSpace(t, 1000)
  space.take(1000)
  const { spool, takeAll } = makeSpool(space)
  spool.append(Buffer.alloc(60, 'a'))
  assert.ok(!spool.isFull)
  spool.append(Buffer.alloc(60, 'b'))
  assert.ok(spool.isFull)
  assert.equal(files.count, 0)
  assert.equal((await takeAll()).toString(), 'a'.repeat(60) + 'b'.repeat(60))
  assert.ok(!spool.isFull)
})

test('a spool whose file may not grow is full until everything was taken', async t => {
  const { space, files } = makeSpace(t, 1000)
  const { spool, takeAll } = makeSpool(space)
  spool.append(Buffer.alloc(300, 'a'))
  assert.ok(!spool.isFull)
  space.take(700)
  assert.ok(spool.isFull)
  spool.append(Buffer.alloc(10, 'b'))
  assert.equal((await takeAll()).toString(), 'a'.repeat(300) + 'b'.repeat(10))
  assert.ok(!spool.isFull, 'it can go on with its memory')
  space.take(-700)
  spool.close()
  await untilEmpty(space, files)
})
