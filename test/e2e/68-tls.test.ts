/** TLS as clients see it: OpenSSL's own client, and clients that are broken, old or hostile. The tests share one program. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Authority, type Certificate } from '../support/certificates.ts'
import { APPS } from '../support/paths.ts'
import { getOnce, RawClient, textOf, withClient } from '../support/raw-client.ts'
import { type Agreed, openssl, requestFor } from '../support/s-client.ts'
import { type Server, startServer } from '../support/server.ts'

const authority = new Authority()
const ecdsa = authority.issue({ names: ['localhost'] })
const rsa = authority.issue({ names: ['localhost'], type: 'rsa' })
const shop = authority.issue({ names: ['shop.example', '*.shop.example'] })
const strict = authority.issue({ names: ['strict.example'] })
const staples = [authority.ocspResponse(ecdsa), authority.ocspResponse(rsa)]

/** For the slow client of the last test. On a busy machine all other clients need a part of it. */
const HEADER_TIMEOUT = '3s'
const directory = mkdtempSync(join(tmpdir(), 'jumak-test-'))
let server: Server
let plainPort: number

before(async () => {
  const table = ({ certificate, key }: Certificate) => `[[tls]]\ncert = "${certificate}"\nkey = "${key}"\n`
  const file = `${table(shop)}\n${table(strict)}min-version = "1.3"\n`
  writeFileSync(join(directory, 'jumak.toml'), file)
  const flat = [ecdsa, rsa].flatMap(({ certificate, key }) => ['--tls-cert', certificate, '--tls-key', key])
  const binds = ['-b', 'https://127.0.0.1:0', '-b', 'http://127.0.0.1:0']
  const rules = [
    '--redirect-to-https',
    '--hsts',
    '30d',
    '--health-path',
    '/-/alive',
    '--header-timeout',
    HEADER_TIMEOUT,
  ]
  server = await startServer({
    app: 'plain',
    directory: APPS,
    args: [
      '--config',
      `${directory}/jumak.toml`,
      ...flat,
      ...staples.flatMap(staple => ['--tls-staple', staple]),
      ...binds,
      ...rules,
      '--log-level',
      'debug',
    ],
  })
  // Nobody but this test knows the root.
  server.mayLog(/which has issued \S+, is not in it/)
  plainPort = Number(/ http:\/\/127\.0\.0\.1:(\d+)/.exec(server.log.join('\n'))![1])
  server.port = Number(/https:\/\/127\.0\.0\.1:(\d+)/.exec(server.log.join('\n'))![1])
})

after(async () => {
  rmSync(directory, { recursive: true })
  await server.stop()
})

const TRUSTED = ['-CAfile', authority.file, '-verify_return_error']

/** With a request. */
function ask(...args: string[]): Promise<Agreed> {
  return openssl(server.port, [...TRUSTED, ...args], requestFor('/hello', 'localhost'))
}

test('versions and ciphers', async t => {
  for (const old of ['-tls1', '-tls1_1'])
    await t.test(`${old} is refused`, async () => {
      assert.match((await ask(old, '-cipher', 'ALL:@SECLEVEL=0')).text, /alert protocol version/)
    })
  for (const cipher of ['AES128-SHA', 'AES256-GCM-SHA384', 'ECDHE-RSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA384'])
    await t.test(`${cipher} is refused`, async () => {
      const { text } = await ask('-tls1_2', '-cipher', `${cipher}:@SECLEVEL=0`)
      assert.match(text, /alert handshake failure/)
    })
  const modern = [
    ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
    ['-tls1_2', '-cipher', 'ECDHE-RSA-AES256-GCM-SHA384'],
    ['-tls1_2', '-cipher', 'ECDHE-RSA-CHACHA20-POLY1305'],
    ['-tls1_3', '-ciphersuites', 'TLS_AES_128_GCM_SHA256'],
    ['-tls1_3', '-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256'],
  ] as const
  for (const args of modern)
    await t.test(`${args.join(' ')} works`, async () => {
      const { cipher, protocol, status, text } = await ask(...args)
      assert.deepEqual([cipher, protocol.replace('TLSv', '-tls').replace('.', '_')], [args[2], args[0]], text)
      assert.equal(status, 200)
    })
})

