import assert from 'node:assert/strict'
import { fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { MemoryBudget } from '../../base/memory-budget.ts'
import { TemporarySpace } from '../../base/temporary-space.ts'
import { FakeExchange } from '../testing/fake-exchange.ts'
import { Relay } from './relay.ts'

const directory = mkdtempSync(join(tmpdir(), 'jumak-relay-'))
after(() => rmSync(directory, { recursive: true }))
const path = join(directory, 'file')
writeFileSync(path, 'FILE')

function relay(
  memoryBuffer = 100,
  responseBuffer = 1000,
  temporaryDirectory = directory,
  memory = new MemoryBudget(),
  space = new TemporarySpace(temporaryDirectory),
) {
  const exchange = new FakeExchange()
  const calls: string[] = []
  const made = new Relay(
    exchange,
    { space, memory, memoryBuffer, responseBuffer },
    {
      hold: () => calls.push('hold'),
      release: () => calls.push('release'),
      failed: error => calls.push(`failed: ${error.message}`),
      warn: message => calls.push(`warn: ${message}`),
    },
  )
  made.start({ status: 200, reason: '', headers: [] }, Buffer.from('first '))
  return { exchange, relay: made, calls }
}

async function isClosed(fd: number): Promise<void> {
  for (;;) {
    try {
      fstatSync(fd)
    } catch {
      return
    }
    await new Promise(resolve => setImmediate(resolve))
  }
}

test('a fast client gets each chunk at once, and the end when the worker ends', async () => {
  const { exchange, relay: made } = relay()
  made.chunk(Buffer.from('second'))
  assert.equal(exchange.response.text, 'first second')
  assert.equal(exchange.response.state, 'started')
  made.end()
  await exchange.over()
  assert.equal(exchange.response.state, 'ended')
})

test('a file comes after the content that a slow client has not taken yet, and is closed', async () => {
  const { exchange, relay: made } = relay()
  exchange.response.accepts = false
  made.chunk(Buffer.from('second '))
  made.chunk(Buffer.from('third '))
  const fd = openSync(path, 'r')
  made.file(fd, 0, 4)
  made.end()
  assert.equal(exchange.response.text, 'first second ')
  exchange.response.accepts = true
  exchange.response.drain()
  await exchange.over()
  assert.equal(exchange.response.text, 'first second third FILE')
  await isClosed(fd)
})

test('a client that leaves before its file is sent leaves no descriptor', async () => {
  const { exchange, relay: made } = relay()
  exchange.response.accepts = false
  made.chunk(Buffer.from('second '))
  made.chunk(Buffer.from('third '))
  const waiting = openSync(path, 'r')
  made.file(waiting, 0, 4)
  made.close()
  await isClosed(waiting)
  const late = openSync(path, 'r')
  made.file(late, 0, 4)
  await isClosed(late)
})

test('the worker is held when all buffers are full, and released when the client has taken them', async () => {
  const { exchange, relay: made, calls } = relay(10, 100)
  exchange.response.accepts = false
  made.chunk(Buffer.from('second '))
  for (let i = 0; i < 10; i++) made.chunk(Buffer.alloc(10, 'x'))
  assert.deepEqual(calls, ['hold'])
  exchange.response.accepts = true
  exchange.response.drain()
  while (calls.length < 2) await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(calls, ['hold', 'release'])
  made.end()
  await exchange.over()
  assert.equal(exchange.response.bytesWritten, 13 + 100)
})

test('a client that takes all at the end of the turn costs the worker no more than the turn, and no memory', async () => {
  const memory = new MemoryBudget()
  const { exchange, relay: made, calls } = relay(100, 1000, directory, memory)
  exchange.response.accepts = false
  made.chunk(Buffer.from('second '))
  assert.deepEqual(calls, ['hold'])
  exchange.response.accepts = true
  exchange.response.drain()
  assert.deepEqual(calls, ['hold', 'release'])
  made.chunk(Buffer.from('third'))
  assert.equal(exchange.response.text, 'first second third')
  assert.equal(memory.used, 0)
})

test('a client that has not taken all at the end of the turn does not hold the worker while there is memory', async () => {
  const { exchange, relay: made, calls } = relay()
  exchange.response.accepts = false
  made.chunk(Buffer.from('second '))
  while (calls.length < 2) await new Promise(resolve => setImmediate(resolve))
  made.chunk(Buffer.from('third '))
  await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(calls, ['hold', 'release'])
  assert.equal(exchange.response.text, 'first second ')
  made.close()
})

test('a client that takes what is in memory at once gets no file', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const space = new TemporarySpace(directory)
  const { exchange, relay: made, calls } = relay(10, 1000, directory, new MemoryBudget(), space)
  for (let i = 0; i < 5; i++) {
    exchange.response.accepts = false
    made.chunk(Buffer.from('second '))
    for (let j = 0; j < 4; j++) made.chunk(Buffer.alloc(10, 'x'))
    t.mock.timers.tick(4)
    await new Promise(resolve => setImmediate(resolve))
    assert.deepEqual(calls.splice(0), ['hold'])
    exchange.response.accepts = true
    exchange.response.drain()
    assert.deepEqual(calls.splice(0), ['release'])
  }
  assert.deepEqual([space.bytes, exchange.response.bytesWritten], [0, 6 + 5 * 47])
  made.close()
})

test('content that waits is a copy: the worker may write over what it has given', async () => {
  const { exchange, relay: made } = relay(10, 100_000)
  exchange.response.accepts = false
  const shared = Buffer.alloc(20_000)
  for (const letter of 'abcd') made.chunk(shared.fill(letter))
  shared.fill('-')
  exchange.response.accepts = true
  exchange.response.drain()
  made.end()
  await exchange.over()
  assert.equal(exchange.response.text, `first ${[...'abcd'].map(letter => letter.repeat(20_000)).join('')}`)
})

test('with a full disk the response to a slow client goes on in memory, and the log says so', async () => {
  const { exchange, relay: made, calls } = relay(10, 1000, join(directory, 'missing'))
  exchange.response.accepts = false
  made.chunk(Buffer.from('second '))
  made.chunk(Buffer.alloc(10, 'x'))
  // The client was waited for.
  while (calls.length < 2) await new Promise(resolve => setImmediate(resolve))
  for (let i = 0; i < 4; i++) made.chunk(Buffer.alloc(10, 'x'))
  while (!calls.some(call => call.startsWith('warn'))) await new Promise(resolve => setImmediate(resolve))
  assert.match(calls[2]!, /^warn: a response is buffered in memory only: ENOENT/)
  exchange.response.accepts = true
  exchange.response.drain()
  made.end()
  await exchange.over()
  assert.equal(exchange.response.bytesWritten, 13 + 50)
})
