/** USR2 and `jumak upgrade`: a new program on the same sockets. Nothing is lost, and one that does not come up changes nothing. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { Gate } from '../support/gate.ts'
import { NotifySocket } from '../support/notify-socket.ts'
import { hasEnded } from '../support/processes.ts'
import { ProgramCopy } from '../support/program-copy.ts'
import { Project } from '../support/project.ts'
import { getOnce, RawClient } from '../support/raw-client.ts'
import { isRefused, type Server, type ServerOptions, startServer, TRACEBACK, until } from '../support/server.ts'
import { startEcho } from '../support/upstreams.ts'

const APP = `
import os, time
while os.path.exists("closed"):
    print("the import waits", flush=True)
    time.sleep(0.05)  # wait: a test has no other way to tell an application

def application(environ, start_response):
    if environ["PATH_INFO"] == "/hold":
        print("holding", flush=True)
        while not os.path.exists(environ["QUERY_STRING"].split("=", 1)[1]):
            time.sleep(0.01)  # wait: a test has no other way to tell an application
    start_response("200 OK", [])
    return [str(os.getppid()).encode()]
`

/** Root may start it wherever the checkout lies. A test that changes it puts it back. */
const copy = new ProgramCopy()
after(() => copy.remove())

/** A project, and what a server of it needs. */
function setUp(t: TestContext): { project: Project; options: ServerOptions } {
  const project = new Project(t, { 'app.py': APP })
  return { project, options: { app: 'app', directory: project.directory, program: copy.program } }
}

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A command to the program. */
async function command(server: Server, program: string, ...words: string[]): Promise<Ended> {
  const child: ChildProcess = spawn(program, words, {
    env: { ...process.env, JUMAK_ADMIN_SOCKET: join(server.temporaryDirectory, 'admin.sock') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) child[name]!.on('data', data => (text[name] += data))
  const [code] = await once(child, 'close')
  return { code, ...text }
}

/** Requests without a pause to each target; half of the clients keep their connections. Each must be answered with 200. */
class Load {
  answered = 0
  #isOver = false
  readonly #running: Promise<unknown>

  constructor(...targets: (number | string)[]) {
    this.#running = Promise.all(
      targets.flatMap(target => Array.from({ length: 6 }, (_, index) => this.#run(target, index % 2 === 0))),
    )
    // It is awaited in `stop`.
    this.#running.catch(() => {})
  }

  async #run(target: number | string, keeps: boolean): Promise<void> {
    let client: RawClient | null = null
    while (!this.#isOver) {
      client ??= new RawClient(target)
      const response = await client.get('/', ...(keeps ? [] : ['Connection: close'])).response()
      assert.equal(response.status, 200)
      this.answered++
      if (response.header('connection') === 'close') {
        client.close()
        client = null
      }
    }
    client?.close()
  }

  /** Waits until so many more were answered. */
  async more(count: number): Promise<void> {
    const goal = this.answered + count
    await until(
      () => this.answered >= goal,
      () => `${this.answered} of ${goal} answers`,
    )
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }
}

/** Nothing of this process is left. */
async function gone(pid: number): Promise<void> {
  await until(
    () => hasEnded(pid),
    () => `process ${pid} lives on`,
  )
}

test('twice under load on TCP and a Unix socket: nothing is lost, and pid file and admin socket change hands', async t => {
  const { project, options } = setUp(t)
  const [socket, pidFile] = [project.path('http.sock'), project.path('pid')]
  const gate = new Gate(t)
  const binds = ['-b', '127.0.0.1:0', '-b', `unix:${socket}`]
  const args = [...binds, '-w', '2', '--threads', '2', '--pid-file', pidFile, '--access-log', '-']
  const server = await startServer({ ...options, args })
  const first = server.pid
  const load = new Load(server.port, socket)
  // Runs in the old program beyond the upgrade.
  const held = new RawClient(server.port).get(gate.target)
  await server.waitForLog(/holding/)
  await load.more(50)
  server.signal('SIGUSR2')
  const second = await server.upgraded()
  assert.notEqual(second, first)
  assert.equal(readFileSync(pidFile, 'utf8'), `${second}\n`)
  await load.more(50)
  gate.open()
  assert.equal((await held.response()).status, 200)
  await gone(first)

  const from = server.log.length
  const { code, stdout } = await command(server, copy.program, 'upgrade', '--json')
  const answer = JSON.parse(stdout)
  const third = await server.upgraded(from)
  assert.deepEqual([code, answer.ok, answer.command], [0, true, 'upgrade'])
  assert.match(answer.message, new RegExp(`^upgraded: process ${third} \\(Jumak .*\\) serves$`))
  await load.more(50)
  await gone(second)
  await load.stop()
  assert.equal(readFileSync(pidFile, 'utf8'), `${third}\n`)
  const status = JSON.parse((await command(server, copy.program, 'status', '--json')).stdout)
  assert.deepEqual([status.pid, status.state], [third, 'ready'])
  server.rememberFds()
  await server.stop()
  assert.deepEqual([existsSync(pidFile), existsSync(socket)], [false, false])
  // Two gateways wrote one pipe: each request has a whole line.
  assert.deepEqual(
    server.stdout.filter(line => !ACCESS_LINE.test(line)),
    [],
  )
  assert.equal(server.stdout.length, load.answered + 1)
})

const ACCESS_LINE = /^\S+ - - \[[^\]]+\] "GET \/\S* HTTP\/1\.1" 200 \d+ "-" "-" \S+ \S+ queue=\S+ app=\S+ worker=\d+$/

test('what jumak upstream has changed is there after an upgrade, and is told to a new program that is not ready yet', async t => {
  const { project, options } = setUp(t)
  const backends = await Promise.all(['a', 'b', 'c'].map(name => startEcho(name)))
  t.after(() => Promise.all(backends.map(one => one.close())))
  const [a, b, c] = backends.map(({ port }) => `127.0.0.1:${port}`) as [string, string, string]
  project.save(
    'jumak.toml',
    `[[app]]
name = "shop"
app = "app"
[[upstream]]
name = "back"
servers = ["${a}", "${b}"]
[[site]]
locations = [{ match = "/", proxy = "http://back" }, { match = "/shop/", app = "shop" }]
`,
  )
  const server = await startServer({ directory: options.directory, program: copy.program })
  const change = async (...words: string[]) => {
    const { code, stderr } = await command(server, copy.program, 'upstream', 'back', ...words)
    assert.equal(code, 0, stderr)
  }
  await change('drain', a)
  const first = server.pid
  project.save('closed', '')
  server.signal('SIGUSR2')
  await server.waitForLog(/the import waits/)
  await change('add', c, 'weight=2')
  await change('remove', b)
  rmSync(project.path('closed'))
  await server.upgraded()
  await gone(first)
  const { stdout } = await command(server, copy.program, 'upstream', 'back')
  assert.match(stdout, new RegExp(`${a} +draining`))
  assert.match(stdout, new RegExp(`${b} +removed`))
  assert.match(stdout, new RegExp(`${c} +up +weight 2 .*added by jumak upstream`))
  for (let i = 0; i < 4; i++) assert.equal(JSON.parse((await getOnce(server.port, '/')).body.toString()).server, 'c')
  server.rememberFds()
  await server.stop()
})

test('a new program that is stopped while the old one finishes what runs: clients are refused, and none waits for nobody', async t => {
  const { options } = setUp(t)
  const gate = new Gate(t)
  const server = await startServer({ ...options, args: ['-w', '1'] })
  const held = new RawClient(server.port).get(gate.target)
  await server.waitForLog(/holding/)
  server.signal('SIGUSR2')
  const second = await server.upgraded()
  server.signal('SIGTERM')
  await gone(second)
  // The gateway of the old one may look at its sockets for the last time.
  await until(
    () => isRefused(server),
    () => 'clients are served by a program that is stopped',
  )
  gate.open()
  assert.equal((await held.response()).status, 200)
  await server.ended(0)
})

test('a socket that was inherited (fd://) is handed on, and an address that is new or gone is bound or closed', async t => {
  const { project, options } = setUp(t)
  const [socket, other, config] = [project.path('fd.sock'), project.path('other.sock'), project.path('jumak.toml')]
  project.save(
    'start.py',
    `#!/usr/bin/env python3
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(${JSON.stringify(socket)})
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.execv(${JSON.stringify(copy.program)}, ["jumak"] + sys.argv[1:])
`,
  )
  chmodSync(project.path('start.py'), 0o755)
  writeFileSync(config, `bind = ["fd://3", "unix:${other}"]\n`)
  const server = await startServer({ ...options, program: project.path('start.py'), isBound: true })
  const load = new Load(socket)
  await load.more(20)
  const added = project.path('added.sock')
  writeFileSync(config, `bind = ["unix:${added}", "fd://3"]\n`)
  const first = server.pid
  server.signal('SIGUSR2')
  await server.upgraded()
  assert.equal((await getOnce(added, '/')).status, 200)
  await load.more(20)
  await gone(first)
  assert.equal(existsSync(other), false)
  await load.stop()
  // The last of it: what the new configuration asks for is not at hand.
  writeFileSync(config, 'bind = ["fd://4"]\n')
  server.expectLog(/error master +cannot listen on fd:\/\/4: the program that is replaced does not have it/, GIVEN_UP)
  const refused = await command(server, copy.program, 'upgrade')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /^jumak: the upgrade is given up: cannot listen on fd:\/\/4/)
  await server.stop()
  assert.equal(existsSync(socket), true)
})

