/** `--tls self-signed`: HTTPS while developing, with a local authority that is made once. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { ROOT } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { type Server, startServer } from '../support/server.ts'

const ASGI = `
async def app(scope, receive, send):
    assert scope["type"] != "lifespan"
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        message = await receive()
        await send({"type": "websocket.send", "text": scope["scheme"] + " " + message["text"]})
        return
    if scope["path"] == "/boom":
        raise ValueError("no soup")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["scheme"].encode()})
`

/** Said without --reload. */
const FOR_DEVELOPMENT = /--tls self-signed is for development: nobody but this machine believes the certificate/

interface Place {
  readonly project: Project
  readonly env: { readonly XDG_DATA_HOME: string }
  readonly authority: string
}

/** The user's data is below a directory of the test. */
function place(t: TestContext): Place {
  const project = new Project(t, { 'app.py': ASGI, 'data/empty': '' })
  const data = project.path('data')
  return { project, env: { XDG_DATA_HOME: data }, authority: join(data, 'jumak/local-authority/certificate.pem') }
}

function start({ project, env }: Place, ...args: string[]): Promise<Server> {
  return startServer({ app: 'app:app', directory: project.directory, env, args: ['--tls', 'self-signed', ...args] })
}

const target = (server: Server, { authority }: Place) => ({
  to: server.port,
  tls: { ca: readFileSync(authority), servername: 'localhost' },
})

test('--reload: pages, the error page with its questions, and WebSockets work over it', async t => {
  const here = place(t)
  const server = await start(here, '--reload')
  server.expectLog(/failed in worker \d+: ValueError: no soup/)
  const to = target(server, here)
  assert.equal((await getOnce(to, '/', 'Host: localhost')).body.toString(), 'https')

  const page = (await getOnce(to, '/boom', 'Host: localhost\r\nAccept: text/html')).body.toString()
  assert.match(page, /<b>ValueError<\/b> no soup/)
  const state = /data-state="([^"]+)"/.exec(page)![1]!
  const answer = await getOnce(to, '/boom', 'Host: localhost\r\nJumak-State: 1')
  assert.deepEqual([answer.status, new Map(answer.headers).get('jumak-state')], [200, state])

  const socket = new WebSocket(`wss://localhost:${server.port}/`, { ca: to.tls.ca })
  await once(socket, 'open')
  socket.send('soup')
  assert.equal(String((await once(socket, 'message'))[0]), 'wss soup')
  await once(socket, 'close')
  await server.stop()
})

test('the authority is made once, and the commands are told once', async t => {
  const here = place(t)
  const first = await start(here)
  first.expectLog(FOR_DEVELOPMENT)
  await first.waitForLog(/made a local authority for --tls self-signed, .*certificate\.pem/)
  assert.ok(first.log.some(line => line.includes(`curl --cacert ${here.authority} https://`)))
  assert.equal(statSync(join(here.authority, '../key.pem')).mode & 0o777, 0o600)
  const made = readFileSync(here.authority, 'utf8')
  await first.stop()
  const second = await start(here)
  second.expectLog(FOR_DEVELOPMENT)
  await second.waitForLog(/certificates are signed by the local authority .*certificate\.pem$/)
  assert.ok(!second.log.some(line => line.includes('curl')))
  assert.equal(readFileSync(here.authority, 'utf8'), made)
  assert.equal((await getOnce(target(second, here), '/', 'Host: localhost')).status, 200)
  await second.stop()
})

test('without a home directory the program does not start, and says what to set', t => {
  const { project } = place(t)
  const { HOME: _, XDG_DATA_HOME: __, ...env } = process.env
  const args = ['--tls', 'self-signed', '-b', '127.0.0.1:0', 'app:app']
  const { status, stderr } = spawnSync(join(ROOT, 'bin/jumak'), args, { cwd: project.directory, env, encoding: 'utf8' })
  assert.equal(status, 1, stderr)
  assert.match(stderr, /neither HOME nor XDG_DATA_HOME says where that is: set XDG_DATA_HOME/)
})
