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
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { OperatorError } from '../errors.ts'
import { createRuntimeDirectory } from './runtime-directory.ts'

let temporary: string
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'jt-'))
})
afterEach(() => rmSync(temporary, { recursive: true }))

/** What a killed master leaves: a socket file that nobody answers. */
async function makeStale(name: string): Promise<void> {
  const path = join(temporary, name)
  mkdirSync(path)
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  await once(spawn(process.execPath, ['-e', script, join(path, 'control.sock')], { stdio: 'inherit' }), 'exit')
}

test('it is private to the user, and can be removed with its files', async () => {
  const directory = await createRuntimeDirectory({ temporaryDirectory: temporary })
  assert.match(basename(directory.path), /^jumak-\w+$/)
  assert.equal(statSync(directory.path).mode & 0o777, 0o700)
  assert.equal(directory.controlSocket, join(directory.path, 'control.sock'))
  writeFileSync(join(directory.path, 'w1.out'), '')
  directory.remove()
  directory.remove()
  assert.deepEqual(readdirSync(temporary), [])
})

test('the directory that a killed master left is removed', async () => {
  await makeStale('jumak-dead')
  writeFileSync(join(temporary, 'jumak-dead/w3.out'), '')
  const directory = await createRuntimeDirectory({ temporaryDirectory: temporary })
  assert.deepEqual(readdirSync(temporary), [basename(directory.path)])
})

test('the directory of a master that answers stays', async () => {
  mkdirSync(join(temporary, 'jumak-alive'))
  const server = createServer().listen(join(temporary, 'jumak-alive/control.sock'))
  await once(server, 'listening')
  await createRuntimeDirectory({ temporaryDirectory: temporary })
  assert.ok(readdirSync(temporary).includes('jumak-alive'))
  server.close()
})

test('a directory without a socket stays while its master may still be starting, and goes when it is old', async () => {
  mkdirSync(join(temporary, 'jumak-new'))
  mkdirSync(join(temporary, 'jumak-old'))
  utimesSync(join(temporary, 'jumak-old'), 1, 1)
  await createRuntimeDirectory({ temporaryDirectory: temporary })
  const names = readdirSync(temporary)
  assert.ok(names.includes('jumak-new'))
  assert.ok(!names.includes('jumak-old'))
})

test('a path that only looks like ours stays: a directory with other files, a file, a symbolic link', async () => {
  await makeStale('jumak-notes')
  writeFileSync(join(temporary, 'jumak-notes/thesis.txt'), '')
  writeFileSync(join(temporary, 'jumak-file'), '')
  mkdirSync(join(temporary, 'elsewhere'))
  symlinkSync('elsewhere', join(temporary, 'jumak-link'))
  utimesSync(join(temporary, 'elsewhere'), 1, 1)
  await createRuntimeDirectory({ temporaryDirectory: temporary })
  const names = readdirSync(temporary)
  for (const name of ['jumak-notes', 'jumak-file', 'jumak-link', 'elsewhere']) assert.ok(names.includes(name), name)
})

test('a temporary directory that is too deep for sockets, or missing, is one sentence', async () => {
  const deep = join(temporary, 'd'.repeat(80))
  mkdirSync(deep)
  await assert.rejects(
    createRuntimeDirectory({ temporaryDirectory: deep }),
    (error: unknown) => error instanceof OperatorError && /--temp-dir/.test(error.message),
  )
  assert.deepEqual(readdirSync(deep), [])
  await assert.rejects(
    createRuntimeDirectory({ temporaryDirectory: join(temporary, 'missing') }),
    /cannot create a directory/,
  )
})

test("systemd's directory comes first, then the user's own; one that cannot be used is skipped", async () => {
  for (const name of ['systemd', 'xdg']) mkdirSync(join(temporary, name))
  const parentOf = async (environment: Record<string, string>) => {
    const directory = await createRuntimeDirectory({ temporaryDirectory: temporary, environment })
    directory.remove()
    return basename(dirname(directory.path))
  }
  const systemd = `${join(temporary, 'systemd')}:/run/other`
  const xdg = join(temporary, 'xdg')
  assert.equal(await parentOf({ RUNTIME_DIRECTORY: systemd, XDG_RUNTIME_DIR: xdg }), 'systemd')
  assert.equal(await parentOf({ XDG_RUNTIME_DIR: xdg }), 'xdg')
  assert.equal(await parentOf({ XDG_RUNTIME_DIR: join(temporary, 'none') }), basename(temporary))
  assert.equal(await parentOf({ XDG_RUNTIME_DIR: 'xdg', RUNTIME_DIRECTORY: '' }), basename(temporary))
})

