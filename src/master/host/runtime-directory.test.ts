import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { OperatorError } from '../errors.ts'
import { createRuntimeDirectory, type RuntimeDirectory } from './runtime-directory.ts'

let temporary: string
const made: RuntimeDirectory[] = []
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'jt-'))
  // Only root may change names in it, and everybody may pass.
  chmodSync(temporary, 0o755)
})
afterEach(() => {
  for (const directory of made.splice(0)) directory.close()
  rmSync(temporary, { recursive: true, force: true })
})

async function create(options: Partial<Parameters<typeof createRuntimeDirectory>[0]> = {}): Promise<RuntimeDirectory> {
  const directory = await createRuntimeDirectory({ temporaryDirectory: temporary, ...options })
  made.push(directory)
  return directory
}

const nobodyElse = { identity: null, gatewayIdentity: null }
const modeOf = (path: string) => statSync(path).mode & 0o7777

/** What a killed master leaves: a socket file that nobody answers, and directories of applications. */
async function makeStale(name: string): Promise<string> {
  const path = join(temporary, name)
  mkdirSync(path)
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  await once(spawn(process.execPath, ['-e', script, join(path, 'master.sock')], { stdio: 'inherit' }), 'exit')
  mkdirSync(join(path, 'shop'))
  for (const file of ['control.sock', 'w3.sock', 'w3.out', 'w4.sock.0', 'w4.sock.17'])
    writeFileSync(join(path, 'shop', file), '')
  return path
}

test('with one user it is private, and goes with what is in it', async () => {
  const directory = await create()
  const { path } = directory
  assert.match(basename(path), /^jumak-\w+$/)
  const [shop, api] = [directory.add('shop', nobodyElse), directory.add('api', nobodyElse)]
  assert.deepEqual([modeOf(path), modeOf(shop.path), modeOf(api.path)], [0o700, 0o700, 0o700])
  assert.equal(shop.controlSocket, join(path, 'shop/control.sock'))
  writeFileSync(join(shop.path, 'w1.out'), '')
  directory.remove(shop)
  assert.deepEqual(readdirSync(path).sort(), ['api', 'master.sock'])
  directory.close()
  directory.close()
  assert.deepEqual(readdirSync(temporary), [])
})

test('the directory that a killed master left is removed, with those of its applications', async () => {
  await makeStale('jumak-dead')
  const directory = await create()
  assert.deepEqual(readdirSync(temporary), [basename(directory.path)])
})

test('the directory of a master that lives stays, though the sockets of its applications are gone', async () => {
  const first = await create()
  first.add('shop', nobodyElse)
  utimesSync(first.path, 1, 1)
  await create()
  assert.ok(existsSync(join(first.path, 'shop')))
})

test('an empty directory stays while its master may still be starting, and goes when it is old', async () => {
  mkdirSync(join(temporary, 'jumak-new'))
  mkdirSync(join(temporary, 'jumak-old'))
  utimesSync(join(temporary, 'jumak-old'), 1, 1)
  await create()
  const names = readdirSync(temporary)
  assert.ok(names.includes('jumak-new'))
  assert.ok(!names.includes('jumak-old'))
})

test('a path that only looks like ours stays: a directory with other files, a file, a symbolic link', async () => {
  const stale = await makeStale('jumak-notes')
  writeFileSync(join(stale, 'shop/thesis.txt'), '')
  mkdirSync(join(temporary, 'jumak-backup/data'), { recursive: true })
  utimesSync(join(temporary, 'jumak-backup'), 1, 1)
  writeFileSync(join(temporary, 'jumak-file'), '')
  mkdirSync(join(temporary, 'elsewhere'))
  symlinkSync('elsewhere', join(temporary, 'jumak-link'))
  utimesSync(join(temporary, 'elsewhere'), 1, 1)
  await create()
  const names = ['jumak-notes/shop/thesis.txt', 'jumak-backup/data', 'jumak-file', 'jumak-link', 'elsewhere']
  for (const name of names) assert.ok(existsSync(join(temporary, name)), name)
})

