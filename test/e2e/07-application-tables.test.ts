/** `[[app]]` and `include` as a user meets them: what `--check` and `--print-config` say, and where a mistake is and what to do. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Project } from '../support/project.ts'
import { runJumak } from '../support/run.ts'
import { startServer } from '../support/server.ts'
import { askOf, severalApplications } from '../support/several.ts'

const WSGI = 'def app(environ, start_response): pass\n'
const BROKEN = 'import nowhere_to_be_found\n'

const SHOP = '[[app]]\nname = "shop"\npath = "/shop"\napp = "app.py"\n'
const API = '[[app]]\nname = "api"\npath = "/api"\napp = "app.py"\n'

for (const [what, text, ...expected] of [
  ['two applications for one path', `${SHOP}${API.replace('/api', '/shop/')}`, 5, /\/shop .*shop .*jumak\.toml:1:/],
  [
    'two for one path of one host',
    `${SHOP}hosts = ["a.example.kr"]\n${API.replace('/api', '/shop')}hosts = ["b.example.kr", "A.example.kr"]\n`,
    6,
    /a\.example\.kr.*shop/,
  ],
  ['two of one name', `${SHOP}${API.replace('"api"', '"shop"')}`, 5, /called shop .*jumak\.toml:1:/],
  ['an application without a name', `${SHOP}[[app]]\napp = "app.py"\n`, 5, /needs a name, as in name = /],
  ['a name that is no name', SHOP.replace('"shop"', '"../shop"'), 2, /name .*lower-case letters/],
  ['the name of the flat settings', SHOP.replace('"shop"', '"default"'), 2, /default/],
  ['a misspelt key', `${SHOP}wokers = 2\n`, 5, /did you mean workers\?/],
  [
    'a setting of the program',
    `${SHOP}bind = ":80"\n`,
    5,
    /bind is for the whole program: write it at the top of the file/,
  ],
  [
    'a key of an application at the top',
    `path = "/shop"\n${API}`,
    1,
    /path belongs to an application: write it below its \[\[app\]\]/,
  ],
  ['a pool without an application', `[[pool]]\npaths = ["/x"]\n`, 1, /\[\[app\.pool\]\], below its \[\[app\]\]/],
  [
    'a pool before its application',
    `[[app.pool]]\npaths = ["/x"]\nworkers = 1\n${SHOP}`,
    4,
    /write each application as a table \[\[app\]\]/,
  ],
  ['a pool without paths', `${SHOP}[[app.pool]]\nworkers = 1\n`, 5, /a pool needs paths, as in /],
  ['a pool without workers', `${SHOP}[[app.pool]]\npaths = ["/x"]\n`, 5, /a pool needs workers, as in /],
  [
    'a path of two pools',
    `${SHOP}[[app.pool]]\npaths = ["/x"]\nworkers = 1\n[[app.pool]]\npaths = ["/x/"]\nworkers = 1\n`,
    9,
    /\/x twice/,
  ],
  ['a wrong value', `${SHOP}workers = "many"\n`, 5, /workers .*many/],
  ['a host with a path', `${SHOP}hosts = ["a.example.kr/x"]\n`, 5, /hosts /],
  [
    'a file of include that is not there',
    `include = "apps/*.toml"\n${SHOP}`,
    1,
    /include must be in a directory that exists/,
  ],
] as const satisfies readonly (readonly [string, string, number, RegExp])[])
  test(`${what}: file, line, column, and what to do`, async t => {
    const { directory } = new Project(t, { 'jumak.toml': text, 'app.py': WSGI })
    const { code, stdout, stderr } = await runJumak(['--check', '--no-app'], directory)
    const [line, message] = expected
    assert.deepEqual([code, stdout], [2, ''], stderr)
    assert.match(stderr, new RegExp(`^jumak: jumak\\.toml:${line}:\\d+: `), stderr)
    assert.match(stderr, message)
  })

test('a user that does not exist is named with its place', {
  skip: process.getuid?.() !== 0 && 'only root may name users',
}, async t => {
  const text = `${SHOP}user = "no-such-user"\n${API}`
  const { directory } = new Project(t, { 'jumak.toml': text, 'app.py': WSGI })
  const { code, stderr } = await runJumak(['--check', '--no-app'], directory)
  assert.equal(code, 2)
  assert.match(stderr, /^jumak: jumak\.toml:5:\d+: user must name a user that this machine knows/)
})

test('all mistakes of all files are told at once', async t => {
  const { directory } = new Project(t, {
    'jumak.toml': `include = "apps/*.toml"\n${SHOP}workers = 0\n`,
    'apps/api.toml': 'path = "/api"\napp = "app.py"\nworkes = 1\n',
    'apps/admin.toml': 'name = "shop"\npath = "/admin"\napp = "app.py"\n[[pool]]\npaths = ["/x"]\n',
    'apps/app.py': WSGI,
    'app.py': WSGI,
  })
  const { code, stderr } = await runJumak(['--check', '--no-app'], directory)
  assert.equal(code, 2)
  for (const pattern of [
    /jumak\.toml:6:\d+: workers /,
    /apps\/api\.toml:3:\d+: .*did you mean workers\?/,
    /apps\/admin\.toml:4:\d+: a pool needs workers/,
    /called shop/,
  ])
    assert.match(stderr, pattern)
})

test('--check loads each of them: one line for each, or 3 with the traceback of the one that is wrong', async t => {
  const project = severalApplications(t, { shop: '', api: 'workers = 3' })
  const right = await runJumak(['--check'], project.directory)
  assert.deepEqual([right.code, right.stderr], [0, ''])
  assert.match(right.stdout, /shop.*app\.py|shop.*app:/)
  assert.match(right.stdout, /api.*3 workers/)
  project.save('api/app.py', BROKEN)
  const wrong = await runJumak(['--check'], project.directory)
  assert.equal(wrong.code, 3)
  assert.match(wrong.stderr, /api/)
  assert.match(wrong.stderr, /ModuleNotFoundError: No module named 'nowhere_to_be_found'/)
})

test('--print-config is a file that gives the same again, with the applications and their pools', async t => {
  const project = severalApplications(
    t,
    { shop: 'hosts = ["shop.example.kr"]\n[[app.pool]]\npaths = ["/export"]\nworkers = 2', api: 'workers = 3' },
    'log-level = "debug"\nthreads = 4',
  )
  const first = await runJumak(['--print-config'], project.directory)
  assert.equal(first.code, 0, first.stderr)
  for (const line of ['[[app]]', 'name = "shop"', 'path = "/api"', '[[app.pool]]', 'log-level = "debug"'])
    assert.ok(first.stdout.includes(line), `${line} in\n${first.stdout}`)
  project.save('again.toml', first.stdout)
  const second = await runJumak(['-c', 'again.toml', '--print-config'], project.directory)
  assert.equal(second.code, 0, second.stderr)
  const values = (text: string) =>
    text.split('\n').flatMap(line => (/^\s*[a-z[]/.test(line) ? [line.replace(/ *#.*/, '')] : []))
  assert.deepEqual(values(second.stdout), values(first.stdout))
})

