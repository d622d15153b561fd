import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodePathBytes } from '../../http/path.ts'
import { normalPath } from './normal-path.ts'

test('a path is decoded once, its dots are resolved, and its slashes merged', () => {
  for (const [given, normal] of [
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a%20b', '/a b'],
    ['/a%2Fb', '/a/b'],
    ['/a/%2e%2E/b', '/b'],
    ['/%252e', '/%2e'],
    ['//a///b//', '/a/b/'],
    ['/a/.', '/a/'],
    ['/a/..', '/'],
    ['/a/./b/../c', '/a/c'],
    ['/a//../b', '/b'],
    ['/.well-known', '/.well-known'],
    ['/...', '/...'],
    ['/%C3%A9', '/\xc3\xa9'],
    ['/%3Fx', '/?x'],
    ['*', '*'],
  ] as const)
    assert.equal(normalPath(given), normal, given)
})

test('a path that leads above the root, has a NUL or a broken escape is refused', () => {
  for (const path of ['/..', '/a/../..', '/%2e%2e/x', '/%00', '/%', '/%4', '/%zz', '/a%2'])
    assert.equal(typeof normalPath(path), 'object', path)
})

test('a normal path survives being encoded', () => {
  for (let byte = 1; byte < 256; byte++) {
    const path = `/a${String.fromCharCode(byte)}b`
    assert.equal(normalPath(encodePathBytes(path)), path)
  }
})
