/** Commands to a running program: `jumak status`, `reload`, `stop`, `workers`, `log-level`, over its admin socket. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, lstatSync, readFileSync } from 'node:fs'
import { connect, type IncomingHttpHeaders } from 'node:http2'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ProgramStatus } from '../../src/control/admin-messages.ts'
import { Gate } from '../support/gate.ts'
import { APPS } from '../support/paths.ts'
import { Project, temporaryDirectory } from '../support/project.ts'
import { RawClient, textOf } from '../support/raw-client.ts'
import { type Ended, runJumak } from '../support/run.ts'
import { type Server, startServer, until } from '../support/server.ts'

const saying = (word: string) => `
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'${word}']
`

const socketOf = (server: Server) => join(server.temporaryDirectory, 'admin.sock')

/** Runs a command for this server. */
function command(server: Server, ...words: string[]): Promise<Ended> {
  return runJumak([...words, '--admin-socket', socketOf(server)], APPS)
}

async function status(server: Server): Promise<ProgramStatus> {
  const { code, stdout, stderr } = await command(server, 'status', '--json')
  assert.equal(code, 0, stdout + stderr)
  return JSON.parse(stdout)
}

test('status tells of program, gateway, application and workers, and of what each runs now', async t => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '2'] })
  assert.equal(await textOf(server.port, '/hello'), 'Hello, world!')
  const gate = new Gate(t)
  const client = new RawClient(server.port).get(gate.target)
  await server.waitForLog(/holding/)
  const { version, pid, state, listeners, gateway, apps } = await status(server)
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  assert.deepEqual([version, state, listeners], [manifest.version, 'ready', [server.url]])
  assert.equal(pid, server.pid)
  assert.equal(gateway!.pid, server.gateway().pid)
  assert.deepEqual([gateway!.traffic!.running, gateway!.traffic!.waiting], [1, 0])
  const [app] = apps
  assert.deepEqual(
    [app!.name, app!.target, app!.state, app!.interface, app!.pools[0]!.wanted, app!.pools[0]!.serving],
    ['default', 'plain:application', 'ready', 'wsgi', 2, 2],
  )
  assert.equal(app!.traffic!.answered, 1)
  assert.deepEqual(
    app!.workers.map(worker => worker.pid).sort(),
    server
      .workers()
      .map(worker => worker.pid)
      .sort(),
  )
  const busy = app!.workers.filter(({ traffic }) => traffic!.running > 0)
  const [request] = busy[0]!.traffic!.requests
  assert.deepEqual([busy.length, request!.method, request!.path, request!.state], [1, 'GET', '/hold', 'running'])
  if (process.platform === 'linux') assert.ok(busy[0]!.memory! > 0 && busy[0]!.cpu !== null)
  const shown = await command(server, 'status')
  assert.match(shown.stdout, /^Jumak \S+ {3}ready {3}.*\n.* 1 running .*\n\n.*NAME.*\n● default +ready /)
  assert.match(shown.stdout, /^ {2}worker \d +serving .* GET \/hold$/m)
  const session = connect(server.url)
  const held = session.request({ ':path': gate.target })
  // Both are answered as soon as the gate opens.
  const answered = once(held, 'response') as Promise<[IncomingHttpHeaders]>
  await until(
    async () => (await status(server)).gateway!.traffic!.streams === 1,
    () => 'the status does not count the stream',
  )
  assert.match((await command(server, 'status')).stdout, /connections \(1 HTTP\/2 with 1 stream\)/)
  gate.open()
  assert.equal((await client.response()).status, 200)
  const [headers] = await answered
  assert.equal(headers[':status'], 200)
  session.destroy()
  client.close()
  await server.stop()
})

