/**
 * `--preload auto` forks only where it is safe: what an import leaves open is found, told with its line, and each worker imports
 * for itself. Each application here gives wrong answers when it is forked after its import.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ensureEnvironment } from '../support/environments/environments.ts'
import { EXAMPLES } from '../support/paths.ts'
import { Project, temporaryDirectory } from '../support/project.ts'
import { RawClient } from '../support/raw-client.ts'
import { type Server, startServer } from '../support/server.ts'

const linux = { skip: process.platform === 'linux' ? false : 'auto forks on Linux only' }
const ANSWER = `
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [answer(environ['QUERY_STRING']).encode()]
`
const CLIENTS = 8
const REQUESTS = 60

interface Hazard {
  /** `answer(n)` is `n`. */
  readonly source: string
  readonly warnings: readonly RegExp[]
}

const HAZARDS: Readonly<Record<string, Hazard>> = {
  'the position of a file': {
    source: `
import tempfile
records = tempfile.TemporaryFile(buffering=0)
records.write(b''.join(b'%08d' % i for i in range(100000)))
def answer(number):
    records.seek(int(number) * 8)
    return str(int(records.read(8)))
`,
    warnings: [/preload off: file \/.*, opened at .*app\.py:3 would be shared by all workers/],
  },
  'a database of sqlite3': {
    source: `
import sqlite3
database = sqlite3.connect('db.sqlite3', isolation_level=None)
database.execute('CREATE TABLE IF NOT EXISTS t (n)')
def answer(number):
    return database.execute('SELECT ?', (number,)).fetchone()[0]
`,
    warnings: [/preload off: file .*\/db\.sqlite3, opened at .*app\.py:3 would be shared/],
  },
  'pipes to a helper process': {
    source: `
import subprocess
helper = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
def answer(number):
    helper.stdin.write(number.encode() + b'\\n')
    return helper.stdout.readline().decode().strip()
`,
    warnings: [
      /preload off: process "cat", started at .*app\.py:3 would be shared/,
      /preload off: 2 × pipe, opened at .*app\.py:3 would be shared/,
    ],
  },
  'an event loop': {
    source: `
import asyncio
loop = asyncio.new_event_loop()
def answer(number):
    return loop.run_until_complete(loop.run_in_executor(None, lambda: number))
`,
    warnings: [
      /preload off: epoll, as event loops have, opened at .*app\.py:3 would be shared/,
      /preload off: 2 × socket pair, opened at .*app\.py:3 would be shared/,
    ],
  },
  'a lock on a file': {
    source: `
import fcntl, os
lock = open('lock.%d' % os.getpid(), 'a')
fcntl.flock(lock, fcntl.LOCK_EX)
def answer(number):
    return number if lock.name.endswith('.%d' % os.getpid()) else 'another process holds it as well'
`,
    warnings: [/preload off: lock on .*\/lock\.\d+, opened at .*app\.py:3 would be held by all workers at once/],
  },
  'a queue of multiprocessing': {
    source: `
import multiprocessing
queue = multiprocessing.get_context('fork').SimpleQueue()
def answer(number):
    queue.put(number)
    return queue.get()
`,
    warnings: [
      /preload off: 2 × pipe, opened at .*app\.py:3 would be shared/,
      /preload off: 2 × semaphore, as multiprocessing has would be shared/,
    ],
  },
}

for (const [what, { source, warnings }] of Object.entries(HAZARDS)) {
  test(`preload auto finds ${what}, names its line, and every answer is right`, linux, async t => {
    const project = new Project(t, { 'app.py': source + ANSWER })
    const server = await startServer({ app: 'app', directory: project.directory, args: ['-w', '3'] })
    server.expectLog(...warnings)
    const wrong = await Promise.all(Array.from({ length: CLIENTS }, (_, client) => wrongAnswers(server, client)))
    assert.deepEqual(wrong.flat(), [])
    assert.equal(server.log.filter(line => / warn .*preload/.test(line)).length, warnings.length)
    await server.stop()
  })
}