const GIVEN_UP = /error master +the upgrade to process .* is given up: .*; this process serves on$/

test('a new program that does not come up changes nothing, whatever is wrong with it', async t => {
  const { project, options } = setUp(t)
  const [pidFile, config] = [project.path('pid'), project.path('jumak.toml')]
  const server = await startServer({ ...options, args: ['--pid-file', pidFile] })
  const load = new Load(server.port)
  const refused = async (why: RegExp) => {
    const { code, stderr } = await command(server, copy.program, 'upgrade')
    assert.equal(code, 1)
    assert.match(stderr, why)
    assert.match(stderr, new RegExp(`\\nprocess ${server.pid} serves on\\n$`))
    assert.equal(readFileSync(pidFile, 'utf8'), `${server.pid}\n`)
    await load.more(20)
  }
  server.expectLog(GIVEN_UP)

  writeFileSync(config, 'workers = "many"\n')
  await refused(/^jumak: the upgrade is given up: jumak\.toml:1:11: workers must be/)
  rmSync(config)

  server.expectLog(/error master +app could not be imported: there is no module no_such_module/, TRACEBACK)
  server.expectLog(/error master +ModuleNotFoundError: No module named 'no_such_module'$/)
  project.save('app.py', 'import no_such_module\n')
  await refused(/^jumak: the upgrade is given up: app could not be imported: there is no module no_such_module/)

  server.expectLog(/error master +generation 1 did not serve within 1\.0 s/)
  project.save('app.py', APP)
  project.save('closed', '')
  writeFileSync(config, 'start-timeout = "1s"\n')
  await refused(/^jumak: the upgrade is given up: generation 1 did not serve within 1\.0 s/)
  rmSync(project.path('closed'))
  rmSync(config)

  // One that is killed leaves no file of its own beside ours.
  project.save('closed', '')
  const begun = server.log.length
  server.signal('SIGUSR2')
  const line = await server.waitForLog(/ upgrade: process \d+ starts/, begun)
  await server.waitForLog(/the import waits/, begun)
  process.kill(Number(/process (\d+)/.exec(line)![1]), 'SIGKILL')
  await server.waitForLog(/is given up: it was killed by SIGKILL; this process serves on$/)
  rmSync(project.path('closed'))
  assert.deepEqual(
    readdirSync(project.directory).filter(name => name.startsWith('pid')),
    ['pid'],
  )
  await load.more(20)

  // The command is that of the checkout: the copy's is broken.
  const program = readFileSync(copy.program, 'utf8')
  writeFileSync(copy.program, '#!/bin/sh\nexit 7\n')
  server.signal('SIGUSR2')
  await server.waitForLog(/is given up: it exited with code 7; this process serves on$/)
  rmSync(copy.program)
  server.signal('SIGUSR2')
  server.expectLog(/error master +no upgrade \(SIGUSR2\): .*\/bin\/jumak is not there$/)
  await server.waitForLog(/jumak is not there$/)
  await load.more(20)

  // And one that is right.
  writeFileSync(copy.program, program, { mode: 0o755 })
  const from = server.log.length
  server.signal('SIGUSR2')
  await server.upgraded(from)
  await load.more(20)
  await load.stop()
  await server.stop()
})

