/**
 * What only a gateway with several threads has: connections on different threads with one queue, changes for all at one moment, and threads
 * that die. What it has in common with a gateway of one thread is in the files of `test/e2e/`; `npm run test:threads` runs some with three.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import type { ProgramStatus } from '../../../src/control/admin-messages.ts'
import { ensureEnvironment } from '../../support/environments/environments.ts'
import { type ThreadFaults, threadFaults } from '../../support/faults.ts'
import { Gate } from '../../support/gate.ts'
import { APPS } from '../../support/paths.ts'
import { Project, temporaryDirectory } from '../../support/project.ts'
import { getOnce, RawClient } from '../../support/raw-client.ts'
import { runJumak } from '../../support/run.ts'
import { type Server, startServer, until } from '../../support/server.ts'

const skip = !isBuiltin('node:ffi') && 'needs Node 26, with its module node:ffi'
const THREADS = 3
const ARGS = ['--gateway-threads', String(THREADS)]

async function status(server: Server): Promise<ProgramStatus> {
  const socket = join(server.temporaryDirectory, 'admin.sock')
  const { code, stdout, stderr } = await runJumak(['status', '--json', '--admin-socket', socket], APPS)
  assert.equal(code, 0, stdout + stderr)
  return JSON.parse(stdout)
}

let lastMark = 0

/** Sends a request that no other one resembles, and asserts that its answer is its own. */
async function askMarked(client: RawClient): Promise<void> {
  const mark = `mark ${++lastMark}`
  client.send(`POST /echo/${lastMark} HTTP/1.1\r\nHost: t\r\nContent-Length: ${mark.length}\r\n\r\n${mark}`)
  const response = await client.response()
  assert.deepEqual([response.status, response.body.toString()], [200, mark])
}

async function connections(t: TestContext, target: number | string, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = []
  for (let i = 0; i < count; i++) {
    const client = new RawClient(target)
    t.after(() => client.close())
    clients.push(client)
    await askMarked(client)
  }
  return clients
}

/** The line of the log about a thread that has died, and how many connections it had. */
async function deathOf(server: Server, index: number, from: number): Promise<{ line: string; cut: number }> {
  const line = await server.waitForLog(new RegExp(`error gateway +thread ${index + 1} of the gateway has died`), from)
  return { line, cut: Number(/ (\d+) connections were cut/.exec(line)![1]) }
}

function expectDeaths(server: Server): void {
  server.expectLog(
    /error gateway +thread \d of the gateway has died, and another takes its place; \d+ connections were cut/,
  )
  // Its stack.
  server.mayLog(/error gateway +(?:at |.*Error)/)
}

test('requests over TCP and a Unix socket get their own answers, the status adds up, and each line of the access log is whole', {
  skip,
}, async t => {
  const path = temporaryDirectory(t)
  const socket = join(path, 's')
  const format = ['--access-log', '-', '--access-log-format', '%(m)s %(U)s %(s)s']
  const binds = ['-b', '127.0.0.1:0', '-b', `unix:${socket}`]
  const server = await startServer({
    app: 'plain',
    directory: APPS,
    args: [...ARGS, '-w', '2', '--threads', '2', ...binds, ...format],
  })
  const clients = [...(await connections(t, server.port, 9)), ...(await connections(t, socket, 9))]
  const rounds = 30
  await Promise.all(
    clients.map(async client => {
      for (let i = 0; i < rounds; i++) await askMarked(client)
    }),
  )
  const wanted = clients.length * (rounds + 1)
  const { gateway, apps } = await status(server)
  const { traffic } = gateway!
  assert.deepEqual([traffic!.connections, traffic!.running, traffic!.waiting], [clients.length, 0, 0])
  assert.equal(apps[0]!.traffic!.answered, wanted)
  assert.equal(
    apps[0]!.workers.reduce((sum, worker) => sum + worker.traffic!.answered, 0),
    wanted,
  )
  for (const client of clients) client.close()
  await server.stop()
  assert.equal(server.stdout.length, wanted)
  const targets = server.stdout.map(line => /^POST \/echo\/(\d+) 200$/.exec(line)?.[1])
  assert.equal(new Set(targets).size, wanted, 'each line is there once')
})

