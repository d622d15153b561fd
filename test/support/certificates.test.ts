import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { Authority, type Certificate, localAuthority, localCertificate, pemOf } from './certificates.ts'
import { connectTo, type Target } from './target.ts'

async function listen(t: TestContext, certificate: Certificate, more: TlsOptions = {}): Promise<number> {
  const server = createServer({ ...pemOf(certificate), ...more }, socket => {
    // A client that refuses the certificate resets.
    socket.on('error', () => {})
    socket.end(socket.authorized ? 'known' : 'hello')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** What the server says, or the code of the error. */
async function heard(target: Target): Promise<string> {
  const socket = connectTo(target)
  let text = ''
  socket.on('data', data => (text += data))
  const error = await new Promise<NodeJS.ErrnoException | null>(resolve => {
    socket.on('error', resolve)
    socket.on('close', () => resolve(null))
  })
  return error === null ? text : error.code!
}

test('a client that trusts the authority accepts its certificates, with an intermediate too, and no others', async t => {
  assert.equal(await heard(localAuthority().target(await listen(t, localCertificate()))), 'hello')
  const authority = new Authority()
  const deep = authority.issueAuthority().issue({ names: ['deep.example'], type: 'rsa' })
  const port = await listen(t, deep)
  assert.equal(await heard(authority.target(port, 'deep.example')), 'hello')
  assert.equal(await heard(authority.target(port, 'other.example')), 'ERR_TLS_CERT_ALTNAME_INVALID')
  assert.match(await heard(localAuthority().target(port, 'deep.example')), /^(?:UNABLE_TO|SELF_SIGNED)/)
})

test('a certificate that has ended is refused', async t => {
  const authority = new Authority()
  const old = authority.issue({ names: ['localhost'], until: new Date('2020-01-01') })
  assert.equal(await heard(authority.target(await listen(t, old))), 'CERT_HAS_EXPIRED')
})

test('a client certificate is accepted until a list revokes it', async t => {
  const authority = new Authority()
  const site = authority.issue({ names: ['localhost'] })
  const client = authority.issue({ subject: '/O=주막/OU=Kitchen/CN=kim/emailAddress=kim@shop.example', isClient: true })
  assert.equal(
    new X509Certificate(readFileSync(client.certificate)).subject,
    'O=주막\nOU=Kitchen\nCN=kim\nemailAddress=kim@shop.example',
  )
  const asked = { requestCert: true, rejectUnauthorized: false, ca: readFileSync(authority.file) }
  const ask = async (crl: string) => {
    const { to, tls } = authority.target(await listen(t, site, { ...asked, crl: readFileSync(crl) }))
    return heard({ to, tls: { ...tls, ...pemOf(client) } })
  }
  assert.equal(await ask(authority.revocationList()), 'known')
  authority.revoke(client)
  assert.equal(await ask(authority.revocationList()), 'hello')
})

test('an OCSP response is stapled', async t => {
  const authority = new Authority()
  const site = authority.issue({ names: ['localhost'] })
  const response = readFileSync(authority.ocspResponse(site))
  const server = createServer(pemOf(site), socket => socket.end())
  server.on('OCSPRequest', (_certificate, _issuer, answer) => answer(null, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { to, tls } = authority.target((server.address() as AddressInfo).port)
  const socket = connectTo({ to, tls: { ...tls, requestOCSP: true } }) as TLSSocket
  const [stapled] = await once(socket, 'OCSPResponse')
  assert.deepEqual(stapled, response)
  socket.destroy()
})
