/** How much a client can make a WebSocket hold, and that every byte is counted and given back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { MemoryBudget } from '../base/memory-budget.ts'
import { fakeTime } from '../http1/testing/connect.ts'
import { BINARY, Client, closeFrame, frame, type Options, TEXT } from './testing/client.ts'

const MIB = 1024 * 1024
const BOMB = deflateRawSync(Buffer.alloc(15 * MIB), { finishFlush: 2 }).subarray(0, -4)
/** One piece, what zlib has ready, and its own state. */
const INFLATING = 192 * 1024

function open(options: Options = {}, limit = 64 * MIB) {
  const evicted: string[] = []
  const memory = new MemoryBudget({ limit, onEvict: what => evicted.push(what) })
  const pieces: number[] = []
  const client: Client = new Client({
    extensions: 'permessage-deflate',
    maxMessage: 16 * MIB,
    memory,
    onPiece: piece => pieces.push(piece.length),
    ...options,
  })
  return { client, memory, evicted, pieces }
}

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

/** Waits for so many turns that zlib, which works in threads, would have gone on. */
async function turns(): Promise<void> {
  for (let i = 0; i < 200; i++) await turn()
}

test('a small message that comes in one read needs no account', () => {
  const { client, memory } = open()
  client.receive(frame(TEXT, 'a'), frame(BINARY, Buffer.alloc(5000)))
  assert.equal(memory.accounts, 0)
})

test('an unfinished message is held as it came, compressed', async () => {
  const { client, memory, pieces } = open()
  client.receive(frame(BINARY, BOMB, { rsv: 4, fin: false }))
  await turns()
  assert.deepEqual(pieces, [])
  assert.ok(memory.used >= BOMB.length && memory.used < 2 * BOMB.length, `${memory.used} bytes for ${BOMB.length}`)
  client.transport.leave()
  await client.told(1)
  assert.deepEqual([memory.used, memory.accounts], [0, 0])
})

test('a message in many small fragments costs about its own size', () => {
  const { client, memory } = open()
  client.receive(frame(BINARY, 'x', { fin: false }))
  for (let i = 0; i < 10_000; i++) client.receive(frame(0, 'x', { fin: false }))
  assert.ok(memory.used < 40_000, `${memory.used} bytes for 10,001`)
})

test('no more is inflated than is about to be delivered', async () => {
  const { client, memory, pieces } = open({
    onPiece: piece => {
      pieces.push(piece.length)
      client.socket.pause()
    },
  })
  client.receive(frame(BINARY, BOMB, { rsv: 4 }))
  while (pieces.length < 1) await turn()
  await turns()
  assert.equal(pieces.length, 1)
  assert.ok(memory.used < BOMB.length + INFLATING, `${memory.used} bytes`)
  client.socket.resume()
  while (pieces.length < 2) await turn()
  await turns()
  assert.equal(pieces.length, 2)
  client.socket.close(1000, '')
  client.receive(closeFrame(1000))
  assert.deepEqual([memory.used, memory.accounts], [0, 0])
})

test('above the limit of all buffers: 1013, and nothing is held', async () => {
  const { client, memory, evicted } = open({}, MIB)
  for (let i = 0; i < 20; i++) client.receive(frame(i === 0 ? BINARY : 0, Buffer.alloc(60_000), { fin: false }))
  await client.told(1)
  assert.deepEqual(client.events, ['closed 1013 "too much waits in memory"'])
  assert.deepEqual(await client.sent(), ['close 1013 "too much waits in memory"'])
  assert.deepEqual([evicted, memory.used, memory.accounts], [['a WebSocket was closed (1013)'], 0, 0])
  client.receive(Buffer.alloc(60_000))
  assert.equal(memory.used, 0)
})

test('what waits to be compressed for a slow client is counted', async () => {
  const { client, memory } = open()
  for (let i = 0; i < 10; i++) client.socket.send(Buffer.alloc(100_000, 'a'), false)
  assert.equal(memory.used, 1_000_000)
  while (memory.used > 0) await turn()
  assert.equal(client.frames.length, 10)
})

test('a client has gone: everything that it had sent is told, and then nothing is held', async () => {
  const { client, memory } = open({ onPiece: () => client.socket.pause() })
  client.receive(frame(BINARY, Buffer.alloc(200_000)), frame(TEXT, 'last'), closeFrame(4000))
  assert.ok(memory.used > 130_000)
  client.transport.leave()
  await turns()
  assert.deepEqual([client.events, client.ended], [[], 0])
  while (client.ended === 0) {
    client.socket.resume()
    await turn()
  }
  assert.deepEqual(client.events, ['binary 200000', 'text "last"', 'closed 4000 ""'])
  assert.deepEqual([memory.used, memory.accounts], [0, 0])
})

test('a client has gone, and the application takes nothing: the messages are held for a while only', async t => {
  const pass = fakeTime(t)
  const { client, memory } = open({ onPiece: () => client.socket.pause() })
  client.receive(frame(BINARY, Buffer.alloc(200_000)))
  client.transport.leave()
  await turns()
  pass(9000)
  assert.deepEqual(client.events, [])
  pass(2000)
  assert.deepEqual([client.events, client.ended], [['closed 1006 ""'], 1])
  assert.deepEqual([memory.used, memory.accounts], [0, 0])
})

for (const [name, end] of [
  ['closes', (client: Client) => client.socket.close(1000, '')],
  ['fails', (client: Client) => client.socket.goAway(1011, '')],
] as const)
  test(`the client has gone, and the application ${name}: that is all`, async () => {
    const { client, memory } = open({ onPiece: () => client.socket.pause() })
    client.receive(frame(BINARY, Buffer.alloc(200_000)))
    client.transport.leave()
    await turns()
    client.socket.send(Buffer.from('nobody reads this'), true)
    end(client)
    assert.deepEqual([client.events.length, client.ended], [1, 1])
    assert.deepEqual([memory.used, memory.accounts], [0, 0])
  })

test('near the limit nothing is held for a client that has gone', async () => {
  const { client, memory } = open({ onPiece: () => client.socket.pause() })
  client.receive(frame(BINARY, Buffer.alloc(200_000)))
  memory.open('other', null).set(40 * MIB)
  client.transport.leave()
  await client.told(1)
  assert.deepEqual([client.events, memory.accounts], [['closed 1006 ""'], 1])
})
