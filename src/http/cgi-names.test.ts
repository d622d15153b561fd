import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cgiName, mergeRepeated, NOT_PASSED } from './cgi-names.ts'

test('a header becomes HTTP_ and its name; Content-Type has a name of its own (RFC3875§4.1.18)', () => {
  assert.equal(cgiName('accept-encoding'), 'HTTP_ACCEPT_ENCODING')
  assert.equal(cgiName('content-type'), 'CONTENT_TYPE')
})

test('a header cannot pass for a variable that is not a header', () => {
  for (const name of ['remote-addr', 'https', 'path', 'script-name']) assert.match(cgiName(name), /^HTTP_/)
  assert.ok(NOT_PASSED.has('proxy'), 'httpoxy')
})

test('repeated headers become one value, in their order', () => {
  assert.deepEqual(mergeRepeated(['a', '1', 'cookie', 'x=1', 'a', '2', 'cookie', 'y=2']), [
    ...['a', '1,2'],
    ...['cookie', 'x=1; y=2'],
  ])
})
