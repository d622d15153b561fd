/** `--reload` where it is hard: imports that hang, editors with habits, clients that are not who they seem. */
import assert from 'node:assert/strict'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { isStopped } from '../support/processes.ts'
import { Project } from '../support/project.ts'
import { getOnce, RawClient, textOf } from '../support/raw-client.ts'
import { type Server, startServer, TRACEBACK, until } from '../support/server.ts'

const APP = `
import words
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/boom":
        raise RuntimeError("boom")
    if path == "/template":
        with open("templates/page.html", "rb") as file:
            body = START + file.read()
    else:
        body = words.GREETING.encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
with open("templates/page.html", "rb") as file:
    START = file.read() + b" "
`
const FILES = { 'app.py': APP, 'words.py': 'GREETING = "at first"\n', 'templates/page.html': 'one' }
const greeting = (text: string) => `GREETING = ${JSON.stringify(text)}\n`

function start(project: Project, ...args: string[]): Promise<Server> {
  const workers = args.includes('-w') ? [] : ['-w', '1']
  return startServer({ app: 'app', directory: project.directory, args: ['--reload', ...workers, ...args] })
}

const text = (server: Server, path = '/'): Promise<string> => textOf(server.port, path, 'Host: localhost')

const WAITING = /error master +waiting for a change$/
const BOOM = /GET \/boom failed in worker \d: RuntimeError: boom$/

function changes(server: Server): string[] {
  return server.log.filter(line => /change in /.test(line))
}

const HANGS = 'import time\nprint("it hangs", flush=True)\ntime.sleep(1000)\n'

test('an import that never ends is given up for the code that mends it', async t => {
  const project = new Project(t, FILES)
  const server = await start(project)
  project.save('words.py', HANGS)
  const held = text(server)
  await server.waitForLog(/it hangs/)
  project.save('words.py', greeting('mended'))
  assert.equal(await held, 'mended')
  await server.stop()
})

test('the same at the first start', async t => {
  const project = new Project(t, { ...FILES, 'words.py': HANGS })
  const server = await startServer({
    app: 'app',
    directory: project.directory,
    args: ['--reload', '-w', '1'],
    waitReady: false,
  })
  await server.waitForLog(/it hangs/)
  project.save('words.py', greeting('awake'))
  await server.waitForLog(/ ready/)
  assert.equal(await text(server), 'awake')
  await server.stop()
})

/** An editor takes some microseconds to save a file. Here it may be held up half-way for so long that the program sees two changes. */
async function inOneMoment({ pid }: Server, save: () => void): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  await until(
    () => isStopped(pid),
    () => 'the master does not stop',
  )
  save()
  process.kill(pid, 'SIGCONT')
}

for (const [how, save] of [
  [
    'rename',
    (project: Project, content: string) => {
      project.save('words.py.tmp', content)
      renameSync(project.path('words.py.tmp'), project.path('words.py'))
    },
  ],
  [
    'moving the old file away',
    (project: Project, content: string) => {
      renameSync(project.path('words.py'), project.path('words.py~'))
      project.save('words.py', content)
    },
  ],
  [
    'deleting and writing',
    (project: Project, content: string) => {
      rmSync(project.path('words.py'))
      project.save('words.py', content)
    },
  ],
] as const)
  test(`an editor that saves by ${how}: each save is one reload, and answered by its code`, async t => {
    const project = new Project(t, FILES)
    const server = await start(project)
    for (let i = 0; i < 4; i++) {
      const from = server.log.length
      await inOneMoment(server, () => save(project, greeting(`${how} ${i}`)))
      assert.equal(await text(server), `${how} ${i}`)
      await server.waitForLog(/generation \d+ serves/, from)
    }
    // What the kernel tells of the template, it tells after all that it has to tell of these.
    const from = server.log.length
    project.save('templates/page.html', 'the last one')
    await server.waitForLog(/change in templates\/page\.html/, from)
    await server.waitForLog(/generation \d+ serves/, from)
    const expected = [...Array(4).fill('words.py'), 'templates/page.html'].map(name => `change in ${name}: reloading`)
    assert.deepEqual(
      changes(server).map(line => line.slice(line.indexOf('change in'))),
      expected,
    )
    await server.stop()
  })

test('touch reloads; a file that is gone is an error until it is there again', async t => {
  const project = new Project(t, FILES)
  const server = await start(project)
  server.expectLog(
    /error master +app could not be imported: there is no module words /,
    TRACEBACK,
    /error master +ModuleNotFoundError: No module named 'words'$/,
    WAITING,
  )
  const from = server.log.length
  const now = Date.now() / 1000
  utimesSync(project.path('words.py'), now, now)
  await server.waitForLog(/generation 2 serves/, from)
  rmSync(project.path('words.py'))
  assert.match(await text(server), /there is no module words /)
  const before = server.log.length
  project.save('words.py', greeting('back'))
  await server.waitForLog(/generation \d+ serves/, before)
  assert.equal(await text(server), 'back')
  await server.stop()
})

