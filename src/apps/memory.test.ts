/** Memory that is kept for slow clients and slow applications: it is counted, small near the limit, and given up beyond it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, test } from 'node:test'
import { BLOCK } from '../base/block-queue.ts'
import { type Account, MemoryBudget } from '../base/memory-budget.ts'
import { SMALL_PIECE } from '../base/spool.ts'
import { TemporarySpace } from '../base/temporary-space.ts'
import { withoutSpares } from '../base/testing/spare-blocks.ts'
import { testApp } from '../config/testing/config.ts'
import { appHandler } from '../handlers/app.ts'
import type { HttpError } from '../http/errors.ts'
import type { CreditReturn } from './asgi/credit.ts'
import type { Outbox } from './asgi/outbox.ts'
import { SocketRelay } from './asgi/socket-relay.ts'
import type { AppPool } from './pool/pool.ts'
import { AsgiBench, holdingAsgi, turn, until } from './testing/asgi-bench.ts'
import { FakeExchange } from './testing/fake-exchange.ts'
import { FrameWriter } from './wire/frame-writer.ts'
import { MAX_CONTENT, WINDOW } from './wire/multiplex.ts'
import { Relay } from './worker/relay.ts'

const MIB = 1024 * 1024
const directory = mkdtempSync(join(tmpdir(), 'jumak-memory-'))
after(() => rmSync(directory, { recursive: true }))
const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

/** A budget that others have filled to near its limit, until `others.close()`. */
function nearLimit(limit = 100 * MIB): { memory: MemoryBudget; others: Account } {
  const memory = new MemoryBudget({ limit, onEvict() {} })
  const others = memory.open('others', null)
  others.set(limit * 0.6)
  return { memory, others }
}

function content(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 7) & 255))
}

function relay(memory: MemoryBudget, memoryBuffer = MIB) {
  const exchange = new FakeExchange()
  const calls: string[] = []
  const space = new TemporarySpace(directory)
  const made = new Relay(
    exchange,
    { space, memory, memoryBuffer, responseBuffer: 64 * MIB },
    {
      hold: () => calls.push('hold'),
      release: () => calls.push('release'),
      failed: error => calls.push(error.message),
      warn: message => calls.push(message),
    },
  )
  exchange.response.accepts = false
  made.start({ status: 200, reason: '', headers: [] }, Buffer.alloc(0))
  return { exchange, relay: made, calls, space }
}

test('WSGI: content that a slow client has not taken is counted, until it has taken it', async () => {
  const memory = new MemoryBudget()
  const { exchange, relay: made } = relay(memory)
  const chunk = content(100_000)
  for (let i = 0; i < 4; i++) made.chunk(chunk)
  made.end()
  // In whole blocks.
  assert.ok(memory.used >= 300_000 && memory.used < 300_000 + BLOCK, `${memory.used}`)
  exchange.response.accepts = true
  exchange.response.drain()
  await exchange.over()
  withoutSpares(memory)
  assert.deepEqual([memory.used, memory.accounts, exchange.response.bytesWritten], [0, 0, 400_000])
})

test('WSGI near the limit: a slow client has one small piece in memory, and the rest in a file', async () => {
  const { memory, others } = nearLimit()
  const { exchange, relay: made } = relay(memory)
  const whole = content(1_500_000)
  made.chunk(whole)
  made.end()
  assert.equal(exchange.response.bytesWritten, SMALL_PIECE)
  while (memory.used > others.bytes) await turn()
  exchange.response.accepts = true
  for (let i = 0; exchange.response.state !== 'ended'; i++) {
    exchange.response.drain()
    await turn()
    assert.ok(memory.used <= others.bytes + SMALL_PIECE)
    if (i === 10) others.close()
    if (others.bytes === 0) break
  }
  await exchange.over()
  assert.ok(Buffer.concat(exchange.response.chunks).equals(whole))
  withoutSpares(memory)
  assert.deepEqual([memory.used, memory.accounts], [0, 0])
})

