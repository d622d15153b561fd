/** What is wrong with files of TLS, each told with setting, file and what to do. Certificates are real: `openssl` makes them. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { inspect } from 'node:util'
import { Authority, type Certificate } from '../../../test/support/certificates.ts'
import { Secret } from '../../base/secret.ts'
import type { TlsClients, TlsEntry } from '../../config/types.ts'
import { type End, readEntry } from './entry.ts'
import { noFindings } from './findings.ts'
import { testEntry } from './testing/entry.ts'

const directory = mkdtempSync(join(tmpdir(), 'jumak-entry-'))
after(() => rmSync(directory, { recursive: true }))
const authority = new Authority()
const site = authority.issue({ names: ['example.kr', '*.example.kr'] })
const intermediate = authority.issueAuthority()
const deep = intermediate.issue({ names: ['deep.example'] })
const NOW = Date.now()
const DAY_MS = 24 * 3600_000

function read(of: TlsEntry, now = NOW) {
  const findings = noFindings()
  const made = readEntry(of, now, findings)
  assert.equal(made === null, findings.problems.length > 0)
  return { made, ...findings }
}

let files = 0
function file(content: string | Buffer): string {
  const path = join(directory, `${++files}.pem`)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}

const ISSUER_MISSING = /which has issued .*, is not in it: clients that do not have it refuse the connection/

test('a right certificate: its names, its chain, a key without a password', () => {
  const { made, problems, warnings } = read(testEntry([deep]))
  assert.deepEqual([problems, warnings], [[], []])
  assert.deepEqual(made!.gateway.names, ['deep.example'])
  assert.equal(made!.gateway.certificates[0]!.chain.match(/BEGIN CERTIFICATE/g)?.length, 2)
  assert.deepEqual(read(testEntry([site])).made!.gateway.names, ['example.kr', '*.example.kr'])
})

test('the certificate of a public authority without its intermediate is told', () => {
  const extensions = ['authorityInfoAccess = caIssuers;URI:http://authority.example/ca.crt']
  const [warning, ...more] = read(testEntry([authority.issue({ names: ['alone.example'], extensions })])).warnings
  assert.match(warning!, ISSUER_MISSING)
  assert.deepEqual(more, [])
})

test('the certificate of a private authority without that of its issuer is told where clients may not know that', () => {
  const alone = file(chain[0]!)
  const { problems, warnings, remarks } = read(with_(deep, { certificate: alone }))
  assert.deepEqual([problems, warnings, remarks.length], [[], [], 1])
  assert.match(
    remarks[0]!,
    /^tls-cert .*: the certificate of CN=Intermediate of a Jumak test, which has issued deep\.example, is not in it\. .* If it is an intermediate, .* append its certificate/,
  )
  for (const whole of [deep, authority.issue({ names: ['root.example'], hasRoot: true })])
    assert.deepEqual(read(testEntry([whole])).remarks, [])
})

test('a certificate that has only a common name is served for it, with a warning', () => {
  const old = authority.issue({ subject: '/O=Jumak/CN=Old.example' })
  const { made, warnings } = read(testEntry([old]))
  assert.deepEqual(made!.gateway.names, ['old.example'])
  assert.match(warnings[0]!, /^tls-cert .*: it is for no host: its subjectAltName is empty, and browsers/)
  const nameless = authority.issue({ subject: '/O=Jumak/CN=My server' })
  assert.deepEqual(read(testEntry([nameless])).made!.gateway.names, [])
  assert.match(read(testEntry([nameless], { isDefault: false })).problems[0]!, /nobody would get its certificate/)
  assert.deepEqual(read(testEntry([nameless], { isDefault: false, names: ['a.b'] })).made!.gateway.names, ['a.b'])
})

test('names that are given replace those of the certificate', () => {
  assert.deepEqual(read(testEntry([site], { names: ['other.kr'] })).made!.gateway.names, ['other.kr'])
})

test('the policy is the same for the same rules, and another for others', () => {
  const policy = (changes: Partial<TlsEntry>) => read(testEntry([site], changes)).made!.gateway.policy
  const clients: TlsClients = { isRequired: true, authorities: authority.file, revoked: null, depth: null }
  assert.equal(policy({}), policy({ names: ['other.kr'] }))
  const all = [
    policy({}),
    policy({ minVersion: 'TLSv1.3' }),
    policy({ clients }),
    policy({ clients: { ...clients, isRequired: false } }),
    policy({ clients: { ...clients, depth: 1 } }),
    policy({ clients: { ...clients, revoked: authority.revocationList() } }),
  ]
  assert.equal(new Set(all).size, all.length)
})

const der = join(directory, 'der')
execFileSync('openssl', ['x509', '-in', site.certificate, '-outform', 'der', '-out', der])
const pipe = join(directory, 'pipe')
execFileSync('mkfifo', [pipe])
const secret = authority.issue({ names: ['secret.example'], password: '주막' })
const rsa = authority.issue({ names: ['rsa.example'], type: 'rsa' })
const chain = readFileSync(deep.certificate, 'utf8').split(/(?<=-----END CERTIFICATE-----\n)/)
const wrongOrder = chain.toReversed().join('')
const gap = readFileSync(site.certificate, 'utf8') + chain[1]
const with_ = (certificate: Certificate, changes: Partial<Certificate>) => testEntry([{ ...certificate, ...changes }])

const WRONG: readonly [string, TlsEntry, RegExp][] = [
  [
    'no such certificate',
    with_(site, { certificate: '/no/such.pem' }),
    /^tls-cert \/no\/such\.pem: there is no such file$/,
  ],
  ['no such key', with_(site, { key: '/no/such.key' }), /^tls-key \/no\/such\.key: there is no such file$/],
  ['a directory', with_(site, { certificate: directory }), /it is no file/],
  ['a pipe that nobody writes to', with_(site, { key: pipe }), /it is no file \(a pipe/],
  ['DER', with_(site, { certificate: der }), /it is DER, and must be PEM: openssl x509 -inform der/],
  ['no PEM', with_(site, { certificate: file('hello') }), /it has no certificate/],
  [
    'the key of another',
    with_(site, { key: rsa.key }),
    /tls-key .* it is the key of another certificate than that of example\.kr/,
  ],
  ['a certificate as key', with_(site, { key: site.certificate }), /it has no private key/],
  [
    'wrong order',
    with_(deep, { certificate: file(wrongOrder) }),
    /its own certificate must come first.* it is number 2/,
  ],
  ['a gap', with_(site, { certificate: file(gap) }), /number 2 .* has not issued number 1/],
  [
    'an encrypted key',
    testEntry([secret]),
    /it is encrypted: name the file with its password \(tls-key-password-file\)/,
  ],
  ['a wrong password', testEntry([secret], { keyPasswordFile: file('주막집\n') }), /its password is wrong/],
  [
    'a weak key',
    testEntry([authority.issue({ names: ['a.b'], type: 'rsa', bits: 1024 })]),
    /it is weak: RSA with 1024 bits/,
  ],
  ['two of a type', testEntry([site, deep]), /two of its certificates have keys of the same type \(ec\)/],
  ['unknown ciphers', testEntry([site], { ciphers: 'NONSENSE' }), /OpenSSL refuses it/],
]
for (const [name, of, expected] of WRONG)
  test(`${name}: the start is refused with the reason`, () => {
    const { problems } = read(of)
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(problems[0]!, expected)
  })

test('an expired certificate, and one that is not valid yet', () => {
  const of = testEntry([authority.issue({ names: ['a.b'], from: new Date(NOW), until: new Date(NOW + 10 * DAY_MS) })])
  const [late] = read(of, NOW + 11 * DAY_MS).problems
  assert.match(late!, /it has expired: it was valid until \d{4}-\d\d-\d\d/)
  const [early] = read(of, NOW - 2 * DAY_MS).problems
  assert.match(early!, /it is not valid yet: it begins on .* Is the clock of this machine right/)
})

test('an encrypted key with its password', () => {
  assert.deepEqual(read(testEntry([secret], { keyPasswordFile: file('주막\n') })).problems, [])
  const inMemory = testEntry([secret], { keyPassword: new Secret('주막') })
  assert.deepEqual(read(inMemory).problems, [])
  assert.doesNotMatch(JSON.stringify(inMemory) + inspect(inMemory, { depth: 9, showHidden: true }), /주막/)
})

test('keys as openssl and other servers have them', () => {
  const ofCurve = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n'
  const traditional = execFileSync('openssl', ['pkey', '-in', site.key, '-traditional'], { encoding: 'utf8' })
  const both = readFileSync(site.certificate, 'utf8') + readFileSync(site.key, 'utf8')
  for (const files of [{ key: file(ofCurve + traditional) }, { key: file(both), certificate: file(both) }])
    assert.deepEqual(read(with_(site, files)).problems, [])
})

test('a name that is given and that the certificate is not for is told', () => {
  const told = (names: readonly string[]) => read(testEntry([site], { names })).warnings
  assert.deepEqual(told(['example.kr', 'www.example.kr', '*.example.kr']), [])
  assert.match(
    told(['example.kr', 'other.kr', '*.other.kr'])[0]!,
    /^tls-cert .*: it is not for other\.kr, \*\.other\.kr,/,
  )
})

test('an intermediate that has expired is told, and is no error', () => {
  const lasting = intermediate.issue({ names: ['lasting.example'], until: new Date('2200-01-01') })
  const { problems, warnings } = read(testEntry([lasting]), Date.parse('2100-01-01'))
  assert.deepEqual(problems, [])
  assert.match(warnings[0]!, /number 2 of its certificates \(.*Intermediate.*\) was valid until \d{4}-\d\d-\d\d$/)
})

test('a certificate that is in force may have expired', () => {
  const leaf = new X509Certificate(readFileSync(site.certificate))
  const findings = noFindings()
  const late = Date.parse('2100-01-01')
  assert.notEqual(readEntry(testEntry([site]), late, findings, new Set([leaf.fingerprint256])), null)
  assert.deepEqual(findings.problems, [])
})

test('a key that every user may read is told', () => {
  const key = file(readFileSync(site.key))
  chmodSync(key, 0o644)
  assert.match(read(with_(site, { key })).warnings.join('\n'), /every user of this machine may read it: chmod o-r/)
})

test('an OCSP response: right, of another certificate, and none at all', () => {
  const stapled = (staple: string) =>
    read(testEntry([site], { certificates: [{ certificate: site.certificate, key: site.key, staple }] }))
  assert.deepEqual(stapled(authority.ocspResponse(site)).problems, [])
  assert.match(stapled(authority.ocspResponse(rsa)).problems[0]!, /^tls-staple .*it is about another certificate$/)
  assert.match(stapled(site.key).problems[0]!, /it is no OCSP response in DER/)
})

test('an OCSP response that has ended is told, and clients do not get it', () => {
  const stapled = (staple: string, now: number) =>
    read(testEntry([site], { certificates: [{ certificate: site.certificate, key: site.key, staple }] }), now)
  const response = authority.ocspResponse(site, 10)
  const early = stapled(response, NOW)
  const [{ at, message }] = early.made!.ends as [End]
  const days = Math.round((at - NOW) / DAY_MS)
  assert.equal(days, 10)
  assert.match(message, /^tls-staple .*: its time was over on \d{4}-\d\d-\d\d, and clients do not get it any more/)
  assert.deepEqual([early.warnings, early.made!.gateway.certificates[0]!.stapleUntil], [[], at])
  const late = stapled(response, at)
  assert.deepEqual([late.problems, late.warnings, late.made!.ends], [[], [message], []])
})

test('an OCSP response that says "revoked" is told', () => {
  const revoked = authority.issue({ names: ['revoked.example'] })
  authority.revoke(revoked)
  const staple = authority.ocspResponse(revoked)
  const { warnings } = read(testEntry([revoked], { certificates: [{ ...revoked, staple }] }))
  assert.match(warnings.join('\n'), /^tls-staple .*it says that the certificate was revoked/m)
})

test('a revocation list that has ended is told', () => {
  const revoked = authority.revocationList()
  const clients: TlsClients = { isRequired: true, authorities: authority.file, revoked, depth: null }
  const [{ at, message }] = read(testEntry([site], { clients })).made!.ends as [End]
  assert.match(
    message,
    /^tls-client-crl .*: the time of a revocation list in it was over on .*: all client certificates/,
  )
  const inForce = new Set([new X509Certificate(readFileSync(site.certificate)).fingerprint256])
  const findings = noFindings()
  assert.deepEqual(readEntry(testEntry([site], { clients }), at, findings, inForce)!.ends, [])
  assert.deepEqual([findings.problems, findings.warnings], [[], [message]])
})

test('authorities and revocation lists of clients', () => {
  const clients = (changes: Partial<TlsClients>) =>
    read(
      testEntry([site], {
        origin: 'jumak.toml:3 [[tls]]',
        clients: { isRequired: true, authorities: authority.file, revoked: null, depth: null, ...changes },
      }),
    ).problems
  assert.deepEqual(clients({ revoked: authority.revocationList() }), [])
  assert.match(clients({ authorities: site.key })[0]!, /^jumak\.toml:3 \[\[tls\]\] client-ca .*it has no certificate/)
  const both = file(readFileSync(authority.file, 'utf8') + readFileSync(authority.revocationList(), 'utf8'))
  const warned = read(
    testEntry([site], { clients: { isRequired: true, authorities: both, revoked: null, depth: null } }),
  ).warnings
  assert.match(
    warned[0]!,
    /^tls-client-ca .*: it has a revocation list, which does nothing there: name it as the client-crl/,
  )
  assert.match(clients({ revoked: site.certificate })[0]!, /client-crl .*it has no revocation list in PEM/)
})
