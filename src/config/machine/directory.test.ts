import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeEnvironment, makeTree } from '../testing/tree.ts'
import { findDirectory } from './directory.ts'

test('the working directory keeps the name that the shell gave it', t => {
  const root = makeTree(t, { 'v1/app.py': '' })
  symlinkSync('v1', join(root, 'current'))
  const [cwd, pwd] = [join(root, 'v1'), join(root, 'current')]
  assert.deepEqual(findDirectory('.', makeEnvironment(cwd, { pwd })), { value: pwd })
})

test('$PWD does not count if it is another directory, does not exist, is relative or missing', t => {
  const root = makeTree(t, { 'v1/app.py': '', 'v2/app.py': '' })
  const cwd = join(root, 'v1')
  for (const pwd of [join(root, 'v2'), join(root, 'gone'), 'v1', '', undefined])
    assert.deepEqual(findDirectory('.', makeEnvironment(cwd, { pwd })), { value: cwd })
})

test('--chdir keeps links, relative and absolute', t => {
  const root = makeTree(t, { 'v1/site/app.py': '' })
  symlinkSync('v1', join(root, 'current'))
  const environment = makeEnvironment(root)
  assert.deepEqual(findDirectory('current', environment), { value: join(root, 'current') })
  assert.deepEqual(findDirectory('./current/site/', environment), { value: join(root, 'current/site') })
  assert.deepEqual(findDirectory(join(root, 'current'), environment), { value: join(root, 'current') })
})

test('--chdir .. is above the real directory, as for every other program', t => {
  const root = makeTree(t, { 'releases/v1/x': '', 'releases/v2/x': '' })
  symlinkSync('releases/v1', join(root, 'current'))
  const environment = makeEnvironment(join(root, 'releases/v1'), { pwd: join(root, 'current') })
  assert.deepEqual(findDirectory('../v2', environment), { value: join(root, 'releases/v2') })
})

test('a missing directory and a file are refused', t => {
  const root = makeTree(t, { 'app.py': '' })
  assert.deepEqual(findDirectory('nowhere', makeEnvironment(root)), { problem: 'must name a directory that exists' })
  assert.deepEqual(findDirectory('app.py', makeEnvironment(root)), { problem: 'must name a directory' })
})