test('WSGI near the limit: content that was kept before leaves in small pieces', async () => {
  const { memory, others } = nearLimit()
  others.set(0)
  const { exchange, relay: made } = relay(memory)
  made.chunk(Buffer.alloc(10))
  made.chunk(content(500_000))
  others.set(60 * MIB)
  exchange.response.drain()
  assert.equal(exchange.response.bytesWritten, 10 + SMALL_PIECE)
  made.close()
  assert.equal(memory.used, others.bytes)
})

test('WSGI beyond the limit: the response is cut', async () => {
  const memory = new MemoryBudget({ limit: 200_000, onEvict() {} })
  const { relay: made, calls, space } = relay(memory)
  // There is no file for it, and nobody else has anything to give up.
  space.take(Number.MAX_SAFE_INTEGER)
  for (let i = 0; i < 4; i++) made.chunk(Buffer.alloc(70_000))
  await turn()
  assert.ok(calls.some(call => /too much waits in memory \(limit-memory\)/.test(call)))
  made.close()
  assert.deepEqual([memory.used, memory.accounts], [0, 0])
})

/** A stream of an ASGI worker. Its client takes nothing until `takesAll`. */
async function slowClient(memory: MemoryBudget) {
  const bench = new AsgiBench({ memory })
  cleanups.push(() => bench.close())
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const slow = bench.send()
  slow.response.accepts = false
  const takesAll = async (whole: Buffer, left: number) => {
    while (memory.used > left) await turn()
    slow.response.accepts = true
    slow.response.drain()
    await slow.over()
    assert.ok(Buffer.concat(slow.response.chunks).equals(whole))
    assert.equal(memory.used, left)
  }
  return { bench, held, slow, takesAll }
}

test('ASGI near the limit: the window of a slow client is kept in a file', async () => {
  const { memory, others } = nearLimit()
  const { bench, held, slow, takesAll } = await slowClient(memory)
  const at = await held.the(0)
  at.begin()
  const whole = content(WINDOW)
  for (let i = 0; i < WINDOW; i += MAX_CONTENT) at.chunk(whole.subarray(i, i + MAX_CONTENT))
  at.end()
  await until(slow.response.events, 'write', () => slow.response.bytesWritten > 0)
  // When the answer to a later request has come, all of it has.
  const next = bench.send()
  ;(await held.the(1)).respond(200, [], 'next')
  await next.over()
  assert.equal(slow.response.bytesWritten, SMALL_PIECE)
  await takesAll(whole, others.bytes)
})

test('near the limit a complete response is kept in a file as well', async () => {
  const { memory, others } = nearLimit()
  const { held, slow, takesAll } = await slowClient(memory)
  const whole = content(200_000)
  ;(await held.the(0)).respond(200, [], whole)
  await until(slow.response.events, 'write', () => slow.response.bytesWritten > 0)
  assert.equal(slow.response.bytesWritten, SMALL_PIECE)
  await takesAll(whole, others.bytes)
})

test('ASGI: a slow client gets all of a stream, in order, near the limit or not', async () => {
  const { memory, others } = nearLimit()
  const bench = new AsgiBench({ memory })
  cleanups.push(() => bench.close())
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const slow = bench.send()
  const at = await held.the(0)
  at.begin()
  const whole = content(40 * 50_000)
  const clock = setInterval(() => {
    slow.response.accepts = !slow.response.accepts
    others.set(slow.response.accepts ? 0 : 60 * MIB)
    slow.response.drain()
  }, 1)
  for (let i = 0; i < 40; i++) {
    await until(at.events, 'credit', () => WINDOW + at.credited - i * 50_000 > 0)
    at.chunk(whole.subarray(i * 50_000, (i + 1) * 50_000))
  }
  at.end()
  await slow.over()
  clearInterval(clock)
  assert.ok(Buffer.concat(slow.response.chunks).equals(whole))
  others.close()
  assert.equal(withoutSpares(memory).used, 0)
})

