/** `jumak explain`: what it says is what the running program does, and what it prints. */
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeRequest } from '../../src/cli/explain/request.ts'
import { readExplainWords } from '../../src/cli/explain/words.ts'
import { loadConfig } from '../../src/config/load.ts'
import { processEnvironment } from '../../src/config/machine/environment.ts'
import { parseArguments } from '../../src/config/sources/arguments.ts'
import { explainRequest, type Outcome } from '../../src/gateway/sites/explained.ts'
import { APPS } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { RawClient } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { startServer } from '../support/server.ts'

const APP = '[[app]]\nname = "main"\napp = "site_app:application"\nworkers = 1\n'
const SITES = `
health-path = "/-/live"
response-header = ["X-Program: jumak"]
${APP}
static = ["/own/=public"]

[[map]]
name = "$kind"
from = "$http_x_kind"
values = { default = "none", "a=b" = "pair" }

[[site]]
names = ["shop.test", "*.shop.test"]
root = "public"
error-page = ["404 /errors/404.html", "403 =200 @fallback"]
add-headers-always = { X-Site = "shop", X-Kind = "$kind" }
rewrites = [
  { from = "^/old/(.*)$", to = "/static/$1", flag = "last" },
  { from = "^/moved/(.*)$", to = "/static/$1", flag = "permanent" },
  { from = "^/round(.*)$", to = "/round$1x", flag = "last" },
  { if = "$arg_secret", return = "200 $http_authorization" },
]
locations = [
  { match = "/", try-files = ["$uri", "$uri/", "/index.html?q=$uri&$args"] },
  { match = "= /exact", return = "200 exactly" },
  { match = "/static/", expires = "30d" },
  { match = "/app/", app = "main", limit-request-body = "1M" },
  { match = "/own/", app = "main" },
  { match = "/inner/", internal = true, alias = "public/" },
  { match = "/closed/", return = 444 },
  { match = "^~ /images/", return = 403 },
  { match = "~ \\\\.php$", return = 404 },
  { match = "~* \\\\.css$", expires = "1y" },
  { match = "@fallback", return = "200 fallback of $status" },
]

[[site]]
names = ["~^(?<user>[a-z]+)\\\\.pages\\\\.test$"]
return = "200 hello $user"
`
const FILES = {
  'public/index.html': 'home',
  'public/static/a.css': 'a{}',
  'public/static/b.txt': 'text',
  'public/static/.hidden': 'no',
  'public/own/x.txt': 'x',
  'public/errors/404.html': 'no such thing',
  'public/folder/index.html': 'in a folder',
}
/** Method, host, path, headers. */
const REQUESTS: readonly (readonly [string, string, string, ...string[]])[] = [
  ['GET', 'shop.test', '/'],
  ['HEAD', 'shop.test', '/folder/'],
  ['GET', 'shop.test', '/folder'],
  ['GET', 'a.shop.test', '/deep/link?x=1'],
  ['GET', 'shop.test', '/static/a.css'],
  ['GET', 'shop.test', '/static/b.txt', 'Range: bytes=0-1'],
  ['POST', 'shop.test', '/static/b.txt'],
  ['PUT', 'shop.test', '/static/b.txt'],
  ['GET', 'shop.test', '/static'],
  ['GET', 'shop.test', '/static/'],
  ['GET', 'shop.test', '/static/.hidden'],
  ['GET', 'shop.test', '/static/%2e%2e/%2e%2e/jumak.toml'],
  ['GET', 'shop.test', '/old/b.txt', 'X-Kind: a=b'],
  ['GET', 'shop.test', '/moved/b.txt?q'],
  ['GET', 'shop.test', '/round'],
  ['GET', 'shop.test', '/exact'],
  ['GET', 'shop.test', '/app'],
  ['GET', 'shop.test', '/app/x%20y?z=1'],
  ['GET', 'shop.test', '/own/x.txt'],
  ['GET', 'shop.test', '/own/y.txt'],
  ['GET', 'shop.test', '/inner/index.html'],
  ['GET', 'shop.test', '/images/x.css'],
  ['GET', 'shop.test', '/nothing.php'],
  ['GET', 'shop.test', '/closed/x'],
  ['GET', 'shop.test', '/?secret=1', 'Authorization: Bearer 12345678'],
  ['GET', 'ann.pages.test', '/any'],
  ['GET', 'unknown.test', '/exact'],
  ['GET', 'unknown.test', '/-/live'],
]

function project(t: TestContext): Project {
  const made = new Project(t, { 'jumak.toml': SITES, ...FILES })
  copyFileSync(join(APPS, 'site_app.py'), made.path('site_app.py'))
  return made
}