test('a request gets a slot that is free, or comes free, whichever thread has the connection', { skip }, async t => {
  const faults = threadFaults(t)
  const args = [...ARGS, '-w', '1', '--threads', '2']
  const server = await startServer({ app: 'plain', directory: APPS, args, env: faults.env })
  const clients = await connections(t, server.port, 2 * THREADS)
  const byThread = Map.groupBy(clients, client => faults.threadOf(client))
  assert.equal(byThread.size, THREADS)
  // The first two are of one thread; the next two of the others.
  const [twins, ...others] = [...byThread.values()].sort((a, b) => b.length - a.length)
  const [a, b, c, d] = [twins![0]!, twins![1]!, others[0]![0]!, others[1]![0]!]
  const held = () => server.log.filter(line => line.includes('holding')).length
  const hold = async (client: RawClient): Promise<Gate> => {
    const before = held()
    const gate = new Gate(t)
    client.get(gate.target)
    await until(
      () => held() > before,
      () => 'a slot is free, and the request waits',
    )
    return gate
  }
  const answered = async (client: RawClient, gate: Gate): Promise<void> => {
    gate.open()
    assert.equal((await client.response()).body.toString(), 'let go')
  }
  for (const [one, other, ...waiting] of [
    [a, b, c, d],
    [a, c, b, d],
    [d, c, a, b],
  ] as const) {
    const gates = [await hold(one), await hold(other)] as const
    for (const client of waiting) client.get('/hello')
    await until(
      async () => (await status(server)).gateway!.traffic!.waiting === waiting.length,
      () => 'they do not wait, though no slot is free',
    )
    await answered(one, gates[0])
    for (const client of waiting) assert.equal((await client.response()).status, 200)
    await answered(other, gates[1])
  }
  await server.stop()
})

/** Clients that send marked requests until they are told to stop. Now and then one comes back on a connection of its own. */
class MarkedLoad {
  answered = 0
  /** Connections that ended before the answer, or while nothing was asked. */
  cut = 0
  readonly #problems: unknown[] = []
  readonly #running: Promise<unknown>
  #isOver = false

  constructor(target: number | string, clients: number) {
    this.#running = Promise.all(Array.from({ length: clients }, () => this.#run(target)))
  }

  async #run(target: number | string): Promise<void> {
    let client = new RawClient(target)
    while (!this.#isOver) {
      try {
        await askMarked(client)
        this.answered++
      } catch (error) {
        if (error instanceof assert.AssertionError) this.#problems.push(error)
        this.cut++
        client = new RawClient(target)
      }
    }
    client.close()
  }

  /** Waits for so many answers more. */
  async more(count: number): Promise<void> {
    const wanted = this.answered + count
    await until(
      () => this.answered >= wanted,
      () => `${wanted - this.answered} answers are missing`,
    )
  }

  async over(): Promise<void> {
    this.#isOver = true
    await this.#running
    assert.deepEqual(this.#problems, [])
  }
}

/** Ends the thread, under load, and waits until its successor serves. Returns how many connections the log says were cut. */
async function endThread(
  server: Server,
  faults: ThreadFaults,
  index: number,
  fault: keyof typeof WHY,
): Promise<number> {
  const [from, ups] = [server.log.length, faults.ups(index)]
  await faults.inject(index, fault)
  const { line, cut } = await deathOf(server, index, from)
  assert.match(line, WHY[fault])
  await faults.up(index, ups + 1)
  return cut
}

const WHY = {
  error: /: Error: a fault of the test$/,
  exit: /: it ended by itself$/,
  heap: /: Error.*ERR_WORKER_OUT_OF_MEMORY/,
  hang: /: it had not turned for 3 s$/,
} as const

