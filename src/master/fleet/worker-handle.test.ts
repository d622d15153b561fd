import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WorkerChannel } from '../../control/channel.ts'
import type { LoadedApplication, MasterToWorker, WorkerToMaster } from '../../control/messages.ts'
import { WorkerHandle } from './worker-handle.ts'

const APPLICATION: LoadedApplication = {
  python: '3.13.0',
  application: 'a:b',
  framework: '',
  importMs: 1,
  interface: 'wsgi',
  static: null,
}
const READY = { type: 'ready', socket: '/run/w7.sock', slots: 2, ...APPLICATION } as const

class FakeChannel implements WorkerChannel {
  readonly sent: MasterToWorker[] = []
  isClosed = false
  receive: (message: WorkerToMaster) => void = () => {}
  #closed: (reason: string) => void = () => {}
  send(message: MasterToWorker): void {
    this.sent.push(message)
  }
  onMessage(callback: (message: WorkerToMaster) => void): void {
    this.receive = callback
  }
  onClosed(callback: (reason: string) => void): void {
    this.#closed = callback
  }
  close(): void {
    this.refuse('')
  }
  refuse(reason: string): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#closed(reason)
  }
}

function makeWorker() {
  const heard: string[] = []
  let now = 100
  const worker = new WorkerHandle(
    7,
    1,
    '',
    { socket: '/run/w7.sock', slots: { wsgi: 2, asgi: 1000 } },
    {
      ready: () => heard.push('ready'),
      loadFailed: (_, failure) => heard.push(`load-failed ${failure.message}`),
      silent: (_, reason) => heard.push(`silent ${reason}`.trim()),
      developmentMessage: () => {},
      dump: () => {},
      debugged: ({ isDebugged }) => heard.push(`debugged ${isDebugged}`),
      stacks: (_, text) => heard.push(`stacks ${text}`),
    },
    () => now,
  )
  return { worker, heard, channel: new FakeChannel(), pass: (ms: number) => (now += ms) }
}

test('forked, hello, ready: it is ready, and has the path for the links', () => {
  const { worker, heard, channel, pass } = makeWorker()
  assert.equal(worker.phase, 'forking')
  worker.forked(4711)
  assert.equal(worker.phase, 'starting')
  worker.connected(channel, 4711)
  pass(30)
  channel.receive(READY)
  assert.deepEqual(
    [worker.phase, worker.since, worker.socket, worker.slots, worker.pid],
    ['ready', 130, '/run/w7.sock', 2, 4711],
  )
  assert.deepEqual(heard, ['ready'])
})

test('a ready that comes before forked waits for the process id', () => {
  const { worker, heard, channel } = makeWorker()
  worker.connected(channel, 4711)
  channel.receive(READY)
  assert.deepEqual([worker.phase, heard], ['forking', []])
  worker.forked(4711)
  assert.deepEqual([worker.phase, heard], ['ready', ['ready']])
})

for (const order of ['forked first', 'hello first'])
  test(`a stranger with the number of a worker is cut off: ${order}`, () => {
    const { worker, channel } = makeWorker()
    if (order === 'forked first') worker.forked(4711)
    worker.connected(channel, 666)
    if (order === 'hello first') worker.forked(4711)
    assert.ok(channel.isClosed)
  })

test('a second connection for the same worker is refused and changes nothing', () => {
  const { worker, channel } = makeWorker()
  const second = new FakeChannel()
  worker.connected(channel, 1)
  worker.connected(second, 1)
  assert.ok(second.isClosed)
  assert.ok(!channel.isClosed)
})

test('a failure of its import is told once, and none after it is ready', () => {
  const failed = { type: 'load-failed', message: 'no', traceback: '' } as const
  const { worker, heard, channel } = makeWorker()
  worker.forked(1)
  worker.connected(channel, 1)
  for (let i = 0; i < 3; i++) channel.receive(failed)
  assert.deepEqual(heard, ['load-failed no'])
  const other = makeWorker()
  other.worker.forked(1)
  other.worker.connected(other.channel, 1)
  other.channel.receive(READY)
  other.channel.receive(failed)
  assert.deepEqual(other.heard, ['ready'])
})

test('only who knows its token is the worker', () => {
  const { worker } = makeWorker()
  const other = makeWorker().worker
  assert.ok(worker.hasToken(worker.token))
  assert.match(worker.token, /^[\w-]{32}$/)
  for (const token of ['', other.token, `${worker.token}a`, worker.token.slice(1)]) assert.ok(!worker.hasToken(token))
})

test('a second hello closes the connection', () => {
  const { worker, heard, channel } = makeWorker()
  worker.connected(channel, 1)
  channel.receive({ type: 'hello', build: 'x', worker: 7, pid: 1, token: 't' })
  assert.deepEqual(heard, ['silent said hello twice'])
})

test('a ready after the kill, or a second one, is ignored', () => {
  const { worker, heard, channel } = makeWorker()
  worker.forked(1)
  worker.connected(channel, 1)
  worker.enter('killing')
  channel.receive(READY)
  assert.deepEqual([worker.phase, heard], ['killing', []])
})

test('stop is sent on its connection', () => {
  const { worker, channel } = makeWorker()
  worker.connected(channel, 1)
  worker.stop()
  assert.deepEqual([worker.phase, channel.sent], ['stopping', [{ type: 'stop' }]])
})

test('without a gateway there are no links, and a drain is over', () => {
  const { worker } = makeWorker()
  for (const [before, after] of [
    ['linking', 'ready'],
    ['linked', 'ready'],
    ['draining', 'drained'],
    ['stopping', 'stopping'],
    ['starting', 'starting'],
  ] as const) {
    worker.enter(before)
    worker.unlinked()
    assert.equal(worker.phase, after)
  }
})

test('the time of service counts from its first beginning', () => {
  const { worker, pass } = makeWorker()
  worker.enter('linked')
  worker.unlinked()
  pass(1000)
  worker.enter('linked')
  assert.equal(worker.linkedSince, 100)
})

test('the first fault counts', () => {
  const { worker, pass } = makeWorker()
  worker.blame('stuck')
  pass(10)
  worker.blame('lost')
  assert.deepEqual([worker.fault, worker.faultSince], ['stuck', 100])
})

test('after its process has gone no event comes', () => {
  const { worker, heard, channel } = makeWorker()
  worker.connected(channel, 1)
  worker.forget()
  assert.ok(channel.isClosed)
  assert.deepEqual(heard, [])
  assert.ok(!worker.isConnected)
})

test('a failed import is reported', () => {
  const { worker, heard, channel } = makeWorker()
  worker.connected(channel, 1)
  channel.receive({ type: 'load-failed', message: 'no module', traceback: '' })
  assert.deepEqual(heard, ['load-failed no module'])
})
