/** The memory budget counts what a connection keeps of requests: heads, and what waits behind the request that is answered. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryBudget } from '../base/memory-budget.ts'
import { answer, connect, GET, tick } from './testing/connect.ts'

const LARGE = `x: ${'a'.repeat(50_000)}\r\n`
const HEAD = `GET / HTTP/1.1\r\nHost: t\r\n${LARGE}`
const HELD = 50_000

function connectTo(memory: MemoryBudget) {
  return connect(() => {}, false, {}, {}, memory)
}

test('a head that is not complete, in pieces of any size, until its connection closes', async () => {
  for (const size of [1, 1000, HEAD.length]) {
    const memory = new MemoryBudget()
    const { transport } = connectTo(memory)
    for (let at = 0; at < HEAD.length; at += size) transport.receive(HEAD.slice(at, at + size))
    assert.ok(memory.used > HELD && memory.used < HELD * 1.1, `${memory.used}`)
    transport.leave()
    await tick()
    assert.deepEqual([memory.used, memory.accounts], [0, 0])
  }
})

test('a line without an end', () => {
  const memory = new MemoryBudget()
  const { transport } = connectTo(memory)
  transport.receive(`GET /${'a'.repeat(8000)}`)
  assert.ok(memory.used >= 8000)
})

test('the head of a request, while it is answered; then of the next one', async () => {
  const memory = new MemoryBudget()
  const { transport, exchanges } = connectTo(memory)
  transport.receive(`${HEAD}\r\n`)
  assert.ok(memory.used > HELD)
  answer(exchanges[0]!)
  await tick()
  assert.equal(memory.used, 0)
  transport.receive(GET)
  assert.ok(memory.used > 0 && memory.used < 100, `${memory.used}`)
  answer(exchanges[1]!)
  await tick()
  assert.equal(memory.used, 0)
})

test('small heads have no account', () => {
  const memory = new MemoryBudget()
  const { transport } = connectTo(memory)
  transport.receive(GET)
  assert.equal(memory.accounts, 0)
})

test('requests behind the one that is answered', async () => {
  const memory = new MemoryBudget()
  const { transport, exchanges } = connectTo(memory)
  transport.receive(GET + HEAD)
  assert.ok(memory.used > HELD)
  answer(exchanges[0]!)
  await tick()
  assert.ok(memory.used > HELD, 'it is read now')
  transport.receive('\r\n')
  answer(exchanges[1]!)
  await tick()
  assert.equal(memory.used, 0)
})

test('connections are cut when all of them keep too much; a request that ran hears of it', async () => {
  const evicted: string[] = []
  const memory = new MemoryBudget({ limit: 2.5 * HELD, onEvict: what => evicted.push(what) })
  const all = [1, 2, 3].map(() => connectTo(memory))
  for (const { transport } of all) transport.receive(`${HEAD}\r\n`)
  await tick()
  assert.deepEqual(evicted, ['a connection was cut'])
  assert.equal(all.filter(({ transport }) => transport.closed).length, 1)
  assert.ok(memory.used < 2.5 * HELD)
})
