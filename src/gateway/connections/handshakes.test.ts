/** Handshakes with real clients of OpenSSL (Node's), and HTTP/1.1 behind them. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { BoundSocket, connect as connectPlain } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { Authority, type Certificate } from '../../../test/support/certificates.ts'
import { connectRecords } from '../../../test/support/key-updates.ts'
import { MemoryBudget } from '../../base/memory-budget.ts'
import { testConfig } from '../../config/testing/config.ts'
import type { GatewayClientCertificates, GatewayTls, GatewayTlsEntry } from '../../control/tls-messages.ts'
import type { TlsFacts } from '../../http/tls-facts.ts'
import { createHttp1, PLAIN_HTTP_ON_TLS } from '../../http1/protocol.ts'
import { FileBuffers } from '../../protocols/file-buffers.ts'
import { createWebSocketEngine } from '../../websocket/engine.ts'
import { listen } from '../transports/plain.ts'
import { Connections } from './connections.ts'
import { Handshakes } from './handshakes.ts'

const authority = new Authority()
const ca = readFileSync(authority.file)
const shop = authority.issue({ names: ['shop.example'] })
const shopRsa = authority.issue({ names: ['shop.example'], type: 'rsa' })
const other = authority.issue({ names: ['other.example', '*.other.example'] })
const CIPHERS =
  'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256'

function entry(certificates: readonly Certificate[], changes: Partial<GatewayTlsEntry> = {}): GatewayTlsEntry {
  return {
    names: [certificates[0]!.name],
    isDefault: true,
    certificates: certificates.map(({ certificate, key }) => ({
      chain: readFileSync(certificate, 'utf8'),
      key: readFileSync(key, 'utf8'),
      staple: '',
      stapleUntil: null,
    })),
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    policy: 'a0'.repeat(32),
    clients: null,
    ...changes,
  }
}

const secret = (byte: string) => byte.repeat(64)
const tlsOf = (entries: readonly GatewayTlsEntry[], ticketSecrets = [secret('a1')]): GatewayTls => ({
  entries,
  ticketSecrets,
})

interface Setup {
  readonly port: number
  readonly handshakes: Handshakes
  readonly connections: Connections
  /** Of the last request. */
  readonly facts: () => TlsFacts
  readonly failed: string[]
  readonly unusable: string[]
  readonly requests: string[]
  connect(options?: ConnectionOptions): TLSSocket
  /** Sends a request, and returns the answer's status line and the socket, which is still open. */
  ask(options?: ConnectionOptions): Promise<{ answer: string; socket: TLSSocket }>
}

