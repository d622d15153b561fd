import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  nameOfPath,
  parseApplicationName,
  parseApplicationPath,
  parsePoolName,
  parsePoolPath,
} from './application-keys.ts'

test('names of applications', () => {
  for (const text of ['shop', 'a', '1', 'shop-2_b', 'x'.repeat(32)])
    assert.deepEqual(parseApplicationName(text), { value: text })
  for (const text of ['', 'Shop', '-a', '_a', '.', '..', 'a/b', 'a b', 'x'.repeat(33), 'café', 'a\n', 'default'])
    assert.ok('problem' in parseApplicationName(text), text)
  assert.deepEqual(parsePoolName('default'), { value: 'default' })
})

test('paths of applications: decoded, without a slash at the end', () => {
  for (const [text, value] of [
    ['/', ''],
    ['', ''],
    ['/api', '/api'],
    ['/api/', '/api'],
    ['/api/v2', '/api/v2'],
    ['/café', '/café'],
  ] as const)
    assert.deepEqual(parseApplicationPath(text), { value })
  for (const text of ['api', '/a//b', '/a/../b', '/a?b', '/a#b', '/a b', '/a%2fb', '/a\0', `/${'a'.repeat(1000)}`])
    assert.ok('problem' in parseApplicationPath(text), text)
})

test('paths of pools are below the root', () => {
  assert.deepEqual(parsePoolPath('/export/'), { value: '/export' })
  for (const text of ['', '/', 'export', '/a/./b']) assert.ok('problem' in parsePoolPath(text), text)
})

test('the name of a pool is made of its path, and is a right one', () => {
  assert.deepEqual(['/export/csv', '/Export.CSV/', '/_x', '/카페', `/${'a'.repeat(50)}`].map(nameOfPath), [
    'export-csv',
    'export-csv',
    'x',
    '',
    'a'.repeat(32),
  ])
  for (const path of ['/export/csv', '/_x', '/-/a', `/${'ab-'.repeat(20)}`])
    assert.deepEqual(parsePoolName(nameOfPath(path)), { value: nameOfPath(path) })
})
