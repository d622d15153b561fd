/**
 * ASGI workers that die, break the rules, stream, stall and close, and clients that leave, are slow, and send slowly: every
 * exchange ends exactly once, with its own answer, and every WebSocket is closed.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { AsgiBench, turn } from '../testing/asgi-bench.ts'
import type { FakeAsgiExchange, FakeAsgiWorker } from '../testing/fake-asgi-worker.ts'
import type { FakeExchange } from '../testing/fake-exchange.ts'
import { type Dice, numbers } from '../testing/numbers.ts'
import { MAX_CONTENT, MESSAGE_COST } from '../wire/multiplex.ts'

/** Every answer has the request's path in it: an answer to the wrong exchange is noticed. */
function act(exchange: FakeAsgiExchange, dice: Dice): void {
  const { path, events } = exchange
  const roll = dice(300)
  if (roll === 0) exchange.worker.die()
  else if (roll === 1) exchange.respond(200, ['bad name', 'x'])
  else if (exchange.scope.type === 'websocket') actSocket(exchange, dice)
  else if (roll < 10) exchange.fail('an error')
  else if (roll < 20) exchange.respond(200, [], `${path}:early`)
  else if (exchange.hasAllBody) answer(exchange, roll)
  else {
    events.on('body', () => exchange.credit(MAX_CONTENT))
    events.once('body-end', () => answer(exchange, roll))
  }
}

function answer(exchange: FakeAsgiExchange, roll: number): void {
  const text = `${exchange.path}:${exchange.body.length}`
  if (roll < 150) {
    exchange.respond(200, [], text)
    return
  }
  exchange.begin(roll < 200 ? ['content-type', 'text/event-stream'] : [])
  exchange.chunk(text.slice(0, 2))
  setImmediate(() => {
    exchange.chunk(text.slice(2))
    // Some event streams go on until somebody ends them.
    if (roll >= 160) exchange.end()
  })
}

function actSocket(exchange: FakeAsgiExchange, dice: Dice): void {
  if (dice(10) === 0) {
    exchange.respond(403, [], `${exchange.path}:denied`)
    return
  }
  exchange.accept()
  exchange.events.on('message', () => {
    const message = exchange.messages.shift()!
    exchange.credit(message.length + MESSAGE_COST)
    if (dice(20) === 0) exchange.closeSocket(4000, exchange.path)
    else exchange.message(message)
  })
}

interface Entry {
  readonly exchange: FakeExchange
  readonly path: string
  readonly length: number
  overs: number
  left: boolean
}

const isDone = ({ exchange }: Entry) =>
  exchange.error !== null || exchange.response.state === 'ended' || exchange.response.state === 'aborted'

async function run(seed: number): Promise<void> {
  const dice = numbers(seed)
  const bench = new AsgiBench({ timeouts: { graceful: 100 } })
  const alive = new Map<number, FakeAsgiWorker>()
  let workers = 0
  const start = async () => {
    const id = ++workers
    const generation = 1 + dice(2)
    alive.set(id, await bench.unlinkedWorker(id, 1 + dice(5), exchange => act(exchange, dice), 'b1', generation))
  }
  const replace = () => {
    for (const id of [...bench.lost.splice(0).map(([lost]) => lost), ...bench.drained.splice(0)]) {
      alive.get(id)?.die()
      alive.delete(id)
      void start()
    }
  }
  bench.events.on('lost', replace)
  bench.events.on('drained', replace)
  await start()
  await start()
  const all: Entry[] = []
  const send = (i: number) => {
    const path = `/${i}`
    const isWebSocket = dice(4) === 0
    const length = isWebSocket ? 0 : [0, 0, 0, 10, 70_000, 300_000][dice(6)]!
    const method = isWebSocket ? 'GET' : ['GET', 'POST', 'PUT'][dice(3)]!
    const exchange = bench.send({ method, path, isWebSocket, body: Buffer.alloc(length), isChunked: length === 10 })
    const entry: Entry = { exchange, path, length, overs: 0, left: false }
    exchange.response.events.on('over', () => entry.overs++)
    exchange.response.events.on('accepted', () => exchange.channel!.receive(path))
    all.push(entry)
  }
  for (let i = 0; i < 600; i++) {
    send(i)
    if (dice(3) === 0) await turn()
    disturb(all[dice(all.length)]!, dice)
    if (dice(100) === 0) bench.pool.drainWorker([...alive.keys()][0]!)
  }
  // Ends what would never end by itself, as when the program stops.
  const alarm = setInterval(() => bench.pool.drain(0), 50)
  while (!all.every(entry => isDone(entry) || entry.exchange.channel?.closed || entry.left)) await turn()
  clearInterval(alarm)
  for (const entry of all) check(entry)
  assert.ok(all.some(({ exchange }) => exchange.response.state === 'ended'))
  assert.ok(all.some(({ exchange }) => exchange.channel?.sent.length))
  const { queued, busy } = bench.stats()
  assert.deepEqual([queued, busy], [0, 0])
  const files = readdirSync(bench.directory).filter(name => !/^w\d+\.sock$/.test(name))
  assert.deepEqual(files, [], 'temporary files are left')
  bench.close()
  assert.deepEqual([bench.memory.used, bench.memory.accounts], [0, 0], 'memory is counted that nobody holds')
}

function disturb(entry: Entry, dice: Dice): void {
  const { exchange } = entry
  if (entry.left) return
  if (exchange.channel !== null) {
    const { channel } = exchange
    if (channel.closed !== null) return
    const roll = dice(10)
    if (roll === 0) {
      entry.left = true
      channel.client.onClose(1006, '')
    } else if (roll < 5) channel.receive(Buffer.alloc(dice(100_000)))
  } else if (dice(15) === 0 && !isDone(entry)) {
    entry.left = true
    exchange.leave()
  } else if (dice(5) === 0) {
    exchange.response.accepts = false
    setImmediate(() => {
      exchange.response.accepts = true
      exchange.response.drain()
    })
  }
}

function check({ exchange, path, length, overs, left }: Entry): void {
  const { response, channel } = exchange
  assert.equal(overs, channel === null ? 1 : 0, `${path} ended ${overs} times`)
  if (channel !== null) {
    assert.ok(channel.sent.length === 0 || channel.sent[0] === path, `${path} got ${String(channel.sent[0])}`)
    if (channel.closed?.[0] === 4000) assert.equal(channel.closed[1], path)
  } else if (exchange.error === null && !left) {
    assert.ok([`${path}:${length}`, `${path}:early`, `${path}:denied`].includes(response.text), response.text)
  }
}

for (const seed of [1, 2, 3, 4, 5])
  test(`each exchange ends exactly once, with its own answer (seed ${seed})`, () => run(seed))
