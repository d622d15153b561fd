/** Sites of `jumak.toml`: what is not compared with nginx (`52-sites-like-nginx.test.ts`): orders of applications, errors, limits, HUP. */
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { APPS } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { RawClient, type RawResponse } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { type Server, startServer, until } from '../support/server.ts'

const APP = '[[app]]\nname = "main"\napp = "site_app:application"\nworkers = 1\n'

function site(t: TestContext, toml: string, files: Readonly<Record<string, string>> = {}): Project {
  // Files alone need no application.
  const app = toml.includes('app = "main"') ? `${APP}\n` : ''
  const project = new Project(t, { 'jumak.toml': app + toml, ...files })
  copyFileSync(join(APPS, 'site_app.py'), project.path('site_app.py'))
  return project
}

async function ask(server: Server, request: string, ...headers: string[]): Promise<RawResponse> {
  const [method = 'GET', target = '/'] = request.split(' ')
  const client = new RawClient(server.target)
  const host = headers.some(line => /^host:/i.test(line)) ? [] : ['Host: shop.test']
  client.send(`${method} ${target} HTTP/1.1\r\n${[...host, ...headers].map(line => `${line}\r\n`).join('')}\r\n`)
  const response = await client.response(method)
  client.socket.destroy()
  return response
}

const SHOP = `
[[site]]
names = ["shop.test"]
root = "public"
error-page = ["404 /errors/404.html", "500 502 =503 /errors/down.html"]
add-headers-always = { X-Site = "shop" }
locations = [
  { match = "/app/", app = "main" },
  { match = "/app/status/", app = "main", intercept-errors = true },
  { match = "/protected/", internal = true, alias = "files/", add-headers = { X-Query = "$args" } },
  { match = "/small/", app = "main", limit-request-body = 5 },
  { match = "/slow/", app = "main", timeout = "500ms" },
  { match = "@moved", return = "302 /elsewhere" },
]
`
const FILES = {
  'public/index.html': 'home',
  'public/errors/404.html': 'no such thing',
  'public/errors/down.html': 'we are down',
  'files/report.pdf': 'the report',
}

test('X-Accel-Redirect: a file of an internal location answers, with the head of the application', async t => {
  const project = site(t, SHOP, FILES)
  const server = await startServer({ directory: project.directory })
  const response = await ask(server, 'GET /app/download')
  assert.equal(response.status, 200)
  assert.equal(response.body.toString(), 'the report')
  assert.equal(response.header('content-type'), 'application/x-report')
  assert.equal(response.header('content-disposition'), 'attachment; filename="r.pdf"')
  assert.equal(response.header('x-query'), 'from=app')
  assert.equal(response.header('x-secret'), undefined)
  assert.equal(response.header('x-accel-redirect'), undefined)
  assert.equal((await ask(server, 'GET /protected/report.pdf')).status, 404)
  const named = await ask(server, 'GET /app/named')
  assert.equal(named.status, 302)
  assert.equal(named.header('location'), '/elsewhere')
  const plain = await ask(server, 'GET /app/buffering')
  assert.equal(plain.header('x-accel-buffering'), undefined)
  assert.equal(plain.body.toString(), 'as it comes')
  server.expectLog(/warn .*X-Sendfile of main is not obeyed: name the directories with sendfile-roots/)
  const stray = await ask(server, 'GET /app/sendfile')
  assert.deepEqual([stray.header('x-sendfile'), stray.body.toString()], [undefined, 'its own content'])
  await server.stop()
})

test('X-Accel-Redirect: the order counts, whatever becomes of the content behind it', async t => {
  const project = site(t, SHOP, FILES)
  const server = await startServer({ directory: project.directory })
  server.expectLog(/order-and-fail failed in worker 1: ValueError: in the middle, on purpose/)
  const response = await ask(server, 'GET /app/order-and-fail')
  assert.equal(response.status, 200)
  assert.equal(response.body.toString(), 'the report')
  await server.stop()
})

