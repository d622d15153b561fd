import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parseAppName } from './app-name.ts'
import { findTarget } from './app-target.ts'
import type { Parsed } from './diagnostics.ts'
import { makeTree } from './testing/tree.ts'
import type { AppTarget } from './types.ts'

function find(text: string, directory: string): Parsed<AppTarget> {
  const name = parseAppName(text)
  assert.ok('value' in name)
  return findTarget(name.value, directory)
}

function target(text: string, directory: string): AppTarget {
  const found = find(text, directory)
  assert.ok('value' in found, JSON.stringify(found))
  return found.value
}

function problem(t: TestContext, text: string, files: Record<string, string> = {}): string {
  const found = find(text, makeTree(t, files))
  assert.ok('problem' in found, JSON.stringify(found))
  return found.problem
}

test('a module alone means its application, then its app', t => {
  assert.deepEqual(target('mysite.wsgi', makeTree(t)), {
    module: 'mysite.wsgi',
    file: null,
    attributes: ['application', 'app'],
    factory: false,
    display: 'mysite.wsgi',
    found: '',
  })
})

test('a callable after the colon is the only one to try, dotted or not; () makes it a factory', t => {
  const directory = makeTree(t)
  assert.deepEqual(target('shop:site.app', directory).attributes, ['site.app'])
  assert.equal(target('shop:site.app', directory).factory, false)
  assert.deepEqual(target('shop:create_app()', directory).attributes, ['create_app'])
  assert.equal(target('shop:create_app()', directory).factory, true)
  assert.equal(target('shop:create_app()', directory).display, 'shop:create_app()')
})

test('a module that is not in the directory may be installed', t => {
  assert.equal(target('installed.wsgi', makeTree(t)).module, 'installed.wsgi')
})

test('a module with a hyphen can be imported by name', t => {
  assert.equal(target('my-shop:app', makeTree(t)).module, 'my-shop')
})

test('a path is a file: plain, with ./, in a directory, absolute, with a callable', t => {
  const directory = makeTree(t, { 'app.py': '', 'x/app.py': '' })
  for (const [text, file] of [
    ['app.py', 'app.py'],
    ['./app.py', 'app.py'],
    ['x/app.py', 'x/app.py'],
    ['./x/../app.py', 'app.py'],
    [join(directory, 'x/app.py'), 'x/app.py'],
    ['app.py:app', 'app.py'],
    [`${join(directory, 'app.py')}:make()`, 'app.py'],
  ] as const) {
    const found = target(text, directory)
    assert.equal(found.file, join(directory, file), text)
    assert.equal(found.module, null)
    assert.equal(found.display, text)
  }
  assert.deepEqual(target('app.py', directory).attributes, ['application', 'app'])
  assert.deepEqual(target('app.py:app', directory).attributes, ['app'])
})

test('app.py is the module py of a package app where only that is there', t => {
  assert.equal(target('app.py', makeTree(t, { 'app/py.py': '' })).module, 'app.py')
  assert.equal(target('app.py', makeTree(t, { 'app.py': '', 'app/py.py': '' })).module, null)
})

test('a file that is missing is said, and where it was looked for', t => {
  assert.match(problem(t, 'app.py'), /must name a file that exists \(looked in \/.*jumak-config-/)
  assert.match(problem(t, './x/app.py'), /must name a file that exists/)
  assert.match(problem(t, '/nowhere/app.py:app'), /must name a file that exists/)
})

test('a name that nearly is a file’s gets the right one', t => {
  assert.match(problem(t, 'x/app', { 'x/app.py': '' }), /written as the file x\/app\.py/)
  assert.match(problem(t, '2048', { '2048.py': '' }), /written as the file 2048\.py/)
})

test('a directory, another kind of file, a factory without module, and no name at all', t => {
  assert.match(problem(t, './x', { 'x/app.py': '' }), /directory \(serve it with --chdir \.\/x\)/)
  assert.match(problem(t, './app.txt', { 'app.txt': '' }), /ending in \.py/)
  assert.match(problem(t, 'create_app()'), /module before its factory/)
  assert.match(problem(t, 'my shop'), /a module \(mysite\.wsgi\) or the path of a file/)
})
