/** Certificates that change while they are in use, and warnings before their end. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Authority, type Certificate } from '../../../test/support/certificates.ts'
import type { TlsConfig, TlsEntry } from '../../config/types.ts'
import type { GatewayTls } from '../../control/tls-messages.ts'
import { Certificates } from './certificates.ts'
import { ExpiryWarnings } from './expiry.ts'
import type { SelfSigned } from './self-signed.ts'
import { testEntry } from './testing/entry.ts'

const authority = new Authority()
const before = authority.issue({ names: ['before.example'], hasRoot: true })
const after = authority.issue({ names: ['after.example'], hasRoot: true })
const LOOK_MS = 2000
const DAY_MS = 24 * 3600_000

/** Files as certbot and Kubernetes place them: links to a directory that is exchanged. */
function setup(t: TestContext, staple: string | null = null) {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-certificates-'))
  t.after(() => rmSync(directory, { recursive: true }))
  let count = 0
  const place = ({ certificate, key }: Certificate) => {
    const real = join(directory, `real${++count}`)
    mkdirSync(real)
    cpSync(certificate, join(real, 'tls.crt'))
    cpSync(key, join(real, 'tls.key'))
    symlinkSync(real, join(directory, 'new'))
    renameSync(join(directory, 'new'), join(directory, '..data'))
  }
  place(before)
  const path = (name: string) => join(directory, '..data', name)
  const config: TlsConfig = {
    isSelfSigned: false,
    flat: { minVersion: 'TLSv1.2', ciphers: null },
    entries: [testEntry([], { certificates: [{ certificate: path('tls.crt'), key: path('tls.key'), staple }] })],
  }
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] })
  const changes: GatewayTls[] = []
  const lines: string[] = []
  const warned: string[] = []
  const add = (line: string) => void lines.push(line)
  const certificates = new Certificates({
    config,
    selfSigned: null,
    log: { info: add, warn: line => void warned.push(line), error: add },
    onChange: tls => changes.push(tls),
  })
  certificates.start()
  const look = () => t.mock.timers.tick(LOOK_MS)
  return {
    directory,
    config,
    certificates,
    changes,
    lines,
    warned,
    place,
    look,
    tick: (ms: number) => t.mock.timers.tick(ms),
  }
}

test('new files behind a link are in force when they have stood still for a look', t => {
  const { changes, lines, place, look } = setup(t)
  look()
  assert.equal(changes.length, 0)
  place(after)
  look()
  assert.equal(changes.length, 0)
  look()
  assert.deepEqual(
    changes.map(({ entries }) => entries[0]!.names),
    [['after.example']],
  )
  assert.match(lines.join('\n'), /^new certificate for after\.example, valid until \d{4}-\d\d-\d\d$/)
  look()
  assert.equal(changes.length, 1)
})

test('a bad new pair keeps the old one, is told once, and the next right one counts', t => {
  const { certificates, changes, lines, place, look } = setup(t)
  place({ ...after, key: before.key })
  for (let i = 0; i < 5; i++) look()
  assert.equal(changes.length, 0)
  assert.equal(lines.length, 1)
  assert.match(
    lines[0]!,
    /the ones before stay in use: tls-key .* it is the key of another certificate than that of after\.example/,
  )
  assert.match(certificates.states[0]!.problem, /another certificate/)
  place(after)
  look()
  look()
  assert.equal(changes.length, 1)
  assert.equal(certificates.states[0]!.problem, '')
})

test('an OCSP response that ends while it is in use is told once', t => {
  const { directory, config, warned, look, tick } = setup(t, authority.ocspResponse(before, 1))
  assert.equal(config.entries[0]!.certificates[0]!.staple?.startsWith(directory), false)
  look()
  assert.deepEqual(warned, [])
  t.mock.method(Date, 'now', () => Date.parse('2036-01-01'))
  tick(10 * LOOK_MS)
  assert.match(warned.join('\n'), /^tls-staple .*: its time was over on .* put a new one in its place$/)
})

test('HUP reads at once; what is wrong changes nothing', t => {
  const { certificates, changes, config, place } = setup(t)
  place({ ...after, key: before.key })
  assert.match(certificates.reload(config)[0]!, /another certificate/)
  assert.equal(changes.length, 0)
  place(after)
  assert.deepEqual(certificates.reload(config), [])
  assert.deepEqual(certificates.states[0]!.names, ['after.example'])
  assert.equal(changes.length, 1)
})

test('each hour there is a new secret of tickets, and the one before stays', t => {
  const { certificates, changes, tick } = setup(t)
  const [first] = certificates.secrets.secrets
  tick(3600_000)
  assert.equal(changes.length, 1)
  const [second, kept, ...more] = certificates.secrets.secrets
  assert.deepEqual([kept, more], [first, []])
  assert.notEqual(second, first)
  tick(3600_000)
  assert.deepEqual(certificates.secrets.secrets.slice(1), [second])
})

