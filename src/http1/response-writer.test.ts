import assert from 'node:assert/strict'
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MemoryBudget } from '../base/memory-budget.ts'
import { FileCutError } from '../http/errors.ts'
import { FileBuffers } from '../protocols/file-buffers.ts'
import { Http1Response, type ResponseOutput } from './response-writer.ts'

const MIB = 1024 * 1024
const SIZE = 8 * MIB

function openLarge(t: TestContext): number {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-http1-'))
  const fd = openSync(join(directory, 'file'), 'w+')
  ftruncateSync(fd, SIZE)
  t.after(() => {
    closeSync(fd)
    rmSync(directory, { recursive: true })
  })
  return fd
}

function startTo(
  send: (data: Buffer) => boolean,
  headers: string[],
  fileBuffers: FileBuffers = new FileBuffers(new MemoryBudget()),
  isAllTaken = false,
): Http1Response {
  const output: ResponseOutput = {
    send,
    sendJoined: (text, data) => send(Buffer.concat([Buffer.from(text, 'latin1'), data])),
    sendBehind: (text, data) => send(Buffer.concat([Buffer.from(text, 'latin1'), data])),
    sendView: (before, data, after) =>
      send(Buffer.concat([Buffer.from(before, 'latin1'), data, Buffer.from(after, 'latin1')])),
    flushLater() {},
    fileBuffers,
    isAllTaken,
    endsWithConnection() {},
  }
  const owner = { responseEnded() {}, responseAborted() {}, mayKeepAlive: () => true }
  const response = new Http1Response(owner, output, '1.1', false)
  response.start({ status: 200, reason: '', headers })
  return response
}

/** Sends the file to a client that takes nothing. `waiting` resolves with the bytes that wait for it. */
function sendToNobody(
  fd: number,
  buffers: FileBuffers,
  done: () => void,
): { response: Http1Response; waiting: Promise<number> } {
  const { promise, resolve } = Promise.withResolvers<number>()
  let sent = 0
  // The first piece leaves with the head. After that the writer waits.
  const send = (data: Buffer) => {
    sent += data.length
    setImmediate(() => resolve(sent))
    return false
  }
  const response = startTo(send, ['Content-Length', String(SIZE)], buffers)
  response.sendFile(fd, 0, SIZE, done)
  return { response, waiting: promise }
}

test('hundreds of clients that do not read hold little of a large file, and nothing when they have gone', async t => {
  const fd = openLarge(t)
  const buffers = new FileBuffers(new MemoryBudget())
  for (let round = 0; round < 2; round++) {
    let ends = 0
    const clients = Array.from({ length: 400 }, () => sendToNobody(fd, buffers, () => ends++))
    const waiting = await Promise.all(clients.map(client => client.waiting))
    const sum = waiting.reduce((a, b) => a + b)
    assert.ok(sum < 100 * MIB, `${Math.round(sum / MIB)} MiB`)
    // The first ones, again in the second round: large chunks are the rule.
    assert.ok(waiting[0]! > MIB / 2)
    for (const { response } of clients) response.clientGone()
    assert.equal(ends, 400)
  }
})

test('a client that does not read holds little of a large file while memory is short', async t => {
  const fd = openLarge(t)
  const memory = new MemoryBudget({ limit: 1000, onEvict() {} })
  memory.open('', null).set(900)
  const { response, waiting } = sendToNobody(fd, new FileBuffers(memory), () => {})
  assert.ok((await waiting) <= 72 * 1024)
  response.clientGone()
})

test('a file that ends early cuts the response with what the log needs: its name, what was sent, what was promised', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-http1-'))
  const path = join(directory, 'two\nlines')
  const fd = openSync(path, 'w+')
  ftruncateSync(fd, 1000)
  t.after(() => {
    closeSync(fd)
    rmSync(directory, { recursive: true })
  })
  const response = startTo(() => true, ['Content-Length', '1500'])
  const error = await new Promise<Error | null>(resolve => response.sendFile(fd, 500, 1500, resolve))
  assert.ok(error instanceof FileCutError)
  const name = process.platform === 'linux' ? path.replace('\n', '?') : 'a file'
  assert.equal(error.message, `${name} was sent up to byte 1000 of 2000: the file was truncated`)
})

test('a buffer is used again when the client has taken it, and not before', async t => {
  const fd = openLarge(t)
  const buffers = new FileBuffers(new MemoryBudget())
  const start = () => {
    const { promise, resolve } = Promise.withResolvers<ArrayBufferLike>()
    const send = (data: Buffer) => {
      setImmediate(() => resolve(data.buffer))
      return false
    }
    const response = startTo(send, ['Content-Length', '100000'], buffers)
    const isDone = new Promise(done => response.sendFile(fd, 0, 100_000, done))
    return { response, isDone, buffer: promise }
  }
  const first = start()
  const buffer = await first.buffer
  const second = start()
  assert.notEqual(await second.buffer, buffer)
  first.response.drained()
  assert.equal(await first.isDone, null)
  const third = start()
  assert.equal(await third.buffer, buffer)
  // A client that goes may have left its buffer with the kernel.
  third.response.clientGone()
  const fourth = start()
  assert.notEqual(await fourth.buffer, buffer)
  fourth.response.clientGone()
  second.response.clientGone()
})

for (const isAllTaken of [true, false]) {
  test(`where nobody has to wait, a buffer is used again ${isAllTaken ? 'when' : 'only if'} the kernel has taken it`, async t => {
    const fd = openLarge(t)
    const buffers = new FileBuffers(new MemoryBudget())
    const seen: ArrayBufferLike[] = []
    const send = (data: Buffer) => {
      seen.push(data.buffer)
      return true
    }
    const ask = async (size: number) => {
      const response = startTo(send, ['Content-Length', String(size)], buffers, isAllTaken)
      assert.equal(await new Promise(done => response.sendFile(fd, 0, size, done)), null)
      response.end()
    }
    await ask(100_000)
    await ask(100_000)
    assert.equal(seen[0] === seen[1], isAllTaken)
    seen.length = 0
    await ask(2 * MIB)
    assert.equal(new Set(seen).size, isAllTaken ? 1 : 4)
  })
}

test('a piece that waits for its head is not read over', async t => {
  const fd = openLarge(t)
  for (let at = 0; at < 4 * MIB; at += MIB / 4) writeSync(fd, Buffer.alloc(MIB / 4, at / (MIB / 4)), 0, MIB / 4, at)
  const parts: Buffer[] = []
  // Without a length the head waits for nothing, and content for the end of the turn.
  const response = startTo(data => parts.push(Buffer.from(data)) > 0, [], undefined, true)
  assert.equal(await new Promise(done => response.sendFile(fd, 0, 4 * MIB, done)), null)
  response.end()
  const sent = Buffer.concat(parts)
  for (let value = 0; value < 16; value++) {
    let count = 0
    for (const byte of sent) if (byte === value) count++
    // Heads of chunks have a few bytes of such values, too.
    assert.ok(count >= MIB / 4 && count < MIB / 4 + 100, `${count} of ${value}`)
  }
})