async function setup(t: TestContext, tls: GatewayTls, headMs = 10_000): Promise<Setup> {
  const { limits, timeouts } = testConfig({ timeouts: { head: headMs } })
  const memory = new MemoryBudget()
  const failed: string[] = []
  const unusable: string[] = []
  const requests: string[] = []
  let facts: TlsFacts | null = null
  const http1 = createHttp1({
    limits,
    timeouts,
    onExchange: exchange => {
      facts = exchange.local.tls
      requests.push(`${exchange.request.scheme} ${exchange.request.path}`)
      exchange.response.respond({ status: 200, reason: '', headers: ['Content-Length', '5'] }, Buffer.from('hello'))
    },
    renderError: status => ({ isOwnPage: false, contentType: 'text/plain', body: Buffer.from(String(status)) }),
    webSockets: createWebSocketEngine({ limits, timeouts }, memory),
    memory,
    fileBuffers: new FileBuffers(new MemoryBudget()),
    onProtocolError() {},
    onAnswered() {},
  })
  const onFailed = (_client: string, reason: string) => void failed.push(reason)
  const handshakes = new Handshakes({
    tls,
    protocol: http1,
    memory,
    offersHttp2: false,
    timeoutMs: headMs,
    plainHttpAnswer: PLAIN_HTTP_ON_TLS,
    onFailed,
    onFlood: client => void failed.push(`flood of ${client}`),
    onUnusable: (names, reason) => void unusable.push(`${names}: ${reason}`),
  })
  const connections = new Connections({ http: http1, https: handshakes })
  const bound = new BoundSocket({ host: '127.0.0.1', port: 0 })
  const listening = Promise.withResolvers<void>()
  const server = listen(
    bound.fd(),
    null,
    memory,
    transport => void connections.open({ scheme: 'https', hasProxyHeader: false }, transport, () => {}),
    listening.resolve,
    listening.reject,
  )
  await listening.promise
  const { port } = server.address() as { port: number }
  const sockets: TLSSocket[] = []
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
    while (connections.size > 0) await new Promise(setImmediate)
  })
  function connectTo(options: ConnectionOptions = {}): TLSSocket {
    const socket = connect({ port, host: '127.0.0.1', ca, servername: 'shop.example', ...options })
    sockets.push(socket)
    socket.on('session', session => sessions.set(socket, session))
    return socket
  }
  async function ask(options?: ConnectionOptions) {
    const socket = connectTo(options)
    await once(socket, 'secureConnect')
    socket.write('GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    return { answer: answer.toString().split('\r\n')[0]!, socket }
  }
  return { port, handshakes, connections, facts: () => facts!, failed, unusable, requests, connect: connectTo, ask }
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const only = { minVersion: version, maxVersion: version }

  test(`${version}: a request is answered, and the exchange knows the connection`, async t => {
    const { ask, facts, requests } = await setup(t, tlsOf([entry([shop])]))
    const { answer, socket } = await ask({ ...only, ALPNProtocols: ['h2', 'http/1.1'] })
    assert.equal(answer, 'HTTP/1.1 200 OK')
    assert.deepEqual(requests, ['https /a'])
    assert.deepEqual(
      [facts().protocol, facts().alpn, facts().isResumed, facts().client, facts().cipher],
      [version, 'http/1.1', false, null, socket.getCipher().name],
    )
    assert.equal(facts().serverName, 'shop.example')
  })

  test(`${version}: a session is resumed, also with the secret before, and not with one that has gone`, async t => {
    const { ask, handshakes, facts } = await setup(t, tlsOf([entry([shop])]))
    const { socket } = await ask(only)
    const session = await sessionOf(socket)
    await ask({ ...only, session })
    assert.equal(facts().isResumed, true, 'the same secret')
    handshakes.replace(tlsOf([entry([shop])], [secret('b2'), secret('a1')]))
    await ask({ ...only, session })
    assert.equal(facts().isResumed, true, 'the secret before')
    handshakes.replace(tlsOf([entry([shop])], [secret('c3'), secret('b2')]))
    await ask({ ...only, session })
    assert.equal(facts().isResumed, false, 'a secret that has gone')
  })

  test(`${version}: a session is not resumed under another policy`, async t => {
    const { ask, handshakes, facts } = await setup(t, tlsOf([entry([shop])]))
    const { socket } = await ask(only)
    const session = await sessionOf(socket)
    handshakes.replace(tlsOf([entry([shop], { policy: 'b1'.repeat(32) })]))
    const { answer } = await ask({ ...only, session })
    assert.deepEqual([answer, facts().isResumed], ['HTTP/1.1 200 OK', false])
  })

  test(`${version}: a client gets the certificate whose key it can use`, async t => {
    const { ask } = await setup(t, tlsOf([entry([shopRsa, shop])]))
    const type = async (sigalgs: string) => {
      const { socket } = await ask({ ...only, sigalgs })
      return socket.getPeerX509Certificate()!.publicKey.asymmetricKeyType
    }
    assert.equal(await type('ECDSA+SHA256'), 'ec')
    assert.equal(await type('rsa_pss_rsae_sha256'), 'rsa')
    assert.equal(await type('rsa_pss_rsae_sha256:ECDSA+SHA256'), 'ec')
  })

  test(`${version}: an OCSP response is stapled for the certificate that the client gets`, async t => {
    const response = readFileSync(authority.ocspResponse(shop))
    const both = entry([shopRsa, shop])
    const certificates = [both.certificates[0]!, { ...both.certificates[1]!, staple: response.toString('base64') }]
    const { connect } = await setup(t, tlsOf([{ ...both, certificates }]))
    const stapled = async (sigalgs: string) => {
      const socket = connect({ ...only, sigalgs, requestOCSP: true })
      const [staple] = (await once(socket, 'OCSPResponse')) as [Buffer | null]
      return staple
    }
    assert.ok((await stapled('ECDSA+SHA256:rsa_pss_rsae_sha256'))?.equals(response))
    assert.equal(await stapled('rsa_pss_rsae_sha256'), null)
  })
}

