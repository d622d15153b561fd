import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeTree } from '../testing/tree.ts'
import type { AppTarget } from '../types.ts'
import { discover } from './discover.ts'

const manage = (settings: string) =>
  `import os\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', '${settings}')\n`

function target(t: TestContext, files: Record<string, string>): AppTarget {
  const found = discover(makeTree(t, files))
  assert.ok('value' in found, JSON.stringify(found))
  return found.value.target
}

function problem(t: TestContext, files: Record<string, string>): string {
  const found = discover(makeTree(t, files))
  assert.ok('notFound' in found, JSON.stringify(found))
  return found.notFound
}

test('manage.py names the Django project, before any other file', t => {
  const files = { 'manage.py': manage('mysite.settings'), 'mysite/wsgi.py': '', 'app.py': 'app = 1' }
  assert.deepEqual(target(t, files), {
    module: 'mysite.wsgi',
    file: null,
    attributes: ['application', 'app', 'create_app'],
    factory: false,
    paste: null,
    display: 'mysite.wsgi',
    found: "found manage.py: Django project 'mysite', serving mysite.wsgi",
  })
})

test('the wsgi.py may be above the settings, beside manage.py, or the only one there is', t => {
  const wsgi = (files: Record<string, string>) => target(t, files).module
  assert.equal(wsgi({ 'manage.py': manage('config.settings.local'), 'config/wsgi.py': '' }), 'config.wsgi')
  assert.equal(wsgi({ 'manage.py': manage('a.b.settings'), 'a/b/wsgi.py': '', 'a/wsgi.py': '' }), 'a.b.wsgi')
  assert.equal(wsgi({ 'manage.py': manage('settings'), 'wsgi.py': '' }), 'wsgi')
  assert.equal(wsgi({ 'manage.py': manage('conf.settings'), 'shop/wsgi.py': '' }), 'shop.wsgi')
  const assigned = 'os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"'
  assert.equal(wsgi({ 'manage.py': assigned, 'mysite/wsgi.py': '', 'other/wsgi.py': '' }), 'mysite.wsgi')
  const computed = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", pick())'
  assert.equal(wsgi({ 'manage.py': computed, 'mysite/wsgi.py': '' }), 'mysite.wsgi')
})

test('a Django project without a wsgi.py, or with two, is refused with the reason', t => {
  assert.match(problem(t, { 'manage.py': manage('mysite.settings') }), /found manage\.py of a Django project, but not/)
  const files = { 'manage.py': manage('x.settings'), 'a/wsgi.py': '', 'b/wsgi.py': '' }
  assert.match(problem(t, files), /not where its wsgi\.py is/)
})

test('a manage.py that is not Django’s does not count', t => {
  assert.equal(target(t, { 'manage.py': 'manager.run()', 'app.py': 'app = 1' }).module, 'app')
})

for (const [file, module] of [
  ['wsgi.py', 'wsgi'],
  ['app.py', 'app'],
  ['main.py', 'main'],
] as const)
  test(`${file} with application, app or create_app, in this order`, t => {
    const application = target(t, { [file]: 'app = 1\napplication = 1\ndef create_app(): pass' })
    assert.deepEqual(
      [application.module, application.attributes, application.factory],
      [module, ['application'], false],
    )
    assert.equal(application.found, `found ${file} with 'application', serving ${module}:application`)
    const app = target(t, { [file]: 'def create_app(): pass\napp = create_app()' })
    assert.deepEqual([app.attributes, app.factory], [['app'], false])
    const factory = target(t, { [file]: 'def create_app():\n    app = 1\n    return app' })
    assert.deepEqual(
      [factory.attributes, factory.factory, factory.display],
      [['create_app'], true, `${module}:create_app()`],
    )
    assert.equal(factory.found, `found ${file} with the factory 'create_app', serving ${module}:create_app()`)
  })

test('wsgi.py comes before app.py, app.py before main.py, and a file without an application is skipped', t => {
  assert.equal(target(t, { 'wsgi.py': 'app = 1', 'app.py': 'app = 1', 'main.py': 'app = 1' }).module, 'wsgi')
  assert.equal(target(t, { 'app.py': 'app = 1', 'main.py': 'app = 1' }).module, 'app')
  assert.equal(target(t, { 'app.py': 'print(1)', 'main.py': 'app = 1' }).module, 'main')
})

test('an ASGI application is found as well', t => {
  assert.equal(target(t, { 'main.py': 'async def app(scope, receive, send): pass' }).module, 'main')
})

test('nothing found: what was looked for, and how to name it', t => {
  const nothing = problem(t, { 'README.md': '' })
  for (const part of ['manage.py', 'wsgi.py', 'app.py', 'main.py', 'jumak shop:app'])
    assert.ok(nothing.includes(part), `${part} in: ${nothing}`)
  assert.match(problem(t, { 'main.py': 'print(1)' }), /found main\.py, but neither application nor app nor create_app/)
})

test('directories with the names of files are no files', t => {
  assert.match(problem(t, { 'app.py/x': '', 'manage.py/x': '' }), /looked for manage\.py/)
})

// ---- packages and src ----

/** Module, file, attribute as it is displayed, and the directory of the application. */
function place(t: TestContext, files: Record<string, string>, settings: string | null = null): unknown {
  const root = makeTree(t, files)
  const found = discover(root, settings)
  assert.ok('value' in found, JSON.stringify(found))
  const { target, directory } = found.value
  return [target.display, target.file?.slice(root.length + 1) ?? null, directory.slice(root.length)]
}

