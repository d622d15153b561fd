/** Debuggers in the terminal while developing: who types, whose time stands still, what Ctrl-C and a saved change do. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { whyNoPython } from '../support/environments/environments.ts'
import { Project } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { startServer } from '../support/server.ts'
import { Terminal } from '../support/terminal.ts'

const skip = (await whyNoPython()) || (process.platform !== 'linux' && 'needs Linux')
const PROMPT = '(Pdb) '
/** Every deadline that could end a request: ten looks of the worker, which says five times a second whether it is in a debugger. */
const SHORT = ['--timeout', '2s', '--queue-timeout', '2s', '--stream-idle-timeout', '2s']

/** A person looks at the prompt: longer than each of these deadlines, and than an event loop may stand or old code may run. */
const think = () => delay(3000) // wait: a person who thinks is what these tests are about

const WSGI = `
import pdb, sys
def application(environ, start_response):
    path = environ["PATH_INFO"]
    x = 41
    if path == "/input":
        x = input("your name? ")
    elif path == "/line":
        print("no line's end", end="")
        x = sys.stdin.readline().strip()
    elif path == "/break":
        breakpoint()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%s from VERSION 1" % x).encode()]
`

const ASGI = `
import pdb
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError
    x = 41
    breakpoint()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % x})
`

function project(t: TestContext, code: string): string {
  return new Project(t, { 'app.py': code }).directory
}

async function start(
  t: TestContext,
  code: string,
  ...args: string[]
): Promise<Terminal & { readonly directory: string }> {
  const directory = project(t, code)
  const terminal = new Terminal(t, directory, ['--reload', '--log-level', 'debug', ...args, 'app.py'])
  await terminal.waitFor(' ready')
  return Object.assign(terminal, { directory })
}

/** Waits for the first prompt, and until the program knows of it. */
async function atPrompt(terminal: Terminal): Promise<number> {
  const at = await terminal.waitFor(PROMPT)
  await terminal.waitFor('worker 1 stands in a debugger')
  return at
}

const bodyOf = async (terminal: Terminal, path: string) => {
  const { status, body } = await getOnce(terminal.port, path)
  return `${status} ${body}`
}

/** Types until both debuggers have gone on. Of one keyboard each reads what it gets first, even parts of a line: so each line may be in vain. */
async function leaveBoth(terminal: Terminal, answers: readonly Promise<unknown>[]): Promise<void> {
  const typing = setInterval(() => terminal.type('\nc\n'), 200)
  await Promise.all(answers).finally(() => clearInterval(typing))
}

test('breakpoint() asks in the terminal, and no deadline passes while it waits', { skip }, async t => {
  const terminal = await start(t, WSGI, ...SHORT)
  assert.match(terminal.shown, / 1 × 1 thread \(auto: one while developing\)/)
  const answer = bodyOf(terminal, '/break')
  let at = await atPrompt(terminal)
  const queued = bodyOf(terminal, '/other')
  await think()
  terminal.type('x = "typed"\n')
  at = await terminal.waitFor(PROMPT, at)
  terminal.type('c\n')
  assert.equal(await answer, '200 typed from VERSION 1')
  assert.equal(await queued, '200 41 from VERSION 1')
  // It has its deadlines again.
  const again = bodyOf(terminal, '/break')
  at = await terminal.waitFor(PROMPT, at)
  terminal.type('import time; time.sleep(0)\n')
  at = await terminal.waitFor(PROMPT, at)
  terminal.type('c\n')
  assert.equal(await again, '200 41 from VERSION 1')
  assert.doesNotMatch(terminal.shown, /timeout|has run for|No worker was free/)
  await terminal.leave()
})

test('input() and the keyboard read by hand; a prompt without a line’s end is seen', { skip }, async t => {
  const terminal = await start(t, WSGI, ...SHORT)
  const answer = bodyOf(terminal, '/input')
  await terminal.waitFor('your name? ')
  await think()
  terminal.type('ann\n')
  assert.equal(await answer, '200 ann from VERSION 1')
  const line = bodyOf(terminal, '/line')
  await terminal.waitFor("no line's end")
  terminal.type('bob\n')
  assert.equal(await line, '200 bob from VERSION 1')
  await terminal.leave()
})

