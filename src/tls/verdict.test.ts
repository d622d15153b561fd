/** Verdicts on certificates of real clients, by the contexts that the gateway makes, in full and in resumed sessions. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { connect, createServer as createTlsServer, TLSSocket } from 'node:tls'
import { Authority, type Certificate, pemOf } from '../../test/support/certificates.ts'
import type { GatewayClientCertificates, GatewayTlsEntry } from '../control/tls-messages.ts'
import { Contexts } from './contexts.ts'
import { factsOf } from './facts.ts'
import { problemOf } from './verdict.ts'

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const
const CIPHERS = 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256'
const authority = new Authority()
const site = authority.issue({ names: ['localhost'] })
const kim = authority.issue({ subject: '/CN=kim', isClient: true })
const old = authority.issue({ subject: '/CN=old', isClient: true, until: new Date(Date.now() - 1000) })
const server = authority.issue({ subject: '/CN=server' })
const stranger = new Authority('Somebody else').issue({ subject: '/CN=kim', isClient: true })
const gone = authority.issue({ subject: '/CN=gone', isClient: true })
authority.revoke(gone)
const deep = authority.issueAuthority('One').issueAuthority('Two').issue({ subject: '/CN=deep', isClient: true })

function entryFor(clients: Partial<GatewayClientCertificates>, policy: string): GatewayTlsEntry {
  const authorities = readFileSync(authority.file, 'utf8')
  return {
    names: ['localhost'],
    isDefault: true,
    certificates: [
      {
        chain: readFileSync(site.certificate, 'utf8'),
        key: readFileSync(site.key, 'utf8'),
        staple: '',
        stapleUntil: null,
      },
    ],
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    policy: policy.repeat(64),
    clients: { isRequired: false, authorities, revoked: '', depth: null, ...clients },
  }
}

type Version = (typeof VERSIONS)[number]

/** Visits twice, the second time with the session of the first. Returns what the site says: `verify`, and ` resumed`. */
async function visits(entry: GatewayTlsEntry, version: Version, client: Certificate | null): Promise<string[]> {
  const contexts = new Contexts({ ticketSecrets: ['ab'.repeat(64)] }, ['http/1.1'])
  const seen: string[] = []
  const listening = createServer((plain: Socket) => {
    const options = contexts.optionsFor(entry, { ticketKeyName: null, signatureAlgorithms: [0x0403], takesEcdsa: true })
    const socket = new TLSSocket(plain, options)
    const facts = factsOf(socket, 'localhost', entry)
    socket.on('error', error => seen.push(error.message))
    socket.once('secure', () => {
      const { verify, subject } = facts.client!
      seen.push([verify, subject, facts.isResumed ? 'resumed' : ''].filter(Boolean).join(' '))
      socket.end('x')
    })
  }).listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const { port } = listening.address() as AddressInfo
  let session: Buffer | undefined
  for (const _ of [1, 2]) {
    const socket = connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: readFileSync(authority.file),
      maxVersion: version,
      ...(client && pemOf(client)),
      ...(session && { session }),
    })
    socket.on('session', given => {
      session = given
    })
    socket.resume()
    await once(socket, 'close')
  }
  listening.close()
  return seen
}

for (const version of VERSIONS) {
  const cases: Readonly<Record<string, { readonly client: Certificate | null; readonly verify: string }>> = {
    right: { client: kim, verify: 'SUCCESS CN=kim' },
    none: { client: null, verify: 'NONE' },
    expired: { client: old, verify: 'FAILED:certificate has expired CN=old' },
    'of another authority': { client: stranger, verify: 'FAILED:unable to verify the first certificate CN=kim' },
    'of a server': { client: server, verify: 'FAILED:unsuitable certificate purpose CN=server' },
    'below two intermediate authorities': { client: deep, verify: 'SUCCESS CN=deep' },
  }
  for (const [name, { client, verify }] of Object.entries(cases))
    test(`${version}, ${name}: in a full session and in a resumed one`, async () => {
      assert.deepEqual(await visits(entryFor({}, 'a'), version, client), [verify, `${verify} resumed`])
    })

  test(`${version}: a revoked one`, async () => {
    const entry = entryFor({ revoked: readFileSync(authority.revocationList(), 'utf8') }, 'b')
    const verify = 'FAILED:certificate revoked CN=gone'
    assert.deepEqual(await visits(entry, version, gone), [verify, `${verify} resumed`])
    assert.deepEqual(await visits(entry, version, kim), ['SUCCESS CN=kim', 'SUCCESS CN=kim resumed'])
  })

  test(`${version}: while a revocation list is out of date, nobody of its authority is right`, async () => {
    const list = authority.revocationList(new Date(Date.now() - 60_000))
    const verify = 'FAILED:CRL has expired CN=kim'
    const seen = await visits(entryFor({ revoked: readFileSync(list, 'utf8') }, 'f'), version, kim)
    assert.deepEqual(seen, [verify, `${verify} resumed`])
  })

  test(`${version}: a limit of depth counts intermediate authorities, and nothing is resumed`, async () => {
    const tooLong = 'FAILED:certificate chain too long CN=deep'
    for (const [depth, client, verify] of [
      [2, deep, 'SUCCESS CN=deep'],
      [1, deep, tooLong],
      [0, deep, tooLong],
      [0, kim, 'SUCCESS CN=kim'],
    ] as const)
      assert.deepEqual(await visits(entryFor({ depth }, 'c'), version, client), [verify, verify], `depth ${depth}`)
  })
}

test('a file of authorities may have revocation lists too', async () => {
  const [ca, list] = [authority.file, authority.revocationList()].map(path => readFileSync(path, 'utf8'))
  const entry = entryFor({ authorities: `${list}${ca}`, depth: 0 }, 'e')
  assert.deepEqual(await visits(entry, 'TLSv1.3', kim), ['SUCCESS CN=kim', 'SUCCESS CN=kim'])
})

test('what cannot be judged is wrong, and so is what has expired since the first handshake', async t => {
  const listening = createTlsServer({ ...pemOf(site), ca: readFileSync(authority.file), requestCert: true })
  listening.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  t.after(() => listening.close())
  const { port } = listening.address() as AddressInfo
  const client = connect({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: readFileSync(authority.file),
    ...pemOf(kim),
  })
  const [socket] = (await once(listening, 'secureConnection')) as [TLSSocket]
  t.after(() => socket.destroy())
  t.after(() => client.destroy())
  const { clients } = entryFor({}, 'd')
  const certificate = socket.getPeerX509Certificate()!
  const end = certificate.validToDate.getTime()
  assert.equal(problemOf(socket, certificate, clients!, end), null)
  assert.equal(problemOf(socket, certificate, clients!, end + 1), 'certificate has expired')
  const others = { _handle: {} } as unknown as TLSSocket
  assert.match(problemOf(others, certificate, clients!, 0)!, /no verdict/)
  const strangers = { ...clients!, depth: 3, authorities: readFileSync(new Authority('Other').file, 'utf8') }
  assert.equal(problemOf(socket, certificate, strangers, end), 'certificate chain too long')
  const both = { ...strangers, authorities: `# first\n${strangers.authorities}\n\n# second\n${clients!.authorities}` }
  assert.equal(problemOf(socket, certificate, both, end), null)
})
