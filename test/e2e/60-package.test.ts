/** What `npm pack` makes, installed somewhere else and in the image of `docs/how-to/docker.md`, serves Django. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { codeBlocks } from '../support/documents.ts'
import { ensureEnvironment } from '../support/environments/environments.ts'
import { Image } from '../support/image.ts'
import { EXAMPLES, ROOT } from '../support/paths.ts'
import { temporaryDirectory } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { startServer } from '../support/server.ts'

const run = promisify(execFile)

/** Debian's smallest installation has these of what Node is linked to. */
const IN_EVERY_IMAGE = /^(?:linux-vdso|libc|libdl|libm|libpthread|libgcc_s|libstdc\+\+|\/lib\S*ld-linux\S*)\.so/

const directory = mkdtempSync(join(tmpdir(), 'jumak-package-'))
after(() => rmSync(directory, { recursive: true }))
/** Once for all tests: it builds `dist/` of the checkout. */
const packed = pack()

async function pack(): Promise<{ filename: string; files: { path: string }[] }> {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', directory, '--loglevel=error'], {
    cwd: ROOT,
  })
  const told: unknown = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))
  return (Array.isArray(told) ? told : Object.values(told as object))[0]
}

test('the packed program, installed in another directory, serves Django', async () => {
  const description = await packed
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

test('docker.md: each instruction of the Dockerfile does what it says', async t => {
  const home = temporaryDirectory(t)
  chmodSync(home, 0o755)
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'example-django' })
  const context = join(home, 'context')
  cpSync(join(EXAMPLES, 'django-shop'), context, { recursive: true })
  cpSync(join(ROOT, 'test/support/environments/example-django.txt'), join(context, 'requirements.txt'))
  const { filename } = await packed
  copyFileSync(join(directory, filename), join(context, filename))

  const blocks = codeBlocks(readFileSync(join(ROOT, 'docs/how-to/docker.md'), 'utf8'))
  const dockerfile = blocks.find(block => block.attributes.get('file') === 'Dockerfile')!.text
  const image = new Image(home, context, dirname(python))
  for (const line of dockerfile.split('\n').filter(Boolean)) await image.follow(line)

  const program = join(image.root, 'opt/jumak/bin/jumak')
  assert.ok(existsSync(join(image.root, 'app/manage.py')) && existsSync(join(image.root, 'app/requirements.txt')))
  assert.equal(image.command.slice(0, 3).join(' '), 'jumak -b :8000')
  // Who runs it, another user needs the rights of root for, and a way into the checkout.
  const [, , , ...args] = image.command.filter((word, i, all) => word !== '--user' && all[i - 1] !== '--user')
  const env = { ...image.environment, SHOP_DATA: join(home, 'data') }
  await run(program, ['--check', ...image.command.slice(1, 3), ...args], {
    cwd: image.directory,
    env: { ...process.env, ...env },
  })
  const server = await startServer({ directory: image.directory, program, args, env })
  assert.equal((await getOnce(server.port, '/static/admin/css/base.css', 'Host: localhost')).status, 200)
  assert.equal((await getOnce(server.port, '/admin/login/', 'Host: localhost')).status, 200)
  await server.stop()

  if (process.platform !== 'linux') return
  const node = join(ROOT, `node_modules/node-linux-${process.arch}/bin/node`)
  const linked = (await run('ldd', [node])).stdout
    .trim()
    .split('\n')
    .map(line => line.trim().split(' ')[0]!)
  assert.ok(linked.length > 3)
  const missing = linked.filter(name => !IN_EVERY_IMAGE.test(name)).map(name => name.replace(/\.so\.(\d+)$/, '$1'))
  assert.deepEqual(
    missing.filter(name => !image.packages.includes(name)),
    [],
    'the image lacks what Node is linked to',
  )
})
