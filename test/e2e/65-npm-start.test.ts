/** The first of the README's two commands, as a visitor gives it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CGI, closedToOthers } from '../../scripts/lib/examples.ts'
import { whyNoPython } from '../support/environments/environments.ts'
import { ROOT } from '../support/paths.ts'
import { temporaryDirectory } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { startServer } from '../support/server.ts'

test('npm start serves the example, says where to look, and TERM to npm ends everything', {
  skip: await whyNoPython(),
}, async t => {
  const server = await startServer({
    program: 'npm',
    args: ['start', '--', '-b', '127.0.0.1:0', '-w', '3'],
    directory: ROOT,
    env: { SHOP_DATA: temporaryDirectory(t) },
  })
  await server.waitForLog(/admin.*user: admin/)
  await server.waitForLog(/workers.*3/)
  const page = await getOnce(server.port, '/', 'Host: localhost')
  assert.equal(page.status, 200)
  assert.match(page.body.toString(), /The floor is warm/)
  const master = /process (\d+), on http/.exec(await server.waitForLog(/ on http/))![1]
  assert.ok(page.body.toString().includes(`kill -HUP ${master}<`), 'the page says whom to tell of new code')
  await server.stop()
})

test('npm start -- --tls self-signed serves the example over https', { skip: await whyNoPython() }, async t => {
  const data = temporaryDirectory(t)
  const server = await startServer({
    program: 'npm',
    args: ['start', '--', '--tls', 'self-signed', '-b', '127.0.0.1:0'],
    directory: ROOT,
    env: { SHOP_DATA: temporaryDirectory(t), XDG_DATA_HOME: data },
  })
  server.expectLog(/--tls self-signed is for development: nobody but this machine believes the certificate/)
  const ca = readFileSync(join(data, 'jumak/local-authority/certificate.pem'), 'utf8')
  const target = { to: server.port, tls: { ca, servername: 'localhost' } }
  const page = await getOnce(target, '/', 'Host: localhost')
  assert.equal(page.status, 200)
  assert.match(page.body.toString(), /The floor is warm/)
  await server.stop()
})

test('npm start -- cgi serves the same hello five ways, and a page that measures them', {
  skip: await whyNoPython(),
}, async () => {
  const server = await startServer({
    program: 'npm',
    args: ['start', '--', 'cgi', '-b', '127.0.0.1:0'],
    directory: ROOT,
  })
  // Below a directory of root alone nobody else can run programs, and the start says so.
  const isClosed = process.getuid?.() === 0 && closedToOthers(CGI) !== null
  if (isClosed) {
    await server.waitForLog(/note +CGI programs never run as root, and others may not enter/)
    server.mayLog(/cgi-bin\/hello\.\w+/)
  }
  await server.waitForLog(/ready: 2 applications serve/)
  for (const path of ['cgi-bin/hello.sh', 'cgi-bin/hello.pl', 'cgi-bin/hello.py', 'wsgi', 'asgi']) {
    const { status, body } = await getOnce(server.port, `/${path}`, 'Host: localhost')
    if (isClosed && path.startsWith('cgi-bin/')) {
      assert.equal(status, 403, path)
      continue
    }
    assert.equal(status, 200, path)
    assert.match(body.toString(), /^Hello from .*, process \d+\n$/)
  }
  assert.match((await getOnce(server.port, '/', 'Host: localhost')).body.toString(), /What does an answer cost/)
  await server.stop()
})
