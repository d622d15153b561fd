/** Calls to a real server with an exchange in memory: each ends, whatever fails. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { FakeExchange, type FakeRequest } from '../apps/testing/fake-exchange.ts'
import { DeadlineList } from '../base/deadlines.ts'
import { MemoryBudget } from '../base/memory-budget.ts'
import { OpenFiles } from '../base/open-files.ts'
import { TemporarySpace } from '../base/temporary-space.ts'
import { HttpError } from '../http/errors.ts'
import type { Exchange } from '../http/exchange.ts'
import { acceptOf } from '../http/websocket-key.ts'
import type { UpstreamServer } from '../sites/upstream-model.ts'
import { GroupState, makeGroupMemory } from './balance/member-state.ts'
import { StickyClient } from './balance/sticky.ts'
import { UpstreamCall } from './call.ts'
import { PLAIN, type SocketMaker } from './connection.ts'
import { UpstreamGroup } from './group.ts'
import { UpstreamQueue } from './queue.ts'
import { ConnectionRoom } from './room.ts'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

async function serve(t: TestContext, act: (socket: Socket) => void): Promise<UpstreamServer> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket.on('error', () => {}))
    act(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    label: 'back',
    address: { kind: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    weight: 1,
    maxFails: 1,
    failTimeout: 10_000,
    maxConns: 0,
    slowStart: 0,
    isBackup: false,
    isDown: false,
    isDraining: false,
  }
}

/** What calls of one test share, and what they have told. */
function proxy(
  server: UpstreamServer,
  {
    files = new OpenFiles(),
    connectMs = 10_000,
    sockets = PLAIN,
    queue = null,
    sticky = null,
  }: {
    files?: OpenFiles
    connectMs?: number
    sockets?: SocketMaker
    queue?: UpstreamQueue | null
    sticky?: StickyClient | null
  } = {},
) {
  const room = new ConnectionRoom(files)
  const place = { file: 'jumak.toml', line: 1, column: 1 }
  const group = new UpstreamGroup(
    {
      name: 'back',
      protocol: 'http',
      servers: [server],
      balance: 'round-robin',
      hashKey: null,
      keepalive: 4,
      keepaliveTimeout: 60_000,
      queue: null,
      ejection: null,
      sticky: null,
      queueTimeout: 0,
      healthCheck: null,
      isSingle: true,
      place,
    },
    new GroupState(makeGroupMemory(1, 16, false), 1, 0),
    { room, sticky: null, queue, ejection: null, warn: () => {} },
  )
  const memory = new MemoryBudget()
  const told: string[] = []
  const refused = new Map<Exchange, HttpError>()
  const list = new DeadlineList(10_000)
  const start = (request: FakeRequest, change: (exchange: FakeExchange) => void = () => {}) => {
    const exchange = new FakeExchange(request)
    change(exchange)
    const over = new Promise<number>(resolve => {
      new UpstreamCall(
        exchange,
        group,
        {
          sockets,
          head: {
            method: 'GET',
            target: '/',
            headers: ['Host', 'a'],
            contentLength: 0,
            webSocketKey: request.isWebSocket ? KEY : null,
          },
          body: null,
          sticky,
          question: { address: '', key: '' },
          toClient: ({ status, reason, headers }) => ({ status, reason, headers }),
          besideToClient: fields => fields,
          switchToClient: fields => fields,
          record: null,
        },
        {
          connect: new DeadlineList(connectMs),
          send: list,
          read: list,
          nextUpstream: new Set(['error', 'timeout']),
          buffers: true,
          hearsBuffering: true,
          tries: 0,
          triesTimeout: 0,
        },
        {
          relay: { space: new TemporarySpace('/tmp'), memory, memoryBuffer: 1000, responseBuffer: 1000 },
          tunnels: { memory, send: list, sendMs: 1000, passing: () => null, linger: list, watchMs: 0 },
          room,
          log: (_, message) => told.push(message),
          refuse: (one, error) => {
            if (error instanceof HttpError) refused.set(one, error)
            resolve(error instanceof HttpError ? error.status : 500)
          },
        },
      ).start()
      exchange.sent.events.once('over', () => resolve(exchange.sent.status))
    })
    return { exchange, over }
  }
  // Connections to upstreams hold no process.
  const hold = setInterval(() => {}, 1000)
  const stop = () => {
    clearInterval(hold)
    group.close()
  }
  return { group, room, told, refused, start, stop }
}

test('an exception of ours at the end of a response cuts it: its client does not wait', async t => {
  const server = await serve(t, socket =>
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')),
  )
  const { start, stop } = proxy(server)
  t.after(stop)
  const { over } = start({}, exchange => {
    exchange.sent.end = () => {
      throw new Error('our bug')
    }
  })
  assert.equal(await over, 500)
  assert.equal(await start({}).over, 200)
})

