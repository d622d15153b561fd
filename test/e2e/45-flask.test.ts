/** A Flask application, a CherryPy one, and a bare callable: the other kinds that the examples show. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureEnvironment, testedPythons } from '../support/environments/environments.ts'
import { EXAMPLES } from '../support/paths.ts'
import { getOnce, RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server.ts'

for (const { version } of await testedPythons()) {
  test(`the Flask example on Python ${version}: page, upload, stream`, async () => {
    const { python } = await ensureEnvironment({ python: version, packages: 'flask' })
    const server = await startServer({ app: 'app', directory: join(EXAMPLES, 'flask'), python })
    await server.waitForLog(/Flask \d/)
    assert.match((await getOnce(server.port, '/')).body.toString(), /Count its bytes/)
    const form = new FormData()
    form.set('file', new File(['x'.repeat(100_000)], 'a.txt'))
    const upload = await fetch(`${server.url}/upload`, { method: 'POST', body: form })
    assert.deepEqual([upload.status, await upload.json()], [200, { name: 'a.txt', size: 100_000 }])
    const stream = new RawClient(server.port).get('/stream')
    for (const number of [1, 2]) await stream.readUntil(`line ${number}\n`)
    stream.close()
    assert.equal((await getOnce(server.port, '/nowhere')).status, 404)
    await server.stop()
  })
}

for (const { version } of await testedPythons()) {
  test(`the CherryPy tutorial on Python ${version}: a form, and a session that remembers`, async () => {
    const { python } = await ensureEnvironment({ python: version, packages: 'cherrypy' })
    // One worker: CherryPy keeps sessions in memory.
    const server = await startServer({
      app: 'app.py',
      directory: join(EXAMPLES, 'cherrypy'),
      python,
      args: ['-w', '1'],
    })
    assert.match(await (await fetch(server.url)).text(), /Give it now/)
    const generated = await fetch(`${server.url}/generate?length=12`)
    const text = await generated.text()
    assert.match(text, /^[0-9a-fA-F]{12}$/)
    const cookie = generated.headers.getSetCookie()[0]!.split(';')[0]!
    assert.equal(await (await fetch(`${server.url}/display`, { headers: { cookie } })).text(), text)
    assert.equal((await getOnce(server.port, '/nowhere')).status, 404)
    await server.stop()
  })
}

test('the bare PEP 3333 example', async () => {
  const server = await startServer({ app: 'app.py', directory: join(EXAMPLES, 'bare') })
  assert.match((await getOnce(server.port, '/?name=Ann')).body.toString(), /<h1>Hello, Ann<\/h1>$/)
  await server.stop()
})