test('a file for each application: its name, its directory, and its own settings before the common ones', async t => {
  const project = severalApplications(t, { shop: '', api: '' })
  project.save('jumak.toml', 'include = "*/app.toml"\n')
  // Only the name of the file may have a `*`.
  const refused = await runJumak(['--check', '--no-app'], project.directory)
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /^jumak: jumak\.toml:1:\d+: include .*\* in the name of the file only/)
  project.save('jumak.toml', 'include = ["apps/*.toml"]\nworkers = 2\nenv = { WHO = "all", BOTH = "all" }\n')
  project.save(
    'apps/shop.toml',
    'path = "/shop"\napp = "app.py"\nchdir = "../shop"\nworkers = 1\nenv = { WHO = "shop" }\n',
  )
  project.save('apps/20-api.toml', 'name = "api"\npath = "/api"\napp = "app.py"\nchdir = "../api"\n')
  project.save('apps/.api.toml.swp', 'not TOML')
  const server = await startServer({ directory: project.directory })
  const [shop, api] = [await askOf(server, 'shop'), await askOf(server, 'api')]
  assert.deepEqual([shop.env['WHO'], shop.env['BOTH']], ['shop', 'all'])
  assert.equal(api.env['WHO'], 'all')
  assert.deepEqual([shop.directory, api.directory], [project.path('shop'), project.path('api')])
  assert.equal(server.workers().length, 3)
  await server.stop()
})

test('what an [[app]] says wins over a flag, which wins over the top of the file', async t => {
  const project = severalApplications(t, { shop: 'workers = 1', api: '' })
  const apps = readFileSync(project.path('jumak.toml'), 'utf8').trimStart()
  const [shop, api] = apps.split(/\n\n+(?=\[\[app)/)
  project.save('jumak.toml', `workers = 3\n${shop}\n${api!.replace('workers = 1\n', '')}`)
  const server = await startServer({ directory: project.directory, args: ['-w', '2'] })
  assert.equal(server.workers().length, 1 + 2)
  await server.stop()
})