test('a WebSocket that the client’s side cannot take ends the connection, and the client is answered', async t => {
  let closed: Promise<unknown> | undefined
  const server = await serve(t, socket => {
    closed = once(socket, 'close')
    const lines = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${acceptOf(KEY)}`]
    socket.on('data', () => socket.write(`HTTP/1.1 101 S\r\n${lines.join('\r\n')}\r\n\r\n`))
  })
  const { start, stop } = proxy(server)
  t.after(stop)
  const { over } = start({ isWebSocket: true }, exchange => {
    exchange.acceptTunnel = () => {
      throw new HttpError(400, 'The client has gone', 'client')
    }
  })
  assert.equal(await over, 400)
  await closed
})

test('a call waits while no file may be opened, in order; idle connections make room; too long is 503', async t => {
  const held: Socket[] = []
  const answer = (socket: Socket | undefined) => socket!.write('HTTP/1.1 204 N\r\nConnection: close\r\n\r\n')
  let cameNext: (socket: Socket) => void = () => {}
  const server = await serve(t, socket =>
    socket.once('data', () => {
      held.push(socket)
      cameNext(socket)
    }),
  )
  const came = () => new Promise<Socket>(resolve => (cameNext = resolve))
  const files = new OpenFiles(1)
  const { start, stop, told } = proxy(server, { files, connectMs: 300 })
  t.after(stop)
  const one = came()
  const first = start({})
  await one
  const two = came()
  const second = start({})
  assert.equal(held.length, 1)
  answer(held[0])
  assert.equal(await first.over, 204)
  await two
  const third = start({})
  assert.equal(await third.over, 503)
  assert.match(told.join('\n'), /too many files are open/)
  answer(held[1])
  assert.equal(await second.over, 204)
})

test('a socket that this machine cannot make is 503, and no failure of the server', async t => {
  const server = await serve(t, () => {})
  const sockets: SocketMaker = {
    ...PLAIN,
    connect: (_address, _host, into) =>
      new Socket({ onread: into }).destroy(Object.assign(new Error('none left'), { code: 'EMFILE' })),
  }
  const { start, stop, told, group } = proxy(server, { sockets })
  t.after(stop)
  assert.equal(await start({}).over, 503)
  assert.match(told.join('\n'), /EMFILE: this machine has no more/)
  assert.equal(group.report()[0]!.failures, 0)
})

/** A server with max-conns=1 that answers when it is told to. */
async function serveOne(t: TestContext) {
  const held: Socket[] = []
  let cameNext = Promise.withResolvers<void>()
  const server = await serve(t, socket =>
    socket.on('data', () => {
      held.push(socket)
      cameNext.resolve()
    }),
  )
  return {
    server: { ...server, maxConns: 1 },
    /** Resolves when it has a request. */
    async came() {
      if (held.length === 0) await cameNext.promise
      cameNext = Promise.withResolvers<void>()
    },
    answer: () => held.shift()!.write('HTTP/1.1 204 N\r\n\r\n'),
  }
}

test('requests wait in their order while the server has max-conns; a full queue is 503; who leaves frees a place', async t => {
  const { server, came, answer } = await serveOne(t)
  const queue = new UpstreamQueue({ most: 2, timeout: 60_000 })
  const { start, stop, refused, told } = proxy(server, { queue })
  t.after(stop)
  const first = start({})
  await came()
  const [second, third, fourth] = [start({}), start({}), start({})]
  assert.equal(queue.waiting, 2)
  assert.equal(await fourth.over, 503)
  assert.equal(refused.get(fourth.exchange)!.retryAfter, 60)
  assert.match(told.join('\n'), /all of its servers have max-conns: a request was answered with 503 \(queue\)/)
  second.exchange.leave()
  assert.equal(queue.waiting, 1)
  answer()
  assert.equal(await first.over, 204)
  // The server has room at this moment, and the third is before it.
  const fifth = start({})
  assert.equal(queue.waiting, 2)
  for (const one of [third, fifth]) {
    await came()
    answer()
    assert.equal(await one.over, 204)
  }
  assert.equal(queue.waiting, 0)
})

test('a request that waits for too long is 503, and the server’s place is for the next one', async t => {
  const { server, came, answer } = await serveOne(t)
  const queue = new UpstreamQueue({ most: 2, timeout: 100 })
  const { group, start, stop, told } = proxy(server, { queue })
  t.after(stop)
  const first = start({})
  await came()
  const late = [start({}), start({})]
  assert.deepEqual(await Promise.all(late.map(({ over }) => over)), [503, 503])
  assert.equal(told.length, 1, 'one line for many')
  assert.equal(queue.waiting, 0)
  answer()
  assert.equal(await first.over, 204)
  const next = start({})
  await came()
  answer()
  assert.equal(await next.over, 204)
  assert.equal(group.report()[0]!.running, 0)
})

test('a server that comes while requests wait gets one', async t => {
  const [one, two] = [await serveOne(t), await serveOne(t)]
  const { group, start, stop } = proxy(one.server, { queue: new UpstreamQueue({ most: 2, timeout: 60_000 }) })
  t.after(stop)
  start({})
  await one.came()
  const waits = start({})
  group.setServers([one.server, { ...two.server, label: 'other' }])
  await two.came()
  two.answer()
  assert.equal(await waits.over, 204)
})

test('a new client gets its cookie with a response and with a 101; a head that comes again does not have it', async t => {
  const server = await serve(t, socket =>
    socket.on('data', data => {
      const isWebSocket = /upgrade: websocket/i.test(data.toString())
      const lines = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${acceptOf(KEY)}`]
      socket.write(isWebSocket ? `HTTP/1.1 101 S\r\n${lines.join('\r\n')}\r\n\r\n` : 'HTTP/1.1 204 N\r\nX-A: 1\r\n\r\n')
    }),
  )
  let count = 0
  const sticky = new StickyClient(null, false, () => `srv=${++count}`)
  const { start, stop } = proxy(server, { sticky })
  t.after(stop)
  for (const wanted of ['srv=1', 'srv=2', 'srv=3']) {
    const { exchange, over } = start({})
    assert.equal(await over, 204)
    assert.deepEqual(exchange.sent.head!.headers, ['X-A', '1', 'Set-Cookie', wanted])
  }
  const { exchange } = start({ isWebSocket: true })
  await once(exchange.sent.events, 'accepted')
  assert.deepEqual(exchange.tunnelHeaders!.slice(-2), ['Set-Cookie', 'srv=4'])
})
