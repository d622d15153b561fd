/**
 * Workers that send anything: only they are lost by it, and every exchange ends. Each field of a hello is wrong in every way. Frames are
 * valid ones with bytes changed and cut, and are left out and repeated.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { AsgiBench } from './testing/asgi-bench.ts'
import { multiplexFrame } from './testing/fake-asgi-worker.ts'
import { fileFrame, frame, responseFrame, u32 } from './testing/fake-worker.ts'
import { type Dice, numbers } from './testing/numbers.ts'
import { Bench } from './testing/pool-bench.ts'
import { decodeHello } from './wire/decode.ts'
import { FrameType } from './wire/frames.ts'
import { MultiplexType } from './wire/multiplex.ts'
import { WireViolation } from './wire/violation.ts'

const THREAD = '0x00007f3a5c0b1740'
const NUMBERS = [0, -1, 1.5, 2 ** 53, -(2 ** 53), 1e300, '1', null, undefined, true, [], [1], {}]
const TEXTS = [7, null, true, [], {}, 'x'.repeat(4000)]
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  build: [...TEXTS, undefined],
  worker: NUMBERS,
  slots: NUMBERS,
  thread: [...TEXTS, '0x7', '', `${THREAD}0`, THREAD.toUpperCase()],
}

test('a hello with a wrong field is a violation that names it', () => {
  const sound = { build: 'b1', worker: 7, slots: 4, thread: THREAD }
  assert.deepEqual(decodeHello(JSON.stringify(sound)), sound)
  for (const [field, values] of Object.entries(WRONG))
    for (const value of values)
      assert.throws(
        () => decodeHello(JSON.stringify({ ...sound, [field]: value })),
        (error: Error) => error instanceof WireViolation && error.message.startsWith(`hello.${field} is `),
        `${field} ${String(value)}`,
      )
  for (const text of ['', 'x', '7', '[]', 'null', '"x"', '[['.repeat(1000), '{"slots":1e999}'])
    assert.throws(() => decodeHello(text), WireViolation, text)
})

test('a worker is lost whose number of slots is not the one that the master was told', async () => {
  for (const slots of [1, 3, 2 ** 53 - 1]) {
    const bench = new Bench()
    const lost = once(bench.events, 'lost')
    const worker = await bench.worker(1, 2, () => {})
    worker.slots = slots
    await lost
    assert.match(bench.lost[0]![1], new RegExp(`it has ${slots} slots, not 2`))
    assert.equal(bench.stats().workers, 0)
  }
})

function mutate(frames: readonly Buffer[], dice: Dice): Buffer {
  const chosen = Array.from({ length: 1 + dice(4) }, () => Buffer.from(frames[dice(frames.length)]!))
  for (const one of chosen)
    for (let i = dice(4); i > 0; i--) one[dice(one.length)] = [0, 1, 127, 128, 255, dice(256)][dice(6)]!
  const all = Buffer.concat(chosen)
  return dice(4) === 0 ? all.subarray(0, dice(all.length)) : all
}

/** Turns of the event loop in which most of what was sent is read. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

const SLOT_FRAMES = [
  responseFrame(200, ['Content-Length', '2'], 'ok'),
  responseFrame(200, [], '', false),
  responseFrame(304, ['ETag', 'x'], ''),
  frame(FrameType.CHUNK, Buffer.from('abc')),
  frame(FrameType.END, u32(50)),
  fileFrame(0, 0, 10, 1n, 1n),
  frame(FrameType.INFORM, Buffer.concat([Buffer.of(103, 0), Buffer.from('\0Link\0</a>', 'latin1')])),
  frame(FrameType.FAILED, Buffer.concat([u32(1), Buffer.from('KeyError\0{"exceptions":[]}')])),
  frame(FrameType.HELLO, Buffer.from('{"build":"b1","worker":1,"slots":1}')),
]

test('whatever a WSGI worker sends, only that worker is lost, and every exchange ends', async () => {
  const bench = new Bench()
  for (let seed = 1; seed <= 400; seed++) {
    const dice = numbers(seed)
    const worker = await bench.linkedWorker(seed, 1, ({ link }) => {
      if (!link.socket.writableEnded) link.socket.end(mutate(SLOT_FRAMES, dice))
    })
    const exchanges = [bench.send({ method: 'GET' }), bench.send({ method: 'POST', body: Buffer.alloc(dice(200_000)) })]
    const closed = Promise.all(exchanges.map(exchange => exchange.over()))
    await turns(4)
    worker.die()
    // Requests that are sent again wait for a worker that answers.
    const healthy = await bench.linkedWorker(10_000 + seed, 1, ({ link }) => link.respond(200, [], 'ok'))
    await closed
    const drained = once(bench.events, 'drained')
    bench.pool.drainWorker(10_000 + seed)
    await drained
    healthy.die()
  }
  assert.equal(bench.stats().busy, 0)
})

function number(value: number, bytes = 4): Buffer {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntLE(value, 0, bytes)
  return buffer
}

function exchangeFrames(id: number): Buffer[] {
  const response = (flags: number, body: string) => {
    const head = Buffer.from('\0content-type\0text/plain', 'latin1')
    return Buffer.concat([number(200, 2), Buffer.of(flags), number(5), number(head.length), head, Buffer.from(body)])
  }
  const Type = MultiplexType
  return [
    multiplexFrame(Type.RESPONSE, id, response(1, 'whole')),
    multiplexFrame(Type.RESPONSE, id, response(0, 'begin')),
    multiplexFrame(Type.CHUNK, id, 'abc'),
    multiplexFrame(Type.END, id, Buffer.concat([number(5), Buffer.from('x-sum\0abc')])),
    multiplexFrame(Type.FILE, id, fileFrame(0, 0, 10, 1n, 1n).subarray(5)),
    multiplexFrame(Type.INFORM, id, Buffer.concat([number(103, 2), Buffer.from('\0link\0</a>')])),
    multiplexFrame(Type.FAILED, id, Buffer.concat([number(5), Buffer.from('KeyError')])),
    multiplexFrame(Type.CREDIT, id, number(2 ** 32 - 1)),
    multiplexFrame(Type.ACCEPT, id, 'chat\0x-a\0b'),
    multiplexFrame(Type.ACCEPT, id, ''),
    multiplexFrame(Type.MESSAGE, id, Buffer.from('\x01text')),
    multiplexFrame(Type.MESSAGE, id, Buffer.from('\x82more', 'latin1')),
    multiplexFrame(Type.CLOSE, id, Buffer.concat([number(65535, 2), Buffer.from('bye')])),
    multiplexFrame(Type.PONG, 0, number(77)),
  ]
}

test('whatever an ASGI worker sends, only that worker is lost, and every exchange ends', async () => {
  const bench = new AsgiBench()
  for (let seed = 1; seed <= 400; seed++) {
    const dice = numbers(seed)
    const worker = await bench.worker(seed, 5, exchange => {
      exchange.worker.socket!.write(mutate(exchangeFrames(exchange.id), dice))
      if (dice(2) === 0) setImmediate(() => exchange.worker.die())
    })
    const sent = [
      bench.send({ method: 'GET' }),
      bench.send({ method: 'POST', body: Buffer.alloc(dice(200_000)), isChunked: true }),
      bench.webSocket({ method: 'GET' }),
    ]
    await turns(4)
    worker.die()
    const healthy = await bench.worker(10_000 + seed, 5, exchange => exchange.respond(200, [], 'ok'))
    await Promise.all(sent.map(exchange => (exchange.channel === null ? exchange.over() : null)))
    const drained = once(bench.events, 'drained')
    bench.pool.drainWorker(10_000 + seed)
    await drained
    healthy.die()
  }
  assert.equal(bench.stats().busy, 0)
  bench.close()
})
