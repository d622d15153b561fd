/** What `npm pack` makes, installed somewhere else, serves Django. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ensureEnvironment } from '../support/environments/environments.ts'
import { EXAMPLES, ROOT } from '../support/paths.ts'
import { getOnce } from '../support/raw-client.ts'
import { startServer } from '../support/server.ts'

const run = promisify(execFile)

test('the packed program, installed in another directory, serves Django', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-package-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', directory, '--loglevel=error'], {
    cwd: ROOT,
  })
  const packed: unknown = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))
  const [description] = (Array.isArray(packed) ? packed : Object.values(packed as object)) as [
    { filename: string; files: { path: string }[] },
  ]
  const files = description.files.map(file => file.path)
  assert.ok(files.includes('dist/cli/main.js') && files.includes('python/jumak_worker/__main__.py'), files.join(' '))
  assert.ok(!files.some(file => /\.test\.|\.pyc$|^src\/|^test\//.test(file)), files.join(' '))

  await run(
    'npm',
    ['install', '--prefix', directory, '--no-audit', '--no-fund', join(directory, description.filename)],
    {
      cwd: directory,
    },
  )
  const program = join(directory, 'node_modules/.bin/jumak')
  assert.ok(existsSync(program))

  const { python } = await ensureEnvironment({ python: 'newest', packages: 'example-django' })
  const server = await startServer({
    app: 'shop.wsgi',
    directory: join(EXAMPLES, 'django-shop'),
    python,
    program,
    env: { SHOP_DATA: join(directory, 'shop') },
  })
  const response = await getOnce(server.port, '/admin/login/', 'Host: localhost')
  assert.equal(response.status, 200)
  await server.stop()
})
