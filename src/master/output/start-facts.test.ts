import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppConfig, StaticMount } from '../../config/types.ts'
import type { FoundStatic, LoadedApplication } from '../../control/messages.ts'
import { describeStatic, strayStatic } from './start-facts.ts'

const MOUNT: StaticMount = { url: '/static/', directory: '/srv/2/static' }
const MINE: StaticMount = { url: '/static/', directory: '/mine' }
const application = (found: Partial<FoundStatic> | null, framework = 'Django 5.2') =>
  ({ framework, static: found && { mounts: [], finders: [], none: '', ...found } }) as unknown as LoadedApplication
const config = (staticMounts: StaticMount[] = [], findStatic = true) =>
  ({ staticMounts, findStatic }) as unknown as AppConfig

test('a start says where static files come from, or why there are none', () => {
  const django = application({})
  assert.equal(describeStatic(django, config(), [MOUNT]), '/static/ from /srv/2/static (STATIC_ROOT)')
  const both = [{ ...MOUNT, url: '/shop/static/' }, MOUNT]
  assert.equal(describeStatic(django, config(), both), '/shop/static/ and /static/ from /srv/2/static (STATIC_ROOT)')
  const none = application({ none: 'STATIC_ROOT is not set' })
  assert.equal(describeStatic(none, config(), []), 'none: STATIC_ROOT is not set')
  assert.equal(describeStatic(none, config([MINE]), []), null, 'the configuration has some')
  assert.equal(describeStatic(application(null), config([], false), []), 'none: --static off')
  assert.equal(describeStatic(application(null, 'Flask 3'), config([], false), []), null)
  assert.equal(describeStatic(application(null, 'Flask 3'), config(), []), null)
  const apart = describeStatic(application({ mounts: [MOUNT] }), config(), [])
  assert.match(apart!, /^none: the gateway is another user .*; --static \/static\/=\/srv\/2\/static serves it$/)
  const finders = describeStatic(application({ finders: ['/static/'] }), config([MINE]), [])
  assert.match(finders!, /^\/static\/ from the finders of django\.contrib\.staticfiles/)
})

test('static files at the root of the host are nobody’s if the application is below a path', () => {
  const below = (path: string, urls: readonly string[], finders: readonly string[] = []) =>
    strayStatic(
      application({ finders }),
      { path, rootPath: '' } as AppConfig,
      urls.map(url => ({ ...MOUNT, url })),
    )
  assert.match(
    below('/shop', ['/static/'])[0]!,
    /^STATIC_URL is \/static\/, .* below \/shop .*: write STATIC_URL = "static\/"/,
  )
  assert.match(below('/shop', [], ['/static/'])[0]!, /^STATIC_URL is /)
  assert.deepEqual(below('/shop', ['/shop/static/', '/static/']), [])
  assert.deepEqual(below('/shop', []), [])
  assert.deepEqual(below('', ['/static/']), [])
})
