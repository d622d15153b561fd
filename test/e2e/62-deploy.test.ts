/** Deploys: a broken one is refused while the old code serves on, whatever is broken; good ones under load lose nothing. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { Project } from '../support/project.ts'
import { getOnce, RawClient } from '../support/raw-client.ts'
import { type Server, startServer, TRACEBACK, until, untilAnswered } from '../support/server.ts'

/** `import_`: runs while the module is imported; `health`: statements of the view that is asked to warm up. */
function wsgi(answer: string, { import_ = '', health = 'pass' } = {}): string {
  return `
import os, sys, time
${import_}
warm = None
def application(environ, start_response):
    global warm
    if environ["PATH_INFO"] == "/health":
        warm = environ["HTTP_HOST"] + " " + environ["HTTP_USER_AGENT"].split("/")[0]
        ${health}
    start_response("200 OK", [("X-Warm", str(warm))])
    return [b"${answer}"]
`
}

function asgi(answer: string, startup: string): string {
  return `
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        ${startup}
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"${answer}"})
`
}

interface Load {
  /** Waits until a client has read this answer. Who serves says nothing of what a client has read: its last answer may be of older code. */
  readonly until: (answer: string) => Promise<void>
  /** All answers. */
  readonly stop: () => Promise<Set<string>>
}

/** Requests one after the other until `stop`; every one must be answered with 200. */
function load(server: Server, clients: number): Load {
  let isOver = false
  const answers = new Set<string>()
  const running = Array.from({ length: clients }, async (_, index) => {
    // Half of them keep their connection.
    const kept = new RawClient(server.port)
    while (!isOver) {
      const response = await (index % 2 === 0 ? kept.get('/').response() : getOnce(server.port, '/'))
      assert.equal(response.status, 200)
      answers.add(response.body.toString())
    }
    kept.close()
  })
  return {
    until(answer) {
      return until(
        () => answers.has(answer),
        () => `no client is answered ${answer}, but ${[...answers].join(' ')}`,
      )
    },
    async stop() {
      isOver = true
      await Promise.all(running)
      return answers
    },
  }
}

interface Broken {
  readonly code: string
  /** Warnings and errors in the log, besides that the old generation serves on. */
  readonly says: readonly RegExp[]
  /** In the place of these where each worker imports by itself. */
  readonly saysWithoutPreload?: readonly RegExp[]
  /** The text of `jumak.toml` for this deploy. */
  readonly settings?: string
}

/** Only for what hangs: on a busy machine all else takes as long as it takes. */
const HANGS = {
  settings: 'start-timeout = "2s"\n',
  says: [/did not serve within 2\.0 s \(--start-timeout\): app(?::app)? hangs, or needs more time$/],
}

const GIVEN_UP = /error master +generation \d+ is given up, generation 1 serves on$/
const warmUpFailed = (why: string) =>
  new RegExp(`error master +the warm-up failed: GET /health was not answered: ${why}; mend what it asks for`)
const workersDie = (code: number) => [
  new RegExp(`warn {2}master +worker \\d+ \\(process \\d+\\) exited with code ${code} after \\d+ ms`),
  new RegExp(`error master +workers die before they serve, 3 times in a row; the last one exited with code ${code}$`),
]

