/** How many workers there are: by what the application is, what was asked for, and what the signals have added. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Project } from '../support/project.ts'
import { type Server, type ServerOptions, startServer, until } from '../support/server.ts'

const WSGI = 'def app(environ, start_response):\n    start_response("200 OK", [])\n    return [b"wsgi"]\n'
const ASGI = `
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"asgi"})
`
/** Starts a thread, so that each worker imports for itself. */
const HAZARD = 'import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n'
/** What `auto` gives a WSGI application: two workers at least. */
const SEVERAL = /workers +(?:[2-9]|\d\d+) × 1 thread \(auto: /

const countOf = (server: Server) => server.workers().length

async function untilWorkers(server: Server, count: number): Promise<void> {
  await until(
    () => countOf(server) === count,
    () => `${countOf(server)} workers, not ${count}`,
  )
}

/** As many as the line of the start says. */
const untilAsTold = (server: Server, line: string) => untilWorkers(server, Number(/workers +(\d+) × /.exec(line)![1]))

async function start(
  t: TestContext,
  text: string,
  options: Partial<ServerOptions> = {},
  files: Readonly<Record<string, string>> = {},
) {
  const project = new Project(t, { 'app.py': text, ...files })
  return { project, server: await startServer({ directory: project.directory, python: 'python3', ...options }) }
}

test('an ASGI application has one worker, and the start says how to have more and what must hold then', async t => {
  const { server } = await start(t, ASGI)
  const line = await server.waitForLog(/ workers +/)
  assert.match(line, /workers +1 × up to 1000 requests: -w N for more, if nothing is kept in memory for all clients/)
  assert.equal(countOf(server), 1)
  server.signal('SIGTTIN')
  await server.waitForLog(/workers wanted: 2$/)
  await untilWorkers(server, 2)
  // What was added stays over a reload.
  server.signal('SIGHUP')
  await server.waitForLog(/generation 2 serves/)
  await untilWorkers(server, 2)
  server.signal('SIGTTOU')
  await server.waitForLog(/workers wanted: 1$/)
  await untilWorkers(server, 1)
  await server.stop()
})

test('a WSGI application has a worker for each core, and two at least', async t => {
  const { server } = await start(t, WSGI)
  const line = await server.waitForLog(/ workers +/)
  assert.match(line, SEVERAL)
  await untilAsTold(server, line)
  await server.stop()
})

test('a number of workers that is given counts for every kind of application', async t => {
  for (const [args, env, told] of [
    [['-w', '3'], {}, /workers +3 × up to 1000 requests$/],
    [['-w', 'auto'], {}, /workers +(?:[2-9]|\d\d+) × up to 1000 requests \(auto: /],
    [[], { WEB_CONCURRENCY: '3' }, /workers +3 × up to 1000 requests$/],
  ] as const) {
    const { server } = await start(t, ASGI, { args: [...args], env })
    const line = await server.waitForLog(/ workers +/)
    assert.match(line, told)
    await untilAsTold(server, line)
    await server.stop()
  }
})

test('a number in the settings is live, and is for every kind', async t => {
  const { server, project } = await start(t, ASGI, {}, { 'jumak.toml': 'threads = 1\n' })
  for (const [text, count] of [
    ['workers = 3\n', 3],
    ['', 1],
  ] as const) {
    project.save('jumak.toml', text)
    server.signal('SIGHUP')
    await untilWorkers(server, count)
  }
  await server.stop()
})

test('no worker too many is started where only a worker can tell what the application is', async t => {
  for (const [text, args] of [
    [ASGI, ['--preload', 'off']],
    [HAZARD + ASGI, []],
  ] as const) {
    const { server } = await start(t, text, { args: [...args, '--log-level', 'debug'] })
    if (text !== ASGI) server.expectLog(/preload off: /)
    assert.match(await server.waitForLog(/ workers +/), /workers +1 × up to/)
    assert.equal(countOf(server), 1)
    await server.stop()
    assert.ok(!server.log.some(line => /worker 2/.test(line)), server.log.join('\n'))
  }
  const { server } = await start(t, WSGI, { args: ['--preload', 'off'] })
  const line = await server.waitForLog(/ workers +/)
  assert.match(line, SEVERAL)
  await untilAsTold(server, line)
  await server.stop()
})

test('a reload that changes the kind of application changes the number of workers', async t => {
  const { server, project } = await start(t, WSGI)
  project.save('app.py', ASGI)
  server.signal('SIGHUP')
  await server.waitForLog(/generation 2 serves/)
  assert.equal(await (await fetch(server.url)).text(), 'asgi')
  await untilWorkers(server, 1)
  project.save('app.py', WSGI)
  server.signal('SIGHUP')
  await server.waitForLog(/generation 3 serves/)
  assert.equal(await (await fetch(server.url)).text(), 'wsgi')
  await until(
    () => countOf(server) >= 2,
    () => 'one worker',
  )
  await server.stop()
})
