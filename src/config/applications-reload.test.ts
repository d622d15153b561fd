/** What HUP, and a reload of one application, change of several applications in files. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { reloader } from './load.ts'
import { parseArguments } from './sources/arguments.ts'
import { API, type Given, loaded, SHOP } from './testing/applications.ts'
import type { ChangedApps } from './types.ts'

function reloads(t: TestContext, toml: string, given: Given = {}) {
  const { environment, ...first } = loaded(t, toml, given)
  const reload = reloader(() => parseArguments(given.words ?? []), environment, first)
  return (next: string, only: string | null = null) => {
    writeFileSync(join(environment.cwd, 'jumak.toml'), next)
    return reload(only)
  }
}

const NOTHING: ChangedApps = { added: [], removed: [], changed: [] }

test('HUP adds and removes applications, and says what changed in those that stay', t => {
  const reload = reloads(t, `threads = 2\n${SHOP}timeout = 5\n`)
  const more = reload(
    `threads = 3\n${SHOP}timeout = 6\npath = "/shop"\nbody = 1\n${API}timeout = 9\n`.replace('body = 1\n', ''),
  )
  assert.ok('config' in more)
  assert.deepEqual(more.changed, [])
  assert.deepEqual(more.apps, {
    added: ['api'],
    removed: [],
    changed: [
      {
        app: 'shop',
        settings: [
          { name: 'path', change: 'live' },
          { name: 'threads', change: 'reload' },
          { name: 'timeout', change: 'restart' },
        ],
      },
    ],
  })
  const [shop, api] = more.config.apps
  assert.deepEqual([shop!.threads, shop!.path], [3, '/shop'])
  assert.deepEqual([shop!.timeouts.request, api!.timeouts.request], [5000, 9000])

  const fewer = reload(`threads = 3\n${API}timeout = 9\n[[app.pool]]\npaths = "/x"\nworkers = 1\n`)
  assert.ok('config' in fewer)
  assert.deepEqual(fewer.apps, {
    added: [],
    removed: ['shop'],
    changed: [{ app: 'api', settings: [{ name: 'pool', change: 'live' }] }],
  })
  assert.equal(fewer.config.apps[0]!.pools.length, 2)
})

test('HUP: the program’s settings and those of applications are told apart, and a mistake changes nothing', t => {
  const reload = reloads(t, SHOP)
  const wrong = reload(`${SHOP}[[app]]\nname = "shop"\napp = "app"\npath = "/x"\n`)
  assert.ok('problems' in wrong)
  assert.match(wrong.problems.join(), /an application called shop is at/)
  const right = reload(`log-level = "debug"\n${SHOP}`)
  assert.ok('config' in right)
  assert.deepEqual(
    right.changed.map(({ name }) => name),
    ['log-level'],
  )
  assert.deepEqual(right.apps, NOTHING)
})

test('HUP: the gateway keeps its user, also where only the flat user says who it is', t => {
  const own = `${SHOP}user = "me"\n`
  const reload = reloads(t, `user = "www-data"\n${own}`)
  const changed = reload(`user = "me"\n${own}`)
  assert.ok('config' in changed)
  assert.equal(changed.config.gatewayIdentity?.userName, 'www-data')
  assert.deepEqual(changed.changed, [{ name: 'user', change: 'restart' }])
  assert.deepEqual(changed.apps, NOTHING)
  const again = reload(`user = "me"\n${own}`)
  assert.ok('config' in again)
  assert.equal(again.config.gatewayIdentity?.userName, 'www-data')
})

test('HUP: a flat user that an application has too is named once', t => {
  const reload = reloads(t, `user = "www-data"\n${SHOP}`)
  const changed = reload(`user = "me"\n${SHOP}`)
  assert.ok('config' in changed)
  assert.equal(changed.config.gatewayIdentity?.userName, 'www-data')
  assert.equal(changed.config.apps[0]!.identity?.userName, 'www-data')
  assert.deepEqual(changed.changed, [])
  assert.deepEqual(changed.apps.changed, [{ app: 'shop', settings: [{ name: 'user', change: 'restart' }] }])
})

test('a reload of one application takes its settings, and leaves all else to the next reload', t => {
  const reload = reloads(t, `threads = 2\n${SHOP}${API}`)
  const next = `keep-alive = 9\nthreads = 2\n${SHOP}workers = 3\n[[app]]\nname = "new"\napp = "app"\npath = "/new"\n`
  const one = reload(next, 'shop')
  assert.ok('config' in one)
  assert.deepEqual(
    one.config.apps.map(app => [app.name, app.workers]),
    [
      ['shop', 3],
      ['api', one.config.apps[1]!.workers],
    ],
  )
  assert.deepEqual(one.apps, {
    added: [],
    removed: [],
    changed: [{ app: 'shop', settings: [{ name: 'workers', change: 'live' }] }],
  })
  assert.deepEqual(one.changed, [])
  const gone = reload(next, 'api')
  assert.ok('config' in gone)
  assert.deepEqual([gone.apps.removed, gone.config.apps.length], [[], 2])
  const all = reload(next)
  assert.ok('config' in all)
  assert.deepEqual(all.apps, { added: ['new'], removed: ['api'], changed: [] })
  assert.deepEqual(
    all.changed.map(({ name }) => name),
    ['keep-alive'],
  )
})

test('HUP looks again which files are there', t => {
  const files = {
    'apps/a.toml': 'app = "app"\nchdir = ".."\n',
    'apps/b.toml': 'app = "app"\nchdir = ".."\npath = "/b"\n',
  }
  const { environment, ...first } = loaded(t, 'include = "apps/*.toml"\n', { files })
  rmSync(join(environment.cwd, 'apps/a.toml'))
  const result = reloader(() => parseArguments([]), environment, first)()
  assert.ok('config' in result)
  assert.deepEqual(result.apps, { added: [], removed: ['a'], changed: [] })
})

test('HUP: one application becomes several', t => {
  const reload = reloads(t, 'threads = 2\n')
  const several = reload(`threads = 2\n${SHOP}${API}`)
  assert.ok('config' in several)
  assert.deepEqual(several.apps, { added: ['shop', 'api'], removed: ['default'], changed: [] })
})