const WSGI: Readonly<Record<string, Broken>> = {
  ImportError: {
    code: wsgi('new', { import_: 'import no_such_module' }),
    says: [
      /error master +app could not be imported: there is no module no_such_module /,
      TRACEBACK,
      /error master +ModuleNotFoundError: No module named 'no_such_module'$/,
    ],
  },
  SyntaxError: {
    code: 'def application(:\n',
    says: [
      /error master +app could not be imported: SyntaxError: invalid syntax \(app\.py, line 1\)$/,
      /error master +SyntaxError: invalid syntax$/,
    ],
  },
  'crash on start': {
    code: wsgi('new', { import_: 'os._exit(7)' }),
    says: [/error master +app could not be imported: the process that imports it exited with code 7$/],
    saysWithoutPreload: workersDie(7),
  },
  'hang on start': {
    code: wsgi('new', { import_: 'time.sleep(600)' }),
    ...HANGS,
  },
  'warm-up that fails': {
    code: wsgi('new', { health: 'raise RuntimeError("no database")' }),
    says: [
      warmUpFailed('The application failed'),
      /warn {2}gateway +\[\S+\] GET \/health failed in worker \d+: RuntimeError: no database$/,
    ],
  },
  'warm-up that hangs': {
    code: wsgi('new', { health: 'time.sleep(600)' }),
    says: [
      warmUpFailed('The application took too long'),
      /error master +\[\S+\] worker \d+ is replaced: GET \/health has run for \d+ ms/,
    ],
  },
  'warm-up that kills': {
    code: wsgi('new', { health: 'os._exit(9)' }),
    says: [warmUpFailed('The application ended without an answer')],
  },
}

