/** The life of a worker and of the program around it: recycling, variables, sockets from elsewhere, process 1. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Gate } from '../support/gate.ts'
import { ask, makeDirectory, readLog } from '../support/life.ts'
import { ROOT } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer, TRACEBACK, until } from '../support/server.ts'

// ---- recycling ----

test('--max-requests: workers are recycled under load, and no request is lost', async t => {
  const directory = makeDirectory(t)
  const args = ['-w', '2', '--max-requests', '20', '--max-requests-jitter', '5']
  const server = await startServer({ app: 'app', directory, args })
  const pids = new Set<number>()
  // A fifth process answers when three have been replaced. How many requests that takes is the machine's affair.
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let i = 0; i < 2000 && pids.size < 5; i++) pids.add((await ask(server.port)).pid)
    }),
  )
  assert.equal(pids.size, 5)
  await server.waitForLog(/info +master +worker [12] is recycled: 2\d requests \(--max-requests 20\)/)
  await server.stop()
})

test('--max-requests: what runs in the worker that is recycled is finished', async t => {
  const server = await startServer({
    app: 'app',
    directory: makeDirectory(t),
    args: ['-w', '1', '--threads', '2', '--max-requests', '1'],
  })
  const gate = new Gate(t)
  const slow = new RawClient(server.port).get(gate.target)
  await server.waitForLog(/worker 1 +\[\S+\] holding/)
  const first = await ask(server.port)
  await server.waitForLog(/worker 1 is recycled: 1 request /)
  gate.open()
  const response = await slow.response()
  assert.equal(JSON.parse(response.body.toString()).pid, first.pid)
  slow.close()
  await server.stop()
})

test('--max-age', async t => {
  const server = await startServer({ app: 'app', directory: makeDirectory(t), args: ['-w', '1', '--max-age', '1s'] })
  const before = (await ask(server.port)).pid
  await server.waitForLog(/worker 1 is recycled: .* old \(--max-age 1\.0 s\)/)
  await until(
    async () => (await ask(server.port)).pid !== before,
    () => server.log.join('\n'),
  )
  await server.stop()
})

test('--max-memory: the worker that hoards is recycled, and the log says what it had', async t => {
  const server = await startServer({
    app: 'app',
    directory: makeDirectory(t),
    args: ['-w', '2', '--max-memory', '60M'],
  })
  const { pid } = await ask(server.port, '/hoard')
  const kind = process.platform === 'linux' ? 'PSS' : 'RSS'
  await server.waitForLog(new RegExp(`worker \\d is recycled: \\d+ MB of memory, ${kind} \\(--max-memory 60 MB\\)`))
  await until(
    () => server.workers().length === 2 && server.workers().every(worker => worker.pid !== pid),
    () => JSON.stringify(server.workers()),
  )
  await server.stop()
})

// ---- variables, hook, umask, pid file ----

test('--env, --env-file, --umask, --post-fork and --pid-file', async t => {
  const directory = makeDirectory(t)
  const files = new Project(t, { '.env': '# settings\nexport JT_A="one two"\nJT_B=file\nJT_D=file\n' })
  const server = await startServer({
    app: 'app',
    directory,
    env: { JT_D: 'own', JT_C: 'own' },
    args: [
      ...['--env-file', files.path('.env'), '--env', 'JT_B=given', '--env', 'JT_C=a=b', '--umask', '027'],
      ...['--post-fork', 'app:hook', '--pid-file', files.path('pid')],
    ],
  })
  const { pid, hooked, umask, env } = await ask(server.port)
  assert.equal(hooked, pid)
  assert.equal(umask, 0o027)
  assert.deepEqual([env['JT_A'], env['JT_B'], env['JT_C'], env['JT_D']], ['one two', 'given', 'a=b', 'own'])
  assert.equal(readFileSync(files.path('pid'), 'latin1'), `${server.pid}\n`)
  await server.stop()
  assert.ok(!existsSync(files.path('pid')))
})

test('--post-fork that fails ends the start with 3 and the traceback', async t => {
  const server = await startServer({
    app: 'app',
    directory: makeDirectory(t),
    args: ['--post-fork', 'app:broken_hook'],
    waitReady: false,
  })
  server.expectLog(
    /error master +--post-fork app:broken_hook failed: ConnectionError: no database$/,
    TRACEBACK,
    /error master +ConnectionError: no database$/,
  )
  await server.ended(3)
  assert.ok(
    server.log.some(line => line.includes('in broken_hook')),
    server.log.join('\n'),
  )
})

// ---- sockets ----

test('--unix-mode', async t => {
  const directory = makeDirectory(t)
  const socket = join(directory, 'http.sock')
  const args = ['-b', `unix:${socket}`, '--unix-mode', '600']
  const server = await startServer({ app: 'app', directory, args })
  assert.equal(statSync(socket).mode & 0o777, 0o600)
  assert.ok((await ask(socket)).pid > 0)
  await server.stop()
})

test('fd://3 serves the socket that was inherited, says its address, and leaves its path', async t => {
  const directory = makeDirectory(t)
  const socket = join(directory, 'inherited.sock')
  const script = `
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.execv(sys.argv[2], sys.argv[2:])
`
  const program = join(ROOT, 'bin/jumak')
  const child = spawn('python3', ['-c', script, socket, program, '-b', 'fd://3', 'app'], {
    cwd: directory,
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  const log = await readLog(child, / ready$/m)
  assert.match(log(), new RegExp(` on unix:${socket}: serving app\n`))
  assert.ok((await ask(socket)).pid > 0)
  child.kill()
  const [code] = await once(child, 'close')
  assert.equal(code, 0, log())
  assert.ok(existsSync(socket))
})

// ---- process 1 ----

const UNSHARE = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']
const canUnshare = spawnSync(UNSHARE[0]!, [...UNSHARE.slice(1), 'true']).status === 0

test('as process 1 of a container it collects every orphan', { skip: !canUnshare && 'needs unshare' }, async t => {
  const directory = makeDirectory(t)
  const socket = join(directory, 'http.sock')
  const program = [...UNSHARE, join(ROOT, 'bin/jumak'), '-b', `unix:${socket}`, '-w', '2', 'app']
  const child = spawn(program[0]!, program.slice(1), { cwd: directory, stdio: ['ignore', 'inherit', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const log = await readLog(child, / ready$/m)
  const [init] = childrenOf(child.pid!)
  const [master] = childrenOf(init!)
  const preloader = childrenOf(master!).find(pid => commandOf(pid).includes('jumak_worker'))!
  const workers = childrenOf(preloader)
  await ask(socket, '/orphan')
  process.kill(preloader, 'SIGKILL')
  await until(() => /generation 2 serves/.test(log()), log)
  await until(
    () => workers.every(pid => !existsSync(`/proc/${pid}`)) && childrenOf(init!).length === 1,
    () => `left to process 1: ${childrenOf(init!).map(pid => `${pid} ${stateOf(pid)} ${commandOf(pid)}`)}`,
  )
  assert.ok((await ask(socket)).pid > 0)
  process.kill(init!, 'SIGTERM')
  const [code] = await once(child, 'close')
  assert.equal(code, 0, log())
  assert.match(log(), /stopping gracefully \(SIGTERM\)/)
})

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number)
}

const commandOf = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
const stateOf = (pid: number) => /\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))![1]
