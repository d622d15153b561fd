/** Certificates of the local authority, as OpenSSL, Python and Node see them. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import tls from 'node:tls'
import { promisify } from 'node:util'
import type { BindAddress } from '../../config/types.ts'
import { takeLocalAuthority } from './local-authority.ts'
import { SelfSigned } from './self-signed.ts'

const run = promisify(execFile)
const directory = mkdtempSync(join(tmpdir(), 'jumak-self-signed-'))
after(() => rmSync(directory, { recursive: true }))
const authority = takeLocalAuthority({ XDG_DATA_HOME: directory })

const DAY_MS = 24 * 3_600_000
const bind: readonly BindAddress[] = ['0.0.0.0', '::'].map(host => ({ kind: 'tcp', host, port: 8000 }))
const hosts = ['shop.test', '*.shop.localhost', 'shop.example']
const machine = () => ({ hostName: 'kim', addresses: ['192.168.0.7', 'fd00::7', '203.0.113.9'] })
const silent = { warn() {}, error() {} }
const { signed } = new SelfSigned({ authority, machine, log: silent, wanted: () => ({ bind, hosts }) })
const { chain, key } = signed.certificates[0]!

let files = 0

/** Path of a file with this content. */
function written(pem: string): string {
  const path = join(directory, `${++files}.pem`)
  writeFileSync(path, pem)
  return path
}

/** What the strictest form of OpenSSL says: `OK`, or its error. */
async function verify(pem: string, ...expected: readonly string[]): Promise<string> {
  const fixed = ['verify', '-x509_strict', '-purpose', 'sslserver', '-check_ss_sig', '-CAfile', authority.file]
  const { stdout, stderr } = await run('openssl', [...fixed, ...expected, written(pem)]).catch(error => error)
  return /: OK\n$/.test(stdout) ? 'OK' : (/error \d+ at \d+ depth lookup: (.*)/.exec(stderr)?.[1] ?? stderr)
}

/** A certificate for names that SelfSigned would leave out: as a thief of the key would make it. */
function stolen(...names: readonly string[]): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return authority.sign(privateKey, names, new Date(), DAY_MS)
}

test('OpenSSL believes it, for every name and address that it is for', async () => {
  const names = ['localhost', 'kim.local', 'shop.test', 'a.shop.localhost']
  const addresses = ['127.0.0.1', '::1', '192.168.0.7', 'fd00::7']
  const checks = [
    ...names.map(name => ['-verify_hostname', name]),
    ...addresses.map(address => ['-verify_ip', address]),
  ]
  const told = await Promise.all(checks.map(check => verify(chain, ...check)))
  assert.deepEqual(
    told,
    checks.map(() => 'OK'),
  )
  assert.match(await verify(chain, '-verify_hostname', 'shop.example'), /hostname mismatch/i)
  assert.match(await verify(chain, '-verify_ip', '203.0.113.9'), /IP address mismatch/i)
  assert.deepEqual(
    [...signed.names].sort(),
    [...names.slice(0, 3), ...addresses, '*.localhost', '*.shop.localhost'].sort(),
  )
})

test('a stolen key deceives nobody about a public name or address', async () => {
  const refusals = [
    'bank.example',
    'localhost.example',
    '203.0.113.9',
    '2001:db8::1',
    '*.kr',
    '172.32.0.1',
    '128.0.0.1',
  ]
  const told = await Promise.all(refusals.map(name => verify(stolen(name))))
  assert.deepEqual(
    told,
    refusals.map(() => 'permitted subtree violation'),
  )
  assert.equal(await verify(stolen('localhost', 'a.b.test', '172.31.255.255', 'fdff::1')), 'OK')
})

