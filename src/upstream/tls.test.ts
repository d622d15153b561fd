/** TLS to real servers: what is verified, what a server hears, sessions. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { Authority, type Certificate, pemOf } from '../../test/support/certificates.ts'
import type { UpstreamTls } from '../sites/upstream-model.ts'
import { UpstreamConnection } from './connection.ts'
import { http1 } from './protocols/http1.ts'
import { TlsSockets } from './tls.ts'

const authority = new Authority()
const good = authority.issue({ names: ['back.test'] })
const CA = readFileSync(authority.file, 'latin1')
const SETTINGS: UpstreamTls = {
  isVerified: true,
  authorities: CA,
  name: null,
  sendsName: true,
  client: null,
  versions: ['TLSv1.2', 'TLSv1.3'],
}

async function serve(t: TestContext, certificate: Certificate, more: TlsOptions = {}) {
  const seen: TLSSocket[] = []
  const resumed: boolean[] = []
  const server = createServer({ ...pemOf(certificate), ...more }, socket => {
    seen.push(socket.on('error', () => {}))
    resumed.push(socket.isSessionReused())
    socket.on('data', () => socket.write('HTTP/1.1 204 N\r\n\r\n'))
  }).on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of seen) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, seen, resumed }
}

/** The status of one response, or why there was none. */
function ask(port: number, sockets: TlsSockets, host = 'back.test'): Promise<string> {
  return new Promise(resolve => {
    const nothing = () => {}
    const owner = { freed: (one: UpstreamConnection) => one.destroy(), gone() {}, closed() {} }
    const address = { kind: 'tcp' as const, host: '127.0.0.1', port }
    const connection = new UpstreamConnection({ address, host }, sockets, http1, owner)
    connection.socket.ref()
    let status = ''
    // The session comes behind the response.
    connection.socket.on('close', () => status !== '' && resolve(status))
    connection.begin(
      {
        onConnected: () => {
          connection.write('GET / HTTP/1.1\r\n\r\n')
          connection.sent()
        },
        onInterim: nothing,
        onHead: head => {
          status = String(head.status)
        },
        onBody: nothing,
        onEnd: nothing,
        onSwitch: nothing,
        onTunnel: nothing,
        onNote: nothing,
        onRefused: nothing,
        onDrain: nothing,
        onClosed: resolve,
        onTunnelEnd: nothing,
      },
      { isHead: false, maySwitch: false },
    )
  })
}

test('a certificate must have the name, the dates and an authority that is known, unless somebody says otherwise', async t => {
  const right = await serve(t, good)
  assert.equal(await ask(right.port, new TlsSockets(SETTINGS)), '204')
  assert.equal(right.seen[0]!.servername, 'back.test')
  assert.match(await ask(right.port, new TlsSockets(SETTINGS), 'other.test'), /another name/)
  assert.match(await ask(right.port, new TlsSockets(SETTINGS), '127.0.0.1'), /another name/)
  assert.match(await ask(right.port, new TlsSockets({ ...SETTINGS, authorities: null })), /no authority that is known/)
  const other = { ...SETTINGS, name: 'back.test', sendsName: false }
  assert.equal(await ask(right.port, new TlsSockets(other), 'other.test'), '204')
  assert.ok(!right.seen.at(-1)!.servername)
  const old = await serve(t, authority.issue({ names: ['back.test'], until: new Date('2020-01-01') }))
  assert.match(await ask(old.port, new TlsSockets(SETTINGS)), /has expired/)
  assert.equal(await ask(old.port, new TlsSockets({ ...SETTINGS, isVerified: false }), 'x.test'), '204')
})

test('a server that wants a certificate gets one; versions are those that are named', async t => {
  const mutual = await serve(t, good, { requestCert: true, rejectUnauthorized: true, ca: CA, maxVersion: 'TLSv1.2' })
  const { cert, key } = pemOf(authority.issue({ subject: '/CN=jumak', isClient: true }))
  const client = { certificate: cert.toString(), key: key.toString() }
  assert.equal(await ask(mutual.port, new TlsSockets({ ...SETTINGS, client })), '204')
  assert.equal(mutual.seen[0]!.getPeerCertificate().subject['CN'], 'jumak')
  assert.notEqual(await ask(mutual.port, new TlsSockets(SETTINGS)), '204')
  const newer = new TlsSockets({ ...SETTINGS, client, versions: ['TLSv1.3'] })
  assert.match(await ask(mutual.port, newer), /TLS failed: .*version/)
})

test('a session is used again with the same settings only', async t => {
  const { port, resumed } = await serve(t, good, { maxVersion: 'TLSv1.2' })
  const sockets = new TlsSockets(SETTINGS)
  for (let i = 0; i < 2; i++) assert.equal(await ask(port, sockets), '204')
  await ask(port, new TlsSockets(SETTINGS))
  assert.deepEqual(resumed, [false, true, false])
})
