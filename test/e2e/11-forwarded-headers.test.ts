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