test('a temporary directory that is too deep for sockets, or missing, is one sentence', async () => {
  const deep = join(temporary, 'd'.repeat(80))
  mkdirSync(deep)
  await assert.rejects(
    create({ temporaryDirectory: deep }),
    (error: unknown) => error instanceof OperatorError && /--temp-dir/.test(error.message),
  )
  assert.deepEqual(readdirSync(deep), [])
  await assert.rejects(create({ temporaryDirectory: join(temporary, 'missing') }), /cannot create a directory/)
  const directory = await create()
  const long = 'n'.repeat(103 - directory.path.length - '//w12345678.sock'.length + 1)
  assert.throws(() => directory.add(long, nobodyElse), /may have 103 bytes, this one has 104: .*/)
  directory.add(long.slice(1), nobodyElse)
  // The sockets of slots have longer paths.
  const ofSlots = await create({ hasSlotSockets: true })
  assert.equal(ofSlots.path.length, directory.path.length)
  assert.throws(() => ofSlots.add(long.slice(4), nobodyElse), /this one has 104: .*w12345678\.sock\.255/)
  ofSlots.add(long.slice(5), nobodyElse)
})

test('what a killed worker leaves goes when it is forgotten: its socket, or those of its slots', async () => {
  const shop = (await create()).add('shop', nobodyElse)
  const names = ['w1.sock', 'w1.sock.0', 'w1.sock.1', 'w1.sock.2', 'w11.sock.0', 'w2.sock', 'w2.sock.0']
  for (const name of names) writeFileSync(join(shop.path, name), '')
  shop.forget(1)
  assert.deepEqual(readdirSync(shop.path).sort(), ['w11.sock.0', 'w2.sock', 'w2.sock.0'])
  shop.forget(2)
  shop.forget(3)
  assert.deepEqual(readdirSync(shop.path), ['w11.sock.0'])
})

test("systemd's directory comes first, then the user's own; one that cannot be used is skipped", async () => {
  for (const name of ['systemd', 'xdg']) mkdirSync(join(temporary, name))
  const parentOf = async (environment: Record<string, string>) =>
    basename(dirname((await create({ environment })).path))
  const systemd = `${join(temporary, 'systemd')}:/run/other`
  const xdg = join(temporary, 'xdg')
  assert.equal(await parentOf({ RUNTIME_DIRECTORY: systemd, XDG_RUNTIME_DIR: xdg }), 'systemd')
  assert.equal(await parentOf({ XDG_RUNTIME_DIR: xdg }), 'xdg')
  assert.equal(await parentOf({ XDG_RUNTIME_DIR: join(temporary, 'none') }), basename(temporary))
  assert.equal(await parentOf({ XDG_RUNTIME_DIR: 'xdg', RUNTIME_DIRECTORY: '' }), basename(temporary))
})

const yes = () => true
const no = () => false

test('what is in the place of a directory or of a socket of ours is removed, and nothing else', async () => {
  const directory = await create()
  const { path } = directory
  const shop = directory.add('shop', nobodyElse)
  const elsewhere = join(temporary, 'elsewhere')
  mkdirSync(elsewhere)
  writeFileSync(join(elsewhere, 'kept'), '')
  assert.deepEqual([directory.repair(), shop.repair(no)], ['', 'had lost its control.sock, which was made again'])
  for (const put of [
    () => writeFileSync(shop.controlSocket, ''),
    () => symlinkSync(join(elsewhere, 'kept'), shop.controlSocket),
    () => mkdirSync(shop.controlSocket),
  ]) {
    put()
    assert.match(shop.repair(no), /^had something else in the place of its control\.sock/)
    assert.ok(!existsSync(shop.controlSocket))
  }
  // A directory that is not empty is moved away.
  mkdirSync(join(shop.controlSocket, 'theirs'), { recursive: true })
  assert.match(shop.repair(no), /^had something else in the place/)
  const [moved] = readdirSync(shop.path)
  assert.ok(existsSync(join(shop.path, moved!, 'theirs')))
  rmSync(join(shop.path, moved!), { recursive: true })
  for (const [place, mend] of [
    [shop.path, () => shop.repair(yes)],
    [path, () => directory.repair()],
  ] as const) {
    chmodSync(place, 0o777)
    assert.equal(mend(), 'had mode 777, and has mode 700 again')
    rmSync(place, { recursive: true })
    symlinkSync(elsewhere, place)
    assert.equal(mend(), 'had been replaced and was made again')
    assert.equal(lstatSync(place).mode & 0o777, 0o700)
  }
  rmSync(join(path, 'master.sock'))
  writeFileSync(join(path, 'master.sock'), '')
  assert.match(directory.repair(), /^had lost its master\.sock/)
  assert.ok(lstatSync(join(path, 'master.sock')).isSocket())
  assert.deepEqual(readdirSync(elsewhere), ['kept'])
})

