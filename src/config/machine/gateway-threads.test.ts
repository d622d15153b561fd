import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { makeEnvironment, makeTree } from '../testing/tree.ts'
import type { Machine } from './environment.ts'
import { autoGatewayThreads } from './gateway-threads.ts'

function auto(t: TestContext, changes: Partial<Machine>, files: Record<string, string> = {}, isDevelopment = false) {
  return autoGatewayThreads({ ...makeEnvironment(makeTree(t, files)).machine, ...changes }, isDevelopment, 64)
}

test('one thread up to four cores, then one for each four, begun ones too', t => {
  const threads = [1, 2, 4, 5, 8, 9, 64].map(parallelism => auto(t, { parallelism }).threads)
  assert.deepEqual(threads, [1, 1, 1, 2, 2, 3, 16])
  assert.deepEqual(auto(t, { parallelism: 12 }), { threads: 3, reason: 'auto: 12 cores' })
})

test('never more than may be given', t => {
  assert.equal(auto(t, { parallelism: 512 }).threads, 64)
})

test('a CPU quota counts', t => {
  const files = { 'proc/self/cgroup': '0::/\n', 'cgroup/cpu.max': '450000 100000\n' }
  assert.deepEqual(auto(t, { parallelism: 64 }, files), { threads: 2, reason: 'auto: CPU quota of 4.5 cores' })
})

test('one where Node can have one only, and during development', t => {
  const old = { parallelism: 64, canCopyDescriptors: false, nodeVersion: '24.1.0' }
  assert.deepEqual(auto(t, old), { threads: 1, reason: 'auto: Node 24.1.0 can have one' })
  assert.deepEqual(auto(t, { parallelism: 64 }, {}, true), { threads: 1, reason: 'auto: one while developing' })
})