test('a template is answered in its new form by the request that follows its save', async t => {
  const project = new Project(t, FILES)
  const server = await start(project)
  assert.equal(await text(server, '/template'), 'one one')
  for (let i = 0; i < 5; i++) {
    project.save('templates/page.html', `t${i}`)
    assert.equal(await text(server, '/template'), `t${i} t${i}`)
  }
  await server.stop()
})

test('an application that writes a template of its own while it is imported comes to serve', async t => {
  const writing = 'import time\nwith open("templates/made.html", "w") as file:\n    file.write(str(time.time()))\n'
  const project = new Project(t, { ...FILES, 'app.py': writing + APP })
  const server = await start(project)
  project.save('words.py', greeting('served'))
  assert.equal(await text(server), 'served')
  const from = server.log.length
  project.save('templates/page.html', 'two')
  assert.equal(await text(server, '/template'), 'two two')
  await server.waitForLog(/generation \d+ serves/, from)
  assert.ok(changes(server).length <= 12, server.log.join('\n'))
  await server.stop()
})

for (const [what, args, more] of [
  ['threads', ['-w', '2', '--threads', '4'], ''],
  ['preload off', ['--preload', 'off', '-w', '3'], ''],
  [
    'a thread at import',
    [],
    'import threading, time\nthreading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()\n',
  ],
] as const)
  test(`with ${what} no request meets old code`, async t => {
    const project = new Project(t, { ...FILES, 'app.py': more + APP })
    const server = await start(project, ...args)
    if (more !== '') server.expectLog(/would not survive a fork/)
    for (let i = 0; i < 6; i++) {
      project.save('words.py', greeting(`${what} ${i}`))
      const answers = await Promise.all(Array.from({ length: 8 }, () => text(server)))
      assert.deepEqual([...new Set(answers)], [`${what} ${i}`])
    }
    await server.stop()
  })

test('a project behind a symbolic link', async t => {
  const project = new Project(t, {})
  for (const [name, content] of Object.entries(FILES)) project.save(`releases/${name}`, content)
  symlinkSync(project.path('releases'), project.path('current'))
  symlinkSync(project.path('releases'), project.path('releases/itself'))
  const server = await startServer({ app: 'app', directory: project.path('current'), args: ['--reload', '-w', '1'] })
  const from = server.log.length
  project.save('releases/words.py', greeting('linked'))
  // Noticed without a request.
  await server.waitForLog(/generation 2 serves/, from)
  assert.equal(await text(server), 'linked')
  await server.stop()
})

test('--reload-dir: code beside the project is watched, and loaded anew before anybody asks for it', async t => {
  const shared = new Project(t, { 'shared_words.py': "WORD = 'old'\n" })
  const project = new Project(t, {
    'app.py': `import sys
sys.path.insert(0, ${JSON.stringify(shared.directory)})
import shared_words
def app(environ, start_response):
    start_response("200 OK", [])
    return [shared_words.WORD.encode()]
`,
  })
  const args = ['--reload', '--reload-dir', project.directory, '--reload-dir', shared.directory]
  const server = await startServer({ app: 'app', directory: project.directory, args })
  assert.equal(await (await fetch(server.url)).text(), 'old')
  shared.save('shared_words.py', "WORD = 'newer'\n")
  await server.waitForLog(/generation 2 serves/)
  assert.equal(await (await fetch(server.url)).text(), 'newer')
  await server.stop()
})

test('what the application keeps beside its code is not watched', async t => {
  const project = new Project(t, FILES)
  mkdirSync(project.path('media'))
  for (let i = 0; i < 300; i++) writeFileSync(project.path(`media/${i}.jpg`), 'x')
  const server = await start(project)
  const from = server.log.length
  project.save('words.py', greeting('watched'))
  await server.waitForLog(/generation 2 serves/, from)
  const watches = readdirSync(`/proc/${server.pid}/fdinfo`)
    .map(name => readFileSync(`/proc/${server.pid}/fdinfo/${name}`, 'utf8'))
    .flatMap(info => info.split('\n').filter(line => line.startsWith('inotify wd')))
  assert.ok(watches.length < 30, `${watches.length} watches`)
  await server.stop()
})

