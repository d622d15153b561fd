import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testApp } from '../../config/testing/config.ts'
import type { StaticMount } from '../../config/types.ts'
import type { FoundStatic, LoadedApplication } from '../../control/messages.ts'
import { foundMounts, mountsOf } from './static-mounts.ts'

const NEW: StaticMount = { url: '/static/', directory: '/srv/2/static' }
const OLD: StaticMount = { url: '/static/', directory: '/srv/1/static' }
const withFound = (found: Partial<FoundStatic> | null) =>
  ({ static: found && { mounts: [], finders: [], none: '', ...found } }) as unknown as LoadedApplication
const withMount = (mount: StaticMount | null) => withFound({ mounts: mount === null ? [] : [mount] })
const config = (staticMounts: StaticMount[] = [], { findStatic = true, rootPath = '' } = {}) =>
  testApp({ staticMounts, findStatic, rootPath })
const MINE: StaticMount = { url: '/static/', directory: '/mine' }

test('what was found is used, unless the same URL is configured', () => {
  assert.deepEqual(mountsOf(withMount(NEW), config(), false), [NEW])
  assert.deepEqual(mountsOf(withMount(NEW), config([MINE]), false), [])
  assert.deepEqual(mountsOf(withMount(NEW), config([{ ...MINE, url: '/static/admin/' }]), false), [NEW])
  assert.deepEqual(mountsOf(withFound(null), config(), false), [])
  assert.deepEqual(mountsOf(null, config(), false), [])
})

test('a URL is the same with the root path and without it', () => {
  const below = withMount({ ...NEW, url: '/shop/static/' })
  assert.deepEqual(mountsOf(below, config([MINE], { rootPath: '/shop' }), false), [])
  assert.equal(mountsOf(below, config([MINE]), false).length, 1)
})

test('while two generations answer, the files of both are there, the new ones first', () => {
  assert.deepEqual(foundMounts([withMount(NEW), withMount(OLD)], config(), false), [NEW, OLD])
  assert.deepEqual(foundMounts([null, withMount(OLD)], config(), false), [OLD])
  assert.deepEqual(foundMounts([withMount(null), withMount(OLD)], config(), false), [OLD])
})

test('an application that is another user than the gateway names no directories for it', () => {
  assert.deepEqual(mountsOf(withMount(NEW), config(), true), [])
  assert.deepEqual(foundMounts([withMount(NEW)], config(), true), [])
})