test('during an upgrade another one and a reload are refused, and TERM ends both programs', async t => {
  const { project, options } = setUp(t)
  const server = await startServer(options)
  project.save('closed', '')
  server.signal('SIGUSR2')
  await server.waitForLog(/the import waits/)
  server.expectLog(/error master +no upgrade \(SIGUSR2\): one is on its way, to process \d+$/)
  server.signal('SIGUSR2')
  await server.waitForLog(/one is on its way/)
  server.expectLog(/error master +reload: an upgrade is on its way; try again when it is over$/)
  server.signal('SIGHUP')
  await server.waitForLog(/reload: an upgrade is on its way/)
  assert.equal((await getOnce(server.port, '/')).status, 200)
  await server.stop()
  assert.ok(server.log.some(line => / is given up: the old process was asked to stop$/.test(line)))
})

test('TERM ends both also when the new one serves, and pid file and admin socket are still those of the old one', async t => {
  const { options } = setUp(t)
  const server = await startServer(options)
  const program = readFileSync(copy.program, 'utf8')
  t.after(() => writeFileSync(copy.program, program))
  // It says that it serves, and never that it has everything.
  const script = `trap 'echo "the new one ends" >&2; exit 0' TERM
echo '{"type":"serves","taken":[0]}' >&3
while :; do sleep 0.05; done # wait: for the signal`
  writeFileSync(copy.program, `#!/bin/sh\n${script}\n`)
  assert.equal((await getOnce(server.port, '/')).status, 200)
  server.signal('SIGUSR2')
  await server.waitForLog(/finishes what runs$/)
  server.signal('SIGTERM')
  await server.waitForLog(/^the new one ends$/)
  await server.ended(0)
})

