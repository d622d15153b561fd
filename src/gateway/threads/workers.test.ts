import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GatewayToMaster } from '../../control/messages.ts'
import { sharedWords } from '../../shared/cells.ts'
import { slotWords } from '../../shared/slot-table.ts'
import type { ToldMessage } from './messages.ts'
import { ThreadWorkers } from './workers.ts'

function bench(threads = 2) {
  let living = Array.from({ length: threads }, (_, index) => index)
  const told: string[] = []
  const sent: GatewayToMaster[] = []
  const workers = new ThreadWorkers({
    makeCells: ({ slots }) => sharedWords(slotWords(threads, slots)),
    living: () => living,
    tell: (thread, message: ToldMessage) => {
      const warmup = message.type === 'worker-add' ? ` ${message.warmup.length}` : ''
      told.push(`${thread} ${message.type}${warmup}`)
    },
    send: message => sent.push(message),
  })
  return {
    workers,
    told: () => told.splice(0),
    sent: () => sent.splice(0).map(message => message.type),
    die(thread: number) {
      living = living.filter(one => one !== thread)
      workers.threadDied(thread)
    },
    comeBack(thread: number) {
      living = [...living, thread]
      workers.tellNew(thread)
    },
    add: (targets: readonly string[] = []) =>
      workers.add({
        type: 'worker-add',
        app: 'default',
        pool: '',
        worker: 7,
        pid: 70,
        socket: '/run/w7.sock',
        slots: 2,
        generation: 1,
        path: '',
        maxRequests: 0,
        interface: 'wsgi',
        isGreen: false,
        hasServed: false,
        isApart: false,
        warmup: targets.map(target => ({ target, scheme: 'http', authority: 'localhost' })),
      }),
    linked: (thread: number) => workers.report(thread, { type: 'worker-linked', worker: 7 }),
    drained: (thread: number) => workers.report(thread, { type: 'worker-drained', worker: 7 }),
  }
}

const stuck = (request: string) => ({ type: 'worker-stuck', worker: 7, note: 'stuck', request, thread: '' }) as const

test('a worker is linked when all threads have linked it', () => {
  const { add, told, sent, linked } = bench(3)
  add()
  assert.deepEqual(told(), ['0 worker-add 0', '1 worker-add 0', '2 worker-add 0'])
  linked(1)
  linked(0)
  assert.deepEqual(sent(), [])
  linked(2)
  assert.deepEqual(sent(), ['worker-linked'])
})

test('one thread warms a worker up, then the others link it', () => {
  const { add, told, sent, linked, workers } = bench()
  add(['/a', '/b'])
  assert.deepEqual(told(), ['0 worker-add 2'])
  workers.report(0, { type: 'worker-warming', worker: 7 })
  linked(0)
  assert.deepEqual(told(), ['1 worker-add 0'])
  linked(1)
  assert.deepEqual(sent(), ['worker-warming', 'worker-linked'])
})

test('when the thread that warms a worker up dies, another one does it', () => {
  const { add, told, die, linked, sent } = bench()
  add(['/a'])
  told()
  die(0)
  assert.deepEqual(told(), ['1 worker-add 1'])
  linked(1)
  assert.deepEqual(sent(), ['worker-linked'])
})

test('a thread that dies is awaited no longer, and the one that replaces it links the worker late', () => {
  const { add, told, die, comeBack, linked, sent } = bench()
  add()
  linked(0)
  told()
  die(1)
  assert.deepEqual(sent(), ['worker-linked'])
  comeBack(1)
  assert.deepEqual(told(), ['1 worker-add 0'])
  linked(1)
  assert.deepEqual(sent(), [], 'the master has heard of it')
})

test('a worker is drained when all threads have drained it', () => {
  const { add, told, drained, workers, die, sent } = bench(3)
  add()
  told()
  workers.drain(7)
  assert.deepEqual(told(), ['0 worker-drain', '1 worker-drain', '2 worker-drain'])
  drained(0)
  drained(2)
  assert.deepEqual(sent(), [])
  die(1)
  assert.deepEqual(sent(), ['worker-drained'])
  workers.drain(7)
  assert.deepEqual(sent(), ['worker-drained'], 'one that nobody knows is drained')
})

test('a thread that comes while a worker drains does not link it, and nobody waits for it', () => {
  const { add, workers, die, comeBack, told, drained, sent } = bench()
  add()
  workers.drain(7)
  die(0)
  told()
  comeBack(0)
  assert.deepEqual(told(), [])
  drained(1)
  assert.deepEqual(sent(), ['worker-drained'])
})