test('a new master keeps the secrets of the old one, and their hour', t => {
  const { certificates, changes, tick } = setup(t)
  const [newest, older] = ['ab'.repeat(64), 'cd'.repeat(64)]
  certificates.inherit({ secrets: [newest, older], age: 3_540_000 })
  assert.deepEqual(certificates.secrets.secrets, [newest, older])
  assert.equal(changes.length, 1)
  tick(59_000)
  assert.deepEqual(certificates.secrets.secrets, [newest, older])
  tick(2000)
  assert.equal(certificates.secrets.secrets[1], newest)
  assert.ok(certificates.secrets.age < 3_540_000)
})

test('a broken entry keeps its certificate, and the others get their new ones', t => {
  const { directory, config, place, look } = setup(t)
  const [entry] = config.entries as [TlsEntry]
  const other = { certificate: join(directory, 'other.pem'), key: join(directory, 'other.key') }
  cpSync(before.certificate, other.certificate)
  cpSync(before.key, other.key)
  const lines: string[] = []
  const certificates = new Certificates({
    config: { ...config, entries: [entry, { ...entry, certificates: [{ ...other, staple: null }] }] },
    selfSigned: null,
    log: { info() {}, warn() {}, error: line => lines.push(line) },
    onChange() {},
  })
  certificates.start()
  rmSync(other.key)
  place(after)
  look()
  look()
  look()
  assert.deepEqual(
    certificates.states.map(({ names, problem }) => [names, problem !== '']),
    [
      [['after.example'], false],
      [['before.example'], true],
    ],
  )
  assert.equal(lines.length, 1)
})

test('what HUP has refused is not told again, and is in the status', t => {
  const { certificates, config, lines, place, look } = setup(t)
  place({ ...after, key: before.key })
  assert.equal(certificates.reload(config).length, 1)
  for (let i = 0; i < 3; i++) look()
  assert.deepEqual(lines, [])
  assert.match(certificates.states[0]!.problem, /another certificate/)
})

test('a certificate that has expired while it is in use does not stop a reload', t => {
  const { certificates, config, changes } = setup(t)
  t.mock.method(Date, 'now', () => Date.parse('2100-01-01'))
  assert.deepEqual(certificates.reload(config), [])
  assert.equal(changes.length, 1)
})

test('30, 7 and 1 days before the end, and after it, the log says so once', () => {
  const now = Date.now()
  const leaf = new X509Certificate(
    readFileSync(authority.issue({ names: ['soon.example'], until: new Date(now + 100 * DAY_MS) }).certificate),
  )
  const lines: string[] = []
  const warnings = new ExpiryWarnings(line => lines.push(line))
  const said = (daysLeft: number) => {
    lines.length = 0
    warnings.look([leaf], now + (100 - daysLeft) * DAY_MS)
    return lines.map(line => line.replace(/\d{4}-\d\d-\d\d/, 'DAY'))
  }
  assert.deepEqual(said(40), [])
  assert.deepEqual(said(29), ['the certificate for soon.example ends in less than 30 days, on DAY: renew it'])
  assert.deepEqual(said(28), [])
  assert.deepEqual(said(6), ['the certificate for soon.example ends in less than 7 days, on DAY: renew it'])
  assert.deepEqual(said(0.5), ['the certificate for soon.example ends within a day, on DAY: renew it'])
  assert.deepEqual(said(-1), ['the certificate for soon.example has expired on DAY: browsers refuse it'])
  assert.deepEqual(said(-2), [])
})

test('the self-signed certificate has an entry with the flat settings, and is the default where there is no other', t => {
  const { config } = setup(t)
  const signed = { names: ['localhost'], certificates: [{ chain: 'chain', key: 'key', staple: '', stapleUntil: null }] }
  let isRenewed = false
  const selfSigned = { signed, renew: () => isRenewed } as unknown as SelfSigned
  const log = { info() {}, warn() {}, error() {} }
  const changes: GatewayTls[] = []
  const flat = { minVersion: 'TLSv1.3', ciphers: null } as const
  const start = (entries: TlsConfig['entries']) => {
    const onChange = (tls: GatewayTls) => void changes.push(tls)
    const own = new Certificates({ config: { entries, isSelfSigned: true, flat }, selfSigned, log, onChange })
    own.start()
    return own.gateway.entries
  }
  const [alone] = start([])
  assert.deepEqual({ ...alone, ...signed }, alone)
  assert.deepEqual([alone!.isDefault, alone!.minVersion, alone!.clients], [true, 'TLSv1.3', null])
  assert.deepEqual(
    start(config.entries).map(({ isDefault }) => isDefault),
    [true, false],
  )
  t.mock.timers.tick(LOOK_MS)
  assert.equal(changes.length, 0)
  isRenewed = true
  t.mock.timers.tick(LOOK_MS)
  assert.equal(changes.length, 2)
})