const ASGI: Readonly<Record<string, Broken>> = {
  'lifespan that raises': {
    code: asgi('new', 'raise RuntimeError("no database")'),
    says: [
      /the application's start-up failed \(--lifespan on\): it raised RuntimeError: no database before lifespan/,
      TRACEBACK,
      /error master +RuntimeError: no database$/,
    ],
  },
  'lifespan that reports failure': {
    code: asgi('new', 'await send({"type": "lifespan.startup.failed", "message": "no queue"}); return'),
    says: [/the application's start-up failed: no queue$/],
  },
  'lifespan that kills': {
    code: asgi('new', 'import os; os._exit(3)'),
    says: workersDie(3),
  },
  'lifespan that hangs': {
    code: asgi('new', 'import asyncio; await asyncio.sleep(600)'),
    ...HANGS,
  },
}

async function deploy(server: Server, project: Project, { code, says, settings = '' }: Broken): Promise<void> {
  server.expectLog(...says, GIVEN_UP)
  const from = server.log.length
  project.save('jumak.toml', settings)
  project.save('app.py', code)
  server.signal('SIGHUP')
  await server.waitForLog(GIVEN_UP, from)
  // What the gateway says may come later than what the master says.
  for (const pattern of says) await server.waitForLog(pattern, from)
  assert.equal((await getOnce(server.port, '/')).body.toString(), 'old')
}

for (const preload of ['auto', 'off'])
  test(`each broken deploy is refused, and the old code serves on (--preload ${preload})`, async t => {
    const project = new Project(t, { 'app.py': wsgi('old') })
    const args = ['-w', '2', '--preload', preload, '--timeout-for', '/health=1s', '--warmup', '/health']
    const server = await startServer({ app: 'app', directory: project.directory, args })
    // The end of a generation that is given up may come before that of its workers is told, and before the stack of one that hangs.
    server.mayLog(
      /warn {2}master +\[\S+\] (?:worker \d+ stands here:$| {2}\s*\S)/,
      /warn {2}master +worker \d+ \(process \d+\) exited with code 9 after \d+ ms/,
    )
    const requests = load(server, 2)
    for (const [name, broken] of Object.entries(WSGI)) {
      const says = (preload === 'off' && broken.saysWithoutPreload) || broken.says
      await t.test(name, () => deploy(server, project, { ...broken, says }))
    }
    assert.deepEqual(await requests.stop(), new Set(['old']))
    const from = server.log.length
    project.save('jumak.toml', '')
    project.save('app.py', wsgi('new'))
    server.signal('SIGHUP')
    await server.waitForLog(/generation \d+ serves;/, from)
    await untilAnswered(server, '/', 'new')
    assert.equal((await getOnce(server.port, '/')).header('x-warm'), 'localhost jumak')
    await until(
      () => server.workers().length === 2,
      () => JSON.stringify(server.workers()),
    )
    await server.stop()
  })

/** The first worker that imports it answers `new`, any other one fails when the test says so. */
const SECOND_FAILS = `
import os, time
try:
    os.close(os.open("first", os.O_CREAT | os.O_EXCL))
except FileExistsError:
    while not os.path.exists("go"):
        time.sleep(0.01)
    raise RuntimeError("no second connection")
def application(environ, start_response):
    if environ["PATH_INFO"] == "/health":
        open("warm", "a").close()
    start_response("200 OK", [])
    return [b"new"]
`

test('no client is answered by code that is refused because its second worker does not start', async t => {
  const project = new Project(t, { 'app.py': wsgi('old') })
  const args = ['-w', '2', '--preload', 'off', '--warmup', '/health']
  const server = await startServer({ app: 'app', directory: project.directory, args })
  server.expectLog(
    /error master +app could not be imported: RuntimeError: no second connection$/,
    TRACEBACK,
    /error master +FileExistsError: /,
    /error master +RuntimeError: no second connection$/,
    GIVEN_UP,
  )
  project.save('app.py', SECOND_FAILS)
  server.signal('SIGHUP')
  await until(
    () => existsSync(project.path('warm')),
    () => server.log.join('\n'),
  )
  const answers = new Set<string>()
  for (let i = 0; i < 200; i++) answers.add((await getOnce(server.port, '/')).body.toString())
  project.save('go', '')
  await server.waitForLog(GIVEN_UP)
  assert.deepEqual(answers, new Set(['old']))
  project.save('app.py', wsgi('mended'))
  server.signal('SIGHUP')
  await server.waitForLog(/generation 3 serves;/)
  await untilAnswered(server, '/', 'mended')
  await server.stop()
})

test('each broken lifespan is refused, and the old code serves on', async t => {
  const project = new Project(t, { 'app.py': asgi('old', 'pass') })
  const args = ['-w', '2', '--warmup', 'http://shop.example/health']
  const server = await startServer({
    app: 'app:app',
    directory: project.directory,
    args: [...args, '--lifespan', 'on'],
  })
  for (const [name, broken] of Object.entries(ASGI)) await t.test(name, () => deploy(server, project, broken))
  await server.stop()
})

test('a first start whose warm-up fails ends with 3, one that hangs with 1', async t => {
  const project = new Project(t, { 'app.py': WSGI['warm-up that fails']!.code })
  const directory = project.directory
  const failing = await startServer({
    app: 'app',
    directory,
    args: ['-w', '2', '--warmup', '/health'],
    waitReady: false,
  })
  failing.expectLog(...WSGI['warm-up that fails']!.says)
  await failing.ended(3)
  project.save('app.py', WSGI['hang on start']!.code)
  const args = ['-w', '2', '--start-timeout', '1s']
  const hanging = await startServer({ app: 'app', directory, args, waitReady: false })
  hanging.expectLog(/generation 1 did not serve within 1\.0 s \(--start-timeout\)/)
  await hanging.ended(1)
})

test('10 reloads under load: nothing is lost, descriptors stay', async t => {
  const project = new Project(t, { 'app.py': wsgi('0') })
  const server = await startServer({ app: 'app', directory: project.directory, args: ['-w', '2'] })
  const requests = load(server, 4)
  const reload = async (count: number) => {
    project.save('app.py', wsgi(String(count)))
    const from = server.log.length
    server.signal('SIGHUP')
    await server.waitForLog(new RegExp(`generation ${count + 1} serves;`), from)
    // The old ones have gone: the next reload is measured against the same.
    await until(
      () => server.workers().length === 2,
      () => JSON.stringify(server.processes()),
    )
    await requests.until(String(count))
  }
  await requests.until('0')
  await reload(1)
  server.rememberFds()
  for (let count = 2; count <= 10; count++) await reload(count)
  await requests.stop()
  await server.stop()
})
