/**
 * Whatever client and handlers do in whatever order: nothing throws, each exchange and each stream ends once, no byte of content and none of
 * credit is lost, no memory and no deadline stays behind, and a silent client goes. And cutting the bytes changes nothing.
 * fast-check prints seed and path of a failure; `fc.assert(…, { seed, path })` runs it again.
 */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { MemoryBudget } from '../base/memory-budget.ts'
import type { Exchange } from '../http/exchange.ts'
import type { WebSocketChannel } from '../http/websocket.ts'
import { fakeTime } from '../http1/testing/connect.ts'
import { closeFrame, TEXT, frame as webSocketFrame } from '../websocket/testing/client.ts'
import { PREFACE } from './frames.ts'
import { answer, connect, PLAIN, type Setup, tick } from './testing/connect.ts'
import {
  data,
  type Fields,
  frame,
  get,
  goAway,
  headers,
  ping,
  post,
  priorityUpdate,
  requestFields,
  reset,
  SETTINGS_ACK,
  settings,
  trailers,
  windowUpdate,
} from './testing/frames.ts'
import { WatchedClient } from './testing/watched-client.ts'

const directory = mkdtempSync(join(tmpdir(), 'jumak-http2-'))
const FILE = join(directory, 'file')
writeFileSync(FILE, Buffer.alloc(200_000, 'file'))
process.on('exit', () => rmSync(directory, { recursive: true }))

/** One run. */
interface Run extends Setup {
  readonly watched: WatchedClient
  readonly advance: (ms: number) => void
  /** Of exchanges. */
  readonly pulled: Set<Exchange>
  readonly channels: Map<Exchange, WebSocketChannel>
  readonly files: Promise<void>[]
  /** Responses to which a file is being sent: nothing else is written to them. */
  readonly sending: Set<unknown>
}

/** An action, with a number that chooses a stream, a size, … */
type Action = (run: Run, n: number) => unknown

function opens(make: (id: number) => Buffer, hasEnded: boolean): Action {
  return ({ watched }) => {
    const id = watched.next
    watched.open(id)
    watched.streams.get(id)!.hasEnded = hasEnded
    watched.send(make(id))
  }
}

function withField(method: string, ...more: Fields): (id: number) => Buffer {
  return id => headers(id, requestFields(method, `/${id}`, more), { isLast: false })
}

/** A stream on which the client may still send. */
function openStream({ watched }: Run, n: number): number {
  const open = [...watched.streams].filter(([, { hasEnded, wasReset }]) => !hasEnded && !wasReset)
  return open.length === 0 ? 0 : open[n % open.length]![0]
}

function anyStream({ watched }: Run, n: number): number {
  const all = [...watched.streams.keys()]
  return all.length === 0 ? 0 : all[n % all.length]!
}

function content(make: (id: number, size: number) => Buffer, isLast = false): Action {
  return (run, n) => {
    const id = openStream(run, n)
    if (id === 0) return
    const { watched } = run
    const stream = watched.streams.get(id)!
    const bytes = make(id, Math.max(0, Math.min((n * 97) % 16_000, stream.room - 300, watched.room - 300)))
    watched.sent(id, bytes.readUIntBE(0, 3))
    stream.hasEnded ||= isLast
    watched.send(bytes)
  }
}

