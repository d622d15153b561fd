/** Life and death of the processes: crashes, signals, reloads. Each test has a server of its own, for each kills something. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { symlinkSync, unlinkSync } from 'node:fs'
import { test } from 'node:test'
import { freePort } from '../support/free-port.ts'
import { Gate } from '../support/gate.ts'
import { APPS } from '../support/paths.ts'
import { signalAll } from '../support/processes.ts'
import { Project } from '../support/project.ts'
import { getOnce, RawClient, textOf } from '../support/raw-client.ts'
import { isRefused, type Server, startServer, TRACEBACK, until, untilAnswered } from '../support/server.ts'

const text = (server: Server, path: string): Promise<string> => textOf(server.port, path)

const saying = (word: string) => `
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'${word}']
`

test('a worker that is killed is replaced', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '2'] })
  server.expectLog(/worker \d+ \(process \d+\) was killed by SIGKILL/)
  const [victim] = server.workers()
  process.kill(victim!.pid, 'SIGKILL')
  await server.waitForLog(/was killed by SIGKILL/)
  await until(
    () => server.workers().length === 2 && !server.workers().some(worker => worker.pid === victim!.pid),
    () => `workers: ${JSON.stringify(server.workers())}`,
  )
  assert.equal(await text(server, '/hello'), 'Hello, world!')
  await server.stop()
})

test('a request that kills its worker is sent again once, then gets 502, and the others are served', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '2'] })
  server.expectLog(
    /GET \/exit was on worker \d when its link broke \(closed by the worker\): it is sent again/,
    /GET \/exit was on worker \d when its link broke \(closed by the worker\): answered 502/,
    /GET \/exit .*has cost 2 workers/,
    /worker \d \(process \d+\) exited with code 17/,
  )
  const response = await getOnce(server.port, '/exit')
  assert.equal(response.status, 502)
  assert.equal(await text(server, '/hello'), 'Hello, world!')
  await until(
    () => server.workers().length === 2,
    () => 'no replacement',
  )
  await server.stop()
})

test('POST that killed its worker is not repeated', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '2'] })
  server.expectLog(/worker \d+ .*exited with code 17/, /POST \/exit was on worker/)
  const client = new RawClient(server.port)
  client.send('POST /exit HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n')
  assert.equal((await client.response()).status, 502)
  client.close()
  await server.waitForLog(/exited with code 17/)
  assert.equal(await text(server, '/hello'), 'Hello, world!')
  await server.stop()
  assert.equal(server.log.filter(line => /exited with code 17/.test(line)).length, 1)
})

test('a gateway that is killed is replaced; connections wait in the kernel meanwhile', async () => {
  const server = await startServer({ app: 'plain', directory: APPS })
  server.expectLog(/the gateway was killed by SIGKILL/)
  const old = server.gateway().pid
  process.kill(old, 'SIGKILL')
  // Opened before the successor listens: answered by it.
  assert.equal(await text(server, '/hello'), 'Hello, world!')
  assert.notEqual(server.gateway().pid, old)
  await server.stop()
})

test('a gateway that is killed while a thread is busy: the other threads of its worker serve', async t => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1', '--threads', '2'] })
  server.expectLog(/the gateway was killed by SIGKILL/)
  const [worker] = server.workers()
  const gate = new Gate(t)
  const client = new RawClient(server.port).get(gate.target)
  await server.waitForLog(/holding/)
  process.kill(server.gateway().pid, 'SIGKILL')
  assert.equal(await text(server, '/hello'), 'Hello, world!')
  assert.deepEqual(
    server.workers().map(({ pid }) => pid),
    [worker!.pid],
  )
  // The thread that was busy serves again.
  gate.open()
  const second = new Gate(t)
  const from = server.log.length
  const held = new RawClient(server.port).get(second.target)
  await server.waitForLog(/holding/, from)
  assert.equal(await text(server, '/hello'), 'Hello, world!')
  second.open()
  assert.equal((await held.response()).status, 200)
  held.close()
  client.close()
  await server.stop()
})

test('a preloader that is killed: workers serve on, and a new generation replaces them', async () => {
  const server = await startServer({ app: 'plain', directory: APPS })
  server.expectLog(/the preloader of generation 1 was killed by SIGKILL; its workers serve on/)
  const old = server.preloader().pid
  process.kill(old, 'SIGKILL')
  assert.equal(await text(server, '/hello'), 'Hello, world!')
  await server.waitForLog(/generation 2 serves/)
  assert.equal(await text(server, '/hello'), 'Hello, world!')
  assert.notEqual(server.preloader().pid, old)
  await server.stop()
})

test('a master that is killed leaves no process, and the next start on the same port works', async () => {
  const args = ['-b', `127.0.0.1:${await freePort()}`]
  const first = await startServer({ app: 'plain', directory: APPS, args })
  first.signal('SIGKILL')
  await first.waitForExit()
  await until(
    () => first.processes().length === 0,
    () => `left: ${JSON.stringify(first.processes())}`,
  )
  const second = await startServer({ app: 'plain', directory: APPS, args })
  assert.equal(await text(second, '/hello'), 'Hello, world!')
  await second.stop()
})

test('a master that is killed while a request runs: the workers leave all the same', async () => {
  const server = await startServer({ app: 'plain', directory: APPS })
  const client = new RawClient(server.port).get('/sleep?s=60')
  await server.waitForLog(/sleeping/)
  server.signal('SIGKILL')
  await server.waitForExit()
  await until(
    () => server.processes().length === 0,
    () => `left: ${JSON.stringify(server.processes())}`,
  )
  client.close()
})

test('TERM finishes what runs, refuses what comes later, and ends with 0', async t => {
  const server = await startServer({ app: 'plain', directory: APPS })
  const gate = new Gate(t)
  const client = new RawClient(server.port).get(gate.target)
  await server.waitForLog(/holding/)
  server.signal('SIGTERM')
  await until(
    () => isRefused(server),
    () => 'new connections are accepted while the program stops',
  )
  gate.open()
  const response = await client.response()
  assert.equal(response.status, 200)
  assert.equal(response.header('connection'), 'close')
  client.close()
  await server.ended(0)
})

test('a client that closes while its request waits costs no worker', async t => {
  // With more threads, one may have read nothing when another one has answered.
  const args = ['-w', '1', '--gateway-threads', '1', '--health-path', '/alive']
  const server = await startServer({ app: 'plain', directory: APPS, args })
  const gate = new Gate(t)
  const first = new RawClient(server.port).get(gate.target)
  await server.waitForLog(/holding/)
  const gone = Array.from({ length: 5 }, () => new RawClient(server.port).get('/sleep?s=0'))
  for (const client of gone) {
    client.socket.end()
    await once(client.socket, 'finish')
  }
  // What the gateway answers afterwards, it has read after their ends: those of one turn of its loop in any order, so twice.
  for (let i = 0; i < 2; i++) assert.equal(await text(server, '/alive'), 'alive\n')
  gate.open()
  assert.equal((await first.response()).status, 200)
  for (const client of gone) assert.equal((await client.readToEnd()).length, 0)
  first.close()
  assert.equal(await text(server, '/hello'), 'Hello, world!')
  await server.stop()
  assert.ok(!server.log.some(line => line.includes('sleeping')), server.log.join('\n'))
})

test('TERM to every process at once, as systemd sends it, loses no request either', async t => {
  const server = await startServer({ app: 'plain', directory: APPS })
  const gate = new Gate(t)
  const client = new RawClient(server.port).get(gate.target)
  await server.waitForLog(/holding/)
  signalAll(server.processes(), 'SIGTERM')
  await server.waitForLog(/stopping gracefully \(SIGTERM\)/)
  gate.open()
  assert.equal((await client.response()).status, 200)
  client.close()
  await server.ended(0)
})

test('INT ends quickly although a request runs', async () => {
  const server = await startServer({ app: 'plain', directory: APPS })
  const client = new RawClient(server.port).get('/sleep?s=60')
  await server.waitForLog(/sleeping/)
  server.signal('SIGINT')
  assert.equal(await server.waitForExit(), 0)
  client.close()
  await server.checkNothingLeft()
  assert.ok(!server.log.some(line => line.includes('Traceback')), server.log.join('\n'))
})

test('a second INT ends at once', async () => {
  const server = await startServer({ app: 'plain', directory: APPS })
  const client = new RawClient(server.port).get('/sleep?s=60')
  await server.waitForLog(/sleeping/)
  server.signal('SIGTERM')
  await server.waitForLog(/stopping gracefully \(SIGTERM\)/)
  server.signal('SIGINT')
  server.signal('SIGINT')
  assert.equal(await server.waitForExit(), 0)
  client.close()
  await server.checkNothingLeft()
})

test('HUP serves the new code, and no request of a steady load is lost', async t => {
  const project = new Project(t, { 'app.py': saying('old') })
  const { directory } = project
  const server = await startServer({ app: 'app', directory, args: ['-w', '2'] })
  assert.equal(await text(server, '/'), 'old')
  let running = true
  const answers = new Map<string, number>()
  const load = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (running) {
        const response = await getOnce(server.port, '/')
        const key = `${response.status} ${response.body}`
        answers.set(key, (answers.get(key) ?? 0) + 1)
      }
    }),
  )
  await until(
    () => answers.has('200 old'),
    () => JSON.stringify([...answers]),
  )
  project.save('app.py', saying('new word'))
  server.signal('SIGHUP')
  await server.waitForLog(/generation 2 serves/)
  await until(
    () => (answers.get('200 new word') ?? 0) > 50,
    () => JSON.stringify([...answers]),
  )
  running = false
  await load
  assert.deepEqual([...answers.keys()].sort(), ['200 new word', '200 old'])
  await until(
    () => server.workers().length === 2,
    () => `old workers stay: ${JSON.stringify(server.workers())}`,
  )
  await server.stop()
})

test('HUP with code that does not import: the old generation serves on, the log has the traceback', async t => {
  const project = new Project(t, { 'app.py': saying('old') })
  const { directory } = project
  const server = await startServer({ app: 'app', directory })
  server.expectLog(
    /error master +app could not be imported: there is no module nowhere_to_be_found /,
    TRACEBACK,
    /error master +ModuleNotFoundError: No module named 'nowhere_to_be_found'$/,
    /error master +generation 2 is given up, generation 1 serves on$/,
  )
  project.save('app.py', 'import nowhere_to_be_found\n')
  const from = server.log.length
  server.signal('SIGHUP')
  await server.waitForLog(/ModuleNotFoundError.*nowhere_to_be_found/, from)
  await server.waitForLog(/generation 1 serves on/, from)
  assert.equal(await text(server, '/'), 'old')
  project.save('app.py', saying('mended'))
  server.signal('SIGHUP')
  await server.waitForLog(/generation 3 serves/, from)
  await untilAnswered(server, '/', 'mended')
  await server.stop()
})

test('HUP follows a switched symbolic link in the working directory', async t => {
  const project = new Project(t, { '1/app.py': saying('release 1'), '2/app.py': saying('release 2') })
  const current = project.path('current')
  symlinkSync(project.path('1'), current)
  const server = await startServer({ app: 'app', directory: current })
  assert.equal(await text(server, '/'), 'release 1')
  unlinkSync(current)
  symlinkSync(project.path('2'), current)
  server.signal('SIGHUP')
  await server.waitForLog(/generation 2 serves/)
  await untilAnswered(server, '/', 'release 2')
  await server.stop()
})

test('TTIN and TTOU change the number of workers', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '2'] })
  server.signal('SIGTTIN')
  await until(
    () => server.workers().length === 3,
    () => `${server.workers().length} workers`,
  )
  server.signal('SIGTTOU')
  await until(
    () => server.workers().length === 2,
    () => `${server.workers().length} workers`,
  )
  assert.equal(await text(server, '/hello'), 'Hello, world!')
  await server.stop()
})

test('a request past --timeout gets 504, the log says which, and its worker is replaced', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['--timeout', '1', '-w', '2'] })
  server.expectLog(/worker \d+ is replaced: GET \/sleep has run for \d+ ms/, /warn +master +\[[\w-]+\] /)
  const before = server.workers().map(worker => worker.pid)
  const response = await getOnce(server.port, '/sleep?s=60')
  assert.equal(response.status, 504)
  await server.waitForLog(/worker \d+ stands here/)
  await until(
    () => {
      const now = server.workers().map(worker => worker.pid)
      return now.length === 2 && now.filter(pid => before.includes(pid)).length === 1
    },
    () => `${server.workers().length} workers`,
  )
  assert.equal(await text(server, '/hello'), 'Hello, world!')
  await server.stop()
})

test('a worker that is stuck does not hold up the end of the program', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['--timeout', '1', '-w', '1'] })
  server.expectLog(/worker 1 is replaced/, /warn +master +\[[\w-]+\] /)
  assert.equal((await getOnce(server.port, '/sleep?s=60')).status, 504)
  await server.waitForLog(/stands here/)
  // The graceful time-out would end in a warning that nobody announced.
  await server.stop()
})

test('preload auto finds a thread started at import, says so, and imports in each worker instead', async () => {
  const server = await startServer({ app: 'threads_at_import', directory: APPS })
  server.expectLog(
    /warn {2}master +preload off: thread "heartbeat", started for .*threads_at_import\.py:10 would not survive a fork$/,
  )
  assert.equal((await getOnce(server.port, '/')).status, 200)
  await server.stop()
})