test('a directory that has disappeared is made again at the same path, unless somebody else took the path', async () => {
  const directory = await create()
  const shop = directory.add('shop', nobodyElse)
  rmSync(directory.path, { recursive: true })
  assert.equal(directory.repair(), 'had disappeared and was made again')
  assert.equal(shop.repair(no), 'had disappeared and was made again')
  assert.equal(modeOf(directory.path), 0o700)
  rmSync(temporary, { recursive: true })
  assert.throws(
    () => directory.repair(),
    (error: unknown) => error instanceof OperatorError && error.message.includes(directory.path),
  )
})

const root = { skip: process.getuid?.() !== 0 && 'needs root, to give it to another user' }
const nobody = { uid: 65_534, gid: 65_534, userName: '' }
const games = { uid: 5, gid: 60, userName: '' }

test('each application owns its directory, and a gateway that is another user may only pass', root, async () => {
  const directory = await create({ users: [nobody, games] })
  const rights = (path: string) => {
    const { uid, gid, mode } = statSync(path)
    return [uid, gid, (mode & 0o7777).toString(8)]
  }
  assert.deepEqual(rights(directory.path), [0, 0, '711'])
  assert.deepEqual(rights(join(directory.path, 'master.sock')), [0, 0, '600'])
  const shop = directory.add('shop', { identity: nobody, gatewayIdentity: games })
  assert.deepEqual(rights(shop.path), [65_534, 60, '2710'])
  const same = directory.add('same', { identity: nobody, gatewayIdentity: nobody })
  assert.deepEqual(rights(same.path), [65_534, 65_534, '700'])
  const rootGateway = directory.add('root-gateway', { identity: nobody, gatewayIdentity: null })
  assert.deepEqual(rights(rootGateway.path), [65_534, 0, '2710'])
  const roots = directory.add('roots', { identity: null, gatewayIdentity: games })
  assert.deepEqual(rights(roots.path), [0, 60, '2710'])
  chmodSync(directory.path, 0o777)
  assert.equal(directory.repair(), 'had mode 777, and has mode 711 again')
  chmodSync(shop.path, 0o777)
  assert.equal(shop.repair(yes), 'had mode 777, and has mode 2710 again')
  chownSync(shop.path, nobody.uid, nobody.gid)
  assert.match(shop.repair(yes), /^had (mode|group) .* again$/)
  assert.deepEqual(rights(shop.path), [65_534, 60, '2710'])
})

test('a place that a user of ours cannot reach, or could replace, is not used', root, async () => {
  const [closed, own] = [join(temporary, 'closed'), join(temporary, 'own')]
  mkdirSync(closed, { mode: 0o700 })
  mkdirSync(own)
  chownSync(own, nobody.uid, nobody.gid)
  const users = [games, nobody]
  for (const parent of [closed, own]) {
    const other = await create({ users, environment: { XDG_RUNTIME_DIR: parent } })
    assert.equal(dirname(other.path), temporary)
  }
  const isError = (pattern: RegExp) => (error: unknown) => error instanceof OperatorError && pattern.test(error.message)
  await assert.rejects(
    create({ temporaryDirectory: closed, users }),
    isError(/user 5 cannot enter .* \(EACCES\).*--temp-dir/),
  )
  await assert.rejects(
    create({ temporaryDirectory: own, users }),
    isError(/user 65534 can replace .*own\/jumak-.*--temp-dir/),
  )
  assert.deepEqual([readdirSync(closed), readdirSync(own)], [[], []])
  const late = await create({ temporaryDirectory: own })
  assert.throws(() => late.add('shop', { identity: nobody, gatewayIdentity: null }), /user 65534 can replace/)
})

