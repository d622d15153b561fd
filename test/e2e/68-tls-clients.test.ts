/** Client certificates over all of the program: who is let in, what applications are told, and that resuming a session changes neither. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import { Authority, type Certificate, pemOf } from '../support/certificates.ts'
import { withClient } from '../support/raw-client.ts'
import { type Agreed, openssl, requestFor } from '../support/s-client.ts'
import { type Server, startServer } from '../support/server.ts'

/** Says over WSGI and ASGI what it is told. */
const APP = `
import json

def wsgi(environ, start_response):
    names = ("HTTPS", "wsgi.url_scheme", "SERVER_PORT", "SSL_CLIENT_VERIFY", "SSL_CLIENT_S_DN")
    start_response("200 OK", [])
    return [json.dumps({name: environ.get(name) for name in names}).encode()]

async def asgi(scope, receive, send):
    assert scope["type"] != "lifespan"
    tls = scope["extensions"]["tls"]
    told = json.dumps([scope["scheme"], tls["client_cert_name"], len(tls["client_cert_chain"]), tls["tls_version"]])
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": told})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": told.encode()})
`

const authority = new Authority()
const names = ['off.example', 'optional.example', 'required.example', 'shallow.example']
const [off, optional, required, shallow] = names.map(name => authority.issue({ names: [name] }))
const people = new Authority('Clients')
const client = (name: string, from = people) => from.issue({ subject: `/O=Jumak/CN=${name}`, isClient: true })
const kim = client('kim')
const revoked = client('lee')
people.revoke(revoked)
const expired = people.issue({ subject: '/CN=old', isClient: true, until: new Date('2020-01-01') })
const forServers = people.issue({ names: ['localhost'] })
const stranger = client('stranger', new Authority('Somebody else'))
const deep = client('deep', people.issueAuthority())

const directory = mkdtempSync(join(tmpdir(), 'jumak-test-'))
let server: Server

before(async () => {
  const table = ({ certificate, key }: Certificate, ...rules: string[]) =>
    [`[[tls]]`, `cert = "${certificate}"`, `key = "${key}"`, ...rules, ''].join('\n')
  const ca = `client-ca = "${people.file}"`
  const crl = `client-crl = "${people.revocationList()}"`
  const file = [
    table(off!, 'default = true'),
    table(optional!, 'client-certs = "optional"', ca, crl),
    table(required!, 'client-certs = "required"', ca, crl),
    table(shallow!, 'client-certs = "required"', ca, 'client-depth = 0'),
    '[[app]]\nname = "asgi"\napp = "app:asgi"\npath = "/asgi"\n[[app]]\nname = "wsgi"\napp = "app:wsgi"\npath = "/"\n',
  ].join('\n')
  writeFileSync(join(directory, 'jumak.toml'), file)
  writeFileSync(join(directory, 'app.py'), APP)
  server = await startServer({ directory, args: ['-w', '1'] })
  // Nobody but this test knows the root.
  server.mayLog(/which has issued \S+, is not in it/)
})

after(async () => {
  rmSync(directory, { recursive: true })
  await server.stop()
})

function ask(name: string, certificate: Certificate | null, version: string, ...more: string[]): Promise<Agreed> {
  const own =
    certificate === null
      ? []
      : ['-cert', certificate.certificate, '-key', certificate.key, '-cert_chain', certificate.certificate]
  const args = [`-tls${version}`, '-servername', name, ...own, ...more]
  return openssl(server.port, args, requestFor('/', name))
}

const NONE = { SSL_CLIENT_VERIFY: 'NONE', SSL_CLIENT_S_DN: null }
const KIM = { SSL_CLIENT_VERIFY: 'SUCCESS', SSL_CLIENT_S_DN: 'CN=kim,O=Jumak' }
const NOT_ASKED = { SSL_CLIENT_VERIFY: null, SSL_CLIENT_S_DN: null }

/** Host, certificate, and what the application is told, or why it is not asked. */
const CASES: readonly (readonly [string, string, Certificate | null, object | RegExp])[] = [
  ['no certificate', 'off.example', null, NOT_ASKED],
  ['a certificate that nobody asked for', 'off.example', kim, NOT_ASKED],
  ['no certificate', 'optional.example', null, NONE],
  ['a right one', 'optional.example', kim, KIM],
  ['an expired one', 'optional.example', expired, /refused: certificate has expired/],
  ['no certificate', 'required.example', null, /requires a client certificate/],
  ['a right one', 'required.example', kim, KIM],
  ['a revoked one', 'required.example', revoked, /refused: certificate revoked/],
  ['an expired one', 'required.example', expired, /refused: certificate has expired/],
  [
    "a stranger's",
    'required.example',
    stranger,
    /refused: unable to (?:get local issuer|verify the first) certificate/,
  ],
  ['one for servers', 'required.example', forServers, /refused: un(?:suitable|supported) certificate purpose/],
  ['a right one', 'shallow.example', kim, KIM],
  ['one below an intermediate', 'shallow.example', deep, /refused: certificate chain too long/],
]

for (const version of ['1_2', '1_3'])
  for (const [what, host, certificate, wanted] of CASES)
    test(`TLS ${version}, ${host}, ${what}`, async () => {
      const session = join(directory, 'session')
      const first = await ask(host, certificate, version, '-sess_out', session)
      const again = await ask(host, certificate, version, '-sess_in', session)
      for (const { status, body } of [first, again])
        if (wanted instanceof RegExp) {
          assert.equal(status, 400, body)
          assert.match(body, wanted)
        } else {
          const told = { HTTPS: 'on', 'wsgi.url_scheme': 'https', SERVER_PORT: String(server.port), ...wanted }
          assert.deepEqual([status, JSON.parse(body)], [200, told])
        }
      assert.equal(again.isResumed, host !== 'shallow.example')
      rmSync(session)
    })

test('ASGI is told the same, over HTTP and WebSocket', async () => {
  const { to, tls } = authority.target(server.port, 'required.example')
  const own = { ...tls, ...pemOf(kim) }
  const told = ['CN=kim,O=Jumak', 1, 0x0304]
  const answer = await withClient({ to, tls: own }, one => one.get('/asgi/', 'Host: required.example').response())
  assert.deepEqual(JSON.parse(answer.body.toString()), ['https', ...told])
  const socket = new WebSocket(`wss://127.0.0.1:${to}/asgi/`, { ...own, headers: { Host: 'required.example' } })
  const text = await new Promise<string>((resolve, reject) => {
    socket.on('message', data => resolve(String(data)))
    socket.on('error', reject)
  })
  assert.deepEqual(JSON.parse(text), ['wss', ...told])
  socket.close()
})

test('no name without a certificate is a way to a host that requires one (421)', async () => {
  const over = async (servername: string, host: string) => {
    const { to, tls } = authority.target(server.port, servername)
    return (await withClient({ to, tls }, one => one.get('/', `Host: ${host}`).response())).status
  }
  for (const host of ['required.example', 'REQUIRED.example.:443', 'shallow.example'])
    assert.equal(await over('off.example', host), 421)
  assert.equal(await over('optional.example', 'required.example'), 421)
  assert.equal(await over('required.example', 'off.example'), 421)
  assert.equal(await over('off.example', 'whoever.example'), 200)
})