test('limit-rate, and the orders X-Accel-Limit-Rate and X-Accel-Charset', async t => {
  const large = 'large '.repeat(30_000)
  const project = site(
    t,
    `[[site]]
locations = [
  { match = "/app/", app = "main" },
  { match = "/files/", alias = "files/", limit-rate = "300K", limit-rate-after = "100K" },
]
`,
    { 'files/large.txt': large },
  )
  const server = await startServer({ directory: project.directory })
  const file = await ask(server, 'GET /files/large.txt')
  assert.equal(file.body.toString(), large)
  const ordered = async (orders: string) => {
    const { headers, body } = await ask(server, `GET /app/orders?${orders}`)
    const accelerated = headers.filter(([name]) => name.startsWith('x-accel'))
    assert.deepEqual(accelerated, [])
    return [headers.find(([name]) => name === 'content-type')?.[1], body.length]
  }
  const [text, own, redirected, off, image] = await Promise.all([
    ordered('X-Accel-Charset:koi8-r,X-Accel-Limit-Rate:20000,X-Accel-Expires:60,Content-Type:text/html'),
    ordered('X-Accel-Charset:koi8-r,X-Accel-Limit-Rate:0,Content-Type:text/html;charset=utf-8'),
    ordered('X-Accel-Redirect:/files/large.txt,X-Accel-Charset:koi8-r,X-Accel-Limit-Rate:1000000'),
    ordered('X-Accel-Redirect:/files/large.txt,X-Accel-Charset:off,X-Accel-Limit-Rate:0'),
    ordered('X-Accel-Charset:koi8-r,Content-Type:image/png'),
  ])
  assert.deepEqual(text, ['text/html; charset=koi8-r', 3000])
  assert.deepEqual(own, ['text/html;charset=utf-8', 3000])
  assert.deepEqual(redirected, ['text/plain; charset=koi8-r', large.length])
  assert.deepEqual(off, ['text/plain', large.length])
  assert.deepEqual(image, ['image/png', 3000])
  await server.stop()
})