const CLIENT: Readonly<Record<string, Action>> = {
  get: opens(id => get(id, `/${id}`), true),
  'get, urgent': opens(id => get(id, `/${id}`, [['priority', 'u=0, i']]), true),
  head: opens(id => headers(id, requestFields('HEAD', `/${id}`)), true),
  post: opens(id => post(id, `/${id}`), false),
  'post, sized': opens(withField('POST', ['content-length', '20000']), false),
  'post, expecting': opens(withField('PUT', ['expect', '100-continue']), false),
  'OPTIONS *': opens(id => headers(id, requestFields('OPTIONS', '*')), true),
  'a request in pieces': opens(
    id => headers(id, requestFields('GET', `/${id}`, [['a', 'b']]), { pieces: 3, padding: 5 }),
    true,
  ),
  'a malformed request': opens(id => headers(id, [[':method', 'GET']]), true),
  'a request that is refused': opens(withField('GET', ['content-length', 'x']), false),
  'a large head': opens(withField('POST', ['a', 'b'.repeat(70_000)]), false),
  websocket: opens(
    id =>
      headers(
        id,
        requestFields('CONNECT', `/${id}`, [
          [':protocol', 'websocket'],
          ['sec-websocket-version', '13'],
        ]),
        { isLast: false },
      ),
    false,
  ),
  content: content((id, size) => data(id, 'x'.repeat(size))),
  'padded content': content((id, size) => data(id, 'x'.repeat(size), false, size % 256)),
  'the end': content((id, size) => data(id, 'x'.repeat(size), true), true),
  'a message': content(id => data(id, webSocketFrame(TEXT, 'hello'))),
  'a close frame': content(id => data(id, closeFrame(1000))),
  'content in two reads': (run, n) => {
    const id = openStream(run, n)
    const { watched } = run
    if (id === 0 || watched.streams.get(id)!.room < 1000) return
    const bytes = data(id, 'x'.repeat(900))
    watched.sent(id, 900)
    watched.send(bytes.subarray(0, 9 + (n % 900)))
    handle(run, n >> 4)
    watched.send(bytes.subarray(9 + (n % 900)))
  },
  trailers: (run, n) => {
    const id = openStream(run, n)
    if (id === 0) return
    run.watched.streams.get(id)!.hasEnded = true
    run.watched.send(trailers(id, [['a', 'b']]))
  },
  reset: (run, n) => {
    const id = anyStream(run, n)
    if (id === 0) return
    run.watched.streams.get(id)!.hasEnded = true
    run.watched.send(reset(id))
  },
  'a small window': (run, n) => {
    const id = anyStream(run, n)
    if (id !== 0) run.watched.send(run.watched.openWindow(id, 1 + (n % 7)))
  },
  'a large window': (run, n) => {
    const id = anyStream(run, n)
    if (id !== 0) run.watched.send(run.watched.openWindow(id, 1 + n * 20))
  },
  'the window of the connection': ({ watched }, n) => watched.send(watched.openWindow(0, 1 + n * 20)),
  'no window': ({ watched }) => watched.send(watched.setWindow(0)),
  'small windows': ({ watched }, n) => watched.send(watched.setWindow(n % 100)),
  'large windows': ({ watched }, n) => watched.send(watched.setWindow(n * 100)),
  ping: ({ watched }) => watched.send(ping()),
  'the answer to a ping': ({ watched }) => watched.send(ping('draining', true), SETTINGS_ACK),
  'a priority': (run, n) =>
    run.watched.send(priorityUpdate(Math.max(1, anyStream(run, n)), `u=${n % 8}${n % 2 ? ', i' : ''}`)),
  'an unknown frame': ({ watched }, n) => watched.send(frame(0x50, n & 0xff, n, Buffer.alloc(n % 100))),
  slow: ({ transport }) => {
    transport.reading = false
  },
  drain: ({ transport }) => transport.closed || transport.drain(),
  'drain a little': ({ transport }) => {
    if (transport.closed) return
    transport.pendingBytes = 0
    transport.handler.onDrain()
  },
  stop: ({ startDrain }) => startDrain(),
  'nothing for a moment': ({ advance }) => advance(400),
  tick: () => tick(),
}

/** What ends the connection, or may. */
const ENDS: Readonly<Record<string, Action>> = {
  'goes away': ({ watched }) => watched.send(goAway()),
  'half-close': ({ transport }) => transport.halfClose(),
  leave: ({ transport }) => transport.leave(),
  destroy: ({ connection }) => connection.destroy(),
  'nothing for long': ({ advance }) => advance(5000),
}

/** What no client may do. */
const MISTAKES: Readonly<Record<string, Action>> = {
  junk: ({ watched }, n) => watched.send(Buffer.alloc(1 + (n % 30), n)),
  'too much content': (run, n) => {
    const id = openStream(run, n)
    if (id !== 0) for (let i = 0; i < 5; i++) run.watched.send(data(id, 'x'.repeat(16_384)))
  },
  'content for any stream': ({ watched }, n) => watched.send(data(1 + (n % 9), 'x', n % 2 === 0)),
  'headers for any stream': ({ watched }, n) => {
    const id = 1 + (n % 9)
    if (id % 2 === 1 && id >= watched.next) watched.open(id)
    watched.send(get(id))
  },
  'a window for any stream': ({ watched }, n) => watched.send(windowUpdate(n % 9, n % 3 === 0 ? 0 : 0x7fff_ffff)),
  'a reset for any stream': ({ watched }, n) => watched.send(reset(n % 9)),
  'a priority that depends on itself': ({ watched }, n) => {
    const id = n % 9
    watched.send(frame(2, 0, id, Buffer.from([0, 0, 0, id, 1])))
  },
  'half a block': ({ watched }) => watched.send(frame(1, 0, watched.next, Buffer.from([0x82]))),
  'a wrong block': ({ watched }) => watched.send(frame(1, 5, watched.next, Buffer.from([0xff, 0xff]))),
  'wrong settings': ({ watched }, n) => watched.send(settings([n % 10, 0xffff_ffff])),
  'any frame': ({ watched }, n) => watched.send(frame(n % 17, n >> 4, n % 7, Buffer.alloc(n % 40, n))),
}