test('a new program goes on when the old one is killed before it serves', async t => {
  const { project, options } = setUp(t)
  const pidFile = project.path('pid')
  const server = await startServer({ ...options, args: ['--pid-file', pidFile] })
  project.save('closed', '')
  server.signal('SIGUSR2')
  await server.waitForLog(/the import waits/)
  server.signal('SIGKILL')
  await gone(server.pid)
  // It waits in the queue of the socket, or the old gateway answers it: that one ends a moment later.
  const waiting = getOnce(server.port, '/')
  rmSync(project.path('closed'))
  const pid = await server.upgraded()
  assert.equal(readFileSync(pidFile, 'utf8'), `${pid}\n`)
  assert.equal((await waiting).status, 200)
  assert.equal((await getOnce(server.port, '/')).status, 200)
  // The killed one could remove nothing.
  for (const name of server.leftBehind()) rmSync(join(server.temporaryDirectory, name), { recursive: true })
  await server.stop(128)
})

test('the service manager hears who the program is', async t => {
  const { project, options } = setUp(t)
  const address = `@jumak-${randomUUID()}`
  const manager = await NotifySocket.bind(address)
  t.after(() => manager.close())
  const server = await startServer({ ...options, args: ['-w', '1'], env: { NOTIFY_SOCKET: address } })
  await manager.waitFor('READY=1')
  const first = server.pid
  server.signal('SIGUSR2')
  const second = await server.upgraded()
  await manager.waitFor('READY=1', 1)
  const heard = manager.received.slice(1)
  assert.deepEqual(
    heard.map(({ lines }) => [lines[0], lines.at(-1)]),
    [
      ['RELOADING=1', 'STATUS=upgrading'],
      [`MAINPID=${second}`, `STATUS=process ${second} takes over`],
      ['READY=1', 'STATUS=generation 1 serves, 1 worker'],
    ],
  )
  if (process.getuid?.() === 0)
    assert.deepEqual(
      heard.map(({ pid }) => pid),
      [first, first, second],
    )
  await gone(first)
  server.expectLog(GIVEN_UP, /error master +app could not be imported/, TRACEBACK, /error master +SyntaxError:/)
  project.save('app.py', 'def (\n')
  assert.equal((await command(server, copy.program, 'upgrade')).code, 1)
  const again = await manager.waitFor('READY=1', 4)
  assert.match(again.lines[1]!, /^STATUS=generation 1 serves, 1 worker; the last upgrade was refused/)
  // The first one said no STOPPING at its end.
  assert.equal(manager.received.length, 6)
  await server.stop()
  await manager.waitFor('STOPPING=1')
})