test('the certificate is the one that the client can use, with its staple', async t => {
  const cases = [
    [[], 'ECDSA', true],
    [['-sigalgs', 'ECDSA+SHA256'], 'ECDSA', true],
    [['-sigalgs', 'RSA-PSS+SHA256'], 'RSA-PSS', true],
    [['-tls1_2'], 'ECDSA', true],
    [['-tls1_2', '-sigalgs', 'RSA-PSS+SHA256:RSA+SHA256'], 'RSA-PSS', true],
    // Lists schemes of ECDSA, too.
    [['-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'], 'RSA-PSS', true],
    // OpenSSL chooses for this one, and Node cannot tell which response is the right one.
    [['-tls1_2', '-sigalgs', 'RSA+SHA256'], 'RSA', false],
  ] as const
  for (const [args, signature, hasStaple] of cases)
    await t.test(args.join(' '), async () => {
      const agreed = await ask('-status', ...args)
      assert.equal(agreed.signature, signature, agreed.text)
      assert.equal(/OCSP Response Status: successful/.test(agreed.text), hasStaple)
      const { serial } = signature === 'ECDSA' ? ecdsa : rsa
      if (hasStaple) assert.match(agreed.text, new RegExp(`Serial Number: 0*${serial}`, 'i'))
      assert.match(agreed.text, /Verify return code: 0 \(ok\)/)
    })
  assert.match((await ask('-status', '-servername', 'shop.example')).text, /OCSP response: no response sent/)
})

test('which certificate a name gets', async t => {
  const cases = [
    ['shop.example', 'shop.example'],
    ['SHOP.Example', 'shop.example'],
    ['shop.example.', 'shop.example'],
    ['www.shop.example', 'shop.example'],
    ['a.www.shop.example', 'localhost'],
    ['nobody.example', 'localhost'],
    [null, 'localhost'],
  ] as const
  for (const [name, subject] of cases)
    await t.test(`${name}`, async () => {
      const agreed = await ask(...(name === null ? ['-noservername'] : ['-servername', name]))
      assert.equal(agreed.subject, `CN = ${subject}`)
      assert.equal(agreed.status, 200)
    })
  const old = await ask('-tls1_2', '-servername', 'strict.example')
  assert.match(old.text, /alert protocol version/, 'a table has a version of its own')
  assert.equal((await ask('-servername', 'strict.example')).subject, 'CN = strict.example')
})

test('ALPN', async () => {
  assert.match((await ask('-alpn', 'h3')).text, /alert no application protocol/)
  assert.match((await ask('-alpn', 'http/1.1')).text, /^ALPN protocol: http\/1\.1$/m)
  assert.match((await ask()).text, /^No ALPN negotiated$/m)
})

test('a host with other rules is refused on the connection of another name (421), other hosts are not', async () => {
  const status = async (name: string, host: string) =>
    (await openssl(server.port, ['-servername', name], requestFor('/hello', host))).status
  assert.equal(await status('shop.example', 'localhost'), 200)
  assert.equal(await status('localhost', 'SHOP.example.:8443'), 200)
  assert.equal(await status('localhost', 'whoever.example'), 200)
  assert.equal(await status('shop.example', 'strict.example'), 421)
  assert.equal(await status('strict.example', 'shop.example'), 421)
  assert.equal(await status('strict.example', 'Strict.Example.'), 200)
})

test('a connection of HTTP/2 serves other names with the same rules (coalescing); those with other rules are 421, and it goes on', async () => {
  const { to, tls } = authority.target(server.port, 'shop.example')
  const session = connect(`https://127.0.0.1:${to}`, tls)
  const status = async (host: string) => {
    const stream = session.request({ ':authority': host, ':path': '/hello' })
    const [headers] = await once(stream.resume(), 'response')
    return headers[':status']
  }
  const hosts = ['shop.example', 'localhost', 'strict.example', 'shop.example']
  assert.deepEqual(await Promise.all(hosts.map(status)), [200, 200, 421, 200])
  session.close()
})