test('an event loop that stands in a debugger is not blocked, and its requests are not late', { skip }, async t => {
  const terminal = await start(t, ASGI, ...SHORT)
  const answer = bodyOf(terminal, '/')
  await terminal.waitFor(PROMPT)
  await think()
  terminal.type('c\n')
  assert.equal(await answer, '200 41')
  assert.doesNotMatch(terminal.shown, /blocked|cancelled/)
  await terminal.leave()
})

test('Ctrl-C is for the debugger; a second one ends the program', { skip }, async t => {
  const terminal = await start(t, WSGI)
  const answer = assert.rejects(bodyOf(terminal, '/break'), /^Error: ended before "\\r\\n\\r\\n": ""$/)
  let at = await atPrompt(terminal)
  terminal.type('import time\n')
  at = await terminal.waitFor(PROMPT, at)
  // In two parts: the terminal also shows what is typed.
  terminal.type('print("as" "leep"); time.sleep(600)\n')
  at = await terminal.waitFor('asleep', at)
  terminal.type('\x03')
  at = await terminal.waitFor('KeyboardInterrupt', at)
  await terminal.waitFor(PROMPT, at)
  await terminal.leave('\x03\x03')
  assert.match(terminal.shown, /stopping quickly/)
  await answer
})

test('after a change the new code answers, and the debugger goes on in the old', { skip }, async t => {
  const terminal = await start(t, WSGI)
  const answer = bodyOf(terminal, '/break')
  const at = await atPrompt(terminal)
  writeFileSync(join(terminal.directory, 'app.py'), WSGI.replace('VERSION 1', 'VERSION 2'))
  await terminal.waitFor('generation 2 serves')
  assert.equal(await bodyOf(terminal, '/'), '200 41 from VERSION 2')
  await think()
  terminal.type('c\n')
  assert.equal(await answer, '200 41 from VERSION 1')
  await terminal.waitFor('GET /break 200', at)
  await terminal.leave()
})

test('old and new code in a debugger at the same time: a line says that they share the keyboard', { skip }, async t => {
  const terminal = await start(t, WSGI)
  const old = bodyOf(terminal, '/break')
  await atPrompt(terminal)
  writeFileSync(join(terminal.directory, 'app.py'), WSGI.replace('VERSION 1', 'VERSION 2'))
  const at = await terminal.waitFor('generation 2 serves')
  const answer = bodyOf(terminal, '/break')
  await terminal.waitFor('worker 1 and worker 2 read the same keyboard now', at)
  await leaveBoth(terminal, [old, answer])
  assert.equal(await old, '200 41 from VERSION 1')
  assert.equal(await answer, '200 41 from VERSION 2')
  await terminal.leave()
})

test('a worker that dies at a prompt leaves a terminal that shows what is typed', { skip }, async t => {
  const terminal = await start(t, WSGI)
  const answer = bodyOf(terminal, '/break')
  const at = await terminal.waitFor(PROMPT)
  terminal.type('import os; os.abort()\n')
  await terminal.waitFor('was killed by SIGABRT', at)
  const second = await terminal.waitFor(PROMPT, at)
  terminal.type('c\n')
  await terminal.waitFor('GET /break', second)
  assert.equal(await answer, '200 41 from VERSION 1')
  await terminal.leave()
})

test('without a terminal a breakpoint ends the request, and nothing waits', { skip }, async t => {
  const server = await startServer({ app: 'app.py', directory: project(t, WSGI), args: ['--reload'] })
  server.expectLog(/GET \/break failed in worker \d+: (?:BdbQuit|bdb.BdbQuit)/)
  assert.equal((await getOnce(server.port, '/break')).status, 500)
  await server.waitForLog(/BdbQuit/)
  await server.stop()
})
