import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Affinity } from '../../config/types.ts'
import { NO_SITES } from '../../sites/testing/no-sites.ts'
import { AffinityKey } from './affinity-key.ts'

const isRoot = process.geteuid?.() === 0

function temporary(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'jumak-key-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

function take(affinityKey: string | null, environment = {}, affinity: Affinity = { kind: 'cookie' }) {
  const warnings: string[] = []
  const own = new AffinityKey({ environment, warn: text => warnings.push(text) })
  return { key: own.of({ apps: [{ affinity: null }, { affinity }], sites: NO_SITES, affinityKey }), warnings }
}

/** `home` is given to that user. Root has another directory, and a test may not be for ordinary users only: CI runs as root. */
function asOrdinaryUser(home: string, work: () => void): void {
  const nobody = 65534
  if (isRoot) {
    chownSync(home, nobody, nobody)
    process.seteuid!(nobody)
  }
  try {
    work()
  } finally {
    if (isRoot) process.seteuid!(0)
  }
}

test('the key is made once, complete, for its owner only, and is the same at the next start', t => {
  const path = join(temporary(t), 'key')
  const first = take(path)
  assert.match(first.key, /^[0-9a-f]{64}$/)
  assert.deepEqual([readFileSync(path).toString('hex'), statSync(path).mode & 0o777], [first.key, 0o600])
  assert.deepEqual(take(path), first)
  assert.deepEqual(first.warnings, [])
  assert.deepEqual(readdirSync(join(path, '..')), ['key'], 'nothing else is left')
})

test('auto: systemd’s directory comes first', t => {
  const directory = temporary(t)
  const environment = { STATE_DIRECTORY: `${join(directory, 'state')}:/elsewhere`, HOME: '/nowhere' }
  assert.deepEqual(take(null, environment).warnings, [])
  assert.deepEqual(readdirSync(join(directory, 'state')), ['affinity.key'])
})

test('auto: an ordinary user has it at home', t => {
  const home = temporary(t)
  asOrdinaryUser(home, () => {
    assert.deepEqual(take(null, { HOME: home }).warnings, [])
    assert.deepEqual(take(null, { HOME: home, XDG_STATE_HOME: join(home, 'x') }).warnings, [])
  })
  assert.deepEqual(readdirSync(join(home, '.local/state/jumak')), ['affinity.key'])
  assert.deepEqual(readdirSync(join(home, 'x/jumak')), ['affinity.key'])
})

test('only cookies have a key that is kept, and nobody else needs a file', t => {
  const path = join(temporary(t), 'key')
  assert.deepEqual(take(path, {}, null).warnings, [])
  const [one, two] = [take(path, {}, { kind: 'address' }), take(path, {}, { kind: 'address' })]
  assert.match(one.key, /^[0-9a-f]{64}$/)
  assert.notEqual(one.key, two.key)
  assert.deepEqual(readdirSync(join(path, '..')), [])
})

test('the first application with cookies may come later: what was in memory is kept, unless there is a key already', t => {
  const path = join(temporary(t), 'key')
  const warnings: string[] = []
  const make = () => new AffinityKey({ environment: {}, warn: text => warnings.push(text) })
  const apps = (...kinds: Affinity[]) => ({
    apps: kinds.map(affinity => ({ affinity })),
    sites: NO_SITES,
    affinityKey: path,
  })
  const first = make()
  const inMemory = first.of(apps({ kind: 'address' }))
  assert.deepEqual(readdirSync(join(path, '..')), [])
  assert.equal(first.of(apps({ kind: 'address' }, { kind: 'cookie' })), inMemory)
  assert.equal(readFileSync(path).toString('hex'), inMemory)
  const second = make()
  assert.notEqual(second.of(apps(null)), inMemory)
  assert.equal(second.of(apps({ kind: 'cookie' })), inMemory)
  // Once taken it stays, whatever becomes of the file and of the applications.
  writeFileSync(path, Buffer.alloc(32, 7))
  assert.deepEqual([second.of(apps({ kind: 'cookie' })), second.of(apps(null))], [inMemory, inMemory])
  assert.deepEqual(warnings, [])
})

test('an upstream with sticky cookies needs the key, too', t => {
  const path = join(temporary(t), 'key')
  const own = new AffinityKey({ environment: {}, warn: assert.fail })
  const sticky = { cookie: 'srv', ttl: null, path: '/', domain: null, sameSite: 'Lax' } as const
  const of = (...upstreams: { readonly sticky: typeof sticky | null }[]) =>
    own.of({ apps: [], sites: { upstreams }, affinityKey: path })
  of({ sticky: null })
  assert.deepEqual(readdirSync(join(path, '..')), [])
  assert.equal(of({ sticky: null }, { sticky }), readFileSync(path).toString('hex'))
})

test('what cannot be trusted is not used: a warning says so, and a key in memory does', t => {
  const directory = temporary(t)
  const make = (name: string, mode: number, bytes = 32) => {
    const path = join(directory, name)
    writeFileSync(path, Buffer.alloc(bytes, 7))
    chmodSync(path, mode)
    return path
  }
  const right = make('right', 0o600)
  assert.deepEqual(take(right), { key: '07'.repeat(32), warnings: [] })
  const link = join(directory, 'link')
  symlinkSync(right, link)
  mkdirSync(join(directory, 'inner'))
  const cases: [string, RegExp][] = [
    [make('readable', 0o640), /others than this user may read or change/],
    [make('short', 0o600, 31), /no file of 32 bytes: remove it/],
    [link, /is a symbolic link/],
    [join(directory, 'inner'), /no file of 32 bytes/],
    [join(directory, 'missing/key'), /ENOENT/],
  ]
  for (const [path, problem] of cases) {
    const { key, warnings } = take(path)
    assert.match(key, /^[0-9a-f]{64}$/)
    assert.notEqual(key, '07'.repeat(32), path)
    assert.equal(warnings.length, 1)
    assert.match(warnings[0]!, problem)
    assert.match(warnings[0]!, /cannot be kept.*--affinity-key/)
  }
})

test('root keeps it in no directory that others could change', { skip: !isRoot && 'needs root' }, t => {
  const directory = temporary(t)
  mkdirSync(join(directory, 'open/inner'), { recursive: true })
  chmodSync(join(directory, 'open'), 0o777)
  symlinkSync(join(directory, 'open/inner'), join(directory, 'way'))
  for (const path of ['open/key', 'open/inner/key', 'way/key'])
    assert.match(take(join(directory, path)).warnings[0]!, /other users than root can change/, path)
  assert.deepEqual(readdirSync(join(directory, 'open/inner')), [])
})