test('a command finds the program of its directory, of its file, and of no other', async t => {
  const project = new Project(t, { 'app.py': saying('a'), 'other.toml': 'workers = 1\n', 'sub/app.py': saying('b') })
  const env = { JUMAK_ADMIN_SOCKET: '' }
  const server = await startServer({ directory: project.directory, args: ['-w', '1'], env })
  const pidOf = async (words: readonly string[], directory: string) => {
    const { code, stdout } = await runJumak(['status', '--json', ...words], directory)
    return code === 0 ? JSON.parse(stdout).pid : null
  }
  assert.equal(await pidOf([], project.directory), server.pid)
  assert.equal(await pidOf(['--chdir', '..'], project.path('sub')), server.pid)
  assert.equal(await pidOf([], project.path('sub')), null)
  assert.equal(await pidOf(['-c', 'other.toml'], project.directory), null)
  const second = await startServer({ directory: project.directory, args: ['-c', 'other.toml'], env })
  assert.equal(await pidOf(['-c', project.path('other.toml')], APPS), second.pid)
  await second.stop()
  // The same directory a third time.
  const third = await startServer({ directory: project.directory, args: ['-w', '1'], env })
  third.expectLog(
    /no admin socket for jumak status and the like: another program with the same configuration has .*--admin-socket PATH/,
  )
  assert.equal(await pidOf([], project.directory), server.pid)
  await third.stop()
  assert.equal(await pidOf([], project.directory), server.pid)
  await server.stop()
  const { code, stderr } = await runJumak(['status'], project.directory)
  assert.equal(code, 1)
  assert.match(
    stderr,
    /^jumak: no running program answers at \S+\.sock.*\nRun the command where the program was started/,
  )
})

test('status --ready is a health check: one line, and an exit code', async t => {
  const project = new Project(t, {
    'a.py': saying('a'),
    'b.py': 'import no_such_module\n',
    'jumak.toml': '[[app]]\nname = "a"\napp = "a"\n[[app]]\nname = "b"\napp = "b"\npath = "/b"\n',
  })
  const server = await startServer({ directory: project.directory, args: ['-w', '1'], waitReady: false })
  server.acceptAnyLog()
  let broken = await command(server, 'status', '--ready')
  await until(
    async () => {
      broken = await command(server, 'status', '--ready')
      return broken.stderr.startsWith('jumak: not ready: b failing: ')
    },
    () => broken.stderr,
  )
  assert.deepEqual([broken.code, broken.stdout], [1, ''])
  assert.match(broken.stderr, /^jumak: .*no_such_module.*\n$/)
  project.save('b.py', saying('b'))
  await command(server, 'reload')
  assert.deepEqual(await command(server, 'status', '--ready'), { code: 0, stdout: 'ready\n', stderr: '' })
  await server.stop()
  assert.equal((await command(server, 'status', '--ready')).code, 1)
})

test('reload waits for the new code, and says why it does not load', async t => {
  const project = new Project(t, { 'app.py': saying('one') })
  const server = await startServer({ directory: project.directory, args: ['-w', '1'] })
  project.save('app.py', saying('two'))
  assert.deepEqual(await command(server, 'reload'), { code: 0, stdout: 'generation 2 serves\n', stderr: '' })
  assert.equal(await textOf(server.port, '/'), 'two')
  project.save('app.py', `import no_such_module\n${saying('broken')}`)
  server.expectLog(/No module named 'no_such_module'/)
  server.acceptAnyLog()
  const broken = await command(server, 'reload')
  assert.deepEqual([broken.code, broken.stdout], [1, ''])
  assert.match(broken.stderr, /^jumak: app could not be imported: .*no_such_module.*\ngeneration 2 serves on\n$/)
  assert.equal(await textOf(server.port, '/'), 'two')
  const [app] = (await status(server)).apps
  assert.deepEqual([app!.state, app!.generation], ['ready', 2])
  assert.match(app!.problem, /^the last reload was given up: .*no_such_module/)
  project.save('app.py', saying('three'))
  const json = await command(server, 'reload', 'default', '--json')
  assert.deepEqual(JSON.parse(json.stdout), { jumak: 1, ok: true, command: 'reload', message: 'generation 4 serves' })
  assert.equal(await textOf(server.port, '/'), 'three')
  await server.stop()
})

test('reload says what is wrong with the settings', async t => {
  const project = new Project(t, { 'app.py': saying('one'), 'jumak.toml': 'workers = 1\n' })
  const server = await startServer({ directory: project.directory })
  project.save('jumak.toml', 'workers = "many"\n')
  server.expectLog(/jumak\.toml:1:11: workers must/, /nothing changes, because the settings are wrong/)
  const { code, stderr } = await command(server, 'reload')
  assert.equal(code, 1)
  assert.match(stderr, /^jumak: jumak\.toml:1:11: workers must .*\nnothing changes, because the settings are wrong\n$/)
  await server.stop()
})

