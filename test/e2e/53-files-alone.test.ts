/** Sites without an application: no Python runs, and none is needed. HUP adds an application and takes it away again. */
import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { Project } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { type Server, startServer, until } from '../support/server.ts'

const SITE = '[[site]]\nroot = "public"\nlocations = [{ match = "/old/", return = "301 /new/" }]\n'
const APP = '[[app]]\nname = "main"\napp = "app:application"\nworkers = 1\n'
const CODE = `def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'from Python']
`

function files(t: TestContext): Project {
  return new Project(t, { 'jumak.toml': SITE, 'public/index.html': 'a file', 'app.py': CODE })
}

/** PATH with what the start scripts use, and no Python. */
function withoutPython(project: Project): { PATH: string } {
  const path = project.path('bin')
  mkdirSync(path)
  for (const name of ['sh', 'readlink', 'dirname', 'uname', 'cmp']) symlinkSync(`/usr/bin/${name}`, `${path}/${name}`)
  return { PATH: path }
}

async function status(server: Server, ...words: string[]) {
  return runJumak(['status', ...words, '--admin-socket', `${server.temporaryDirectory}/admin.sock`], '/')
}

test('files alone: no Python is there or runs; status, readiness and a stop are as always', async t => {
  const project = files(t)
  const env = withoutPython(project)
  const server = await startServer({ directory: project.directory, args: ['--ready-path', '/-/ready'], env })
  assert.match(server.log.join('\n'), / Jumak \S+, process \d+, on http:\/\/\S+: 1 site, no application\n/)
  assert.deepEqual([(await getOnce(server.target, '/')).body.toString()], ['a file'])
  assert.equal((await getOnce(server.target, '/old/x')).status, 301)
  assert.equal((await getOnce(server.target, '/-/ready')).body.toString(), 'ready\n')
  assert.deepEqual([server.processes().length, server.gateway().parent], [2, server.pid])
  const shown = await status(server)
  assert.deepEqual([shown.code, /ready/.test(shown.stdout), /NAME/.test(shown.stdout)], [0, true, false], shown.stdout)
  assert.equal((await status(server, '--ready')).stdout, 'ready\n')
  await server.stop()
})

test('HUP brings the first application, and takes the last one away', async t => {
  const project = files(t)
  const server = await startServer({ directory: project.directory })
  const ask = async () => (await getOnce(server.target, '/app/')).body.toString()
  project.save('jumak.toml', `${APP}${SITE.replace('[{', '[{ match = "/app/", app = "main" }, {')}`)
  server.signal('SIGHUP')
  await until(
    async () => (await ask()) === 'from Python',
    () => server.log.join('\n'),
  )
  project.save('jumak.toml', SITE)
  server.signal('SIGHUP')
  await until(
    () => server.processes().length === 2,
    () => JSON.stringify(server.processes()),
  )
  assert.match(await ask(), /404/)
  assert.equal((await getOnce(server.target, '/')).body.toString(), 'a file')
  await server.stop()
})

test('an upgrade of files alone; --check of them says what they are', async t => {
  const project = files(t)
  const checked = await runJumak(['--check'], project.directory)
  assert.match(checked.stdout, /^jumak: the settings are right: 1 site, no application, on 127\.0\.0\.1:8000\n$/)
  const server = await startServer({ directory: project.directory })
  server.signal('SIGUSR2')
  const second = await server.upgraded()
  assert.notEqual(second, server.process.pid)
  assert.equal((await getOnce(server.target, '/')).body.toString(), 'a file')
  await server.stop()
})
