/** Content that goes to its worker while it arrives (`requestBuffering` off), from an HTTP/1.1 connection to a WSGI slot. */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, test } from 'node:test'
import { linkFactory } from '../apps/links.ts'
import { LiveBody } from '../apps/pool/live-body.ts'
import { AppPool } from '../apps/pool/pool.ts'
import { FakeWorker, type Script } from '../apps/testing/fake-worker.ts'
import { MemoryBudget } from '../base/memory-budget.ts'
import { TemporarySpace } from '../base/temporary-space.ts'
import { testApp } from '../config/testing/config.ts'
import { respondWithError } from '../gateway/errors/error-response.ts'
import type { BodyConsumer } from '../http/exchange.ts'
import { connect, fakeTime } from '../http1/testing/connect.ts'
import { appHandler } from './app.ts'

const directory = mkdtempSync(join(tmpdir(), 'jumak-live-'))
after(() => rmSync(directory, { recursive: true }))
const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

let sockets = 0

async function serve(script: Script, request = 0) {
  const events = new EventEmitter()
  const { limits, timeouts } = testApp({
    limits: { memoryBuffer: 10_000, responseBuffer: 100_000, queue: 10 },
    timeouts: { request, streamIdle: 0, queue: 0 },
  })
  const problem = (id: number, what: string) => events.emit('problem', `${id} ${what}`)
  const space = new TemporarySpace(directory)
  const pool = new AppPool({
    limits,
    timeouts,
    links: linkFactory({ limits, timeouts, space, memory: new MemoryBudget(), build: 'b1', rootPath: '' }),
    onError: respondWithError,
    events: {
      linked: () => events.emit('linked'),
      drained: () => {},
      lost: problem,
      stuck: problem,
      blocked: problem,
      warming: () => {},
      cold: () => {},
      spent: () => {},
      log: (_, message) => problem(0, message),
    },
  })
  const worker = await new FakeWorker(join(directory, `w${sockets++}.sock`), 1, script).listen()
  cleanups.push(() => {
    pool.close()
    worker.die()
  })
  const linked = once(events, 'linked')
  pool.addWorker({
    worker: 1,
    pid: 1,
    socket: worker.path,
    slots: 1,
    generation: 1,
    maxRequests: 0,
    isApart: false,
    interface: 'wsgi',
  })
  await linked
  const options = {
    requestBuffering: false,
    limits,
    space: new TemporarySpace(directory),
    memory: new MemoryBudget(),
    onError: respondWithError,
  }
  const handler = appHandler(pool, options)
  return { worker, pool, events, client: () => connect(handler).transport }
}

async function answered(transport: { readonly text: string }, pattern: RegExp): Promise<void> {
  while (!pattern.test(transport.text)) await new Promise(resolve => setImmediate(resolve))
}

const echo: Script = ({ body, environ, link }) =>
  link.respond(200, ['X-Length', environ.get('CONTENT_LENGTH') ?? 'unknown'], String(body.length))

test('content goes to the slot while it arrives, with a length or without', async () => {
  const { worker, client } = await serve(echo)
  const transport = client()
  const began = once(worker.links[0]!.events, 'body-follows')
  transport.receive(`POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(1000)}`)
  await began
  transport.receive('x'.repeat(99_000))
  await answered(transport, /X-Length: 100000\r\n[\s\S]*\r\n100000\r\n0\r\n/)
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
  transport.receive('2\r\nde\r\n0\r\n\r\n')
  await answered(transport, /X-Length: unknown\r\n[\s\S]*\r\n5\r\n0\r\n/)
})

test('a worker that answers before it has all content is free for the next request', async () => {
  const { worker, client } = await serve(echo)
  const transport = client()
  const link = worker.links[0]!
  const began = once(link.events, 'body-follows')
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\nx')
  await began
  worker.script = () => {}
  link.respond(401, ['Content-Length', '2'], 'no')
  await answered(transport, /401/)
  worker.script = echo
  const next = client()
  next.receive('GET / HTTP/1.1\r\nHost: t\r\n\r\n')
  await answered(next, /200 OK/)
  assert.equal(worker.links.length, 1)
})

test('a client that leaves in the middle of its content costs its link, and the slot gets a new one', async () => {
  const { worker, client } = await serve(echo)
  const transport = client()
  const began = once(worker.links[0]!.events, 'body-follows')
  const closed = once(worker.links[0]!.socket, 'close')
  transport.receive('PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\nx')
  await began
  transport.destroy()
  await closed
  const next = client()
  next.receive('GET / HTTP/1.1\r\nHost: t\r\n\r\n')
  await answered(next, /200 OK/)
})

test('a client that stops sending is answered 408, and its worker is not taken for a stuck one', async t => {
  const pass = fakeTime(t)
  const { worker, client, events } = await serve(echo, 200)
  const problems: string[] = []
  events.on('problem', what => problems.push(what))
  const transport = client()
  const began = once(worker.links[0]!.events, 'body-follows')
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\nx')
  await began
  pass(800)
  assert.equal(transport.text, '')
  pass(300)
  await answered(transport, /^HTTP\/1.1 408 /)
  assert.deepEqual(problems, [])
})

test('a live body gives a piece only when it is asked for one, and nothing after its close', () => {
  let consumer: BodyConsumer | null = null
  let resumed = 0
  const body = new LiveBody(
    {
      length: undefined,
      isPulled: false,
      limitTo: () => null,
      pull: given => {
        consumer = given
      },
      resume: () => resumed++,
    },
    new MemoryBudget(),
  )
  const errors: string[] = []
  body.onFailed = error => errors.push(error.message)
  assert.equal(body.isAtHand, true)
  const pieces: string[] = []
  const read = () => body.read(0, (_, piece) => pieces.push(piece.toString()))
  read()
  assert.equal(body.isAtHand, false)
  assert.equal(consumer!.onData(Buffer.from('a')), false)
  assert.equal(consumer!.onData(Buffer.from('b')), false)
  assert.deepEqual(pieces, ['a'])
  read()
  assert.deepEqual(pieces, ['a', 'b'])
  assert.equal(resumed, 0)
  read()
  assert.equal(resumed, 1)
  consumer!.onEnd([])
  assert.deepEqual(pieces, ['a', 'b', ''])
  body.close()
  assert.equal(consumer!.onData(Buffer.from('c')), false)
  consumer!.onError(new Error('gone'))
  assert.deepEqual(errors, [])
})