test('what WSGI is told', async () => {
  const environ = async (to: Parameters<typeof textOf>[0]) => {
    const all = JSON.parse(await textOf(to, '/environ', 'Host: localhost'))
    return ['HTTPS', 'wsgi.url_scheme', 'SERVER_PORT'].map(name => all[name])
  }
  assert.deepEqual(await environ(authority.target(server.port)), ['on', 'https', String(server.port)])
})

test('a plain address redirects to a host that a certificate names, and to no other', async () => {
  const ask = (path: string, host: string) => getOnce(plainPort, path, `Host: ${host}`)
  const redirect = await ask('/environ?a=b', 'shop.example:80')
  const where = `https://shop.example:${server.port}/environ?a=b`
  assert.deepEqual([redirect.status, redirect.header('location')], [308, where])
  assert.equal(redirect.header('strict-transport-security'), undefined, 'only https can say it')
  assert.equal((await ask('/', 'evil.example')).status, 421)
  assert.equal((await ask('/-/alive', 'evil.example')).status, 200)
  // The application's own answer.
  assert.equal((await ask('/.well-known/acme-challenge/token', 'shop.example')).status, 404)
  const safe = await getOnce(authority.target(server.port), '/hello')
  assert.equal(safe.header('strict-transport-security'), 'max-age=2592000')
})

test('plain HTTP on the address with TLS gets a readable answer', async () => {
  const { status, body } = await getOnce(server.port, '/')
  assert.deepEqual([status, /This port speaks HTTPS/.test(body.toString())], [400, true])
})

test('TLS on a plain address is told in the log, and not once for each client', async () => {
  const line = /info +gateway .*refused 127\.0\.0\.1: The client speaks TLS, and this address plain HTTP/
  const clients = Array.from({ length: 20 }, () => openssl(plainPort, []))
  for (const { protocol } of await Promise.all(clients)) assert.equal(protocol, '')
  await server.waitForLog(line)
  assert.ok(server.log.filter(one => line.test(one)).length < 10)
})

test('a client cannot renegotiate', async () => {
  const client = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${server.port}`, '-tls1_2', '-msg'])
  let text = ''
  const finished = Promise.withResolvers<void>()
  for (const stream of [client.stdout, client.stderr])
    stream.setEncoding('utf8').on('data', data => {
      text += data
      if (text.includes('Verify return code')) finished.resolve()
    })
  const closed = once(client, 'close')
  await Promise.race([finished.promise, closed])
  // A line with R alone tells s_client to renegotiate.
  client.stdin.write('R\n')
  await closed
  assert.match(text, /RENEGOTIATING[\s\S]*no.renegotiation/i)
})

/** What the server says before it closes the connection. */
function end(...parts: (string | Buffer)[]): Promise<Buffer> {
  return withClient(server.port, client => {
    for (const part of parts) client.send(part)
    return client.readToEnd()
  })
}

test('junk, and a ClientHello that is too long, are refused at once', async () => {
  const noEnd = Buffer.from([0x16, 3, 1, 0x40, 0])
  // 64 KiB of one handshake message, in records of 16 KiB.
  const message = Buffer.alloc(65_536)
  message.writeUInt32BE(0x01_00_ff_fc)
  const records = [0, 1, 2, 3].map(i => Buffer.concat([noEnd, message.subarray(i * 16_384, (i + 1) * 16_384)]))
  const answers = await Promise.all([
    end(Buffer.alloc(100)),
    end(Buffer.alloc(100, 0xff)),
    end(Buffer.from([0x16, 3, 1, 0xff, 0xff, 1, 0, 0, 0])),
    end(...records),
  ])
  for (const answer of answers) assert.ok(answer.length < 16, answer.toString('latin1'))
})

test(`a client that sends one byte after the other has ${HEADER_TIMEOUT} for all`, async () => {
  const hello = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])
  const from = server.log.length
  const client = new RawClient(server.port)
  let sent = 0
  const drip = setInterval(() => {
    // wait: a client that sends slowly
    if (sent < hello.length) client.send(hello.subarray(sent, ++sent))
  }, 100)
  try {
    await client.readToEnd()
    await server.waitForLog(/no TLS with 127\.0\.0\.1: it took too long/, from)
  } finally {
    clearInterval(drip)
    client.close()
  }
  assert.equal((await getOnce(authority.target(server.port), '/hello')).status, 200)
})
