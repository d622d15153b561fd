import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { discover } from './discover.ts'
import { makeTree } from './testing/tree.ts'
import type { AppTarget } from './types.ts'

const manage = (settings: string) =>
  `import os\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', '${settings}')\n`

function target(t: TestContext, files: Record<string, string>): AppTarget {
  const found = discover(makeTree(t, files))
  assert.ok('value' in found, JSON.stringify(found))
  return found.value
}

function problem(t: TestContext, files: Record<string, string>): string {
  const found = discover(makeTree(t, files))
  assert.ok('problem' in found, JSON.stringify(found))
  return found.problem
}

test('manage.py names the Django project, before any other file', t => {
  const files = { 'manage.py': manage('mysite.settings'), 'mysite/wsgi.py': '', 'app.py': 'app = 1' }
  assert.deepEqual(target(t, files), {
    module: 'mysite.wsgi',
    file: null,
    attributes: ['application', 'app'],
    factory: false,
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

test('a Django project without a wsgi.py, or with two to choose from, is said', t => {
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

test('wsgi.py comes before app.py, app.py before main.py, and a file without an application is passed over', t => {
  assert.equal(target(t, { 'wsgi.py': 'app = 1', 'app.py': 'app = 1', 'main.py': 'app = 1' }).module, 'wsgi')
  assert.equal(target(t, { 'app.py': 'app = 1', 'main.py': 'app = 1' }).module, 'app')
  assert.equal(target(t, { 'app.py': 'print(1)', 'main.py': 'app = 1' }).module, 'main')
})

test('an ASGI application is found as well: the loader says what it thinks of it', t => {
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
