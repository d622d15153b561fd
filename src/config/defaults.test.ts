import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectionLimit, openFileLimit, tooManyDescriptors } from './defaults.ts'
import { makeTree } from './testing/tree.ts'

function limitsFile(t: TestContext, hard: string): string {
  const line = `Max open files            1024                 ${hard.padEnd(20)} files\n`
  return join(makeTree(t, { limits: `Limit  Soft Limit  Hard Limit  Units\n${line}` }), 'limits')
}

/** With links to four slots. */
function limitFor(t: TestContext, hard: string): number {
  return connectionLimit(limitsFile(t, hard), 4, 1)
}

test('connections: three quarters of the limit on open files, less what the gateway and two generations of links hold', t => {
  assert.equal(limitFor(t, '20000'), (20_000 - 128 - 8) * 0.75)
  assert.equal(limitFor(t, '1024'), (1024 - 128 - 8) * 0.75)
  assert.equal(connectionLimit(limitsFile(t, '20000'), 2048, 1), Math.floor((20_000 - 128 - 4096) * 0.75))
})

test('connections: three quarters of half the limit, if the limit is very small', t => {
  assert.equal(limitFor(t, '64'), 24)
})

test('connections: bounded even if open files are not', t => {
  assert.equal(limitFor(t, 'unlimited'), 65_536)
  assert.equal(limitFor(t, '1073741816'), 65_536)
})

test('connections: a fixed number if the limit cannot be read', () => {
  assert.equal(connectionLimit('/nowhere/limits', 4, 1), 4096)
})

test('open files: the rest, but two per connection at most', t => {
  assert.equal(openFileLimit(limitsFile(t, '20000'), 4, 1, 15_000), 20_000 - 128 - 8 - 15_000)
  assert.equal(openFileLimit(limitsFile(t, 'unlimited'), 4, 1, 100), 200)
  assert.equal(openFileLimit(limitsFile(t, '100'), 4, 1, 100), 16)
  assert.equal(openFileLimit('/nowhere/limits', 4, 1, 4096), 256)
})

test('several threads of the gateway have links of their own, and 8 descriptors each', t => {
  const file = limitsFile(t, '20000')
  assert.equal(connectionLimit(file, 100, 3), (20_000 - 128 - 3 * 8 - 2 * 3 * 100) * 0.75)
  assert.equal(openFileLimit(file, 100, 3, 15_000), 20_000 - 128 - 3 * 8 - 2 * 3 * 100 - 15_000)
})

test('what the gateway itself holds is too much when it is more than half of the limit', t => {
  assert.equal(tooManyDescriptors(limitsFile(t, '1024'), 64, 2), null)
  assert.equal(tooManyDescriptors(limitsFile(t, '1024'), 64, 3), null)
  assert.deepEqual(tooManyDescriptors(limitsFile(t, '1024'), 64, 4), { held: 32 + 32 + 512, allowed: 1024 })
  assert.equal(tooManyDescriptors(limitsFile(t, '128'), 4, 2), null)
  assert.equal(tooManyDescriptors('/nowhere/limits', 10_000, 64), null)
})