test('the running program answers as explain says', async t => {
  const { directory } = project(t)
  const server = await startServer({ directory })
  server.mayLog(/ warn {2}gateway /)
  const bind = server.url.replace(/^http:\/\//, '').replace(/\/$/, '')
  const port = bind.split(':').at(-1)
  const environment = { ...processEnvironment(), cwd: directory, pwd: directory }
  const loaded = loadConfig(parseArguments([`--bind=${bind}`]), environment)
  assert.ok('config' in loaded, 'diagnostics' in loaded ? loaded.diagnostics.map(one => one.message).join('\n') : '')
  for (const [method, host, path, ...headers] of REQUESTS) {
    const url = `http://${host}:${port}${path}`
    const words = readExplainWords([url, '-X', method, ...headers.flatMap(one => ['-H', one])])
    assert.ok('url' in words)
    const asked = makeRequest(words, loaded.config)
    assert.ok('request' in asked)
    const { outcome } = await explainRequest(loaded.config, { ...asked, address: words.from })
    const client = new RawClient(server.target)
    const lines = [`Host: ${host}:${port}`, ...headers, ...(/^P/.test(method) ? ['Content-Length: 0'] : [])]
    client.send(`${method} ${path} HTTP/1.1\r\n${lines.map(one => `${one}\r\n`).join('')}\r\n`)
    const response = outcome.kind === 'closed' ? null : await client.response(method)
    if (response === null) assert.equal((await client.readToEnd()).length, 0)
    client.socket.destroy()
    assert.deepEqual(shown(outcome), seen(response), `${method} ${url}`)
  }
  await server.stop()
})

/** What must be equal. Dates and lengths of our pages are of the moment. */
const COMPARED = ['location', 'content-type', 'cache-control', 'x-site', 'x-kind', 'etag', 'x-program', 'allow']

function shown(outcome: Outcome) {
  if (outcome.kind === 'closed') return null
  assert.ok(outcome.kind !== 'upstream')
  if (outcome.kind === 'application') return { app: `${outcome.method} ${outcome.pathInfo} ${outcome.query}` }
  const lower = outcome.headers.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text))
  return {
    status: outcome.status,
    headers: COMPARED.map(name => lower[lower.findIndex((one, i) => i % 2 === 0 && one === name) + 1 || -1]),
  }
}

function seen(response: Awaited<ReturnType<RawClient['response']>> | null) {
  if (response === null) return null
  if (response.header('x-app') === '1') return { app: response.body.toString().split(' ').slice(1, -1).join(' ') }
  return { status: response.status, headers: COMPARED.map(name => response.header(name)) }
}

test('it prints what was decided, with places, and no credentials or control characters', async t => {
  const made = project(t)
  const { directory } = made
  made.save('wrong.toml', `${APP}\n[[site]]\nreturn = "200 $nobody"\n`)
  const explain = (...words: string[]) => runJumak(['explain', ...words], directory)
  const [css, secret, app, wrong, broken] = await Promise.all([
    explain('http://shop.test/old/a.css'),
    explain('--json', 'http://shop.test/?secret=1&x=\x1b[31m', '-H', 'Authorization: Bearer 12345678'),
    explain('-X', 'POST', '--from', '10.0.0.9', '/app/%1b[31m', '-H', 'Cookie: sid=abcdefgh'),
    explain('gopher://shop.test/'),
    explain('-c', 'wrong.toml', '/'),
  ])
  assert.equal(css.code, 0, css.stderr)
  assert.match(css.stdout, /^site +shop\.test +has this name +jumak\.toml:\d+:\d+$/m)
  assert.match(css.stdout, /^rewrite +\^\/old\/\(\.\*\)\$ +→ \/static\/a\.css +jumak\.toml:\d+:\d+$/m)
  assert.match(css.stdout, /^location +~\* \\\.css\$ +the first regular expression that matches/m)
  assert.match(css.stdout, /^ +tried +\/static\/ +the longest prefix: it has no \^~/m)
  assert.match(css.stdout, /^ +tried +~ \\\.php\$ +does not match/m)
  assert.match(css.stdout, /^answer +200 +\/.*public\/static\/a\.css$/m)
  assert.match(css.stdout, /^variable +\$kind += none, by map of '' +jumak\.toml:\d+:\d+$/m)
  assert.match(css.stdout, /^ +expires +1y +jumak\.toml:\d+:\d+$/m)
  assert.match(css.stdout, /^ +add-headers-always +X-Site=shop.* jumak\.toml:\d+:\d+$/m)
  const report = JSON.parse(secret.stdout)
  assert.equal(report.answer.status, 200)
  assert.doesNotMatch(secret.stdout, /12345678|\x1b/)
  assert.match(app.stdout, /from 10\.0\.0\.9/)
  assert.match(app.stdout, /^answer +main +the application answers$/m)
  assert.match(app.stdout, /^ +PATH_INFO +\/app\/\\x1b\[31m$/m)
  assert.doesNotMatch(app.stdout, /abcdefgh|\x1b/)
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /the URL must begin with http:\/\/ or https:\/\//)
  assert.equal(broken.code, 2)
  assert.match(broken.stderr, /wrong\.toml:\d+:\d+: .*names the variable \$nobody/)
})

test('without sites it says which application has the request', async t => {
  const app = (name: string, more: string) => `[[app]]\nname = "${name}"\napp = "site_app"\nworkers = 1\n${more}\n`
  const files = { 'jumak.toml': app('main', '') + app('shop', 'path = "/shop"\nhosts = ["shop.test"]') }
  const made = new Project(t, files)
  copyFileSync(join(APPS, 'site_app.py'), made.path('site_app.py'))
  const { stdout } = await runJumak(['explain', 'http://shop.test/shop/cart'], made.directory)
  assert.match(stdout, /^application +shop +shop\.test · \/shop and below +jumak\.toml:\d+:\d+$/m)
  assert.match(stdout, /^application +main +every host · every path/m)
  assert.match(stdout, /^ +PATH_INFO +\/cart\n +SCRIPT_NAME +\/shop$/m)
})