async function wrongAnswers(server: Server, from: number): Promise<string[]> {
  const wrong: string[] = []
  const client = new RawClient(server.port)
  for (let i = 0; i < REQUESTS; i++) {
    const number = String(((from * REQUESTS + i) * 7919) % 100_000)
    const { status, body } = await client.get(`/?${number}`).response()
    if (status !== 200 || body.toString() !== number) wrong.push(`${number}: ${status} ${body}`)
  }
  client.close()
  return wrong
}

test('preload on forces, and warns with the same words', linux, async t => {
  const project = new Project(t, { 'app.py': HAZARDS['pipes to a helper process']!.source + ANSWER })
  const server = await startServer({ app: 'app', directory: project.directory, args: ['--preload', 'on'] })
  server.expectLog(/preload on: process "cat" would be shared/, /preload on: 2 × pipe would be shared by all workers/)
  await server.waitForLog(/imported once/)
  await server.stop()
})

test('an import that holds a lock for itself alone is repeated only when the one before has ended', linux, async t => {
  const source = `
import atexit, fcntl, subprocess, sys
lock = open('lock', 'a')
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
# Inherits the lock, and does not end when it is asked to.
child = subprocess.Popen([sys.executable, '-c', 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);'
                          ' print(flush=True); time.sleep(3600)'], stdout=subprocess.PIPE, close_fds=False, pass_fds=[lock.fileno()])
child.stdout.readline()
atexit.register(child.kill)
def answer(number):
    return number
`
  const project = new Project(t, { 'app.py': source + ANSWER })
  const server = await startServer({ app: 'app', directory: project.directory, args: ['-w', '1'] })
  server.expectLog(
    /preload off: lock on .*\/lock, opened at .*app\.py:3 would be held by all workers at once/,
    /preload off: process "python\S*", started at .*app\.py:\d would be shared/,
    /preload off: pipe, opened at .*app\.py:\d would be shared/,
  )
  assert.deepEqual(await wrongAnswers(server, 0), [])
  await server.stop()
})

test('a second import that fails leaves the word to the workers', linux, async t => {
  const project = new Project(t, {
    'app.py': `
import os, select
loop = select.epoll()
if os.path.exists('twice'):
    os.remove('twice')
    raise RuntimeError('not twice')
if not os.path.exists('once'):
    open('once', 'w').close()
    open('twice', 'w').close()
def answer(number):
    return number
${ANSWER}`,
  })
  const server = await startServer({ app: 'app', directory: project.directory })
  server.expectLog(/preload off: epoll, as event loops have would be shared/)
  assert.deepEqual(await wrongAnswers(server, 0), [])
  await server.stop()
})

async function preloads(t: TestContext, server: Server): Promise<void> {
  t.after(() => server.process.kill('SIGKILL'))
  await server.waitForLog(/imported once/)
  await server.stop()
}

test('Django with a logging.FileHandler preloads', linux, async t => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'example-django' })
  const project = new Project(t, {
    'app.py': `
import logging
from django.conf import settings
handler = {'class': 'logging.FileHandler', 'filename': 'django.log'}
settings.configure(
    ROOT_URLCONF='urls', ALLOWED_HOSTS=['*'],
    LOGGING={'version': 1, 'handlers': {'file': handler}, 'root': {'handlers': ['file'], 'level': 'INFO'}},
)
import django
django.setup()
logging.getLogger().info('imported')
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
`,
    'urls.py': `
import logging
from django.http import HttpResponse
from django.urls import path
def view(request):
    logging.getLogger().info('asked for %s', request.GET['n'])
    return HttpResponse('seen')
urlpatterns = [path('', view)]
`,
  })
  const server = await startServer({ app: 'app', directory: project.directory, python, args: ['-w', '2'] })
  await preloads(t, server)
})

for (const [name, packages] of [
  ['django-shop', 'example-django'],
  ['flask', 'flask'],
  ['cherrypy', 'cherrypy'],
  ['fastapi-chat', 'asgi'],
] as const) {
  test(`the example ${name} preloads`, linux, async t => {
    const { python } = await ensureEnvironment({ python: 'newest', packages })
    const data = temporaryDirectory(t)
    await preloads(t, await startServer({ directory: join(EXAMPLES, name), python, env: { SHOP_DATA: data } }))
  })
}
