/** `--reload`: after a save the new code answers and never the old; errors show in the terminal and on the page until they are mended. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureEnvironment } from '../support/environments/environments.ts'
import { Project } from '../support/project.ts'
import { getOnce, RawClient, textOf } from '../support/raw-client.ts'
import { isRefused, type Server, startServer, TRACEBACK, until } from '../support/server.ts'

const APP = `import os, time
from flask import Flask, render_template
import words

app = Flask(__name__)

@app.get("/")
def home():
    return words.GREETING

@app.get("/page")
def page():
    return render_template("page.html")

@app.get("/variable")
def variable():
    return os.environ["FROM_FILE"]

@app.get("/stream")
def stream():
    def chunks():
        for number in range(10**6):
            yield "%d\\n" % number
            # wait: a stream that goes on
            time.sleep(0.05)
    return chunks()
`
const WAITING = /error master +waiting for a change$/

/** What Flask does not catch. */
const RAW = `
def application(environ, start_response):
    if environ["PATH_INFO"] == "/boom":
        secret = "not for the page"
        return {}["<soup>"]
    start_response("200 OK", [])
    return [b"fine"]
`

class FlaskProject extends Project {
  greet(text: string): void {
    this.save('words.py', `GREETING = ${JSON.stringify(text)}\n`)
  }

  async start(...args: string[]): Promise<Server> {
    const { python } = await ensureEnvironment({ python: 'newest', packages: 'flask' })
    return startServer({ directory: this.directory, python, args: ['--reload', ...args] })
  }
}

async function text(server: Server, path = '/'): Promise<string> {
  return (await fetch(server.url + path)).text()
}

/** The import may fail before the gateway listens. */
async function untilItListens(server: Server): Promise<void> {
  await until(
    async () => !(await isRefused(server)),
    () => 'the gateway does not listen',
  )
}

test('twenty saves, each followed at once by several requests: none of them meets old code', async t => {
  const project = new FlaskProject(t, { 'app.py': APP })
  project.greet('at first')
  const server = await project.start('-w', '2')
  assert.equal(await text(server), 'at first')
  for (let i = 0; i < 20; i++) {
    project.greet(`soup ${i}`)
    const answers = await Promise.all(Array.from({ length: 4 }, () => text(server)))
    assert.deepEqual([...new Set(answers)], [`soup ${i}`])
  }
  await server.stop()
})

test('a burst of saves makes few reloads, and the last save is what answers', async t => {
  const project = new FlaskProject(t, { 'app.py': APP })
  project.greet('at first')
  const server = await project.start('-w', '1')
  const saves = 30
  for (let i = 1; i <= saves; i++) project.greet(`burst ${i}`)
  assert.equal(await text(server), `burst ${saves}`)
  await server.stop()
  const reloads = server.log.filter(line => /change in words\.py/.test(line)).length
  assert.ok(reloads >= 1 && reloads < saves / 2, `${reloads} reloads for ${saves} saves`)
})

test('a SyntaxError shows in the terminal once and on the page until it is mended', async t => {
  const project = new FlaskProject(t, { 'app.py': APP })
  project.greet('at first')
  const server = await project.start('-w', '1')
  server.expectLog(
    /error master +app could not be imported: SyntaxError: unterminated string literal/,
    TRACEBACK,
    /error master +SyntaxError: unterminated string literal/,
    WAITING,
  )
  project.save('words.py', 'GREETING = "half\n')
  for (let i = 0; i < 3; i++) {
    const broken = await fetch(server.url, { headers: { accept: 'text/html' } })
    assert.equal(broken.status, 500)
    const page = await broken.text()
    assert.match(page, /<b>SyntaxError<\/b>/)
    assert.match(page, /words\.py<\/code>, line 1/)
    assert.match(page, /GREETING = &quot;half/)
  }
  project.greet('mended')
  assert.equal(await text(server), 'mended')
  await server.stop()
  // The page may be there before the log is: counted when all of it has come. Once in the sentence, once in the traceback.
  assert.equal(server.log.filter(line => /error master .*SyntaxError: unterminated/.test(line)).length, 2)
})

test('code that does not load at the first start is waited for', async t => {
  const project = new FlaskProject(t, { 'app.py': APP, 'words.py': 'import nonsense_of_this_test\n' })
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'flask' })
  const server = await startServer({ directory: project.directory, python, args: ['--reload'], waitReady: false })
  server.expectLog(
    /error master +app could not be imported: there is no module nonsense_of_this_test /,
    TRACEBACK,
    /error master +ModuleNotFoundError: No module named 'nonsense_of_this_test'$/,
    WAITING,
  )
  await server.waitForLog(WAITING)
  await untilItListens(server)
  const broken = await fetch(server.url)
  assert.equal(broken.status, 500)
  assert.match(await broken.text(), /nonsense_of_this_test/)
  project.greet('welcome')
  assert.equal(await text(server), 'welcome')
  await server.stop()
})