test('reload says what waits for the next start', async t => {
  const project = new Project(t, { 'app.py': saying('one'), 'jumak.toml': 'workers = 1\n' })
  const server = await startServer({ directory: project.directory })
  project.save('jumak.toml', 'workers = 1\nkeep-alive = 9\n')
  server.expectLog(/keep-alive changed, which takes effect at the next start/)
  const { code, stdout } = await command(server, 'reload')
  assert.equal(code, 0)
  assert.equal(
    stdout,
    'generation 2 serves\nkeep-alive changed, which takes effect at the next start of the program, or with jumak upgrade\n',
  )
  await server.stop()
})

test('a file with a mistake hides no program that runs', async t => {
  const project = new Project(t, { 'app.py': saying('one'), 'jumak.toml': 'workers = 1\n' })
  const server = await startServer({ directory: project.directory, env: { JUMAK_ADMIN_SOCKET: '' } })
  for (const mistake of ['workers = \n', 'worker = 2\n']) {
    project.save('jumak.toml', mistake)
    assert.equal((await runJumak(['status'], project.directory)).code, 0, mistake)
  }
  assert.equal((await runJumak(['-c', 'jumak.toml', 'stop'], project.directory)).stdout, 'stopped\n')
  await server.exited
  const { code, stderr } = await runJumak(['status'], project.directory)
  assert.equal(code, 2)
  assert.match(stderr, /^jumak: jumak\.toml:1:1: there is no setting worker; did you mean workers\?\n$/)
})

test('workers changes their number, and log-level what the log has', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1'] })
  assert.deepEqual(await command(server, 'workers', '3'), { code: 0, stdout: '3 workers wanted\n', stderr: '' })
  await until(
    async () => (await status(server)).apps[0]!.pools[0]!.serving === 3,
    () => 'no three workers',
  )
  assert.equal(server.workers().length, 3)
  assert.equal((await command(server, 'workers', 'default', '1')).code, 0)
  await until(
    () => server.workers().length === 1,
    () => 'more than one worker',
  )
  assert.equal((await command(server, 'log-level', 'debug')).code, 0)
  await server.waitForLog(/info +master +log level debug \(jumak log-level\)/)
  // Both what the master says and what the gateway says.
  new RawClient(server.port).send('GET / HTTP/1.1\r\n\r\n')
  await server.waitForLog(/debug gateway .*refused/)
  assert.equal((await status(server)).logLevel, 'debug')
  await server.stop()
})

test('stop returns when the program has ended', async t => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1'] })
  const gate = new Gate(t)
  const client = new RawClient(server.port).get(gate.target)
  await server.waitForLog(/holding/)
  const stopped = command(server, 'stop')
  await server.waitForLog(/stopping gracefully \(jumak stop\)/)
  const during = await status(server)
  assert.deepEqual([during.state, during.apps[0]!.state], ['stopping', 'stopping'])
  const refused = await command(server, 'reload')
  assert.deepEqual([refused.code, refused.stderr], [1, 'jumak: the program is stopping\n'])
  gate.open()
  assert.equal((await client.response()).status, 200)
  assert.deepEqual(await stopped, { code: 0, stdout: 'stopped\n', stderr: '' })
  assert.equal(existsSync(socketOf(server)), false)
  assert.equal(server.workers().length, 0)
  await server.ended(0)
})

test('a wrong word is answered, and changes nothing', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1'] })
  for (const [words, code, said] of [
    [['reload', 'shop'], 1, /there is no application 'shop'; the applications are default/],
    [['workers', 'defualt', '2'], 1, /did you mean default\?/],
    [['workers', 'default/export', '2'], 1, /the application default has no pool 'export'/],
    [['workers', '0'], 2, /from 1 to 1024/],
    [['log-level', 'loud'], 2, /needs one of debug, info, warn, error/],
    [['status', '--workers=3'], 2, /has no flag --workers/],
  ] as const) {
    const ended = await command(server, ...words)
    assert.equal(ended.code, code, words.join(' '))
    assert.match(ended.stderr, said)
  }
  const json = await command(server, 'reload', 'shop', '--json')
  assert.deepEqual([json.code, JSON.parse(json.stdout).ok], [1, false])
  const { apps, logLevel } = await status(server)
  assert.deepEqual([apps[0]!.generation, apps[0]!.workers.length, logLevel], [1, 1, 'info'])
  await server.stop()
})