for (const [index, fault] of (['error', 'exit', 'heap'] as const).entries())
  test(`a thread that ends twice in a row by ${fault}: only its own connections are cut, and another serves`, {
    skip,
  }, async t => {
    const faults = threadFaults(t)
    const log = join(temporaryDirectory(t), 'access.log')
    const format = ['--access-log', log, '--access-log-format', '%(m)s %(U)s %(s)s']
    const server = await startServer({
      app: 'plain',
      directory: APPS,
      args: [...ARGS, '-w', '2', '--threads', '2', ...format],
      env: faults.env,
    })
    expectDeaths(server)
    const load = new MarkedLoad(server.port, 12)
    t.after(() => load.over())
    await load.more(50)
    let cut = await endThread(server, faults, index, fault)
    await load.more(50)
    // The successor has no more connections than the others, unless it was given some meanwhile: then all have as many.
    const idle = await connections(t, server.port, THREADS)
    assert.ok(idle.some(client => faults.threadOf(client) === index))
    cut += await endThread(server, faults, index, fault)
    await load.more(50)
    await load.over()
    const ended = () => idle.filter(({ socket }) => socket.readableEnded || socket.destroyed).length
    await until(
      () => ended() > 0 && cut === load.cut + ended(),
      () => `${cut} were cut: ${load.cut} of the load, ${ended()} idle ones`,
    )
    // No slot is lost: as many requests run at a time as there are slots.
    const gates = Array.from({ length: 4 }, () => new Gate(t))
    const clients = gates.map(gate => new RawClient(server.port).get(gate.target))
    await until(
      () => server.log.filter(line => line.includes('holding')).length === gates.length,
      () => 'a slot is lost',
    )
    for (const gate of gates) gate.open()
    for (const client of clients) assert.equal((await client.response()).status, 200)
    for (const client of clients) client.close()
    await server.stop()
    const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1)
    assert.deepEqual(
      lines.filter(line => !/^(?:POST \/echo\/\d+|GET \/hold) 200$/.test(line)),
      [],
    )
  })

test('a thread that hangs is named with its stack and ended; requests of other threads go on meanwhile', {
  skip,
}, async t => {
  const faults = threadFaults(t, { hangsSoon: true })
  const args = [...ARGS, '-w', '1', '--threads', '3']
  const server = await startServer({ app: 'plain', directory: APPS, args, env: faults.env })
  expectDeaths(server)
  server.expectLog(/error gateway +thread 2 of the gateway has not turned for 3 s and is ended; it does this:$/)
  const clients = await connections(t, server.port, THREADS)
  const hanging = clients.find(client => faults.threadOf(client) === 1)!
  const others = clients.filter(client => client !== hanging)
  const gate = new Gate(t)
  hanging.get(gate.target)
  await server.waitForLog(/holding/)
  const ups = faults.ups(1)
  const from = server.log.length
  await faults.inject(1, 'hang')
  gate.open()
  // Its slot counts as taken. The others go round, with as many requests at a time as before.
  for (let i = 0; i < 20; i++) await Promise.all(others.map(askMarked))
  await server.waitForLog(/has not turned for 3 s and is ended/)
  await server.waitForLog(/error gateway +at .*hangsForTheTest .*thread-faults/, from)
  const { line, cut } = await deathOf(server, 1, from)
  assert.match(line, WHY.hang)
  assert.equal(cut, 1)
  assert.equal((await hanging.readToEnd()).length, 0)
  await faults.up(1, ups + 1)
  await Promise.all([...others, ...(await connections(t, server.port, 2))].map(askMarked))
  // One that cannot be ended takes the process with it.
  server.expectLog(
    /thread 1 of the gateway has not turned for 3 s and is ended; it does not tell what it does: it is within one native call/,
    /thread 1 of the gateway has not turned for 3 s and cannot be ended: the gateway ends$/,
    /error master +the gateway was killed by SIGKILL/,
  )
  const { pid } = server.gateway()
  await faults.inject(0, 'hang-natively')
  await server.waitForLog(/the gateway was killed by SIGKILL/)
  for (const client of await connections(t, server.port, THREADS)) await askMarked(client)
  assert.notEqual(server.gateway().pid, pid)
  await server.stop()
})