test('after an update in place the program upgrades itself when it needs a new process, and a reload is an upgrade', async t => {
  const { options } = setUp(t)
  const server = await startServer(options)
  const load = new Load(server.port)
  const before = copy.version
  copy.becomeVersion('7.7.7')
  server.expectLog(/error master +the gateway was killed by SIGKILL/)
  server.mayLog(/error gateway +the master sent field 'build'/, /error master +the gateway exited with code 1/)
  await load.more(20)
  await load.stop()
  process.kill(server.gateway().pid, 'SIGKILL')
  await server.upgraded()
  assert.equal((await getOnce(server.port, '/')).status, 200)
  const status = async () => JSON.parse((await command(server, copy.program, 'status', '--json')).stdout)
  assert.equal((await status()).version, '7.7.7')

  copy.becomeVersion('7.7.8')
  const from = server.log.length
  const { code, stdout } = await command(server, copy.program, 'reload')
  await server.upgraded(from)
  assert.deepEqual([code, stdout], [0, `upgraded: process ${server.pid} (Jumak 7.7.8) serves\n`])
  assert.equal((await status()).version, '7.7.8')
  copy.becomeVersion(before)
  await server.stop()
})

// ---- process 1 ----

const UNSHARE = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']
const canUnshare = spawnSync(UNSHARE[0]!, [...UNSHARE.slice(1), 'true']).status === 0

test('process 1 of a container stays for the new program, and ends with it', {
  skip: !canUnshare && 'needs unshare',
}, async t => {
  const { project } = setUp(t)
  const [socket, pidFile] = [project.path('http.sock'), project.path('pid')]
  const words = [copy.program, '-b', `unix:${socket}`, '-w', '1', '--pid-file', pidFile, '--admin-socket', 'off', 'app']
  const child = spawn(UNSHARE[0]!, [...UNSHARE.slice(1), ...words], {
    cwd: project.directory,
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let log = ''
  child.stderr.on('data', data => (log += data))
  const logged = (pattern: RegExp) =>
    until(
      () => pattern.test(log),
      () => log,
    )
  await logged(/ ready$/m)
  const [init] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'latin1').split(' ').map(Number)
  const load = new Load(socket)
  await load.more(20)
  const children = () => readFileSync(`/proc/${init}/task/${init}/children`, 'latin1').split(' ').filter(Boolean)
  const [old] = children()
  // Process 1 passes it on.
  process.kill(init!, 'SIGUSR2')
  await logged(/has taken over/)
  // The old one has ended, and the new one is a child of process 1.
  await until(
    () => children().length === 1 && children()[0] !== old,
    () => `${children()} ${log}`,
  )
  await load.more(20)
  await load.stop()
  process.kill(init!, 'SIGTERM')
  const [code] = await once(child, 'close')
  assert.equal(code, 0, log)
  assert.match(log, /stopping gracefully \(SIGTERM\)/)
  assert.equal(existsSync(pidFile), false)
})
