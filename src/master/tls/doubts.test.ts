import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { AppConfig, Config } from '../../config/types.ts'
import type { Site, SiteName } from '../../sites/model.ts'
import { NO_SITES } from '../../sites/testing/no-sites.ts'
import { doubtsOf, hiddenEntries, hostsOf, type NamedEntry, unservedNames } from './doubts.ts'
import { openMemory, sharedUser } from './key-memory.ts'
import { testEntry } from './testing/entry.ts'

const isRoot = process.geteuid?.() === 0
const NOBODY = { uid: 65534, gid: 65534, userName: '' }

function named(names: readonly string[], files = { certificate: '/x.pem', key: '/x.key' }): NamedEntry {
  return { entry: testEntry([files], { origin: 'jumak.toml:3 [[tls]]' }), names }
}

function config(hosts: readonly string[], changes: Partial<Config> = {}): Config {
  const app = { name: 'shop', hosts, identity: NOBODY } as unknown as AppConfig
  return {
    apps: [app],
    sites: NO_SITES,
    gatewayIdentity: NOBODY,
    ...changes,
  } as Config
}

for (const [names, hosts, unserved] of [
  [['a.kr'], ['a.kr'], []],
  [['a.kr', 'b.kr'], ['a.kr'], ['b.kr']],
  [['a.kr'], [], []],
  [['x.y.a.kr'], ['*.a.kr'], []],
  [['a.kr'], ['*.a.kr'], ['a.kr']],
  [['*.a.kr'], ['*.a.kr'], []],
  [['*.a.kr'], ['shop.a.kr'], []],
  [['*.a.kr'], ['shop.x.a.kr'], ['*.a.kr']],
  [['*.b.a.kr'], ['*.a.kr'], []],
  [['*.a.kr'], ['a.kr'], ['*.a.kr']],
  [['::1', '127.0.0.1'], ['[::1]'], ['127.0.0.1']],
  [['kr'], ['a.kr'], ['kr']],
] as const)
  test(`a certificate for ${names.join(', ')}, applications for ${hosts.join(', ') || 'all'}`, () => {
    const told = unservedNames([named(names)], hostsOf(config(hosts)))
    assert.deepEqual(
      told,
      unserved.length === 0 ? [] : [`jumak.toml:3 [[tls]]: no application has the host ${unserved.join(', ')}`],
    )
  })

test('an entry whose names others before it have is told', () => {
  const entry = (origin: string, names: readonly string[], isDefault = false): NamedEntry => ({
    entry: testEntry([], { origin, isDefault }),
    names,
  })
  const first = entry('first', ['a.kr', 'b.kr'])
  assert.deepEqual(hiddenEntries([first, entry('second', ['b.kr', 'c.kr']), entry('nameless', [])]), [])
  assert.deepEqual(hiddenEntries([first, entry('default', ['a.kr'], true)]), [])
  const [told, ...more] = hiddenEntries([first, entry('second', ['b.kr', 'a.kr'])])
  assert.match(told!, /^second: no client gets its certificate: entries before it have b\.kr, a\.kr already\. RSA and/)
  assert.deepEqual(more, [])
})

test('an application without hosts has all names', () => {
  const apps = [...config(['a.kr']).apps, ...config([]).apps]
  assert.deepEqual(unservedNames([named(['b.kr'])], hostsOf(config([], { apps }))), [])
})

test('where there are sites, they have the names', () => {
  const told = (...names: readonly SiteName[][]) => {
    const sites = names.map(own => ({ names: own })) as unknown as readonly Site[]
    return unservedNames([named(['a.kr', 'x.b.kr'])], hostsOf(config(['a.kr'], { sites: { ...NO_SITES, sites } })))
  }
  const [exact, suffix] = [
    { kind: 'exact', name: 'a.kr' },
    { kind: 'suffix', name: '.b.kr' },
  ] as const
  assert.deepEqual(told([exact]), ['jumak.toml:3 [[tls]]: no site has the host x.b.kr'])
  assert.deepEqual(told([exact, suffix]), [])
  assert.deepEqual(told([exact], []), [])
  assert.deepEqual(told([exact], [{ kind: 'prefix', name: 'www.' }]), [])
})

test('with root: a key that an application may read, and a step of a path that it may change', () => {
  const directory = mkdtempSync('/tmp/jumak-doubts-')
  try {
    chmodSync(directory, 0o755)
    mkdirSync(join(directory, 'loose'))
    const files = { certificate: join(directory, 'loose/site.pem'), key: join(directory, 'loose/site.key') }
    for (const file of Object.values(files)) writeFileSync(file, 'x', { mode: 0o600 })
    const told = () => doubtsOf(config([]), [named([], files)]).filter(line => !line.includes('suid_dumpable'))
    assert.deepEqual(told(), [])
    chmodSync(join(directory, 'loose'), 0o777)
    chmodSync(files.key, 0o644)
    const [readable, changeable, ...more] = told()
    if (isRoot) {
      assert.equal(
        readable,
        `${files.key}: user 65534, as whom an application runs, may read it: chown root, chmod 600`,
      )
      assert.match(changeable!, /site\.pem: another user than root may change it, and so decide what is served/)
      chownSync(files.key, NOBODY.uid, NOBODY.gid)
      chmodSync(files.key, 0o400)
      assert.equal(told()[0], readable)
    } else assert.equal(readable, undefined)
    assert.deepEqual(more, [])
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('who can read the memory that has the keys', () => {
  if (isRoot) assert.equal(sharedUser(), null, 'there is a warning of root already')
  else
    assert.match(sharedUser()!, /as the user that holds the keys of TLS.* with root and a --user for each they cannot$/)
})

test('a machine that shows the memory of processes that were root', () => {
  const directory = mkdtempSync('/tmp/jumak-memory-')
  try {
    const file = join(directory, 'suid_dumpable')
    const told = (value: string, of: Config) => {
      writeFileSync(file, value)
      return openMemory(of, file).length
    }
    assert.equal(told('1\n', config([])), 1)
    for (const value of ['0\n', '2\n']) assert.equal(told(value, config([])), 0)
    assert.equal(told('1\n', config([], { gatewayIdentity: { ...NOBODY, uid: 7 } })), 0)
    assert.deepEqual(openMemory(config([]), join(directory, 'none')), [])
  } finally {
    rmSync(directory, { recursive: true })
  }
})