test('status is there while the gateway is silent, and when it has just been killed', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1'] })
  const { pid } = server.gateway()
  process.kill(pid, 'SIGSTOP')
  const silent = await status(server)
  assert.deepEqual([silent.gateway!.pid, silent.gateway!.traffic], [pid, null])
  assert.deepEqual([silent.apps[0]!.traffic, silent.apps[0]!.workers[0]!.traffic], [null, null])
  assert.match((await command(server, 'status')).stdout, /^gateway +does not answer/m)
  server.expectLog(/the gateway was killed by SIGKILL/)
  process.kill(pid, 'SIGKILL')
  assert.equal((await status(server)).apps[0]!.workers.length, 1)
  await until(
    async () => (await status(server)).gateway?.traffic?.connections === 0,
    () => 'no other gateway',
  )
  await server.stop()
})

test('a socket that a killed program left is replaced', async t => {
  const path = join(temporaryDirectory(t), 'a.sock')
  execFileSync('python3', ['-c', 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', path])
  const env = { JUMAK_ADMIN_SOCKET: path }
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1'], env })
  const { code } = await runJumak(['status'], APPS, env)
  assert.equal(code, 0)
  await server.stop()
  assert.equal(existsSync(path), false)
})

test('another user cannot connect', { skip: process.getuid?.() !== 0 && 'needs root' }, async t => {
  const directory = temporaryDirectory(t)
  chmodSync(directory, 0o755)
  const path = join(directory, 'a.sock')
  const env = { JUMAK_ADMIN_SOCKET: path }
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1', '--umask', '0'], env })
  assert.equal(lstatSync(path).mode & 0o777, 0o600)
  const script = 'import socket,sys; print(socket.socket(socket.AF_UNIX).connect_ex(sys.argv[1]))'
  const asOther = spawnSync('/usr/bin/python3', ['-c', script, path], { uid: 65_534, gid: 65_534, encoding: 'utf8' })
  assert.equal(asOther.stdout, '13\n', asOther.stderr)
  await server.stop()
})

test('a path that cannot be used ends the start, and off makes no socket', async t => {
  const project = new Project(t, { 'app.py': saying('a'), 'a.sock': 'precious' })
  const args = ['--admin-socket', 'a.sock']
  const server = await startServer({ directory: project.directory, args, waitReady: false })
  server.expectLog(/cannot make the admin socket .*a\.sock: a file that is no socket is there/)
  await server.ended(1)
  assert.ok(existsSync(project.path('a.sock')))
  const without = await startServer({ directory: project.directory, args: ['--admin-socket', 'off'] })
  assert.equal(existsSync(socketOf(without)), false)
  const { code, stderr } = await runJumak(['status', '--admin-socket=off'], project.directory)
  assert.equal(code, 1)
  assert.match(stderr, /admin-socket is off/)
  await without.stop()
})

test('with several applications each is asked for by its name, and its pools too', async t => {
  const app = (name: string) => `[[app]]\nname = "${name}"\npath = "/${name}"\nchdir = "${name}"\napp = "."\n`
  const pool = '[[app.pool]]\nname = "export"\npaths = ["/export/"]\nworkers = 1\n'
  const project = new Project(t, {
    'jumak.toml': `workers = 1\n${app('shop')}${pool}${app('api')}`,
    'shop/app.py': saying('shop'),
    'api/app.py': saying('api'),
  })
  const server = await startServer({ directory: project.directory })
  await server.waitForLog(/2 applications serve/)
  assert.equal((await command(server, 'workers', 'shop/export', '2')).stdout, '2 workers of shop/export wanted\n')
  assert.match((await command(server, 'workers', '2')).stderr, /needs the name of an application: shop, api/)
  await until(
    async () => (await status(server)).apps[0]!.pools[1]!.serving === 2,
    () => 'no two workers in the pool',
  )
  assert.equal((await command(server, 'reload', 'shop')).stdout, 'shop: generation 2 serves\n')
  project.save('api/app.py', `1 / 0\n${saying('api')}`)
  server.acceptAnyLog()
  const broken = await command(server, 'reload')
  assert.equal(broken.code, 1)
  assert.match(
    broken.stderr,
    /^jumak: api: .*ZeroDivisionError.*\napi: generation 1 serves on\nshop: generation 3 serves\n$/,
  )
  assert.equal(await textOf(server.port, '/api/'), 'api')
  const { apps } = await status(server)
  assert.deepEqual(
    apps.map(({ name, path, generation }) => [name, path, generation]),
    [
      ['shop', '/shop', 3],
      ['api', '/api', 1],
    ],
  )
  await server.stop()
})
