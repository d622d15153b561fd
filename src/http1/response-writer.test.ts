import assert from 'node:assert/strict'
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FileCutError } from '../http/errors.ts'
import { Http1Response } from './response-writer.ts'

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

/** Sends the file to a client that takes nothing. `waiting` resolves with the bytes that wait for it. */
function sendToNobody(
  fd: number,
  done: () => void,
  isMemoryShort = false,
): { response: Http1Response; waiting: Promise<number> } {
  const { promise, resolve } = Promise.withResolvers<number>()
  let sent = 0
  const output = {
    send(data: Buffer) {
      sent += data.length
      // The first chunk leaves with the head. After that the writer waits.
      setImmediate(() => resolve(sent))
      return false
    },
    sendJoined(text: string, data: Buffer) {
      return output.send(Buffer.concat([Buffer.from(text, 'latin1'), data]))
    },
    flushLater() {},
    isMemoryShort,
    isAllTaken: false,
    endsWithConnection() {},
  }
  const owner = { responseEnded() {}, responseAborted() {}, mayKeepAlive: () => true }
  const response = new Http1Response(owner, output, '1.1', false)
  response.start({ status: 200, reason: '', headers: ['Content-Length', String(SIZE)] })
  response.sendFile(fd, 0, SIZE, done)
  return { response, waiting: promise }
}

test('hundreds of clients that do not read hold little of a large file, and nothing when they have gone', async t => {
  const fd = openLarge(t)
  for (let round = 0; round < 2; round++) {
    let ends = 0
    const clients = Array.from({ length: 400 }, () => sendToNobody(fd, () => ends++))
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
  const { response, waiting } = sendToNobody(fd, () => {}, true)
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
  const output = {
    send: () => true,
    sendJoined: () => true,
    flushLater() {},
    isMemoryShort: false,
    isAllTaken: false,
    endsWithConnection() {},
  }
  const owner = { responseEnded() {}, responseAborted() {}, mayKeepAlive: () => true }
  const response = new Http1Response(owner, output, '1.1', false)
  response.start({ status: 206, reason: '', headers: ['Content-Length', '1500'] })
  const error = await new Promise<Error | null>(resolve => response.sendFile(fd, 500, 1500, resolve))
  assert.ok(error instanceof FileCutError)
  const name = process.platform === 'linux' ? path.replace('\n', '?') : 'a file'
  assert.equal(error.message, `${name} was sent up to byte 1000 of 2000: the file was truncated`)
})

test('a buffer is used again when the client has taken it, and not before', async t => {
  const fd = openLarge(t)
  const start = () => {
    const { promise, resolve } = Promise.withResolvers<ArrayBufferLike>()
    const output = {
      send(data: Buffer) {
        setImmediate(() => resolve(data.buffer))
        return false
      },
      sendJoined: () => true,
      flushLater() {},
      isMemoryShort: false,
      isAllTaken: false,
      endsWithConnection() {},
    }
    const owner = { responseEnded() {}, responseAborted() {}, mayKeepAlive: () => true }
    const response = new Http1Response(owner, output, '1.1', false)
    response.start({ status: 200, reason: '', headers: ['Content-Length', '100000'] })
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