const yes = () => true
const no = () => false

test('a file in its place, or in the place of its socket, is removed, and nothing else', async () => {
  const directory = await createRuntimeDirectory({ temporaryDirectory: temporary })
  const { path, controlSocket } = directory
  const elsewhere = join(temporary, 'elsewhere')
  mkdirSync(elsewhere)
  writeFileSync(join(elsewhere, 'kept'), '')
  assert.match(directory.repair(no), /^had lost its control\.sock/)
  for (const put of [
    () => writeFileSync(controlSocket, ''),
    () => symlinkSync(join(elsewhere, 'kept'), controlSocket),
    () => mkdirSync(controlSocket),
  ]) {
    put()
    assert.match(directory.repair(no), /^had something else in the place of its control\.sock/)
    assert.ok(!existsSync(controlSocket))
  }
  chmodSync(path, 0o777)
  assert.equal(directory.repair(yes), 'had mode 777, and has mode 700 again')
  rmSync(path, { recursive: true })
  symlinkSync(elsewhere, path)
  assert.equal(directory.repair(yes), 'had been replaced and was made again')
  assert.equal(lstatSync(path).mode & 0o777, 0o700)
  assert.ok(existsSync(join(elsewhere, 'kept')))
  mkdirSync(join(controlSocket, 'theirs'), { recursive: true })
  assert.throws(
    () => directory.repair(no),
    (error: unknown) => error instanceof OperatorError && /cannot be removed .*no worker/.test(error.message),
  )
  rmSync(controlSocket, { recursive: true })
  directory.remove()
})

test('a directory that has disappeared is made again at the same path, unless somebody else took the path', async () => {
  const directory = await createRuntimeDirectory({ temporaryDirectory: temporary })
  writeFileSync(directory.controlSocket, '')
  assert.equal(directory.repair(yes), '')
  rmSync(directory.path, { recursive: true })
  assert.equal(directory.repair(no), 'had disappeared and was made again')
  assert.equal(statSync(directory.path).mode & 0o777, 0o700)
  rmSync(directory.path, { recursive: true })
  rmSync(temporary, { recursive: true })
  assert.throws(
    () => directory.repair(no),
    (error: unknown) => error instanceof OperatorError && error.message.includes(directory.path),
  )
  mkdirSync(temporary)
  directory.remove()
})

const root = { skip: process.getuid?.() !== 0 && 'needs root, to give it to another user' }
const nobody = { uid: 65_534, gid: 65_534, userName: '' }

test('it belongs to the user of our children, and a user who cannot reach it is an error', root, async () => {
  chmodSync(temporary, 0o755)
  const directory = await createRuntimeDirectory({ temporaryDirectory: temporary, identity: nobody })
  const { uid, gid, mode } = statSync(directory.path)
  assert.deepEqual([uid, gid, mode & 0o777], [65_534, 65_534, 0o700])
  const closed = join(temporary, 'closed')
  mkdirSync(closed, { mode: 0o700 })
  const environment = { XDG_RUNTIME_DIR: closed }
  const other = await createRuntimeDirectory({ temporaryDirectory: temporary, identity: nobody, environment })
  assert.equal(dirname(other.path), temporary)
  await assert.rejects(
    createRuntimeDirectory({ temporaryDirectory: closed, identity: nobody }),
    (error: unknown) => error instanceof OperatorError && /user 65534 cannot enter .*--temp-dir/.test(error.message),
  )
  assert.deepEqual(readdirSync(closed), [])
})

test(
  'when it is removed, links and directories that its user has put there are neither followed nor emptied',
  root,
  async () => {
    chmodSync(temporary, 0o755)
    const [left, elsewhere] = [join(temporary, 'jumak-left'), join(temporary, 'elsewhere')]
    for (const path of [left, elsewhere, join(left, 'w1.out')]) mkdirSync(path)
    for (const path of [join(elsewhere, 'kept'), join(left, 'w1.out', 'kept')]) writeFileSync(path, '')
    symlinkSync(elsewhere, join(left, 'control.sock'))
    chownSync(left, nobody.uid, nobody.gid)
    const directory = await createRuntimeDirectory({ temporaryDirectory: temporary, identity: nobody })
    directory.remove()
    assert.ok(existsSync(join(left, 'w1.out', 'kept')))
    assert.ok(existsSync(join(elsewhere, 'kept')))
    assert.ok(!existsSync(directory.path))
  },
)
