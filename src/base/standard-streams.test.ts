import assert from 'node:assert/strict'
import { test } from 'node:test'
import { standardStream } from './standard-streams.ts'

test('paths of standard output and error, and paths that only look like them', () => {
  const names = ['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1', '/dev/stderr', '/dev/fd/2', '/proc/self/fd/2']
  assert.deepEqual(names.map(standardStream), [1, 1, 1, 2, 2, 2])
  for (const other of ['-', '/dev/null', '/dev/fd/12', '/dev/fd/3', '/srv/dev/stdout', '/dev/stdout/x', ''])
    assert.equal(standardStream(other), null, other)
})
