/**
 * Sites beside a real nginx: the same configurations at random, the same files, the same requests. `npm run test:sites` tries more of them,
 * and shows one again: `npm run test:sites -- one INDEX SEED`.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { NGINX } from '../../bench/nginx.ts'
import { compare, portOf, startEcho, startNginx, writeFiles, writeUsers } from '../sites/compare.ts'
import { generate } from '../sites/generate.ts'
import { toToml } from '../sites/to-toml.ts'
import { freePort } from '../support/free-port.ts'
import { Project } from '../support/project.ts'
import { startServer } from '../support/server.ts'

const SEED = 1
const COUNT = 30

test('30 sites at random answer 600 requests as nginx does', async t => {
  const cases = Array.from({ length: COUNT }, (_, index) => generate(SEED, index))
  const project = new Project(t, {})
  const files = project.path('files')
  mkdirSync(files)
  writeFiles(files)
  writeUsers(project.directory)
  copyFileSync(join(import.meta.dirname, '../sites/echo.py'), project.path('echo.py'))
  project.save(
    'jumak.toml',
    toToml(
      cases.map(({ site }) => site),
      files,
      'echo:application',
    ),
  )
  const echo = await startEcho()
  t.after(() => {
    echo.closeAllConnections()
    echo.close()
  })
  const port = await freePort()
  const nginx = await startNginx(NGINX, cases, { port, echo: portOf(echo), files, directory: project.directory })
  const ended = once(nginx, 'close')
  t.after(() => {
    nginx.kill()
    return ended
  })
  const server = await startServer({ directory: project.directory })
  // The configurations lead some requests in a circle, on purpose.
  server.mayLog(/ warn {2}gateway /)
  // What is made at random may be useless, or let everybody in.
  server.mayLog(/ warn {2}master {4}jumak\.toml:\d+:\d+: /)
  const differences = await compare(cases, port, server.port)
  assert.deepEqual(differences, [], `npm run test:sites -- one INDEX ${SEED}`)
  await server.stop()
})
