import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadConfig, locateAdminSocket } from './load.ts'
import type { Environment } from './machine/environment.ts'
import { parseArguments } from './sources/arguments.ts'
import { makeEnvironment, makeTree } from './testing/tree.ts'

/** What the program makes, and where a client looks. */
function both(environment: Environment, words: readonly string[], clientWords = words) {
  const loaded = loadConfig(parseArguments(words), environment)
  assert.ok('config' in loaded, JSON.stringify(loaded))
  const { socket } = locateAdminSocket(parseArguments(clientWords), environment)
  assert.ok(socket !== null)
  return { made: loaded.config.adminSocket.paths, tried: socket.paths }
}

function makeSite(t: TestContext): string {
  return makeTree(t, { 'app.py': 'app = 1', 'other.toml': '', 'sub/app.py': 'app = 1', 'sub/jumak.toml': '' })
}

test('a client finds what the program makes: by directory, by --chdir, by file', t => {
  const root = makeSite(t)
  const [here, there] = [makeEnvironment(root), makeEnvironment(join(root, 'sub'))]
  const names = new Set<string>()
  for (const [environment, words, clientWords] of [
    [here, [], []],
    [here, ['app:app', '-w', '2'], []],
    [here, ['--chdir', 'sub'], ['--chdir=sub']],
    [here, ['-c', 'other.toml'], ['--config=other.toml']],
    [there, [], []],
  ] as const) {
    const { made, tried } = both(environment, words, clientWords)
    assert.deepEqual(tried, made)
    names.add(basename(made[0]!))
  }
  // The first two are one program.
  assert.equal(names.size, 4)
  assert.deepEqual(both(here, ['-c', 'sub/jumak.toml', '--chdir=sub']).made, both(there, []).made)
})

test('a client looks for both names of a place that a link leads to', t => {
  const root = makeSite(t)
  mkdirSync(join(root, 'releases'))
  symlinkSync('../sub', join(root, 'releases', 'current'))
  const link = makeEnvironment(join(root, 'sub'), { pwd: join(root, 'releases', 'current') })
  const { made, tried } = both(link, [])
  assert.deepEqual(tried, [...made, ...both(makeEnvironment(join(root, 'sub')), []).made])
})

test('whose directory: root has one of its own, others the one that their session has, and all a second one', t => {
  const root = makeSite(t)
  const directories = (changes: Partial<Environment>) => both(makeEnvironment(root, changes), []).made.map(dirname)
  assert.deepEqual(directories({ uid: 0 }), ['/run/jumak', '/tmp/.jumak-admin-0'])
  assert.deepEqual(directories({ uid: 0, platform: 'darwin' }), ['/tmp/.jumak-admin-0'])
  assert.deepEqual(directories({}), ['/tmp/.jumak-admin-1000'])
  const variables = { XDG_RUNTIME_DIR: '/run/user/1000', TMPDIR: '/var/tmp' }
  assert.deepEqual(directories({ variables }), ['/run/user/1000/jumak', '/tmp/.jumak-admin-1000'])
  assert.deepEqual(directories({ variables: { XDG_RUNTIME_DIR: 'relative' } }), ['/tmp/.jumak-admin-1000'])
})

test('the sweep of runtime directories does not take an empty one of these for its own', t => {
  const [path] = both(makeEnvironment(makeSite(t)), []).made
  assert.ok(!basename(dirname(path!)).startsWith('jumak-'))
})

test('a mistake in the file, or a file that is gone, does not hide the program, and is told', t => {
  const environment = makeEnvironment(makeTree(t, { 'bad.toml': 'workers = ', 'typo.toml': 'worker = 2\n' }))
  const located = (word: string) => locateAdminSocket(parseArguments([`--config=${word}`]), environment)
  assert.deepEqual(locateAdminSocket(parseArguments([]), environment).diagnostics, [])
  for (const file of ['bad.toml', 'typo.toml', 'missing.toml']) {
    assert.equal(located(file).diagnostics.length, 1, file)
    assert.ok(located(file).socket!.isAuto, file)
  }
  assert.equal(locateAdminSocket(parseArguments(['--admin-socket=']), environment).socket, null)
})
