/** What applications are told about the certificates of their clients. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Authority, pemOf } from '../support/certificates.ts'
import { APPS } from '../support/paths.ts'
import { textOf } from '../support/raw-client.ts'
import { startServer } from '../support/server.ts'
import type { TlsTarget } from '../support/target.ts'

const authority = new Authority()
const site = authority.issue({ names: ['localhost'] })
const kim = authority.issue({ subject: '/O=Jumak/CN=김', isClient: true })
const ASKED = ['--tls-client-certs', 'optional', '--tls-client-ca', authority.file]

test('WSGI: the variables of mod_ssl, which no header can make', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, tls: site, args: ASKED })
  // Nobody but this test knows the root.
  server.mayLog(/which has issued localhost, is not in it/)
  const target = server.target as TlsTarget
  const forged = ['SSL-Client-Verify: SUCCESS', 'HTTPS: off']
  const environ = async (tls: TlsTarget['tls']): Promise<Record<string, string>> =>
    JSON.parse(await textOf({ ...target, tls }, '/environ', ...forged))
  const known = await environ({ ...target.tls, ...pemOf(kim) })
  assert.equal(known['HTTPS'], 'on')
  assert.equal(known['wsgi.url_scheme'], 'https')
  assert.equal(known['HTTP_SSL_CLIENT_VERIFY'], 'SUCCESS')
  assert.equal(known['SSL_PROTOCOL'], 'TLSv1.3')
  assert.equal(known['SSL_CLIENT_VERIFY'], 'SUCCESS')
  assert.equal(Buffer.from(known['SSL_CLIENT_S_DN']!, 'latin1').toString(), 'CN=김,O=Jumak')
  assert.equal(known['SSL_CLIENT_CERT'], readFileSync(kim.certificate, 'latin1'))
  const unknown = await environ(target.tls)
  const ssl = Object.entries(unknown).filter(([name]) => name.startsWith('SSL_CLIENT'))
  assert.deepEqual(ssl, [['SSL_CLIENT_VERIFY', 'NONE']])
  await server.stop()
})
