/** Applications of PasteDeploy files: `jumak gunicorn --paste`, and `jumak production.ini`. pypiserver and Paste's urlmap are real ones. */
import assert from 'node:assert/strict'
import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ensureEnvironment, testedPythons } from '../support/environments/environments.ts'
import { ROOT } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { runJumak } from '../support/run.ts'
import { startServer } from '../support/server.ts'

const SHOP = `
import json, logging
logging.getLogger("shop.load").warning("made at the import")
def make(global_conf, **local):
    log = logging.getLogger("shop.load")
    log.warning("made with %s", local)
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        told = {name: global_conf.get(name) for name in ("stage", "region", "here")}
        return [json.dumps({**told, **local, "script": environ["SCRIPT_NAME"], "path": environ["PATH_INFO"]}).encode()]
    return application
`
/** A tag that the filter adds is that of a pipeline. */
const FILTER = `
def make(global_conf, tag):
    def around(application):
        def filtered(environ, start_response):
            def start(status, headers, exc_info=None):
                return start_response(status, [*headers, ("X-Tag", tag)], exc_info)
            return application(environ, start)
        return filtered
    return around
`
const INI = `
[DEFAULT]
region = kr
stage = default

[composite:main]
use = egg:Paste#urlmap
/ = tagged
/packages = packages

[pipeline:tagged]
pipeline = tag shop

[filter:tag]
paste.filter_factory = tags:make
tag = green

[app:shop]
paste.app_factory = shop:make
colour = %(region)s-blue

[app:packages]
use = egg:pypiserver#main
roots = %(here)s/wheels

[server:main]
use = egg:gunicorn#main
host = 127.0.0.1
port = 0
workers = 2
pidfile = %(here)s/shop.pid

[loggers]
keys = root, shop
[handlers]
keys = file
[formatters]
keys = plain
[logger_root]
handlers =
[logger_shop]
handlers = file
qualname = shop
[handler_file]
class = FileHandler
args = ("%(here)s/shop.log",)
formatter = plain
[formatter_plain]
format = %(name)s: %(message)s
`

class Shop extends Project {
  constructor(t: TestContext) {
    super(t, {
      'etc/production.ini': INI,
      'etc/wheels/tea-1.0-py3-none-any.whl': 'green',
      'shop.py': SHOP,
      'tags.py': FILTER,
    })
    symlinkSync(join(ROOT, 'bin/jumak'), this.path('gunicorn'))
  }
}

for (const { version } of await testedPythons()) {
  test(`gunicorn --paste on Python ${version}: by prefix, variables, logging, a package of pypiserver`, async t => {
    const { python } = await ensureEnvironment({ python: version, packages: 'paste' })
    const shop = new Shop(t)
    const server = await startServer({
      app: '--paste=etc/production.ini',
      args: ['--paste-global', 'stage=a=b&c'],
      directory: shop.directory,
      program: shop.path('gunicorn'),
      env: { JUMAK_PYTHON: python },
    })
    server.expectLog(/production\.ini: \[server:main\] does nothing, as with gunicorn --paste/)

    const page = await fetch(`${server.url}/tea/1`)
    assert.equal(page.headers.get('x-tag'), 'green')
    // PasteDeploy lets variables that are given win over the file's.
    const here = shop.path('etc')
    const expected = { stage: 'a=b&c', region: 'kr', here, colour: 'kr-blue', script: '', path: '/tea/1' }
    assert.deepEqual(await page.json(), expected)
    const packages = await (await fetch(`${server.url}/packages/simple/tea/`)).text()
    const href = /href="([^"#]+)/.exec(packages)?.[1]
    assert.equal(href, '/packages/packages/tea-1.0-py3-none-any.whl')
    assert.equal(await (await fetch(`${server.url}${href}`)).text(), 'green')
    const lines = readFileSync(shop.path('etc/shop.log'), 'utf8').trim().split('\n')
    assert.deepEqual(
      [...new Set(lines)],
      ['shop.load: made at the import', "shop.load: made with {'colour': 'kr-blue'}"],
    )
    await server.stop()
  })
}

test('a section may be named, and [server:main] counts with --paste-server', async t => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'paste' })
  const shop = new Shop(t)
  const server = await startServer({
    app: '--paste=etc/production.ini#shop',
    args: ['--paste-server', 'main'],
    directory: shop.directory,
    program: shop.path('gunicorn'),
    env: { JUMAK_PYTHON: python },
  })
  assert.ok(
    server.log.some(line => line.includes('workers 2 ×')),
    server.log.join('\n'),
  )
  assert.equal(Number(readFileSync(shop.path('etc/shop.pid'), 'utf8')), server.pid)
  const page = await fetch(`${server.url}/tea`)
  assert.deepEqual([page.status, page.headers.get('x-tag')], [200, null])
  await server.stop()
})

test('jumak production.ini serves it too, and HUP reads it again', async t => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'paste' })
  const shop = new Shop(t)
  const server = await startServer({ app: 'etc/production.ini?stage=live', directory: shop.directory, python })
  const read = async () => (await (await fetch(server.url)).json()) as Record<string, string>
  assert.equal((await read())['stage'], 'live')
  assert.equal((await read())['colour'], 'kr-blue')
  shop.save('etc/production.ini', INI.replace('s-blue', 's-red'))
  server.signal('SIGHUP')
  await server.waitForLog(/generation 2 serves|reloaded/)
  assert.equal((await read())['colour'], 'kr-red')
  // Variables may be secret.
  assert.ok(!server.log.some(line => line.includes('stage=live')))
  await server.stop()
})

test('mistakes name the file and what to do', async t => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'paste' })
  const without = await ensureEnvironment({ python: 'newest', packages: 'cherrypy' })
  const shop = new Shop(t)
  for (const [file, interpreter, code, message] of [
    ['nowhere.ini', python, 1, /^jumak: --paste must name a file that exists/m],
    ['etc/production.ini#tea', python, 1, /production\.ini#tea could not be made: LookupError: .*tea/],
    [
      'etc/production.ini',
      without.python,
      1,
      /is a file of PasteDeploy, which cannot be imported: .*pip install PasteDeploy/,
    ],
  ] as const) {
    const words = ['gunicorn', '--check-config', '--paste', file]
    const ended = await runJumak(words, shop.directory, { JUMAK_PYTHON: interpreter })
    assert.deepEqual([ended.code, message.test(ended.stderr)], [code, true], ended.stderr)
  }
})
