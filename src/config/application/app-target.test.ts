import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Parsed } from '../diagnostics.ts'
import { parseAppName } from '../kinds/app-name.ts'
import { makeTree } from '../testing/tree.ts'
import type { AppTarget } from '../types.ts'
import { findTarget } from './app-target.ts'
import type { Located, NotFound } from './discover.ts'

function find(text: string, directory: string): Parsed<Located> | NotFound {
  const name = parseAppName(text)
  assert.ok('value' in name)
  return findTarget(name.value, directory)
}

function locate(text: string, directory: string): Located {
  const found = find(text, directory)
  assert.ok('value' in found, JSON.stringify(found))
  return found.value
}

function target(text: string, directory: string): AppTarget {
  return locate(text, directory).target
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
    attributes: ['application', 'app', 'create_app'],
    factory: false,
    paste: null,
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
  assert.deepEqual(target('app.py', directory).attributes, ['application', 'app', 'create_app'])
  assert.deepEqual(target('app.py:app', directory).attributes, ['app'])
})

test('app.py is the module py of a package app, if there is no such file', t => {
  assert.equal(target('app.py', makeTree(t, { 'app/py.py': '' })).module, 'app.py')
  assert.equal(target('app.py', makeTree(t, { 'app.py': '', 'app/py.py': '' })).module, null)
})

test('a file of PasteDeploy: the section, and its variables; a uwsgi.ini is none', t => {
  const directory = makeTree(t, { 'etc/shop.ini': '[composite:main]\n[uwsgi]\n', 'uwsgi.ini': '[uwsgi]\nmodule=x\n' })
  assert.deepEqual(target('etc/shop.ini?stage=live#admin', directory), {
    module: null,
    file: join(directory, 'etc/shop.ini'),
    attributes: ['admin'],
    factory: false,
    paste: { stage: 'live' },
    display: 'etc/shop.ini#admin',
    found: '',
  })
  assert.match(problem(t, 'uwsgi.ini', { 'uwsgi.ini': '[uwsgi]\n' }), /what stands in a uwsgi\.ini are flags here/)
  assert.match(problem(t, 'nowhere.ini'), /must name a file that exists \(looked in /)
})

test('a missing file is reported, with the places that were searched', t => {
  assert.match(problem(t, 'app.py'), /must name a file that exists \(looked in \/.*jumak-config-/)
  assert.match(problem(t, './x/app.py'), /must name a file that exists/)
  assert.match(problem(t, '/nowhere/app.py:app'), /must name a file that exists/)
})

test('a name that is nearly the name of a file gets the right name', t => {
  assert.match(problem(t, 'x/app', { 'x/app.py': '' }), /written as the file x\/app\.py/)
  assert.match(problem(t, '2048', { '2048.py': '' }), /written as the file 2048\.py/)
})

test('another kind of file, a factory without module, and no name at all', t => {
  assert.match(problem(t, './x:app', { 'x/app.py': '' }), /as in x:app, not a directory/)
  assert.match(problem(t, './app.txt', { 'app.txt': '' }), /ending in \.py/)
  assert.match(problem(t, 'create_app()'), /module before its factory/)
  assert.match(problem(t, '8000'), /an address is written -b 8000$/)
  assert.match(problem(t, 'my shop'), /a module \(mysite\.wsgi\) or the path of a file/)
})

// ---- files in packages, folders, src ----

const READS_NEIGHBOUR = 'from .prices import two\napplication = two'

function named(text: string, directory: string): unknown {
  const { target: app, directory: own } = locate(text, directory)
  return [app.module, app.file?.replace(directory, '.') ?? null, own.replace(directory, '.')]
}

test('a file in a package is the module that its package calls it', t => {
  const files = {
    'shop/__init__.py': '',
    'shop/main.py': READS_NEIGHBOUR,
    'shop/deep/__init__.py': '',
    'shop/deep/x.py': '',
  }
  const directory = makeTree(t, files)
  assert.deepEqual(named('shop/main.py', directory), ['shop.main', './shop/main.py', '.'])
  assert.deepEqual(named('shop/main.py:application', directory), ['shop.main', './shop/main.py', '.'])
  assert.deepEqual(named('shop/deep/x.py', directory), ['shop.deep.x', './shop/deep/x.py', '.'])
})

test('inside a package a file is a module only if it needs the package: a stray __init__.py changes nothing', t => {
  const directory = makeTree(t, {
    'inn/__init__.py': '',
    'inn/main.py': READS_NEIGHBOUR,
    'inn/plain.py': 'import prices',
    'inn/own.py': 'from inn import prices',
  })
  const from = (name: string) => {
    const { module, file } = target(name, join(directory, 'inn'))
    return [module, file]
  }
  assert.deepEqual(from('main.py'), ['inn.main', join(directory, 'inn/main.py')])
  assert.deepEqual(from('own.py'), ['inn.own', join(directory, 'inn/own.py')])
  assert.deepEqual(from('plain.py'), [null, join(directory, 'inn/plain.py')])
})

test('relative imports make a package of a directory without an __init__.py', t => {
  const directory = makeTree(t, { 'a/b/main.py': 'from ..c import d' })
  assert.deepEqual(named('a/b/main.py', directory), ['a.b.main', './a/b/main.py', '.'])
})

test('a folder that is no package is a project: its directory is the application’s', t => {
  const manage = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')"
  const directory = makeTree(t, { 'site/manage.py': manage, 'site/mysite/wsgi.py': '' })
  for (const text of ['site/', './site', 'site'])
    assert.deepEqual(named(text, directory), ['mysite.wsgi', null, './site'])
  const found = find('./empty', makeTree(t, { 'empty/x': '' }))
  assert.ok('notFound' in found && /no application in .*\/empty: looked for manage\.py/.test(found.notFound))
})

test('a folder that is a package is searched, and imported from above it', t => {
  const directory = makeTree(t, {
    'flaskr/__init__.py': 'def create_app(): pass',
    'app/__init__.py': '',
    'app/main.py': 'app = 1',
    'none/__init__.py': '',
  })
  assert.deepEqual(named('flaskr/', directory), ['flaskr', './flaskr/__init__.py', '.'])
  assert.equal(target('flaskr/', directory).factory, true)
  assert.deepEqual(named('flaskr', directory), ['flaskr', null, '.'])
  assert.deepEqual(named('app', directory), ['app.main', './app/main.py', '.'])
  assert.deepEqual(named('none', directory), ['none', null, '.'])
  const found = find('none/', directory)
  assert.ok('notFound' in found && /package .*\/none: looked for .*main\.py/.test(found.notFound))
})

test('a module that is in src, and not in the directory, is found there', t => {
  const directory = makeTree(t, {
    'src/inn/__init__.py': '',
    'src/inn/web.py': '',
    'src/main.py': '',
    'both.py': '',
    'src/both.py': '',
  })
  assert.deepEqual(named('inn.web:app', directory), ['inn.web', './src/inn/web.py', '.'])
  assert.deepEqual(named('main:app', directory), ['main', './src/main.py', '.'])
  assert.deepEqual(named('both:app', directory), ['both', null, '.'])
})