/** A WebSocket that sends marked messages and gets them back, or an event stream. */
interface Live {
  readonly socket: Socket
  /** It goes on. */
  readonly next: () => Promise<void>
  readonly ended: Promise<unknown>
}

async function openWebSocket(t: TestContext, server: Server): Promise<Live> {
  const webSocket = new WebSocket(`ws://127.0.0.1:${server.port}/echo`)
  t.after(() => webSocket.terminate())
  webSocket.on('error', () => {})
  const [[response]] = await Promise.all([once(webSocket, 'upgrade'), once(webSocket, 'open')])
  return {
    socket: response.socket,
    async next() {
      const mark = `mark ${++lastMark}`
      webSocket.send(mark)
      const [data] = await once(webSocket, 'message')
      assert.equal(data.toString(), mark)
    },
    ended: once(webSocket, 'close'),
  }
}

async function openEvents(t: TestContext, server: Server): Promise<Live> {
  const client = new RawClient(server.port).get('/events')
  t.after(() => client.close())
  let number = 0
  const next = async () => {
    await client.readUntil(`data: ${number++}\n\n`)
  }
  await next()
  // A thread that dies sends a FIN, or a reset.
  const ended = new Promise(resolve => client.socket.on('end', resolve).on('close', resolve))
  return { socket: client.socket, next, ended }
}

test('WebSockets and event streams: those of a thread that dies end, the others go on; a process that dies comes back with all threads', {
  skip,
}, async t => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'asgi' })
  const faults = threadFaults(t)
  const args = [...ARGS, '-w', '2']
  const server = await startServer({ app: 'fastapi_app:app', directory: APPS, python, args, env: faults.env })
  expectDeaths(server)
  server.expectLog(/error master +the gateway was killed by SIGKILL/)
  const all: Live[] = []
  for (let i = 0; i < THREADS; i++) all.push(await openWebSocket(t, server), await openEvents(t, server))
  const doomed = new Set(all.filter(live => faults.threadOf(live) === 2))
  assert.equal(doomed.size, 2)
  const from = server.log.length
  await faults.inject(2, 'error')
  assert.equal((await deathOf(server, 2, from)).cut, doomed.size)
  const others = all.filter(live => !doomed.has(live))
  for (const { ended } of doomed) await ended
  for (let i = 0; i < 3; i++) await Promise.all(others.map(({ next }) => next()))
  await faults.up(2, 2)
  const fresh = await openWebSocket(t, server)
  assert.equal(faults.threadOf(fresh), 2)

  process.kill(server.gateway().pid, 'SIGKILL')
  for (const { ended } of [...others, fresh]) await ended
  for (let index = 0; index < THREADS; index++) await faults.up(index, index === 2 ? 3 : 2)
  const again: Live[] = []
  for (let i = 0; i < THREADS; i++) again.push(await openWebSocket(t, server))
  assert.equal(new Set(again.map(live => faults.threadOf(live))).size, THREADS)
  await Promise.all(again.map(({ next }) => next()))
  // Each gets its close frame.
  const ends = Promise.all(again.map(({ ended }) => ended))
  await server.stop()
  assert.deepEqual(
    (await ends).map(end => (end as [number])[0]),
    [1001, 1001, 1001],
  )
})

