/** Deadlines for real: of paths, of streams, of one thread among several, of C code that holds the GIL; clients that closed their side. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Project } from '../support/project.ts'
import { getOnce, RawClient, textOf } from '../support/raw-client.ts'
import { type Server, startServer, until } from '../support/server.ts'

const WSGI = `
import os, re, threading, time

def wait():
    while not os.path.exists("release"):
        time.sleep(0.02)

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/short/hang":
        threading.Event().wait()
    if path == "/short/c":
        re.match("(a+)+$", "a" * 64 + "b")
    if path == "/long":
        print("long runs", flush=True)
        wait()
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
`

const ASGI = `
import asyncio

async def hang():
    await asyncio.sleep(600)

async def application(scope, receive, send):
    path = scope["path"]
    if path == "/short/hang":
        await hang()
    await receive()
    if path == "/poll":
        print("polling", flush=True)
        print("poll:", (await receive())["type"], flush=True)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if path == "/silent":
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await hang()
    await send({"type": "http.response.body", "body": b"answer"})
`

test('WSGI: one thread past the deadline of its path: only its request is 504, with its stack in the log', async t => {
  const project = new Project(t, { 'app.py': WSGI })
  const { directory } = project
  const args = ['-w', '1', '--threads', '3', '--timeout', '60', '--timeout-for', '/short=1']
  const server = await startServer({ app: 'app', directory, args })
  const times = String.raw`GET /short/hang has run for \d+ ms \(\d+ ms after it came, \d+ ms of them in the queue\)`
  server.expectLog(
    new RegExp(String.raw`error master +\[hang-1\] worker 1 is replaced: ${times}`),
    /warn +master +\[hang-1\] worker 1 stands here:$/,
    /warn +master +\[hang-1\] {3,}\S/,
  )
  const pid = await text(server, '/')
  const long = new RawClient(server.port).get('/long')
  await server.waitForLog(/long runs/)
  const hanging = await getOnce(server.port, '/short/hang', 'X-Request-ID: hang-1')
  assert.equal(hanging.status, 504)
  await server.waitForLog(/\[hang-1\] +threading\.Event\(\)\.wait\(\)/)
  const at = server.log.findIndex(line => line.includes('stands here:'))
  const stack = server.log.slice(at, at + 6).join('\n')
  assert.match(stack, /app\.py", line \d+, in application\n.*threading\.Event\(\)\.wait\(\)/)
  assert.doesNotMatch(stack, /in wait$/m)
  // The replacement serves before the old one, which still has a request, leaves.
  let other = pid
  await until(
    async () => {
      other = await text(server, '/')
      return other !== pid
    },
    () => 'the worker is not replaced',
  )
  assert.deepEqual(new Set(server.workers().map(one => String(one.pid))), new Set([pid, other]))
  project.save('release', '')
  assert.equal((await long.response()).body.toString(), pid)
  long.close()
  await server.stop()
})

test('WSGI: C code that holds the GIL: the stack comes by a signal', async t => {
  const { directory } = new Project(t, { 'app.py': WSGI })
  const server = await startServer({ app: 'app', directory, args: ['-w', '1', '--timeout-for', '/short=1'] })
  server.expectLog(
    /error master +\[c-1\] worker 1 is replaced: GET \/short\/c/,
    /warn +master +\[c-1\] worker 1 stands here:$/,
    /warn +master +\[c-1\] Current thread 0x\w+ \(most recent call first\):$/,
    /warn +master +\[c-1\] {3}\S/,
  )
  assert.equal((await getOnce(server.port, '/short/c', 'X-Request-ID: c-1')).status, 504)
  await server.waitForLog(/\[c-1\] worker 1 stands here:/)
  await server.waitForLog(/app\.py", line \d+ in application/)
  assert.match(await text(server, '/'), /^\d+$/)
  await server.stop()
})

test('ASGI: the deadlines of paths and of silent streams; a client that closed its side', async t => {
  const { directory } = new Project(t, { 'app.py': ASGI })
  const args = ['-w', '1', '--timeout', '60', '--timeout-for', '/short=1s', '--stream-idle-timeout', '1s']
  const server = await startServer({ app: 'app', directory, args })
  const times = String.raw`for \d+ ms \(\d+ ms after it came, \d+ ms of them in the queue\)`
  server.expectLog(
    new RegExp(String.raw`\[hang-1\] GET /short/hang is cancelled in worker 1: no response ${times}`),
    new RegExp(`GET /silent is cancelled in worker 1: no content ${times}`),
  )

  await t.test('a request is 504, and its task’s stack has its id', async () => {
    const response = await getOnce(server.port, '/short/hang', 'X-Request-ID: hang-1')
    assert.equal(response.status, 504)
    await server.waitForLog(/\[hang-1\] the deadline has passed of GET \/short\/hang/)
    await server.waitForLog(/app\.py", line \d+, in hang$/)
  })

  await t.test('a stream that says nothing is cut', async () => {
    const client = new RawClient(server.port).get('/silent')
    await client.readUntil('begun')
    assert.ok(!(await client.readToEnd()).toString().includes('0\r\n\r\n'))
    client.close()
  })

  await t.test('a client that closed its side reads an answer that comes', async () => {
    const client = new RawClient(server.port).get('/')
    client.socket.end()
    assert.equal((await client.response()).body.toString(), 'answer')
    client.close()
  })

  await t.test('one that waits in vain is gone for the application', async () => {
    const client = new RawClient(server.port).get('/poll')
    await server.waitForLog(/polling/)
    client.socket.end()
    await server.waitForLog(/poll: http\.disconnect/)
    assert.equal((await client.readToEnd()).length, 0)
    client.close()
  })

  await server.stop()
})

const text = (server: Server, path: string): Promise<string> => textOf(server.port, path)