for (const [what, files, ...expected] of [
  [
    'a package with a factory',
    { 'flaskr/__init__.py': 'def create_app(): pass' },
    'flaskr:create_app()',
    'flaskr/__init__.py',
    '',
  ],
  ['app/main.py', { 'app/__init__.py': '', 'app/main.py': 'app = 1' }, 'app.main:app', 'app/main.py', ''],
  ['app/main.py without an __init__.py', { 'app/main.py': 'app = 1' }, 'app.main:app', 'app/main.py', ''],
  [
    'app/main.py beside other packages',
    { 'app/main.py': 'app = 1', 'b/__init__.py': 'app = 1' },
    'app.main:app',
    'app/main.py',
    '',
  ],
  ['asgi.py', { 'asgi.py': 'application = 1' }, 'asgi:application', null, ''],
  ['server.py', { 'server.py': 'app = 1' }, 'server:app', null, ''],
  ['api.py', { 'api.py': 'app = 1' }, 'api:app', null, ''],
  ['src/main.py', { 'src/main.py': 'app = 1' }, 'main:app', 'src/main.py', ''],
  [
    'src/main.py that imports src',
    { 'src/main.py': 'from src.db import db\napp = 1' },
    'src.main:app',
    'src/main.py',
    '',
  ],
  ['src as a package', { 'src/__init__.py': '', 'src/main.py': 'app = 1' }, 'src.main:app', 'src/main.py', ''],
  ['a package in src', { 'src/inn/__init__.py': 'app = 1' }, 'inn:app', 'src/inn/__init__.py', ''],
  ['a project in src', { 'src/manage.py': manage('m.settings'), 'src/m/wsgi.py': '' }, 'm.wsgi', null, '/src'],
  ['a file before a package', { 'main.py': 'app = 1', 'shop/__init__.py': 'app = 1' }, 'main:app', null, ''],
] as const)
  test(`found as well: ${what}`, t => assert.deepEqual(place(t, files), expected))

test('a file that imports its neighbours as a package is named from above it', t => {
  const root = makeTree(t, { 'inn/__init__.py': '', 'inn/main.py': 'from .rooms import app' })
  const found = discover(join(root, 'inn'))
  assert.ok(
    'value' in found &&
      found.value.target.module === 'inn.main' &&
      found.value.target.file === join(root, 'inn/main.py'),
  )
})

test('two packages, tests and virtual environments: nothing is guessed', t => {
  const two = problem(t, { 'a/__init__.py': 'app = 1', 'b/__init__.py': 'app = 1' })
  assert.match(two, /in the packages a, b; found a:app, which is not the only one, and b:app, which/)
  const others = {
    'tests/__init__.py': 'app = 1',
    '.x/__init__.py': 'app = 1',
    'env/pyvenv.cfg': '',
    'env/__init__.py': 'app = 1',
  }
  assert.match(problem(t, others), /in packages, and there are none/)
})

test('an application in a folder below is suggested', t => {
  assert.match(problem(t, { 'backend/main.py': 'app = 1' }), /; name it, perhaps 'jumak backend\/'$/)
})

// ---- Django with Channels ----

const CHANNELS = "INSTALLED_APPS = ['daphne', 'shop', 'channels']\nASGI_APPLICATION = 'mysite.asgi.application'\n"
const PROJECT = { 'manage.py': manage('mysite.settings'), 'mysite/wsgi.py': '', 'mysite/asgi.py': '' }

test('a project with Channels or Daphne is served by its ASGI_APPLICATION, with a hint how to serve WSGI', t => {
  const app = target(t, { ...PROJECT, 'mysite/settings.py': CHANNELS })
  assert.deepEqual([app.module, app.attributes], ['mysite.asgi', ['application']])
  assert.equal(
    app.found,
    "found manage.py: Django project 'mysite' with Daphne, serving mysite.asgi (ASGI_APPLICATION); for WSGI name it: jumak mysite.wsgi",
  )
})

for (const [what, settings, module] of [
  [
    'Channels by its configuration',
    'X = [\'channels.apps.ChannelsConfig\']\nASGI_APPLICATION = "a.routing.app"',
    'a.routing',
  ],
  [
    'an ASGI_APPLICATION that is computed',
    "X = ['channels']\nASGI_APPLICATION = f'{P}.asgi.application'",
    'mysite.asgi',
  ],
  ['every project’s ASGI_APPLICATION alone', "ASGI_APPLICATION = 'mysite.asgi.application'", 'mysite.wsgi'],
  ['Channels alone', "INSTALLED_APPS = ['channels']", 'mysite.wsgi'],
  ['what is commented out', CHANNELS.replace('INSTALLED', '# INSTALLED'), 'mysite.wsgi'],
  ['a backend of Channels', "B = 'channels.layers.InMemoryChannelLayer'\nASGI_APPLICATION = 'a.b'", 'mysite.wsgi'],
] as const)
  test(`${what}: ${module}`, t =>
    assert.equal(target(t, { ...PROJECT, 'mysite/settings.py': settings }).module, module))

test('settings in several files, and settings that the environment names', t => {
  const files = {
    ...PROJECT,
    'manage.py': manage('mysite.settings.local'),
    'mysite/settings/__init__.py': '',
    'mysite/settings/local.py': 'from .base import *',
    'mysite/settings/base.py': `from mysite.settings.apps import INSTALLED_APPS\n${CHANNELS.split('\n')[1]}`,
    'mysite/settings/apps.py': CHANNELS.split('\n')[0]!,
    'mysite/settings/plain.py': '',
  }
  assert.deepEqual(place(t, files), ['mysite.asgi:application', null, ''])
  assert.deepEqual(place(t, files, 'mysite.settings.plain'), ['mysite.wsgi', null, ''])
})
