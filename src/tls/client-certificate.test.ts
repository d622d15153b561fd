import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { Authority, type Certificate, pemOf, type Wanted } from '../../test/support/certificates.ts'
import { alternativeNames } from './certificate-names.ts'
import { clientCertificate } from './client-certificate.ts'

const authority = new Authority('Root, of a test')

function issue(wanted: Wanted): {
  readonly file: Certificate
  readonly pem: Buffer
  readonly certificate: X509Certificate
} {
  const file = authority.issue({ isClient: true, ...wanted })
  const pem = readFileSync(file.certificate)
  return { file, pem, certificate: new X509Certificate(pem) }
}

/** Values as Python would read them: UTF-8 in latin-1. */
function variables(certificate: X509Certificate, failure: string | null = null): Map<string, string> {
  const list = clientCertificate(certificate, failure).variables
  const names = list.filter((_, i) => i % 2 === 0)
  assert.equal(new Set(names).size, names.length, 'each name occurs once')
  for (const text of list) assert.doesNotMatch(text, /[^\x01-\xff]/)
  return new Map(names.map((name, i) => [name, Buffer.from(list[2 * i + 1]!, 'latin1').toString('utf8')]))
}

/** What mod_ssl and nginx call to write a name. */
const openssl = (pem: Buffer, what: string) =>
  execFileSync('openssl', ['x509', '-noout', `-${what}`, '-nameopt', 'RFC2253,-esc_msb'], {
    encoding: 'utf8',
    input: pem,
  })
    .slice(0, -1)
    .replace(/^\w+=/, '')

test('a right certificate', () => {
  const { certificate, pem: given } = issue({
    subject: '/C=KR/O=Jumak/OU=Tests/OU=More/CN=kim/emailAddress=kim@example.kr',
  })
  const facts = clientCertificate(certificate, null)
  assert.equal(facts.verify, 'SUCCESS')
  assert.equal(facts.subject, 'emailAddress=kim@example.kr,CN=kim,OU=More,OU=Tests,O=Jumak,C=KR')
  assert.equal(facts.pem, String(given))
  assert.equal(facts.variables, facts.variables, 'computed once')
  assert.equal(facts.variables[0], 'SSL_CLIENT_VERIFY')
  const { SSL_CLIENT_V_REMAIN: remain, ...rest } = Object.fromEntries(variables(certificate))
  assert.ok(Number(remain) > 3000)
  assert.deepEqual(rest, {
    SSL_CLIENT_VERIFY: 'SUCCESS',
    SSL_CLIENT_M_SERIAL: openssl(given, 'serial'),
    SSL_CLIENT_V_START: openssl(given, 'startdate'),
    SSL_CLIENT_V_END: openssl(given, 'enddate'),
    SSL_CLIENT_S_DN: 'emailAddress=kim@example.kr,CN=kim,OU=More,OU=Tests,O=Jumak,C=KR',
    SSL_CLIENT_I_DN: 'CN=Root\\, of a test',
    SSL_CLIENT_S_DN_C: 'KR',
    SSL_CLIENT_S_DN_O: 'Jumak',
    SSL_CLIENT_S_DN_OU: 'Tests',
    SSL_CLIENT_S_DN_OU_1: 'More',
    SSL_CLIENT_S_DN_CN: 'kim',
    SSL_CLIENT_S_DN_Email: 'kim@example.kr',
    SSL_CLIENT_I_DN_CN: 'Root, of a test',
    SSL_CLIENT_CERT: facts.pem,
  })
})

test('no certificate is NONE, whatever the verdict says', () => {
  for (const failure of [null, 'certificate has expired'])
    assert.deepEqual(clientCertificate(undefined, failure), {
      verify: 'NONE',
      variables: ['SSL_CLIENT_VERIFY', 'NONE'],
      pem: '',
      subject: '',
    })
})

test('a wrong one says why; an expired one remains for no day', () => {
  const { certificate } = issue({ subject: '/CN=old', until: new Date(Date.now() - 1000) })
  const all = variables(certificate, 'certificate has expired')
  assert.equal(all.get('SSL_CLIENT_VERIFY'), 'FAILED:certificate has expired')
  assert.equal(all.get('SSL_CLIENT_V_REMAIN'), '0')
})