test('templates, files of variables and new modules count; what nobody imports does not', async t => {
  const project = new FlaskProject(t, { 'app.py': APP, 'templates/page.html': 'one', 'local.env': 'FROM_FILE=one\n' })
  project.greet('at first')
  project.save('unrelated.py', '')
  const server = await project.start('-w', '1', '--env-file', 'local.env')
  assert.deepEqual([await text(server, '/page'), await text(server, '/variable')], ['one', 'one'])

  let from = server.log.length
  project.save('templates/page.html', 'two')
  await server.waitForLog(/serves, after/, from)
  assert.equal(await text(server, '/page'), 'two')

  from = server.log.length
  project.save('local.env', 'FROM_FILE=two\n')
  await server.waitForLog(/serves, after/, from)
  assert.equal(await text(server, '/variable'), 'two')

  from = server.log.length
  project.save('unrelated.py', 'x = 1\n')
  project.save('brand_new.py', 'x = 1\n')
  await server.waitForLog(/change in brand_new\.py/, from)
  await server.waitForLog(/serves, after/, from)
  assert.ok(!server.log.slice(from).some(line => line.includes('unrelated')))
  await server.stop()
})

test('a stream that is open does not hold up a reload', async t => {
  const project = new FlaskProject(t, { 'app.py': APP })
  project.greet('at first')
  const server = await project.start('-w', '1')
  server.expectLog(/GET \/stream was on worker 1 when its link broke \(closed by the worker\)/)
  const stream = new RawClient(server.port).get('/stream')
  await stream.readUntil('1\n')
  project.greet('new')
  assert.equal(await text(server), 'new')
  assert.doesNotMatch((await stream.readToEnd()).toString(), /\r\n0\r\n\r\n$/, 'it is cut, and does not look complete')
  stream.close()
  await server.stop()
})

test('an exception that no framework catches: a page with the own frames, only for a browser on this machine', async t => {
  const project = new FlaskProject(t, { 'app.py': RAW })
  const server = await project.start('-w', '1')
  server.expectLog(/GET \/boom failed in worker 1: KeyError: '<soup>'/)
  const page = await (await fetch(`${server.url}/boom`, { headers: { accept: 'text/html' } })).text()
  assert.match(page, /<b>KeyError<\/b> '&lt;soup&gt;'/)
  assert.match(page, /app\.py<\/code>, line 5, in <b>application<\/b>/)
  assert.match(page, /<li value="5" class="here">/)
  const elsewhere = await getOnce(server.port, '/boom', 'Accept: text/html', 'X-Forwarded-For: 198.51.100.7')
  assert.equal(elsewhere.status, 500)
  assert.ok(!elsewhere.body.toString().includes('app.py'))
  await server.stop()
  const production = await startServer({ directory: project.directory, args: ['-w', '1'] })
  production.expectLog(/GET \/boom failed in worker 1: KeyError: '<soup>'/)
  const plain = await (await fetch(`${production.url}/boom`, { headers: { accept: 'text/html' } })).text()
  assert.ok(!plain.includes('app.py'))
  await production.stop()
})

const NOTHING_CHANGES = /reload: nothing changes, because the settings are wrong$/

test('a change of the configuration and of what it includes is in force by itself; a wrong one is told, and changes nothing', async t => {
  const site = (words: string) => `[[site]]\nnames = ["a.kr"]\nreturn = "200 ${words}"\n`
  const project = new Project(t, { 'jumak.toml': 'include = "sites/*.toml"\n', 'sites/a.toml': site('one') })
  const server = await startServer({ directory: project.directory, args: ['--reload'] })
  const answers = (words: string, host = 'a.kr') =>
    until(
      async () => (await textOf(server.port, '/', `Host: ${host}`)) === words,
      () => `no answer ${words}`,
    )
  await answers('one')
  project.save('sites/a.toml', site('two'))
  await answers('two')
  project.save('sites/b.toml', site('new').replace('a.kr', 'b.kr'))
  await answers('new', 'b.kr')
  server.expectLog(/there is no table \[\[sites\]\]; did you mean \[\[site\]\]\?$/, NOTHING_CHANGES)
  project.save('sites/a.toml', '[[sites]]\n')
  await server.waitForLog(NOTHING_CHANGES)
  await answers('two')
  project.save('sites/a.toml', site('three'))
  await answers('three')
  await server.stop()
})
