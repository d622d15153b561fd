import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { findPython, type PythonSearch } from './python.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'jt-'))
  mkdirSync(join(root, 'app'))
})
afterEach(() => rmSync(root, { recursive: true }))

/** A program that answers like Python. */
function makePython(path: string, answer = 'cpython 3.13.0'): string {
  return makeProgram(path, `echo "${answer}"`)
}

function makeProgram(path: string, script: string): string {
  const full = join(root, path)
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, `#!/bin/sh\n${script}\n`)
  chmodSync(full, 0o755)
  return full
}

/** PATH has only `root/bin`: the scripts need no other program, because `echo` is built in. */
function find(search: { explicit?: string; active?: string } = {}) {
  const environment: PythonSearch['environment'] = { PATH: `relative:${join(root, 'bin')}`, VIRTUAL_ENV: search.active }
  return findPython({ explicit: search.explicit ?? null, directory: join(root, 'app'), environment })
}

test('the order: --python, the active environment, .venv, venv, python3 on PATH', async () => {
  const onPath = makePython('bin/python3')
  assert.deepEqual(await find(), { path: onPath, version: '3.13.0', reason: 'python3 on PATH', note: '' })
  const venv = makePython('app/venv/bin/python')
  assert.equal((await find()).path, venv)
  const dotVenv = makePython('app/.venv/bin/python', 'cpython 3.9.18')
  const found = await find()
  assert.deepEqual(
    [found.path, found.version, found.reason],
    [dotVenv, '3.9.18', ".venv in the application's directory"],
  )
  const active = makePython('active/bin/python')
  assert.equal((await find({ active: join(root, 'active') })).path, active)
  const explicit = makePython('opt/python3.14', 'cpython 3.14.2')
  assert.equal((await find({ active: join(root, 'active'), explicit })).path, explicit)
})

test('--python may be a name on PATH or the directory of an environment', async () => {
  const named = makePython('bin/python3.12')
  assert.equal((await find({ explicit: 'python3.12' })).path, named)
  const inside = makePython('env/bin/python')
  assert.equal((await find({ explicit: join(root, 'env') })).path, inside)
})

test('a symbolic link is not resolved: Python finds its environment, and a switched link is followed', async () => {
  makePython('releases/1/bin/python', 'cpython 3.11.7')
  makePython('releases/2/bin/python', 'cpython 3.12.1')
  const link = join(root, 'app/.venv')
  symlinkSync(join(root, 'releases/1'), link)
  assert.deepEqual([(await find()).path, (await find()).version], [join(link, 'bin/python'), '3.11.7'])
  rmSync(link)
  symlinkSync(join(root, 'releases/2'), link)
  assert.deepEqual([(await find()).path, (await find()).version], [join(link, 'bin/python'), '3.12.1'])
})

test('a newer Python runs with a note', async () => {
  makePython('bin/python3', 'cpython 3.15.0')
  assert.match((await find()).note, /3\.15\.0 is newer than/)
})

for (const [what, prepare, search, message] of [
  [
    'none at all',
    () => {},
    {},
    /no virtual environment \(looked for \.venv and venv in .*\/app and above it\) and no python3 on PATH/,
  ],
  ['an old one', () => makePython('bin/python3', 'cpython 3.8.20'), {}, /3\.8\.20, which is too old/],
  ['Python 2', () => makePython('bin/python3', 'cpython 2.7.18'), {}, /2\.7\.18, which is too old/],
  ['another implementation', () => makePython('bin/python3', 'pypy 3.10.14'), {}, /is pypy/],
  [
    'one that fails',
    () => makeProgram('bin/python3', 'echo "no encodings" >&2; exit 1'),
    {},
    /does not run \(no encodings\)/,
  ],
  ['one that is no Python', () => makeProgram('bin/python3', 'echo hello'), {}, /does not behave like Python/],
  ['--python that is nowhere', () => {}, { explicit: 'python9' }, /--python python9 is not on PATH/],
  ['--python as a path that is nowhere', () => {}, { explicit: './nope/python' }, /does not exist/],
  ['an active environment that has gone', () => {}, { active: '/nonexistent' }, /VIRTUAL_ENV names \/nonexistent/],
] as const) {
  test(`${what} is one sentence with advice`, async () => {
    prepare()
    await assert.rejects(find(search), (error: Error) => {
      assert.match(error.message, message)
      assert.match(error.message, /--python/)
      assert.doesNotMatch(error.message, /\n/)
      return true
    })
  })
}

test('an environment whose Python was removed is reported and not passed over', async () => {
  makePython('bin/python3')
  mkdirSync(join(root, 'app/.venv/bin'), { recursive: true })
  symlinkSync('/nonexistent/python3', join(root, 'app/.venv/bin/python'))
  await assert.rejects(find(), /\.venv\/bin\/python .*points to a Python that does not exist/)
})

test('the real Python of this machine is found', async () => {
  const python = await findPython({ explicit: null, directory: root, environment: { PATH: process.env['PATH'] } })
  assert.match(python.version, /^3\.\d+\.\d+$/)
})
