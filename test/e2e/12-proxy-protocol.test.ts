/** Listeners with the PROXY protocol behind a real HAProxy and curl, and what strangers try there. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { localCertificate } from '../support/certificates.ts'
import { accepts, freePort } from '../support/free-port.ts'
import { Project } from '../support/project.ts'
import { RawClient } from '../support/raw-client.ts'
import { type Server, startServer } from '../support/server.ts'

const APP = `
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = ("REMOTE_ADDR", "SERVER_PORT", "SERVER_PROTOCOL", "wsgi.url_scheme")
    return [" ".join(environ[name] for name in names).encode()]
`
/** Any address of 127.0.0.0/8 may be a client here. */
const CLIENT = '127.0.0.77'
const LISTENER = ['-b', '127.0.0.1:0 proxy-protocol', '--proxy-protocol-from', '127.0.0.1', '--trusted-proxies', 'none']
const noHaproxy = spawnSync('haproxy', ['-v']).status === 0 ? false : 'haproxy is not installed'

function start(
  t: TestContext,
  options: { readonly args?: readonly string[]; readonly tls?: boolean } = {},
): Promise<Server> {
  const { directory } = new Project(t, { 'app.py': APP })
  const args = [...LISTENER, ...(options.args ?? [])]
  return startServer({ app: 'app:application', directory, args, ...(options.tls && { tls: localCertificate() }) })
}

/** In front of the servers at these ports, by these words of `server`. Returns its ports. */
async function startHaproxy(t: TestContext, backends: readonly (readonly [number, string])[]): Promise<number[]> {
  const ports: number[] = []
  const parts = ['defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 30s\n  timeout server 30s']
  for (const [port, words] of backends) {
    const own = await freePort()
    ports.push(own)
    parts.push(`listen l${own}\n  bind 127.0.0.1:${own}\n  server s 127.0.0.1:${port} ${words}`)
  }
  const project = new Project(t, { 'haproxy.cfg': `${parts.join('\n')}\n` })
  const haproxy: ChildProcess = spawn('haproxy', ['-f', project.path('haproxy.cfg'), '-db'], { stdio: 'ignore' })
  const ended = once(haproxy, 'exit')
  t.after(async () => {
    haproxy.kill('SIGKILL')
    await ended
  })
  while (!(await accepts(ports[0]!))) assert.equal(haproxy.exitCode, null, 'haproxy runs')
  return ports
}

async function curl(...args: string[]): Promise<string> {
  const child = spawn('curl', ['-sk', '--max-time', '30', ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(child, 'close')
  return Buffer.concat(chunks).toString()
}

for (const [threads, tls] of [
  ['1', false],
  ['1', true],
  ['2', true],
] as const)
  test(`HAProxy names its clients, in both versions; ${threads} threads${tls ? ', TLS and HTTP/2' : ''}`, {
    skip: noHaproxy,
  }, async t => {
    const server = await start(t, { args: ['--gateway-threads', threads], tls })
    const port = server.programPort
    const [one, two, checked] = await startHaproxy(t, [
      [port, 'send-proxy'],
      [port, 'send-proxy-v2 proxy-v2-options unique-id,ssl,cert-cn'],
      [port, 'send-proxy-v2 check inter 20ms'],
    ])
    const [scheme, version] = tls ? ['https', 'HTTP/2.0'] : ['http', 'HTTP/1.1']
    const words = ['--interface', CLIENT]
    for (const to of [one, two, checked])
      assert.equal(await curl(...words, `${scheme}://127.0.0.1:${to}/`), `${CLIENT} ${port} ${version} ${scheme}`)
    if (!tls)
      assert.equal(
        await curl(...words, '--http2-prior-knowledge', `http://127.0.0.1:${two}/`),
        `${CLIENT} ${port} HTTP/2.0 http`,
      )
    assert.equal(
      await curl('--haproxy-protocol', `${scheme}://127.0.0.1:${port}/`),
      `127.0.0.1 ${port} ${version} ${scheme}`,
    )
    await server.stop()
  })

test('strangers, lies and clients that say nothing are closed with one line, and X-Forwarded-For is not believed', async t => {
  const server = await start(t, { args: ['--header-timeout', '1s', '--limit-connections-per-address', '3'] })
  const port = server.programPort
  server.expectLog(/warn .*a connection of 127\.0\.0\.1 was closed: .*\(proxy-protocol-from\)/)
  server.mayLog(/a connection of 127\.0\.0\.\d+ was closed: /, /a connection from 203\.0\.113\.7 was refused/)
  const header = 'PROXY TCP4 203.0.113.7 10.0.0.1 4711 443\r\n'
  const request = 'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n'
  const answer = async (bytes: string, from = '127.0.0.1') => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from })
    let text = ''
    socket.on('data', chunk => (text += chunk.toString('latin1'))).on('error', () => {})
    socket.write(bytes, 'latin1')
    await new Promise(resolve => socket.on('close', resolve))
    return text.split('\r\n\r\n').at(-1)
  }
  assert.equal(await answer(header + request), `203.0.113.7 ${port} HTTP/1.1 http`)
  // A second header is a request that is malformed, and says nothing about the client.
  assert.match((await answer(header + header + request))!, /400|Bad/)
  for (const bytes of [
    request,
    `PROXY TCP4 1.1.1.1\r\n${request}`,
    'PROXY',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\x16\x03\x01',
  ])
    assert.equal(await answer(bytes), '', bytes)
  assert.equal(await answer(header + request, '127.0.0.2'), '')
  // One client behind the balancer has as many connections as one without it.
  const held = Array.from({ length: 3 }, () => new RawClient(port).send(`${header}GET / HTTP/1.1\r\nHost: a\r\n\r\n`))
  for (const one of held) await one.readUntil('203.0.113.7')
  assert.equal(await answer(header + request), '')
  assert.match((await answer(header.replace('.7', '.8') + request))!, /^203\.0\.113\.8 /)
  for (const { socket } of held) socket.destroy()
  assert.ok(server.log.filter(line => / was closed: /.test(line)).length <= 5, 'the lines are bounded')
  await server.stop()
})

test('gunicorn --proxy-protocol reads the header, from loopback only', async t => {
  const { directory } = new Project(t, { 'app.py': APP })
  const server = await startServer({
    directory,
    args: ['gunicorn', '--proxy-protocol', '-b', '127.0.0.1:0', 'app:application'],
  })
  const client = new RawClient(server.programPort).send('PROXY TCP6 2001:db8::7 ::1 1 2\r\n').get('/')
  assert.match((await client.response('GET')).body.toString(), /^2001:db8::7 /)
  client.socket.destroy()
  await server.stop()
})
