/** WSGI in greenlets (`--worker-class gevent`), with the real gevent: what a view sees, thousands that wait, deadlines, a blocked hub, reloads. */
import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureEnvironment, testedPythons } from '../support/environments/environments.ts'
import { Gate } from '../support/gate.ts'
import { APPS, ROOT } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { getOnce, RawClient, textOf } from '../support/raw-client.ts'
import { type Server, startServer, until } from '../support/server.ts'
import { HTTP } from '../support/translator.ts'

const MIB = 1024 ** 2
/** Each thread of the gateway notices by itself that a worker is blocked. */
const ONE_THREAD = ['--gateway-threads', '1']

async function start(version: string, ...args: string[]): Promise<Server> {
  const { python } = await ensureEnvironment({ python: version, packages: 'gevent' })
  return startServer({ app: 'gevent_app:app', directory: APPS, python, args: ['-k', 'gevent', ...args] })
}

/** A request to `path` that is in the application until its gate opens. */
function held(server: Server, path: string, gate: Gate): Promise<string> {
  return textOf(server.target, `${path}${path.includes('?') ? '&' : '?'}release=${gate.file}`)
}

for (const { version } of await testedPythons()) {
  test(`Flask in greenlets on Python ${version}`, async t => {
    const server = await start(version, '-w', '1', '--timeout-for', '/hang=1')
    const pid = await textOf(server.target, '/pid')
    assert.ok(server.log.some(line => line.includes('1 × up to 1000 requests')))

    await t.test('the application was imported once, before the fork', () => {
      assert.ok(!server.log.some(line => /preload/.test(line)), server.log.join('\n'))
    })

    await t.test('the environ is that of WSGI, and says that others run beside', async () => {
      const flags = await (await fetch(`${server.url}/flags`)).json()
      assert.deepEqual(flags, {
        ...{ 'wsgi.multithread': true, 'wsgi.multiprocess': false, 'wsgi.run_once': false },
        'wsgi.input_terminated': true,
      })
    })

    await t.test('a view that sleeps lets others run, and threading.local is of its greenlet', async t => {
      const gate = new Gate(t)
      const first = held(server, '/local?value=one', gate)
      const second = held(server, '/local?value=two', gate)
      assert.equal(await textOf(server.target, '/local?value=three'), 'nothing three')
      gate.open()
      assert.deepEqual(await Promise.all([first, second]), ['nothing one', 'nothing two'])
    })

    await t.test('lines of requests that run at a time do not mix, and each has the id of its own', async t => {
      const gate = new Gate(t)
      const first = getOnce(server.target, `/lines/first?release=${gate.file}`, 'X-Request-ID: first-1')
      const second = getOnce(server.target, `/lines/second?release=${gate.file}`, 'X-Request-ID: second-1')
      gate.open()
      await Promise.all([first, second])
      await server.waitForLog(/\[first-1\] first begins, first ends$/)
      await server.waitForLog(/\[second-1\] second begins, second ends$/)
    })

    await t.test('a view that asks its own worker is answered', async () => {
      assert.equal(await textOf(server.target, '/self'), pid)
    })

    await t.test('child processes: subprocess, and os.fork with a child that waits', async () => {
      assert.equal(await textOf(server.target, '/child'), 'from a child\n')
      assert.equal(await textOf(server.target, '/fork'), '7')
      assert.equal(await textOf(server.target, '/fork-back'), pid)
      await server.waitForLog(/a process that the application forked in a request came back from it: it ends here/)
      assert.equal(await textOf(server.target, '/pid'), pid)
    })

    await t.test('an exception is a 500, with a traceback that names the request', async () => {
      assert.equal((await getOnce(server.target, '/crash', 'X-Request-ID: crash-1')).status, 500)
      await server.waitForLog(/error worker \d +\[crash-1\] RuntimeError: on purpose$/)
    })

    await t.test('a generator arrives piece by piece', async t => {
      const gate = new Gate(t)
      const client = new RawClient(server.target).get(`/pieces?release=${gate.file}`)
      await client.readUntil('piece\n')
      gate.open()
      await client.readUntil('piece\n')
      client.close()
    })

    await t.test('a file, and an upload that the view reads more slowly than it comes', async () => {
      assert.match(await textOf(server.target, '/file'), /^"""A Flask application for workers of greenlets/)
      const body = Buffer.alloc(3 * MIB)
      assert.equal(await (await fetch(`${server.url}/count`, { method: 'POST', body })).text(), String(3 * MIB))
    })

    // In HTTP/2 the translator between client and program reads on.
    if (HTTP === '1')
      await t.test(
        'a client that does not read holds back its own view only; when it has gone, the view ends',
        async () => {
          const client = new RawClient(server.target).get('/pour/256')
          await client.head()
          client.socket.pause()
          // Buffers of the kernel and of the gateway take some of it.
          const before = await settled(server)
          assert.ok(before < 128 * MIB, `${before} bytes were made`)
          client.close()
          await server.waitForLog(/the client has gone/)
        },
      )

    await t.test('a thousand clients wait at a time', async () => {
      const count = 1000
      const clients = Array.from({ length: count }, () => new RawClient(server.target).get(`/together/${count}`))
      const answers = await Promise.all(clients.map(client => client.response()))
      assert.ok(answers.every(({ status, body }) => status === 200 && body.toString() === String(count)))
      for (const client of clients) client.close()
    })

    await t.test('a request past its deadline gets 504, its stack is logged, and its worker serves on', async () => {
      server.expectLog(/GET \/hang is cancelled in worker 1: no response/)
      assert.equal((await getOnce(server.target, '/hang')).status, 504)
      await server.waitForLog(/the deadline has passed of GET \/hang \(request .*\); it was here:$/)
      await server.waitForLog(/gevent_app\.py", line \d+, in hang$/)
      assert.equal(await textOf(server.target, '/pid'), pid)
    })
    await server.stop()
  })
}

/** Waits until so many requests are in `/hold`. */
function holding(server: Server, count: number): Promise<void> {
  const are = () => server.log.filter(line => line.endsWith('holding')).length
  return until(
    () => are() === count,
    () => `${are()} are held`,
  )
}

/** How much `/pour` has made when it makes no more. */
async function settled(server: Server): Promise<number> {
  let last = -1
  await until(
    async () => {
      const before = last
      last = Number(await textOf(server.target, '/produced'))
      return last === before
    },
    () => `${last} bytes, and it goes on`,
  )
  return last
}

test('a worker with little room; a view that computes blocks its worker; one that dies or stays blocked is replaced', async t => {
  const server = await start(
    'newest',
    '-w',
    '1',
    '--concurrency',
    '2',
    '--timeout',
    '2',
    '--timeout-for',
    '/hold=5m',
    ...ONE_THREAD,
  )
  // Two ends of workers: what the log says of them is tested elsewhere.
  server.acceptAnyLog()
  const [one, two] = [new Gate(t), new Gate(t)]
  const first = held(server, '/hold', one)
  const second = held(server, '/hold', two)
  await holding(server, 2)
  const third = textOf(server.target, '/pid')
  one.open()
  const pid = await first
  assert.equal(await third, pid)

  process.kill(Number(pid), 'SIGKILL')
  two.open()
  assert.notEqual(await second, pid, 'a GET goes to the next worker')

  assert.equal(await textOf(server.target, '/compute?seconds=0.2'), 'computed')
  const from = server.log.length
  const blocked = getOnce(server.target, '/compute?seconds=60')
  await server.waitForLog(/worker 2 is blocked: its event loop has not turned for \d+ ms/, from)
  await server.waitForLog(/Thread MainThread, which runs GET \/compute \(request /, from)
  await server.waitForLog(/gevent_app\.py", line \d+, in compute$/, from)
  assert.equal((await blocked).status, 504)
  assert.match(await textOf(server.target, '/pid'), /^\d+$/)
  await server.stop()
})

test('several threads of the gateway; HUP and a stop let running greenlets end', async t => {
  const server = await start('newest', '-w', '2', '--gateway-threads', '2', '--max-requests', '1000')
  const [one, two] = [new Gate(t), new Gate(t)]
  const waiting = Array.from({ length: 40 }, () => held(server, '/hold', one))
  await holding(server, 40)
  const pids = new Set(await Promise.all(Array.from({ length: 40 }, () => textOf(server.target, '/pid'))))
  assert.equal(pids.size, 2)
  server.signal('SIGHUP')
  await until(
    async () => !pids.has(await textOf(server.target, '/pid')),
    () => server.log.join('\n'),
  )
  one.open()
  for (const pid of await Promise.all(waiting)) assert.ok(pids.has(pid))
  const last = held(server, '/hold', two)
  await holding(server, 41)
  const stopped = server.stop()
  two.open()
  assert.ok(!pids.has(await last))
  await stopped
})

const AT_IMPORT = `
import os, threading, time
import gevent

ticks = 0

def tick():
    global ticks
    while True:
        ticks += 1
        time.sleep(0.01)  # wait: so that others run

time.sleep(0.01)  # wait: the import itself uses the hub
threading.Thread(target=tick, daemon=True).start()

def application(environ, start_response):
    before = ticks
    while ticks == before:
        time.sleep(0.01)  # wait: for the greenlet that the import has started
    start_response("200 OK", [])
    return [VERSION.encode()]

VERSION = "one"
`

test('what an import spawns runs in a worker, forked or not; --reload brings new code', async t => {
  const project = new Project(t, { 'app.py': AT_IMPORT })
  const { directory } = project
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'gevent' })
  const forked = await startServer({
    app: 'app',
    directory,
    python,
    args: ['-k', 'gevent', '-w', '1', '--preload', 'on'],
  })
  forked.expectLog(/warn +master/)
  assert.equal(await textOf(forked.target, '/'), 'one')
  await forked.stop()
  const server = await startServer({ app: 'app', directory, python, args: ['-k', 'gevent', '--reload'] })
  server.expectLog(/preload off: thread "Thread-1.*" would not run in workers|warn +master/)
  assert.equal(await textOf(server.target, '/'), 'one')
  project.save('app.py', AT_IMPORT.replace('"one"', '"second"'))
  assert.equal(await textOf(server.target, '/'), 'second')
  await server.stop()
})

const BREW = `
import subprocess
def brew():
    return subprocess.run(["echo", "tea"], stdout=subprocess.PIPE).stdout
made = brew()
def app(environ, start_response):
    start_response("200 OK", [])
    return [made, brew()]
`
const HOOKS = `
import subprocess
def told(name):
    print(name, subprocess.run(["echo", "tea"], stdout=subprocess.PIPE).stdout, flush=True)
def pre_fork(server, worker):
    told("pre_fork")
def child_exit(server, worker):
    told("child_exit")
def on_exit(server):
    told("on_exit")
`

for (const { version } of await testedPythons())
  test(`views and hooks wait for processes on Python ${version}, where the import had waited for one before the fork`, async t => {
    const { python } = await ensureEnvironment({ python: version, packages: 'gevent' })
    const project = new Project(t, { 'brew.py': BREW, 'hooks.py': HOOKS })
    symlinkSync(join(ROOT, 'bin/jumak'), project.path('gunicorn'))
    const server = await startServer({
      app: 'brew:app',
      directory: project.directory,
      program: project.path('gunicorn'),
      args: ['-k', 'gevent', '-c', 'hooks.py'],
      env: { JUMAK_PYTHON: python },
    })
    assert.ok(
      server.log.some(line => /imported once/.test(line)),
      server.log.join('\n'),
    )
    assert.equal(await textOf(server.target, '/'), 'tea\ntea\n')
    // A worker that has ended is noticed at once: otherwise the stop would warn that it did not leave in time.
    await server.stop()
    for (const hook of ['pre_fork', 'child_exit', 'on_exit'])
      assert.ok(
        server.log.some(line => line.endsWith(`${hook} b'tea\\n'`)),
        server.log.join('\n'),
      )
  })