/** The client gets it with or behind the first answer. */
async function sessionOf(socket: TLSSocket): Promise<Buffer> {
  const known = socket.getProtocol() === 'TLSv1.2' ? socket.getSession() : undefined
  if (known) return known
  return sessions.get(socket) ?? ((await once(socket, 'session')) as [Buffer])[0]
}
const sessions = new WeakMap<TLSSocket, Buffer>()

test('the name decides: exact, wildcard, unknown, none; case and a dot at the end do not matter', async t => {
  const entries = [entry([shop]), entry([other], { names: ['other.example', '*.other.example'], isDefault: false })]
  const { connect } = await setup(t, tlsOf(entries))
  const named = async (servername: string) => {
    const socket = connect({ servername, checkServerIdentity: () => undefined })
    await once(socket, 'secureConnect')
    return socket.getPeerX509Certificate()!.subject
  }
  for (const [name, subject] of [
    ['shop.example', 'CN=shop.example'],
    ['other.example', 'CN=other.example'],
    ['OTHER.example', 'CN=other.example'],
    ['a.other.example', 'CN=other.example'],
    ['a.b.other.example', 'CN=shop.example'],
    ['nobody.example', 'CN=shop.example'],
    ['', 'CN=shop.example'],
  ] as const)
    assert.equal(await named(name), subject, name)
})

test('two entries with the same names and rules have certificates of their own', async t => {
  const names = ['shop.example']
  const { connect } = await setup(t, tlsOf([entry([shop], { isDefault: false }), entry([other], { names })]))
  const subjects: string[] = []
  for (const servername of ['shop.example', 'nobody.example']) {
    const socket = connect({ servername, checkServerIdentity: () => undefined })
    await once(socket, 'secureConnect')
    subjects.push(socket.getPeerX509Certificate()!.subject)
  }
  assert.deepEqual(subjects, ['CN=shop.example', 'CN=other.example'])
})

test('without a default entry, a client that names nobody of ours gets an alert', async t => {
  const { connect, failed } = await setup(t, tlsOf([entry([shop], { isDefault: false })]))
  const socket = connect({ servername: 'nobody.example' })
  const [error] = await once(socket, 'error')
  assert.match(String(error), /unrecognized name/i)
  assert.deepEqual(failed, ['no certificate is for nobody.example'])
})

test('a client that speaks plain HTTP can read why', async t => {
  const { port, failed } = await setup(t, tlsOf([entry([shop])]))
  const socket = connectPlain(port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'close')
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 400 Bad Request\r\n.*https:\/\//s)
  assert.deepEqual(failed, ['it speaks plain HTTP'])
})

test('no protocol in common: the handshake ends with an alert', async t => {
  const { connect } = await setup(t, tlsOf([entry([shop])]))
  const socket = connect({ ALPNProtocols: ['h2'] })
  const [error] = await once(socket, 'error')
  assert.match(String(error), /no application protocol/i)
})

test('junk, a client that leaves, and one that says nothing for too long leave nothing behind', async t => {
  const { port, connections, failed } = await setup(t, tlsOf([entry([shop])]), 200)
  const junk = connectPlain(port, '127.0.0.1')
  junk.on('error', () => {})
  junk.end(Buffer.from([0x16, 0x03, 0x01, 0xff, 0xff, 1, 2, 3]))
  const silent = connectPlain(port, '127.0.0.1')
  silent.on('error', () => {})
  await Promise.all([once(silent.resume(), 'close'), once(junk.resume(), 'close')])
  while (connections.size > 0) await new Promise(setImmediate)
  assert.ok(failed.includes('it took too long'))
})

test('one that renegotiates is not let to', async t => {
  const { ask } = await setup(t, tlsOf([entry([shop])]))
  const { socket } = await ask({ maxVersion: 'TLSv1.2' })
  const refused = await new Promise<Error | null>(resolve => {
    socket.on('error', resolve)
    socket.renegotiate({}, resolve)
  })
  assert.match(String(refused), /renegotiation/i)
})