test('the authority signs servers alone, and no further authority', () => {
  const root = new X509Certificate(readFileSync(authority.file))
  assert.match(root.subject, /^O=Jumak for development on one machine\nCN=Jumak local authority [0-9a-f]{8}$/)
  assert.deepEqual(root.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  const leaf = new X509Certificate(chain)
  assert.deepEqual([root.ca, leaf.ca], [true, false])
  assert.ok(leaf.checkIssued(root) && leaf.verify(root.publicKey))
  assert.ok(leaf.checkPrivateKey(createPrivateKey(key)))
  assert.notEqual(leaf.serialNumber, new X509Certificate(stolen('localhost')).serialNumber)
})

test("OpenSSL's client, Python and Node connect with it and check everything", async t => {
  const server = tls.createServer({ cert: chain, key }, socket => socket.on('error', () => {}).end('hello\n'))
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const client = tls.connect({ port, host: '127.0.0.1', ca: readFileSync(authority.file) })
  assert.equal(String((await once(client, 'data'))[0]), 'hello\n')
  client.destroy()

  for (const version of ['-tls1_2', '-tls1_3']) {
    const checks = ['-verify_return_error', '-x509_strict', '-verify_hostname', 'localhost', '-CAfile', authority.file]
    const to = ['s_client', version, '-connect', `127.0.0.1:${port}`, '-servername', 'localhost']
    const child = run('openssl', [...to, ...checks])
    child.child.stdin!.end()
    assert.match((await child).stdout, /Verify return code: 0 \(ok\)/)
  }

  const script = `
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
context.verify_flags |= ssl.VERIFY_X509_STRICT
for name in sys.argv[3:]:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=name) as connection:
                print(name, connection.recv(100))
        except ssl.SSLCertVerificationError as error:
            print(name, error.verify_message)
`
  const asked = ['localhost', '127.0.0.1', '::1', 'b.shop.localhost', 'shop.example']
  const { stdout } = await run('python3', ['-c', script, String(port), authority.file, ...asked])
  const lines = stdout.trim().split('\n')
  assert.deepEqual(
    lines.slice(0, 4),
    asked.slice(0, 4).map(name => `${name} b'hello\\n'`),
  )
  assert.match(lines[4]!, /Hostname mismatch/)
})

test('it stays until a third of its life is over, the machine has other addresses, or the clock was set back', () => {
  let now = authority.until.getTime() - 3000 * DAY_MS
  let addresses = ['192.168.0.7']
  const wanted = () => ({ bind, hosts: [] })
  const own = new SelfSigned({
    authority,
    wanted,
    log: silent,
    now: () => now,
    machine: () => ({ hostName: 'kim', addresses }),
  })
  const leaf = () => new X509Certificate(own.signed.certificates[0]!.chain)
  const first = own.signed
  assert.equal(Date.parse(leaf().validTo) - now, 30 * DAY_MS)
  now += 9 * DAY_MS
  assert.deepEqual([own.renew(), own.signed === first], [false, true])
  now += DAY_MS
  assert.equal(own.renew(), true)
  assert.notEqual(own.signed.certificates[0]!.key, first.certificates[0]!.key)
  assert.equal(Date.parse(leaf().validTo) - now, 30 * DAY_MS)
  addresses = ['192.168.0.8']
  assert.equal(own.renew(), true)
  assert.match(leaf().subjectAltName!, /IP Address:192\.168\.0\.8/)
  assert.equal(own.renew(), false)
  now -= DAY_MS
  assert.equal(own.renew(), true)
  assert.ok(Date.parse(leaf().validFrom) < now)
})

test('names that it is not for, and an authority that ends meanwhile, are told once', () => {
  let now = authority.until.getTime() - 3000 * DAY_MS
  let names = ['shop.example']
  const lines: string[] = []
  const log = { warn: (line: string) => void lines.push(line), error: (line: string) => void lines.push(line) }
  const own = new SelfSigned({ authority, wanted: () => ({ bind, hosts: names }), log, now: () => now, machine })
  assert.match(
    lines.join('\n'),
    /^the certificate of --tls self-signed is not for shop\.example, 203\.0\.113\.9, where clients will refuse it: /,
  )
  own.renew()
  now += 11 * DAY_MS
  own.renew()
  assert.equal(lines.length, 1)
  names = ['shop.kr', 'shop.test']
  assert.equal(own.renew(), true)
  assert.match(lines[1]!, /is not for shop\.kr, 203/)
  const last = own.signed
  now += 4000 * DAY_MS
  own.renew()
  own.renew()
  assert.match(lines[2]!, /^there is no new certificate of --tls self-signed: .*expired on /)
  assert.deepEqual([lines.length, own.signed], [3, last])
})