const HTML = 'Accept: text/html'
for (const [who, headers, isShown] of [
  ['a browser here', ['Host: localhost:8000'], true],
  ['a browser here, by address', ['Host: 127.0.0.1:8000'], true],
  ['a proxy that names no client', ['Host: localhost', 'Via: 1.1 edge'], false],
  ['a proxy that passes on what its client made up', ['Host: localhost', 'X-Forwarded-For: 127.0.0.1'], false],
  ['a proxy with another header', ['Host: localhost', 'X-Real-IP: 198.51.100.7'], false],
  ["a stranger's name that points here", ['Host: evil.example'], false],
] as const)
  test(`source is ${isShown ? 'shown to' : 'kept from'} ${who}`, async t => {
    const project = new Project(t, FILES)
    const server = await start(project, '--trusted-proxies', '192.0.2.1')
    server.expectLog(BOOM)
    const response = await getOnce(server.port, '/boom', HTML, ...headers)
    assert.equal(response.status, 500)
    assert.equal(response.body.toString().includes('raise RuntimeError'), isShown)
    await server.stop()
  })

test('an error page asks the gateway, and the application hears nothing of it', async t => {
  const project = new Project(t, { ...FILES, 'app.py': `${APP}print("imported", flush=True)\n` })
  const server = await start(project)
  server.expectLog(BOOM)
  const page = await getOnce(server.port, '/boom', 'Host: localhost', HTML)
  const state = /data-state="([^"]+)"/.exec(page.body.toString())![1]!
  assert.match(page.header('content-security-policy') ?? '', /default-src 'none'/)
  const ask = async () =>
    (await getOnce(server.port, '/boom', 'Host: localhost', 'Jumak-State: 1')).header('jumak-state')
  assert.equal(await ask(), state)
  // The gateway's own line: the worker's traceback may come in pieces where the machine is busy.
  await server.waitForLog(BOOM)
  assert.equal(server.log.filter(line => BOOM.test(line)).length, 1)
  project.save('words.py', greeting('other'))
  assert.notEqual(await ask(), state)
  const stranger = await getOnce(server.port, '/', 'Host: evil.example', 'Jumak-State: 1')
  assert.equal(stranger.body.toString(), 'other')
  await server.stop()
})

test('programs get JSON', async t => {
  const project = new Project(t, FILES)
  const server = await start(project)
  server.expectLog(BOOM)
  const response = await getOnce(server.port, '/boom', 'Host: localhost', 'Accept: application/json')
  assert.match(response.header('content-type') ?? '', /problem\+json/)
  const problem = JSON.parse(response.body.toString())
  assert.deepEqual(problem.exception, { type: 'RuntimeError', message: 'boom' })
  assert.match(problem.traceback, /app\.py/)
  await server.stop()
})

test('an exception whose words are markup, and whose place is absurd, makes a page', async t => {
  const project = new Project(t, FILES)
  const server = await start(project)
  server.expectLog(
    /error master +app could not be imported: SyntaxError: <script>alert\(1\)<\/script>/,
    TRACEBACK,
    /error master +SyntaxError: <script>/,
    WAITING,
  )
  project.save('words.py', `raise SyntaxError("<script>alert(1)</script>", ("</title><b>.py", 1, 10**12, "x"))\n`)
  const page = (await getOnce(server.port, '/', 'Host: localhost', HTML)).body.toString()
  assert.match(page, /&lt;script&gt;alert\(1\)/)
  assert.match(page, /&lt;\/title&gt;/)
  assert.doesNotMatch(page, /<script>alert|<\/title><b>/)
  await server.stop()
})

test('while the code is broken the old code answers nobody: not an upload that began before, not a stream', async t => {
  const streaming = `
import time
def application(environ, start_response):
    start_response("200 OK", [])
    if environ["REQUEST_METHOD"] == "POST":
        return [b"old: " + environ["wsgi.input"].read()]
    def chunks():
        while True:
            yield b"old\\n"
            # wait: a stream that goes on
            time.sleep(0.02)
    return chunks()
`
  const project = new Project(t, { 'app.py': streaming })
  const server = await start(project, '-w', '2')
  server.expectLog(
    /error master +app could not be imported: SyntaxError: invalid syntax/,
    TRACEBACK,
    /error master +SyntaxError: invalid syntax$/,
    WAITING,
    /GET \/ was on worker \d when its link broke \(closed by the worker\)/,
  )
  const stream = new RawClient(server.port).get('/')
  await stream.readUntil('old')
  const upload = new RawClient(server.port)
  upload.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab')
  project.save('app.py', 'def (\n')
  await server.waitForLog(WAITING)
  upload.send('cd')
  const answer = await upload.response()
  assert.equal(answer.status, 500)
  assert.match(answer.body.toString(), /SyntaxError/)
  assert.doesNotMatch((await stream.readToEnd()).toString(), /\r\n0\r\n\r\n$/, 'it is cut, and does not look complete')
  for (const client of [stream, upload]) client.close()
  await server.stop()
})