function upload(memory: MemoryBudget, request: ConstructorParameters<typeof FakeExchange>[0]) {
  const exchange = new FakeExchange(request)
  let handed = 0
  const { limits } = testApp({ limits: { memoryBuffer: MIB } })
  const pool = {
    handle: (_, body) => {
      handed++
      body!.close()
    },
  } as Pick<AppPool, 'handle'> as AppPool
  const space = new TemporarySpace(directory)
  void appHandler(pool, { requestBuffering: true, limits, space, memory, onError: FakeExchange.failed })(exchange)
  return { exchange, space, handed: () => handed }
}

test('content that comes in one piece is not counted', () => {
  const memory = new MemoryBudget()
  let opened = 0
  memory.open = () => {
    opened++
    return MemoryBudget.prototype.open.call(memory, '', null)
  }
  const { handed } = upload(memory, { method: 'POST', body: Buffer.alloc(10_000), chunkSize: 10_000 })
  assert.deepEqual([handed(), opened], [1, 0])
})

test('content of any size is counted while more of it is to come', () => {
  const memory = new MemoryBudget()
  for (const [length, sent] of [
    [60_000, 10_000],
    [500_000, 300_000],
  ] as const) {
    const before = memory.used
    const { exchange } = upload(memory, {
      method: 'POST',
      body: Buffer.alloc(length),
      chunkSize: 10_000,
      stopsAfter: sent,
    })
    const used = memory.used - before
    assert.ok(used >= sent && used <= sent + BLOCK, `${used}`)
    exchange.goOn()
  }
  withoutSpares(memory)
  assert.deepEqual([memory.used, memory.accounts], [0, 0])
})

test('near the limit content goes to a file at once', async () => {
  const { memory, others } = nearLimit()
  const { space } = upload(memory, {
    method: 'POST',
    body: Buffer.alloc(500_000),
    chunkSize: 10_000,
    stopsAfter: 300_000,
  })
  assert.ok(space.bytes > 0)
  while (memory.used > others.bytes) await turn()
})

test('beyond the limit an upload is refused with 503, which names the setting', async () => {
  const memory = new MemoryBudget({ limit: 200_000, onEvict() {} })
  const other = memory.open('other', null)
  const { exchange, handed } = upload(memory, {
    method: 'POST',
    body: Buffer.alloc(60_000),
    chunkSize: 10_000,
    stopsAfter: 50_000,
  })
  other.set(190_000)
  await turn()
  assert.deepEqual([(exchange.error as HttpError).status, memory.used, handed()], [503, 190_000, 0])
  assert.match(exchange.error!.message, /limit-memory/)
})

test('a worker that does not read gets no message: the client is paused until it has read', () => {
  const writer = new FrameWriter()
  const outbox = { isCongested: true, begin: () => writer } as Partial<Outbox> as Outbox
  const credit = { add() {}, release() {}, isHeld: false } as Partial<CreditReturn> as CreditReturn
  const events = { onGone() {}, onTooLong() {}, onEvicted() {} }
  const socket = new SocketRelay(1, outbox, credit, new MemoryBudget(), events)
  const exchange = new FakeExchange({ isWebSocket: true })
  socket.accept(exchange, { subprotocol: '', headers: [] })
  exchange.channel!.receive('a')
  assert.equal(exchange.channel!.isPaused, true)
  socket.roomAgain()
  assert.equal(exchange.channel!.isPaused, true)
  outbox.isCongested = false
  socket.roomAgain()
  assert.equal(exchange.channel!.isPaused, false)
})

test('a message that an application sends in parts is counted; beyond the limit the WebSocket is closed with 1013', async () => {
  const memory = new MemoryBudget({ limit: 200_000, onEvict() {} })
  const bench = new AsgiBench({ memory })
  cleanups.push(() => bench.close())
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  bench.webSocket()
  const at = await held.the(0)
  at.accept()
  for (let i = 0; i < 4; i++) at.message(Buffer.alloc(60_000), true)
  await until(at.events, 'disconnect', () => at.disconnected !== null)
  assert.deepEqual(at.disconnected, [1013, ''])
  assert.equal(memory.used, 0)
})
