/** A file that is truncated while it is sent, whoever opened it: the client sees that its answer is cut, and the log says why. */
import assert from 'node:assert/strict'
import { truncateSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { whyNoPython } from '../support/environments/environments.ts'
import { Project } from '../support/project.ts'
import { RawClient } from '../support/raw-client.ts'
import { type Server, startServer } from '../support/server.ts'

/** More than the kernel and the gateway hold for a client that does not read. */
const SIZE = 48 * 1024 * 1024
const LEFT = 1000

const WSGI = `
import os
def application(environ, start_response):
    file = open("wsgi.bin", "rb")
    start_response("200 OK", [("Content-Length", str(os.fstat(file.fileno()).st_size))])
    return environ["wsgi.file_wrapper"](file)
`

const ASGI = `
import os
async def app(scope, receive, send):
    path = os.path.abspath("asgi.bin")
    length = str(os.stat(path).st_size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.pathsend", "path": path})
`

async function truncateWhileSent(server: Server, path: string, file: string): Promise<void> {
  writeFileSync(file, Buffer.alloc(SIZE))
  const from = server.log.length
  const client = new RawClient(server.port).get(path)
  const { headers } = await client.head()
  // By now the gateway has opened the file. Earlier the worker would notice, and say so.
  await client.readExactly(1)
  client.socket.pause()
  assert.ok(headers.some(([name, value]) => name === 'content-length' && value === String(SIZE)))
  truncateSync(file, LEFT)
  client.socket.resume()
  const length = 1 + (await client.readToEnd()).length
  assert.ok(length < SIZE, `${length} bytes came`)
  client.close()
  const line = await server.waitForLog(/was cut/, from)
  const found =
    /the answer to GET (\S+) was cut: (\S+) was sent up to byte (\d+) of (\d+): the file was truncated/.exec(line)
  assert.ok(found, line)
  assert.deepEqual(found.slice(1, 3), [path, file], line)
  const [sent, expected] = found.slice(3).map(Number)
  assert.equal(expected, SIZE)
  assert.ok(sent! >= length && sent! < SIZE, line)
}

test('a static file and one of a WSGI application that are truncated while they are sent are told in the log', {
  skip: await whyNoPython(),
}, async t => {
  const project = new Project(t, { 'app.py': WSGI, 'files/static.bin': '' })
  const args = ['-w', '1', '--static', `/files=${project.path('files')}`]
  const server = await startServer({ app: 'app', directory: project.directory, args })
  server.expectLog(/warn +gateway .*files\/static\.bin was sent up to/, /warn +gateway .*wsgi\.bin was sent up to/)
  await truncateWhileSent(server, '/files/static.bin', project.path('files/static.bin'))
  await truncateWhileSent(server, '/wsgi', project.path('wsgi.bin'))
  await server.stop()
})

test('so is one that an ASGI application sends by its path', { skip: await whyNoPython() }, async t => {
  const project = new Project(t, { 'app.py': ASGI })
  const server = await startServer({ app: 'app:app', directory: project.directory, args: ['-w', '1'] })
  server.expectLog(/warn +gateway .*asgi\.bin was sent up to/)
  await truncateWhileSent(server, '/asgi', project.path('asgi.bin'))
  await server.stop()
})