const HANDLER: Readonly<Record<string, (exchange: Exchange, run: Run, n: number) => unknown>> = {
  start: ({ response }) => response.state === 'idle' && response.start(PLAIN),
  'start with a length': ({ response }) =>
    response.state === 'idle' && response.start({ ...PLAIN, headers: ['Content-Length', '3000'] }),
  'start with trailers': ({ response }) => response.state === 'idle' && response.start({ ...PLAIN, hasTrailers: true }),
  write: ({ response }) => response.write(Buffer.from('x')),
  'write much': ({ response }, _, n) => response.write(Buffer.alloc(1 + n * 15)),
  end: ({ response }) => response.end(['a', 'b']),
  answer: exchange => exchange.response.state === 'idle' && answer(exchange),
  'answer much': ({ response }, _, n) => response.state === 'idle' && response.respond(PLAIN, Buffer.alloc(n * 15)),
  'send a file': ({ response }, run, n) => {
    if (response.state === 'idle') response.start(PLAIN)
    if (response.state !== 'started' || run.channels.size > 0) return
    run.sending.add(response)
    const fd = openSync(FILE, 'r')
    run.files.push(
      new Promise(resolve => {
        response.sendFile(fd, n, 200_000 - n, () => {
          closeSync(fd)
          run.sending.delete(response)
          response.end()
          resolve()
        })
      }),
    )
  },
  inform: ({ response }) => response.inform({ ...PLAIN, status: 103 }),
  abort: ({ response }) => response.abort(new Error('no')),
  pull: (exchange, run) => pullOnce(exchange, run, true),
  'pull, and take nothing': (exchange, run) => pullOnce(exchange, run, false),
  resume: ({ body }) => body.resume(),
  limit: ({ body, response }, { pulled }) => pulled.size === 0 && response.state === 'idle' && body.limitTo(3),
  accept: (exchange, run) => {
    if (!exchange.isWebSocket || exchange.response.state !== 'idle') return
    const events = { onMessage() {}, onDrain() {}, onClose() {} }
    run.channels.set(exchange, exchange.acceptWebSocket({ subprotocol: '', headers: [] }, events))
  },
  say: (exchange, { channels }, n) => channels.get(exchange)?.send(Buffer.alloc(n, 'x'), true),
  hang: (exchange, { channels }) => channels.get(exchange)?.close(1000, ''),
  'pause the channel': (exchange, { channels }) => channels.get(exchange)?.pause(),
  'resume the channel': (exchange, { channels }) => channels.get(exchange)?.resume(),
}

/** Content is pulled once. */
function pullOnce(exchange: Exchange, { pulled }: Run, takes: boolean): void {
  if (pulled.has(exchange)) return
  pulled.add(exchange)
  exchange.body.pull({ onData: () => takes, onEnd() {}, onError() {} })
}

const WRITES = new Set(['write', 'write much', 'end', 'send a file'])
const HANDLER_NAMES = Object.keys(HANDLER)

/** Does something to any exchange. */
function handle(run: Run, n: number, name = HANDLER_NAMES[n % HANDLER_NAMES.length]!): void {
  const exchange = run.exchanges.at(-1 - (n % 3)) ?? run.exchanges.at(-1)
  if (exchange === undefined || (run.sending.has(exchange.response) && WRITES.has(name))) return
  HANDLER[name]!(exchange, run, n)
}

/** Answers whatever still runs, and takes all of it. */
async function finish(run: Run): Promise<void> {
  const { watched, exchanges, transport, channels } = run
  for (const exchange of exchanges) {
    if (channels.has(exchange)) channels.get(exchange)!.close(1000, '')
    else if (exchange.response.state === 'idle') answer(exchange)
    // What has a length of 3000 and less content is aborted.
    else if (exchange.response.state === 'started' && !run.sending.has(exchange.response)) exchange.response.end()
  }
  for (let i = 0; i < 3; i++) {
    if (transport.closed || transport.calls.includes('end')) return
    transport.drain()
    const before = watched.next
    watched.send(watched.openWindow(0, 100_000_000 - Math.max(0, watched.window)))
    for (const [id, stream] of watched.streams)
      if (id < before && !stream.isOver && !transport.calls.includes('end'))
        watched.send(watched.openWindow(id, 10_000_000))
    await readFiles(run)
    for (let turn = 0; turn < 3; turn++) await tick()
    watched.read()
  }
}

