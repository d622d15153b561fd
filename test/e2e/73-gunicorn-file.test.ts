/** `jumak gunicorn` with a configuration file: it is evaluated once for each generation, its hooks are called, and its mistakes are told. */
import assert from 'node:assert/strict'
import { chmodSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { linkToProgram } from '../support/program-link.ts'
import { Project } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { type Server, startServer, until } from '../support/server.ts'

const APP = `
import logging, os
told = logging.getLogger("gunicorn.error")
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%d %s %d" % (os.getpid(), os.environ.get("STAGE"), len(told.handlers))).encode()]
`
/** Each hook writes a line: its name, its process, and what it was given. */
const FILE = `
import os
def note(*words):
    with open(os.environ["CALLS"], "a") as file:
        file.write(" ".join(map(str, (os.getpid(), *words))) + "\\n")
note("evaluated")
workers = 2
raw_env = ["STAGE=one"]
def on_starting(server): note("on_starting", server.cfg.workers)
def on_reload(server): note("on_reload", server.cfg.workers)
def when_ready(server): note("when_ready", server.num_workers)
def pre_fork(server, worker): note("pre_fork", worker.age)
def post_fork(server, worker): note("post_fork", worker.age, worker.pid == os.getpid())
def post_worker_init(worker): note("post_worker_init", worker.age, callable(worker.wsgi))
def pre_request(worker, req): note("pre_request", worker.nr, req.method, req.path, dict(req.headers)["HOST"] != "")
def post_request(worker, req, environ, resp): note("post_request", resp.status_code, resp.sent)
def child_exit(server, worker): note("child_exit", worker.age, worker.pid != os.getpid())
def worker_exit(server, worker): note("worker_exit", worker.age, worker.pid == os.getpid())
def on_exit(server): note("on_exit")
`

interface Called {
  readonly pid: number
  readonly words: string
}

class Shop extends Project {
  /** A link to it, named gunicorn. */
  readonly program: string

  constructor(t: TestContext, file: string) {
    super(t, { 'shop.py': APP, 'gunicorn.conf.py': file })
    this.program = linkToProgram(t, 'gunicorn')
  }

  start(args: readonly string[] = [], more: Readonly<Record<string, string>> = {}) {
    const { directory } = this
    const env = { CALLS: this.path('calls'), ...more }
    return startServer({ app: 'shop', directory, args, program: this.program, env })
  }

  get calls(): Called[] {
    const lines = readFileSync(this.path('calls'), 'utf8').split('\n').filter(Boolean)
    return lines.map(line => ({ pid: Number.parseInt(line, 10), words: line.replace(/^\d+ /, '') }))
  }

  /** By their first word. */
  callsOf(hook: string): Called[] {
    return this.calls.filter(({ words }) => words.split(' ', 1)[0] === hook)
  }
}

const bodyOf = async (server: Server, path: string) => String((await getOnce(server.port, path)).body)
const wordsOf = (calls: readonly Called[]) => calls.map(({ words }) => words).sort()

test('the file is evaluated in the process that becomes the preloader, and hooks are called in its and the workers’ lives', async t => {
  const shop = new Shop(t, FILE)
  const server = await shop.start()
  const [evaluated, starting] = shop.calls
  assert.deepEqual([evaluated?.words, starting?.words], ['evaluated', 'on_starting 2'])
  assert.equal(evaluated!.pid, starting!.pid)
  const preloader = evaluated!.pid
  assert.deepEqual(shop.callsOf('when_ready'), [{ pid: preloader, words: 'when_ready 2' }])
  assert.deepEqual(wordsOf(shop.callsOf('pre_fork')), ['pre_fork 1', 'pre_fork 2'])
  assert.deepEqual(wordsOf(shop.callsOf('post_fork')), ['post_fork 1 True', 'post_fork 2 True'])
  assert.deepEqual(wordsOf(shop.callsOf('post_worker_init')), ['post_worker_init 1 True', 'post_worker_init 2 True'])
  const body = await bodyOf(server, '/buy?n=1')
  const [pid, stage, handlers] = body.split(' ')
  assert.deepEqual([stage, handlers], ['one', '1'])
  assert.deepEqual(shop.callsOf('pre_request'), [{ pid: Number(pid), words: 'pre_request 1 GET /buy True' }])
  await until(
    () => shop.callsOf('post_request').length === 1,
    () => JSON.stringify(shop.calls),
  )
  assert.equal(shop.callsOf('post_request')[0]!.words, `post_request 200 ${body.length}`)

  shop.save('gunicorn.conf.py', FILE.replace('workers = 2', 'workers = 1').replace('STAGE=one', 'STAGE=two'))
  server.signal('SIGHUP')
  await server.waitForLog(/generation 2 serves/)
  assert.match(await bodyOf(server, '/'), / two /)
  assert.equal(shop.callsOf('evaluated').length, 2)
  assert.deepEqual(wordsOf(shop.callsOf('on_reload')), ['on_reload 1'])
  assert.equal(shop.callsOf('on_reload')[0]!.pid, shop.callsOf('evaluated')[1]!.pid)
  await until(
    () => shop.callsOf('child_exit').length === 2 && shop.callsOf('worker_exit').length === 2,
    () => JSON.stringify(shop.calls),
  )
  assert.deepEqual(shop.callsOf('on_exit'), [], 'the end of old code is not that of the program')
  await server.stop()
  assert.deepEqual(wordsOf(shop.callsOf('child_exit')), ['child_exit 1 True', 'child_exit 1 True', 'child_exit 2 True'])
  assert.equal(shop.calls.at(-1)!.words, 'on_exit')
  assert.equal(shop.callsOf('on_starting').length + shop.callsOf('when_ready').length, 2)
})

test('a mistake in the file is told with its frames: at the start it ends the program, at HUP nothing changes', async t => {
  const shop = new Shop(t, 'workers = 1\n')
  const server = await shop.start()
  shop.save('gunicorn.conf.py', 'def rate():\n    return 1 / 0\nworkers = rate()\n')
  server.acceptAnyLog()
  server.signal('SIGHUP')
  await server.waitForLog(/ZeroDivisionError: division by zero/)
  assert.match(await bodyOf(server, '/'), /^\d+ /)
  await server.stop()

  const failed = await startServer({
    app: 'shop',
    directory: shop.directory,
    program: shop.program,
    waitReady: false,
  })
  failed.acceptAnyLog()
  assert.equal(await failed.exited, 1)
  const told = failed.log.join('\n')
  assert.match(told, /gunicorn\.conf\.py failed: ZeroDivisionError: division by zero/)
  assert.match(told, /line 2, in rate/)
  assert.doesNotMatch(told, /jumak_worker/)
})

test('a hook that fails at the start ends it; one that fails later is told', async t => {
  const shop = new Shop(t, 'def pre_fork(server, worker):\n    raise ValueError("no fork")\n')
  const server = await shop.start()
  server.acceptAnyLog()
  await server.waitForLog(/pre_fork of gunicorn\.conf\.py failed: ValueError: no fork/)
  assert.match(await bodyOf(server, '/'), /^\d+ /)
  await server.stop()
  shop.save('gunicorn.conf.py', 'def on_starting(server):\n    raise ValueError("no start")\n')
  const { directory } = shop
  const failed = await startServer({ app: 'shop', directory, program: shop.program, waitReady: false })
  failed.acceptAnyLog()
  assert.equal(await failed.exited, 3)
  assert.match(failed.log.join('\n'), /on_starting of gunicorn\.conf\.py failed: ValueError: no start/)
})

test('the service manager’s variables are not for the file, and a broken file of an upgrade is told in the log', async t => {
  const shop = new Shop(t, 'import os\nassert "NOTIFY_SOCKET" not in os.environ\n')
  const server = await shop.start([], { NOTIFY_SOCKET: shop.path('nobody') })
  server.acceptAnyLog()
  shop.save('gunicorn.conf.py', 'raise ValueError("not yet")\n')
  server.signal('SIGUSR2')
  await server.waitForLog(/gunicorn\.conf\.py failed: ValueError: not yet/)
  assert.match(await bodyOf(server, '/'), /^\d+ /)
  await server.stop()
})

test('as root, a file that others can change is not evaluated unless a user is named', async t => {
  const open = new Shop(t, 'workers = 1\n')
  chmodSync(open.path('gunicorn.conf.py'), 0o666)
  // The file itself is root's alone. Who may change the directory that the link leads to puts another one there.
  const linked = new Shop(t, 'workers = 1\n')
  linked.save('open/real.py', 'workers = 1\n')
  rmSync(linked.path('gunicorn.conf.py'))
  symlinkSync(linked.path('open/real.py'), linked.path('gunicorn.conf.py'))
  chmodSync(linked.path('open'), 0o777)
  for (const shop of [open, linked]) {
    const { directory } = shop
    const server = await startServer({ app: 'shop', directory, program: shop.program, waitReady: false })
    if (process.geteuid?.() !== 0) {
      await server.waitForLog(/ master +ready/)
      await server.stop()
      continue
    }
    server.acceptAnyLog()
    assert.equal(await server.waitForExit(), 1)
    assert.match(server.log.join('\n'), /gunicorn\.conf\.py would run as root, and other users can change .*--user/)
  }
})

test('a class of loggers writes the access log in the workers, gunicorn installed or not', async t => {
  const file = `
from gunicorn.glogging import Logger
class Quiet(Logger):
    def access(self, resp, req, environ, request_time):
        if req.path != "/health":
            super().access(resp, req, environ, request_time)
logger_class = Quiet
accesslog = "-"
access_log_format = "%(m)s %(U)s %(s)s"
loglevel = "debug"
`
  const server = await new Shop(t, file).start()
  assert.match(await bodyOf(server, '/health'), /^\d+ None 1$/)
  await bodyOf(server, '/buy')
  await server.waitForLog(/ worker 1 .*GET \/buy 200$/)
  await server.stop()
  assert.deepEqual(
    [...server.log, ...server.stdout].filter(line => line.includes('/health')),
    [],
  )
})
