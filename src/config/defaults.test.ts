import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectionLimit, temporaryFileLimit } from './defaults.ts'
import { makeTree } from './testing/tree.ts'

function limitsFile(t: TestContext, hard: string): string {
  const line = `Max open files            1024                 ${hard.padEnd(20)} files\n`
  return join(makeTree(t, { limits: `Limit  Soft Limit  Hard Limit  Units\n${line}` }), 'limits')
}

function limitFor(t: TestContext, hard: string): number {
  return connectionLimit(limitsFile(t, hard))
}

test('connections: the hard limit on open files less a quarter, at least 256', t => {
  assert.equal(limitFor(t, '20000'), 15_000)
  assert.equal(limitFor(t, '1024'), 768)
  assert.equal(limitFor(t, '600'), 344)
})

test('connections: never more than the limit on open files, however small', t => {
  assert.equal(limitFor(t, '64'), 32)
})

test('connections: bounded where open files are not', t => {
  assert.equal(limitFor(t, 'unlimited'), 65_536)
  assert.equal(limitFor(t, '1073741816'), 65_536)
})

test('connections: a fixed number where the limit cannot be read', () => {
  assert.equal(connectionLimit('/nowhere/limits'), 4096)
})

test('temporary files: half of what connections leave, two a connection at most', t => {
  assert.equal(temporaryFileLimit(limitsFile(t, '20000'), 15_000), 2500)
  assert.equal(temporaryFileLimit(limitsFile(t, 'unlimited'), 100), 200)
  assert.equal(temporaryFileLimit(limitsFile(t, '100'), 100), 16)
  assert.equal(temporaryFileLimit('/nowhere/limits', 4096), 256)
})