test('when all threads die while one warms a worker up, the first that comes back does it', () => {
  const { add, told, die, comeBack, linked, sent } = bench()
  add(['/a'])
  die(1)
  die(0)
  told()
  comeBack(1)
  assert.deepEqual(told(), ['1 worker-add 1'])
  comeBack(0)
  assert.deepEqual(told(), [])
  linked(1)
  assert.deepEqual(told(), ['0 worker-add 0'])
  linked(0)
  assert.deepEqual(sent(), ['worker-linked'])
})

test('when all threads die while a worker drains, it is drained with the first that comes back', () => {
  const { add, workers, die, comeBack, told, sent } = bench()
  add()
  workers.drain(7)
  die(1)
  die(0)
  told()
  assert.deepEqual(sent(), [])
  comeBack(1)
  assert.deepEqual([told(), sent()], [[], ['worker-drained']])
})

test('a worker that drains while one thread warms it up is linked by no other', () => {
  const { add, told, linked, drained, workers, sent } = bench()
  add(['/a'])
  workers.drain(7)
  drained(1)
  told()
  linked(0)
  assert.deepEqual(told(), [])
  drained(0)
  assert.deepEqual(sent(), ['worker-drained'])
})

test('a worker that drains is warmed up by no other thread when the one that does it dies', () => {
  const { add, told, drained, workers, die, sent } = bench()
  add(['/a'])
  workers.drain(7)
  told()
  die(0)
  assert.deepEqual(told(), [])
  drained(1)
  assert.deepEqual(sent(), ['worker-drained'])
})

test('what every thread notices is told once', () => {
  const { add, workers, sent } = bench()
  add()
  workers.report(0, { type: 'worker-blocked', worker: 7, note: 'blocked' })
  workers.report(1, { type: 'worker-blocked', worker: 7, note: 'blocked' })
  workers.report(0, { type: 'worker-stuck', worker: 7, note: 'stuck', request: '', thread: '' })
  workers.report(1, { type: 'worker-stuck', worker: 7, note: 'stuck', request: '', thread: '' })
  assert.deepEqual(sent(), ['worker-blocked', 'worker-stuck'])
  workers.report(1, { type: 'worker-stuck', worker: 7, note: 'a request', request: 'id', thread: '0x1' })
  assert.deepEqual(sent(), ['worker-stuck'], 'each request is told')
  workers.report(1, { type: 'worker-lost', worker: 7, reason: 'closed' })
  workers.report(0, { type: 'worker-lost', worker: 7, reason: 'closed' })
  assert.deepEqual(sent(), [], 'the master ends a stuck worker')
})

for (const [how, leaves] of [
  ['has said so', ({ workers }) => workers.report(1, stuck('other'))],
  ['has died', ({ die }) => die(1)],
] as const satisfies readonly (readonly [string, (one: ReturnType<typeof bench>) => void])[])
  test(`a stuck worker is forgotten when each thread that had it ${how}; requests are told still`, () => {
    const one = bench()
    one.add()
    one.workers.report(0, stuck('first'))
    leaves(one)
    one.told()
    one.sent()
    one.workers.drain(7)
    assert.deepEqual(one.sent(), ['worker-drained'], 'nobody knows it')
    assert.deepEqual(one.told(), [])
    one.workers.report(0, stuck('another'))
    assert.deepEqual(one.sent(), ['worker-stuck'])
  })

test('a lost worker is told once', () => {
  const { add, workers, sent } = bench()
  add()
  workers.report(1, { type: 'worker-lost', worker: 7, reason: 'closed' })
  workers.report(0, { type: 'worker-lost', worker: 7, reason: 'closed' })
  assert.deepEqual(sent(), ['worker-lost'])
})

test('of a warm-up that fails the master hears also when the worker is lost or stuck', () => {
  for (const first of [
    { type: 'worker-lost', worker: 7, reason: 'closed' },
    { type: 'worker-stuck', worker: 7, note: 'stuck', request: 'id', thread: '' },
  ] as const) {
    const { add, workers, sent } = bench()
    add(['/a'])
    workers.report(0, first)
    workers.report(0, { type: 'worker-cold', worker: 7, note: 'GET /a was not answered' })
    assert.deepEqual(sent(), [first.type, 'worker-cold'])
  }
})