test('X-Accel-Redirect with the words of a client leads nowhere outside the site', async t => {
  const project = site(t, SHOP, FILES)
  const server = await startServer({ directory: project.directory })
  server.mayLog(/ warn {2}gateway /)
  // 502, for which this site has a page with 503.
  const statuses = {
    '/../../etc/passwd': 503,
    '/protected/../../../etc/passwd': 503,
    '/protected/%2e%2e/%2e%2e/etc/passwd': 503,
    '/protected/..%2f..%2fjumak.toml': 503,
    '//etc/passwd': 404,
    'http://127.0.0.1/': 503,
    '@nobody': 503,
    '/protected/%00': 503,
    '/app/echo-redirect?/app/echo-redirect': 503,
  }
  const seen: Record<string, number> = {}
  for (const target of Object.keys(statuses)) {
    const response = await ask(server, `GET /app/echo-redirect?${target}`)
    seen[target] = response.status
    assert.doesNotMatch(response.body.toString(), /root:|bind|\[\[app/, target)
  }
  assert.deepEqual(seen, statuses)
  await server.stop()
})

test('a field that the configuration adds stands in the place of the one that a file has by itself', async t => {
  const project = site(
    t,
    `[[site]]\nroot = "public"\nadd-headers = { X-Content-Type-Options = "none", Cache-Control = "private" }\n`,
    FILES,
  )
  const server = await startServer({ directory: project.directory })
  const { headers } = await ask(server, 'GET /')
  const of = (field: string) => headers.flatMap(([name, value]) => (name === field ? [value] : []))
  assert.deepEqual(of('x-content-type-options'), ['none'])
  assert.deepEqual(of('cache-control'), ['private'])
  await server.stop()
})

test('error pages: of files, of a broken application, and of an application that is asked for them', async t => {
  const project = site(t, SHOP, FILES)
  const server = await startServer({ directory: project.directory })
  server.expectLog(/RuntimeError/, /broken on purpose/)
  server.mayLog(/Traceback|File |raise /, / warn {2}gateway /)
  const missing = await ask(server, 'GET /nothing')
  assert.equal(missing.status, 404)
  assert.equal(missing.body.toString(), 'no such thing')
  assert.equal(missing.header('x-site'), 'shop')
  // Conditions and ranges are for what a 200 has (RFC9110§13.2.1).
  const asked = await ask(server, 'GET /nothing', 'If-None-Match: *', 'Range: bytes=0-1')
  assert.equal(asked.status, 404)
  assert.equal(asked.body.toString(), 'no such thing')
  const broken = await ask(server, 'POST /app/broken', 'Content-Length: 0')
  assert.equal(broken.status, 503)
  assert.equal(broken.body.toString(), 'we are down')
  const own = await ask(server, 'GET /app/status/404')
  assert.equal(own.status, 404)
  assert.equal(own.body.toString(), 'no such thing')
  const other = await ask(server, 'GET /app/status/410')
  assert.equal(other.status, 410)
  assert.equal(other.body.toString(), 'the application says so')
  await server.stop()
})

test('a site has the application of the command line as default', async t => {
  const project = site(t, '')
  project.save('jumak.toml', '[[site]]\napp = "default"\n')
  const server = await startServer({ app: 'site_app:application', directory: project.directory })
  assert.match((await ask(server, 'GET /a%20b?c')).body.toString(), /^shop\.test GET \/a b c 0$/)
  await server.stop()
})

test('a location has its own limit of content', async t => {
  const project = site(t, SHOP, FILES)
  const server = await startServer({ directory: project.directory })
  const client = new RawClient(server.target)
  client.send('POST /small/x HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\n12345')
  assert.match((await client.response()).body.toString(), / 5$/)
  client.send('POST /small/x HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 6\r\n\r\n123456')
  assert.equal((await client.response()).status, 413)
  client.socket.destroy()
  await server.stop()
})

test('a location has its own time for the response of an application', async t => {
  const project = site(t, SHOP, FILES)
  const server = await startServer({ directory: project.directory })
  server.expectLog(
    /error master .*worker 1 is replaced: GET \/slow\/x has run for \d+ ms/,
    /warn +master .*worker 1 stands here:$/,
    /warn +master .* {3,}\S/,
  )
  assert.equal((await ask(server, 'GET /slow/x')).status, 504)
  assert.equal((await ask(server, 'GET /app/x')).status, 200)
  await server.stop()
})

test('HUP takes the first sites, and others, at once, or nothing of a wrong file', async t => {
  const project = site(t, '')
  project.save('jumak.toml', APP)
  const server = await startServer({ directory: project.directory })
  const words = async () => (await ask(server, 'GET /')).body.toString()
  const ofApplication = await words()
  const reload = async (sites: string, told: RegExp) => {
    project.save('jumak.toml', `${APP}\n${sites}`)
    const from = server.log.length
    server.signal('SIGHUP')
    await server.waitForLog(told, from)
  }
  server.mayLog(/the application main gets no request/)
  server.expectLog(
    /jumak\.toml:\d+:\d+: 'first \$nothing' names the variable \$nothing, which nothing defines/,
    /reload: nothing changes, because the settings are wrong/,
    /the application main gets no request/,
  )
  await reload('[[site]]\nreturn = "200 first $nothing"\n', /nothing changes/)
  assert.equal(await words(), ofApplication)
  await reload('[[site]]\nreturn = "200 first"\n', / ready$| serv(?:es|ing)/)
  assert.equal(await words(), 'first')
  await reload('[[site]]\nreturn = "200 second"\n', / ready$| serv(?:es|ing)/)
  assert.equal(await words(), 'second')
  await server.stop()
})

test('--check tells all mistakes of sites with their places', async t => {
  const project = site(
    t,
    `[[site]]
names = ["a.test"]
locations = [
  { match = "/x/", app = "nobody" },
  { match = "~ (", return = 404 },
  { match = "/m/", alias = "files" },
  { match = "/y/", root = "files", return = 404 },
  { macht = "/z/", root = "files" },
]
`,
  )
  const { code, stderr } = await runJumak(['--check'], project.directory)
  assert.notEqual(code, 0)
  assert.match(
    stderr,
    /jumak\.toml:\d+:\d+: app must be an application, and there is none: write it as a table \[\[app\]\], not 'nobody'/,
  )
  assert.match(stderr, /alias and match must both end with a slash/)
  assert.match(
    stderr,
    /one of app, proxy, fastcgi, scgi, uwsgi, cgi, root, alias, status, return and redirect, and this has root and return/,
  )
  assert.match(stderr, /a location has no setting macht; did you mean match\?/)
})

test('autoindex: a page and JSON of what is there, and nothing that is hidden', async t => {
  const list = 'locations = [{ match = "/json/", alias = "files/", autoindex = "json" }]\n'
  const project = site(t, `[[site]]\nroot = "."\nautoindex = "html"\n${list}`, { ...FILES, 'files/<b>.txt': 'x' })
  project.save('files/.env', 'SECRET=1')
  project.save('files/deep/er/x', '')
  const server = await startServer({ directory: project.directory })
  const page = await ask(server, 'GET /files/')
  assert.equal(page.status, 200)
  assert.equal(page.header('content-type'), 'text/html; charset=utf-8')
  assert.equal(page.header('cache-control'), 'no-cache')
  const text = page.body.toString()
  assert.match(text, /href="deep\/".*href="%3Cb%3E\.txt".*&lt;b&gt;\.txt.*href="report\.pdf"/s)
  assert.doesNotMatch(text, /\.env/)
  assert.equal((await ask(server, 'HEAD /files/')).header('content-length'), page.header('content-length'))
  const json = await ask(server, 'GET /json/')
  assert.equal(json.header('content-type'), 'application/json')
  assert.deepEqual(
    JSON.parse(json.body.toString()).map(({ name, type, size }: Record<string, unknown>) => [name, type, size]),
    [
      ['deep', 'directory', undefined],
      ['<b>.txt', 'file', 1],
      ['report.pdf', 'file', 10],
    ],
  )
  assert.equal((await ask(server, 'GET /public/')).body.toString(), 'home')
  const statuses = {
    'GET /files': 301,
    'GET /files/none/': 404,
    'GET /files/.env/': 404,
    'POST /files/': 405,
    'GET /json/../../': 400,
  }
  for (const [request, status] of Object.entries(statuses))
    assert.equal((await ask(server, request)).status, status, request)
  await server.stop()
})

test('status: the numbers of all threads of the gateway, and of connections that have closed', async t => {
  const project = site(
    t,
    'gateway-threads = 2\n[[site]]\nlocations = [{ match = "= /status", status = "json", access = ["allow 127.0.0.1"] }]\n',
  )
  const server = await startServer({ directory: project.directory })
  server.mayLog(/status tells everybody/)
  const idle = Array.from({ length: 6 }, () => new RawClient(server.target))
  for (const client of idle) {
    client.send('GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n')
    assert.equal((await client.response()).status, 404)
  }
  const asking = new RawClient(server.target)
  let last = ''
  let questions = 0
  await until(
    async () => {
      questions++
      asking.send('GET /status HTTP/1.1\r\nHost: a\r\n\r\n')
      last = (await asking.response()).body.toString()
      const { connections, requests } = JSON.parse(last)
      const { active, accepted, reading, writing, waiting } = connections
      assert.equal(active, reading + writing + waiting)
      return waiting === 6 && writing === 1 && accepted === 7 && requests === 6 + questions
    },
    () => `not all threads have told of theirs: ${last} after ${questions} questions`,
  )
  asking.socket.destroy()
  for (const client of idle) client.socket.destroy()
  await server.stop()
})
