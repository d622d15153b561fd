/** Several applications: what their words and paths lead to at the edges. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Project } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { startServer } from '../support/server.ts'

const APP = `
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [(environ['SCRIPT_NAME'] + ' ' + environ['PATH_INFO']).encode('latin-1')]
`

test('SCRIPT_NAME of a path that is no ASCII has the bytes of UTF-8, as PATH_INFO has', async t => {
  const project = new Project(t, {
    'app.py': APP,
    'jumak.toml': '[[app]]\nname = "shop"\napp = "app"\npath = "/카페"\nworkers = 1\n',
  })
  const server = await startServer({ directory: project.directory })
  const path = encodeURI('/카페/메뉴')
  assert.equal((await getOnce(server.port, path)).body.toString(), '/카페 /메뉴')
  await server.stop()
})

test('an application that is not in the file any more stays until all are reloaded', async t => {
  const table = (name: string) => `[[app]]\nname = "${name}"\napp = "app"\npath = "/${name}"\nworkers = 1\n`
  const project = new Project(t, { 'app.py': APP, 'jumak.toml': table('shop') + table('api') })
  const server = await startServer({ directory: project.directory })
  await server.waitForLog(/applications serve/)
  project.save('jumak.toml', table('api'))
  const socket = join(server.temporaryDirectory, 'admin.sock')
  const one = await runJumak(['reload', 'shop', '--admin-socket', socket], project.directory)
  assert.deepEqual([one.code, one.stderr], [0, ''])
  assert.equal((await getOnce(server.port, '/shop')).status, 200)
  const all = await runJumak(['reload', '--admin-socket', socket], project.directory)
  assert.deepEqual([all.code, all.stderr], [0, ''])
  assert.equal((await getOnce(server.port, '/shop')).status, 404)
  await server.stop()
})
