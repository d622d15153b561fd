import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config, StaticMount } from '../config/types.ts'
import type { LoadedApplication } from '../control/messages.ts'
import { foundMount, foundMounts } from './static-mounts.ts'

const NEW: StaticMount = { url: '/static/', directory: '/srv/2/static' }
const OLD: StaticMount = { url: '/static/', directory: '/srv/1/static' }
const withMount = (mount: StaticMount | null) => ({ static: mount }) as LoadedApplication
const config = (staticMounts: StaticMount[] = [], findStatic = true) =>
  ({ staticMounts, findStatic }) as unknown as Config

test('what was found is used, unless it is switched off or the same URL is configured', () => {
  assert.deepEqual(foundMount(withMount(NEW), config()), NEW)
  assert.equal(foundMount(withMount(NEW), config([], false)), null)
  assert.equal(foundMount(withMount(NEW), config([{ url: '/static/', directory: '/mine' }])), null)
  assert.deepEqual(foundMount(withMount(NEW), config([{ url: '/static/admin/', directory: '/mine' }])), NEW)
  assert.equal(foundMount(withMount(null), config()), null)
  assert.equal(foundMount(null, config()), null)
})

test('while two generations answer, the files of both are there, the new ones first', () => {
  assert.deepEqual(foundMounts([withMount(NEW), withMount(OLD)], config()), [NEW, OLD])
  assert.deepEqual(foundMounts([null, withMount(OLD)], config()), [OLD])
  assert.deepEqual(foundMounts([withMount(null), withMount(OLD)], config()), [OLD])
})