/** What a hostile user may put into its directory. Returns what must be as it was afterwards. */
function fill(directory: string): readonly [string, string][] {
  const elsewhere = join(temporary, 'elsewhere')
  mkdirSync(elsewhere)
  writeFileSync(join(elsewhere, 'kept'), 'kept', { mode: 0o600 })
  for (const name of ['control.sock', 'w1.sock', 'w2.out', 'w3.sock'])
    rmSync(join(directory, name), { force: true, recursive: true })
  symlinkSync(join(elsewhere, 'kept'), join(directory, 'control.sock'))
  symlinkSync(elsewhere, join(directory, 'w1.sock'))
  mkdirSync(join(directory, 'w2.out/deep'), { recursive: true })
  mkdirSync(join(directory, 'w3.sock'))
  writeFileSync(join(directory, 'w2.out/deep/w1.sock'), '')
  for (const name of ['control.sock', 'w2.out', 'w2.out/deep', 'w2.out/deep/w1.sock', 'w3.sock'])
    if (!lstatSync(join(directory, name)).isSymbolicLink()) chownSync(join(directory, name), nobody.uid, nobody.gid)
  return [[join(elsewhere, 'kept'), `0 ${(0o100600).toString(8)}`]]
}

function assertUnchanged(kept: readonly [string, string][]): void {
  for (const [path, expected] of kept) {
    const { uid, mode } = lstatSync(path)
    assert.equal(`${uid} ${mode.toString(8)}`, expected, path)
  }
}

test(
  'what a hostile user puts into its directory harms nobody: at repair, at the end, and at the next start',
  root,
  async () => {
    const directory = await create({ users: [nobody, games] })
    const shop = directory.add('shop', { identity: nobody, gatewayIdentity: games })
    const api = directory.add('api', { identity: games, gatewayIdentity: games })
    const kept = fill(shop.path)
    assert.match(shop.repair(no), /^had something else in the place of its control\.sock/)
    for (const worker of [1, 2, 3]) shop.forget(worker)
    assert.ok(existsSync(join(shop.path, 'w2.out/deep/w1.sock')), 'nothing is removed recursively')
    assert.ok(!existsSync(join(shop.path, 'w1.sock')))
    chmodSync(shop.path, 0)
    directory.close()
    assertUnchanged(kept)
    assert.ok(!existsSync(api.path), 'the directories of others go')
    assert.ok(existsSync(join(shop.path, 'w2.out/deep')))
    // The name can be used again.
    rmSync(join(directory.path, 'shop/w2.out'), { recursive: true })
  },
)

test('the next start removes what it can of a hostile user, and follows no link', root, async () => {
  const stale = await makeStale('jumak-dead')
  chownSync(join(stale, 'shop'), nobody.uid, nobody.gid)
  const kept = fill(join(stale, 'shop'))
  symlinkSync(join(temporary, 'elsewhere'), join(stale, 'link'))
  const directory = await create({ users: [nobody] })
  assertUnchanged(kept)
  assert.ok(existsSync(join(stale, 'shop/w2.out/deep/w1.sock')))
  assert.ok(!existsSync(join(stale, 'shop/w1.sock')))
  assert.ok(existsSync(join(stale, 'master.sock')), 'the next start knows it still')
  directory.close()
  rmSync(join(stale, 'shop/w2.out'), { recursive: true })
  rmSync(join(stale, 'shop/w3.sock'), { recursive: true })
  rmSync(join(stale, 'link'))
  await create({ users: [nobody] })
  assert.ok(!existsSync(stale))
})

test('an application that comes again finds its directory empty', root, async () => {
  const directory = await create({ users: [nobody] })
  const users = { identity: nobody, gatewayIdentity: nobody }
  const shop = directory.add('shop', users)
  const { path } = shop
  const next = directory.add('shop', users)
  assert.equal(next.path, `${path}.2`)
  mkdirSync(join(path, 'w9.sock/deep'), { recursive: true })
  directory.remove(shop)
  assert.ok(existsSync(next.path))
  directory.add('shop', { ...users, identity: games })
  assert.deepEqual(readdirSync(path), [])
  assert.equal(statSync(path).uid, games.uid)
})