test('the limits on connections and on the queue are one for all threads', { skip }, async t => {
  const limits = [
    '--limit-connections',
    '6',
    '--limit-connections-per-address',
    '5',
    '--queue-limit',
    '2',
    '--limit-requests-per-address',
    '0',
  ]
  const args = [...ARGS, '-w', '1', '-b', '127.0.0.1:0', '--trusted-proxies', 'none', ...limits]
  const server = await startServer({ app: 'plain', directory: APPS, args })
  server.expectLog(/a connection from 127\.0\.0\.1 was refused: it has 5 open/, /Too many requests are waiting/)
  const clients = await connections(t, server.port, 5)
  const refused = new RawClient(server.port)
  assert.equal((await refused.response()).status, 503)
  refused.close()
  const gate = new Gate(t)
  const [busy, ...rest] = clients
  busy!.get(gate.target)
  await server.waitForLog(/holding/)
  // Two wait, on whichever threads. The others are refused. Threads that ask in the same moment may each have one more.
  const statuses: number[] = []
  const answers = []
  for (const [i, client] of rest.entries()) {
    answers.push(
      client
        .get('/hello')
        .response()
        .then(({ status }) => statuses.push(status)),
    )
    if (i < 2)
      await until(
        async () => (await status(server)).gateway!.traffic!.waiting === i + 1,
        () => 'the request does not wait',
      )
  }
  await until(
    () => statuses.length === 2,
    () => `${statuses.length} are refused, not 2`,
  )
  assert.deepEqual(statuses, [503, 503])
  gate.open()
  assert.equal((await busy!.response()).status, 200)
  await Promise.all(answers)
  assert.deepEqual(statuses, [503, 503, 200, 200])
  clients.pop()!.close()
  // The gateway hears of it a moment later.
  server.mayLog(/a connection from 127\.0\.0\.1 was refused/)
  await until(
    async () => (await getOnce(server.port, '/hello')).status === 200,
    () => 'the place of the connection that has closed is not free',
  )
  await server.stop()
})

const SAYING = (word: string) => `
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'${word}']
`

test('a reload is in force for all connections at one moment, as is an application that HUP adds; USR1 splits no line', {
  skip,
}, async t => {
  const files = { 'app.py': SAYING('old'), 'new/other.py': SAYING('other') }
  const project = new Project(t, files)
  const first = '[[app]]\nname = "first"\napp = "app"\nworkers = 4\n'
  project.save('jumak.toml', first)
  const log = project.path('access.log')
  const format = ['--access-log', log, '--access-log-format', '%(U)s %(s)s']
  const server = await startServer({ directory: project.directory, args: [...ARGS, ...format] })
  const clients = await Promise.all(
    Array.from({ length: THREADS }, async () => {
      const client = new RawClient(server.port)
      t.after(() => client.close())
      assert.equal((await client.get('/').response()).body.toString(), 'old')
      return client
    }),
  )
  let sent = THREADS
  let isOver = false
  let isNew = false
  let rounds = 0
  // There is a free slot of the new generation at any time.
  const running = clients.map(async client => {
    while (!isOver) {
      const mustBeNew = isNew
      const answer = (await client.get('/').response()).body.toString()
      sent++
      rounds++
      if (answer === 'new') isNew = true
      else assert.ok(answer === 'old' && !mustBeNew, `${answer} after the first new answer`)
    }
  })
  project.save('app.py', SAYING('new'))
  server.signal('SIGHUP')
  const more = async (count: number) => {
    const wanted = rounds + count
    await Promise.race([
      Promise.all(running),
      until(
        () => rounds >= wanted,
        () => 'no answers',
      ),
    ])
  }
  await server.waitForLog(/generation 2 serves/)
  await until(
    () => isNew,
    () => 'the new code does not answer',
  )
  await more(100)
  renameSync(log, `${log}.1`)
  server.signal('SIGUSR1')
  await until(
    () => existsSync(log) && readFileSync(log).length > 0,
    () => 'no new log',
  )
  await more(100)
  isOver = true
  await Promise.all(running)

  project.save(
    'jumak.toml',
    `${first}[[app]]\nname = "other"\npath = "/other"\napp = "other"\nchdir = "new"\nworkers = 1\n`,
  )
  server.signal('SIGHUP')
  const [one, ...others] = clients
  await until(
    async () => {
      sent++
      return (await one!.get('/other').response()).body.toString() === 'other'
    },
    () => 'the new application does not answer',
  )
  for (const client of others) {
    sent++
    assert.equal((await client.get('/other').response()).body.toString(), 'other')
  }
  await server.stop()
  const lines = [`${log}.1`, log].flatMap(file => readFileSync(file, 'utf8').split('\n').slice(0, -1))
  assert.equal(lines.length, sent)
  assert.deepEqual(
    lines.filter(line => !/^\/(?:other)? 200$/.test(line)),
    [],
  )
})
