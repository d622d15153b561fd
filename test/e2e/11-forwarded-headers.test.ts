/** `--forwarded-headers` as the application sees it, over both wires: WSGI and ASGI. The cases are those of `src/http/forwarded.test.ts`. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { FORWARDED_HEADERS } from '../../src/base/forwarded-headers.ts'
import { whyNoPython } from '../support/environments/environments.ts'
import { Project } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { type Server, startServer } from '../support/server.ts'

const WSGI = `import json


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    names = "REMOTE_ADDR wsgi.url_scheme HTTP_HOST SCRIPT_NAME PATH_INFO HTTP_X_FORWARDED_HOST".split()
    return [json.dumps([environ.get(name) for name in names]).encode()]
`
const ASGI = `import json


async def app(scope, receive, send):
    assert scope["type"] == "http"
    host = [value.decode() for name, value in scope["headers"] if name in (b"host", b"x-forwarded-host")]
    seen = [scope["client"][0], scope["scheme"], host[0], scope["root_path"], scope["path"], host[-1]]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})
`
const X_FORWARDED = FORWARDED_HEADERS.filter(name => name !== 'forwarded').join(',')
const SAID = [
  ...['X-Forwarded-For: 203.0.113.7', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: shop.example'],
  ...[
    'X-Forwarded-Port: 8443',
    'X-Forwarded-Prefix: /eu/',
    'Forwarded: for=198.51.100.9;host=edge.example;proto=https',
  ],
]
const skip = await whyNoPython()

async function start(t: TestContext, text: string, ...args: string[]): Promise<Server> {
  const project = new Project(t, { 'app.py': text })
  return startServer({ directory: project.directory, args: ['-w', '1', '--root-path', '/shop', ...args, 'app.py'] })
}

for (const [kind, text, pathOf] of [
  ['WSGI', WSGI, () => '/cart'],
  ['ASGI', ASGI, (root: string) => `${root}/cart`],
] as const) {
  const seen = async (server: Server, ...headers: string[]) =>
    JSON.parse((await getOnce(server.port, '/cart', 'Host: inner.example', ...headers)).body.toString())

  test(`${kind}: by default the client's address and scheme are believed; the application gets the rest as it came`, {
    skip,
  }, async t => {
    const server = await start(t, text, '--lifespan', 'off')
    const expected = ['203.0.113.7', 'https', 'inner.example', '/shop', pathOf('/shop'), 'shop.example']
    assert.deepEqual(await seen(server, ...SAID), expected)
    await server.stop()
  })

  test(`${kind}: all of X-Forwarded-*, with a root path for one request`, { skip }, async t => {
    const server = await start(t, text, '--lifespan', 'off', '--forwarded-headers', X_FORWARDED)
    const eu = ['203.0.113.7', 'https', 'shop.example:8443', '/eu', pathOf('/eu'), 'shop.example']
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await seen(server, ...SAID), eu)
      assert.deepEqual((await seen(server)).slice(1, 5), ['http', 'inner.example', '/shop', pathOf('/shop')])
    }
    await server.stop()
  })

  test(`${kind}: Forwarded alone`, { skip }, async t => {
    const server = await start(t, text, '--lifespan', 'off', '--forwarded-headers', 'Forwarded')
    const expected = ['198.51.100.9', 'https', 'edge.example', '/shop', pathOf('/shop'), 'shop.example']
    assert.deepEqual(await seen(server, ...SAID), expected)
    await server.stop()
  })
}

test('schemes that contradict each other are 400, and in the access log', { skip }, async t => {
  const server = await start(t, WSGI, '--forwarded-headers', X_FORWARDED, '--access-log', '-')
  const response = await getOnce(server.port, '/cart', 'X-Forwarded-Proto: https', 'X-Forwarded-Ssl: off')
  assert.equal(response.status, 400)
  assert.match(response.body.toString(), /x-forwarded-proto: https contradicts x-forwarded-ssl: off/)
  await server.stop()
  assert.ok(
    server.stdout.some(line => /"GET \/cart HTTP\/1\.1" 400 /.test(line)),
    server.stdout.join('\n'),
  )
})

test('a file of trusted ranges counts from HUP on, in all threads, and a broken one changes nothing', {
  skip,
}, async t => {
  const project = new Project(t, { 'app.py': WSGI, 'ranges.txt': '# nobody here\n192.0.2.0/24\n' })
  const trusted = ['--trusted-proxies', 'file:ranges.txt', '--gateway-threads', '2']
  const server = await startServer({ directory: project.directory, args: ['-w', '1', ...trusted, 'app.py'] })
  const client = async () => {
    const { body } = await getOnce(server.port, '/cart', 'X-Forwarded-For: 203.0.113.7')
    return JSON.parse(body.toString())[0]
  }
  const reload = async (text: string, told: RegExp) => {
    project.save('ranges.txt', text)
    const from = server.log.length
    process.kill(server.pid, 'SIGHUP')
    await server.waitForLog(told, from)
  }
  assert.equal(await client(), '127.0.0.1')
  await reload('127.0.0.1 # the balancer\n', /generation 2 serves/)
  assert.equal(await client(), '203.0.113.7')
  server.expectLog(
    /ranges\.txt:1:1: must be an IP address, or a range/,
    /reload: nothing changes, because the settings/,
  )
  await reload('<html>\n', /ranges\.txt:1:1: must be/)
  assert.equal(await client(), '203.0.113.7')
  await server.stop()
})
