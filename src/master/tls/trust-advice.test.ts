import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type TrustMachine, tellAuthority } from './trust-advice.ts'

const authority = { file: '/home/kim/jumak/certificate.pem', until: new Date('2036-11-27T10:00:00Z'), isNew: true }

function machine(platform: NodeJS.Platform, ...paths: string[]): TrustMachine {
  return { platform, has: path => paths.includes(path), isRoot: false }
}

function commands(on: TrustMachine, file = authority.file) {
  return Object.fromEntries(tellAuthority({ ...authority, file }, on, '').facts.map(({ label, text }) => [label, text]))
}

test('a new authority comes with the commands of this platform', () => {
  const debian = commands(machine('linux', '/usr/sbin/update-ca-certificates'))
  assert.deepEqual(Object.keys(debian), ['system', 'Chromium', 'Firefox', 'curl'])
  assert.match(
    debian['system']!,
    /^sudo cp \/home\/kim\/jumak\/certificate\.pem .*\.crt && sudo update-ca-certificates$/,
  )
  assert.match(debian['Chromium']!, /certutil -d sql:\$HOME\/\.pki\/nssdb -A -t C,, /)
  assert.match(debian['curl']!, /^curl --cacert \/home\/kim\/jumak\/certificate\.pem /)
  assert.match(commands(machine('linux', '/etc/pki/ca-trust/source/anchors'))['system']!, /update-ca-trust$/)
  assert.match(commands(machine('linux', '/etc/ca-certificates/trust-source/anchors'))['system']!, /^sudo trust anchor/)
  assert.deepEqual(Object.keys(commands(machine('linux'))), ['Chromium', 'Firefox', 'curl'])
  assert.match(commands(machine('darwin'))['macOS']!, /^security add-trusted-cert -r trustRoot -p ssl /)
})

test('a path is quoted for a shell', () => {
  assert.match(commands(machine('linux'), "/home/k i'm/c.pem")['curl']!, /^curl --cacert '\/home\/k i'\\''m\/c\.pem' /)
})

test('an authority that was there before has one line', () => {
  const told = tellAuthority({ ...authority, isNew: false }, machine('linux'), '')
  assert.deepEqual(told.facts, [])
  assert.equal(told.headline, 'certificates are signed by the local authority /home/kim/jumak/certificate.pem')
})

test('with --user it says whose authority it is', () => {
  const told = tellAuthority(authority, { ...machine('linux'), isRoot: true }, 'user www-data')
  assert.match(
    told.headline,
    /certificate\.pem, which belongs to root and not to user www-data; no browser believes it/,
  )
})