/** Reading takes turns of the event loop that nobody counts; a file whose client takes nothing is not read on. */
async function readFiles({ files }: Run): Promise<void> {
  let isDone = files.length === 0
  const all = Promise.all(files).then(() => {
    isDone = true
  })
  for (let turn = 0; turn < 5000 && !isDone; turn++) await tick()
  if (isDone) await all
}

/** Timers that run, of all lists of deadlines. */
function countTimers(t: TestContext): () => number {
  const running = new Set<unknown>()
  const { setInterval: set, clearInterval: clear } = globalThis
  t.mock.method(globalThis, 'setInterval', (callback: () => void, ms: number) => {
    const timer = set(callback, ms)
    running.add(timer)
    return timer
  })
  t.mock.method(globalThis, 'clearInterval', (timer: NodeJS.Timeout) => {
    running.delete(timer)
    clear(timer)
  })
  return () => running.size
}

const step = (names: readonly string[]) => fc.tuple(fc.constantFrom(...names), fc.nat(5000))
const valid = fc.oneof(
  { weight: 5, arbitrary: step(Object.keys(CLIENT)) },
  { weight: 4, arbitrary: step(HANDLER_NAMES) },
)
const SOME_END = fc.array(step([...Object.keys(ENDS), ...Object.keys(MISTAKES)]), { maxLength: 2 })
const scripts = fc
  .tuple(fc.array(valid, { maxLength: 30 }), SOME_END, fc.array(valid, { maxLength: 8 }))
  .map(([before, end, after]) => [...before, ...end, ...after])

test('whatever client and handlers do in whatever order, all ends once, and nothing is lost or left behind', async t => {
  const advance = fakeTime(t)
  const timers = countTimers(t)
  await fc.assert(
    fc.asyncProperty(
      scripts,
      fc.constantFrom('later', 'at once', 'with the first byte'),
      fc.boolean(),
      async (steps, when, isSilent) => {
        const memory = new MemoryBudget()
        const setup = connect(
          exchange => {
            if (when === 'at once') answer(exchange)
            if (when !== 'with the first byte') return
            const onByte = () => {
              if (exchange.response.state === 'idle') answer(exchange)
              return true
            }
            run.pulled.add(exchange)
            exchange.body.pull({ onData: onByte, onEnd: onByte, onError: onByte })
          },
          { memory, begins: false, limits: { headerBytes: 60_000, bodyRate: 10, sendRate: 10 } },
        )
        const watched = new WatchedClient(setup.transport)
        const run: Run = {
          ...setup,
          watched,
          advance,
          pulled: new Set(),
          channels: new Map(),
          files: [],
          sending: new Set(),
        }
        watched.send(PREFACE, watched.setWindow(null))
        for (const [name, n] of steps) {
          if (name in MISTAKES) watched.hasErred = true
          await (CLIENT[name] ?? ENDS[name] ?? MISTAKES[name])?.(run, n)
          if (name in HANDLER) handle(run, n, name)
        }
        if (isSilent) await finish(run)
        watched.read()
        check(run, isSilent)
        if (!isSilent) setup.connection.destroy()
        await tick()
        advance(20_000)
        await Promise.all(run.files)
        await tick()
        advance(20_000)
        await tick()
        watched.read()
        assert.ok(setup.transport.closed, 'a silent client goes')
        assert.equal(setup.connectionClosed(), 1)
        assert.ok(
          setup.closed().every(count => count === 1),
          `exchanges closed: ${setup.closed()}`,
        )
        // Buffers for files are counted while they are spare.
        if (run.files.length === 0) assert.deepEqual([memory.used, memory.accounts], [0, 0])
        assert.equal(timers(), 0, 'deadlines that are left')
      },
    ),
    { numRuns: RUNS },
  )
})

/** Some seconds. */
const RUNS = 3000

/** While nothing is broken, by anybody: content and credit. */
function check({ watched, transport, exchanges, channels }: Run, isFinished: boolean): void {
  if (!isFinished || watched.hasErred || transport.closed || transport.calls.length > 0) return
  assert.ok(watched.room >= 8 * 1024 * 1024, `${watched.room} bytes are left of the connection's window`)
  for (const exchange of exchanges) {
    const { response } = exchange
    const stream = watched.streams.get(Number(exchange.request.path.slice(1)))!
    if (channels.has(exchange) || stream.wasReset) continue
    if (response.state !== 'ended') assert.equal(response.state, 'aborted')
    else assert.deepEqual([stream.isOver, stream.content], [true, response.bytesWritten])
  }
}