test('a drain waits for a handshake, answers its request, and does not wait for one that says nothing', async t => {
  const { connect, connections, requests } = await setup(t, tlsOf([entry([shop])]))
  const socket = connect()
  await once(socket, 'connect')
  const silent = connectPlain(socket.remotePort!, '127.0.0.1')
  silent.on('error', () => {})
  await once(silent, 'connect')
  while (connections.size < 2) await new Promise(setImmediate)
  connections.startDrain()
  socket.write('GET /late HTTP/1.1\r\nHost: shop.example\r\n\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(answer.toString(), /Connection: close/)
  assert.deepEqual(requests, ['https /late'])
  socket.end()
  assert.equal(await connections.drain(10_000), 0)
})

const CLIENTS: GatewayClientCertificates = { isRequired: true, authorities: ca.toString(), revoked: '', depth: null }

test('with a limit on the depth of chains, no session is resumed', async t => {
  const kim = authority.issue({ subject: '/CN=kim', isClient: true })
  const own = { cert: readFileSync(kim.certificate), key: readFileSync(kim.key) }
  const { ask, facts } = await setup(t, tlsOf([entry([shop], { clients: { ...CLIENTS, depth: 1 } })]))
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { socket } = await ask({ maxVersion, ...own })
    const session = socket.getSession()
    await ask({ maxVersion, ...own, ...(session ? { session } : {}) })
    assert.equal(facts().isResumed, false)
  }
})

test('what OpenSSL refuses is told once, and costs no other entry', async t => {
  const wrong = entry([other], { isDefault: false })
  const [certificate] = wrong.certificates
  const broken = { ...wrong, certificates: [{ ...certificate!, key: entry([shop]).certificates[0]!.key }] }
  const { ask, connect, unusable, failed } = await setup(t, tlsOf([entry([shop]), broken]))
  for (let i = 0; i < 2; i++) {
    const socket = connect({ servername: 'other.example' })
    socket.on('error', () => {})
    await new Promise(resolve => socket.on('close', resolve))
  }
  assert.equal(failed.length, 2)
  assert.deepEqual(unusable.length, 1)
  assert.match(unusable[0]!, /^other\.example: .*key values mismatch/)
  assert.equal((await ask()).answer, 'HTTP/1.1 200 OK')
})

test('a flood of KeyUpdate ends its connection, and the others are served', async t => {
  const { port, ask, failed, requests } = await setup(t, tlsOf([entry([shop])]))
  const flood = await connectRecords({ to: port, tls: { ca, servername: 'shop.example' } })
  // Within what any client may have.
  const some = Array.from({ length: 500 }, () => flood.keyUpdate(true))
  flood.socket.write(Buffer.concat([...some, flood.data('GET /flood HTTP/1.1\r\nHost: shop.example\r\n\r\n')]))
  while (!requests.includes('https /flood')) await new Promise(setImmediate)
  const { socket } = await ask()
  const closed = new Promise(resolve => flood.socket.on('error', () => {}).on('close', resolve))
  const more = () => {
    if (flood.socket.destroyed) return
    const updates = Array.from({ length: 500 }, () => flood.keyUpdate(true))
    flood.socket.write(Buffer.concat(updates), () => setImmediate(more))
  }
  more()
  await closed
  assert.deepEqual(failed, ['flood of 127.0.0.1'])
  socket.write('GET /b HTTP/1.1\r\nHost: shop.example\r\n\r\n')
  await once(socket, 'data')
})

test('an OCSP response is given until it ends', async t => {
  const stapled = (stapleUntil: number | null) =>
    entry([shop], {
      certificates: entry([shop]).certificates.map(one => ({ ...one, staple: 'c3RhcGxl', stapleUntil })),
    })
  for (const [until, expected] of [
    [null, 'staple'],
    [Date.now() + 1e6, 'staple'],
    [Date.now() - 1, ''],
  ] as const) {
    const { connect } = await setup(t, tlsOf([stapled(until)]))
    const socket = connect({ requestOCSP: true })
    const [response] = await once(socket, 'OCSPResponse')
    assert.equal(response?.toString() ?? '', expected)
  }
})