test('RFC4514§2.4: special characters are escaped in a whole name and not in its parts, as OpenSSL has it', () => {
  const { certificate, pem: given } = issue({
    subject:
      '/DC=kr/DC=example/O=\\+ Jumak, "Inc"; <x> \\+ y /CN=#안나 ü\\\\ é/UID=7\\=7/title=Dr./GN=A/SN=Kim/initials=ak',
  })
  const all = variables(certificate)
  assert.equal(all.get('SSL_CLIENT_S_DN'), openssl(given, 'subject'))
  assert.equal(all.get('SSL_CLIENT_S_DN_O'), '+ Jumak, "Inc"; <x> + y ')
  assert.equal(all.get('SSL_CLIENT_S_DN_CN'), '#안나 ü\\\\ é')
  const others = ['UID', 'T', 'G', 'S', 'I'].map(name => all.get(`SSL_CLIENT_S_DN_${name}`))
  assert.deepEqual(others, ['7=7', 'Dr.', 'A', 'Kim', 'ak'])
  assert.equal(clientCertificate(certificate, null).subject, all.get('SSL_CLIENT_S_DN'), 'text, not its bytes')
})

test('a name cannot pretend to have further parts', () => {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null']
  const subject = '/O=x\nCN=admin\\+CN=root, CN=boss \\+ CN=x/CN=kim +CN=you+O=y'
  const pem = execFileSync('openssl', ['req', '-x509', '-utf8', ...key, '-subj', subject], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const all = variables(new X509Certificate(pem))
  assert.equal(all.get('SSL_CLIENT_S_DN'), openssl(pem, 'subject'))
  assert.equal(all.get('SSL_CLIENT_S_DN_O'), 'x\\0ACN=admin+CN=root, CN=boss + CN=x')
  // DER has the shorter attribute of an RDN first.
  assert.deepEqual([all.get('SSL_CLIENT_S_DN_CN'), all.get('SSL_CLIENT_S_DN_CN_1')], ['you', 'kim '])
})

test('alternative names: addresses, host names, principals of Active Directory', () => {
  const alternatives = 'email:kim@example.kr,DNS:a.kr,email:lee@example.kr,URI:spiffe://a/b'
  const { certificate } = issue({
    subject: '/CN=kim',
    extensions: [`subjectAltName = ${alternatives},otherName:1.3.6.1.4.1.311.20.2.3;UTF8:kim@ad.kr`],
  })
  const all = variables(certificate)
  assert.equal(all.get('SSL_CLIENT_SAN_Email_0'), 'kim@example.kr')
  assert.equal(all.get('SSL_CLIENT_SAN_Email_1'), 'lee@example.kr')
  assert.equal(all.get('SSL_CLIENT_SAN_DNS_0'), 'a.kr')
  assert.equal(all.get('SSL_CLIENT_SAN_OTHER_msUPN_0'), 'kim@ad.kr')
})

test('alternative names with special characters are not cut, and those with control characters are left out', () => {
  const text = 'DNS:"a, DNS:b\\" , c", email:"x\\u0000y", DNS:d.kr, othername:<unsupported>, email:"broken'
  assert.deepEqual(alternativeNames(text), { email: [], dns: ['a, DNS:b" , c', 'd.kr'], upn: [] })
  assert.deepEqual(alternativeNames(''), { email: [], dns: [], upn: [] })
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
  test(`the certificate of a full and of a resumed session, ${version}`, async () => {
    const site = authority.issue({ names: ['localhost'] })
    const kim = issue({ subject: '/CN=kim' }).file
    const seen: string[][] = []
    const options = { ...pemOf(site), ca: readFileSync(authority.file), requestCert: true, rejectUnauthorized: false }
    const server = createServer({ ...options, sessionIdContext: 'test', maxVersion: version }, socket => {
      const { verify, subject } = clientCertificate(socket.getPeerX509Certificate(), null)
      seen.push([verify, subject, String(socket.isSessionReused())])
      socket.end('x')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const to = {
      port: (server.address() as AddressInfo).port,
      host: '127.0.0.1',
      ca: readFileSync(authority.file),
      servername: 'localhost',
    }
    const visit = async (client: object, session?: Buffer): Promise<Buffer> => {
      const socket: TLSSocket = connect({ ...to, ...client, ...(session && { session }) })
      const given = once(socket, 'session') as Promise<[Buffer]>
      socket.resume()
      await once(socket, 'close')
      return session ?? (await given)[0]
    }
    try {
      await visit(pemOf(kim), await visit(pemOf(kim)))
      await visit({}, await visit({}))
    } finally {
      server.close()
    }
    assert.deepEqual(seen, [
      ['SUCCESS', 'CN=kim', 'false'],
      ['SUCCESS', 'CN=kim', 'true'],
      ['NONE', '', 'false'],
      ['NONE', '', 'true'],
    ])
  })
