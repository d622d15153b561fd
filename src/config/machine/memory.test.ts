import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { makeEnvironment, makeTree } from '../testing/tree.ts'
import { autoMemory, connectionsInMemory } from './memory.ts'

const MIB = 1024 * 1024

function auto(t: TestContext, files: Record<string, string>, memoryBytes = 8192 * MIB) {
  return autoMemory({ ...makeEnvironment(makeTree(t, files)).machine, memoryBytes }) / MIB
}

test('a quarter of the machine, if no control group limits it', t => {
  assert.equal(auto(t, {}), 2048)
  assert.equal(auto(t, { 'proc/self/cgroup': '0::/\n', 'cgroup/memory.max': 'max\n' }), 2048)
  const none = { 'proc/self/cgroup': '4:memory:/\n', 'cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n' }
  assert.equal(auto(t, none), 2048)
})

test('a quarter of the tightest control group, version 2 and version 1', t => {
  const second = {
    'proc/self/cgroup': '0::/shop.slice/shop.service\n',
    'cgroup/shop.slice/memory.max': `${512 * MIB}\n`,
    'cgroup/shop.slice/shop.service/memory.max': `${1024 * MIB}\n`,
  }
  assert.equal(auto(t, second), 128)
  const first = {
    'proc/self/cgroup': '4:memory:/docker/abc\n0::/\n',
    'cgroup/memory/memory.limit_in_bytes': `${256 * MIB}\n`,
  }
  assert.equal(auto(t, first), 64)
})

test('never less than 16 MiB', t => {
  assert.equal(auto(t, {}, 32 * MIB), 16)
})

test('connections: as many as fit into such a quarter; with TLS half of them', t => {
  const files = { 'proc/self/cgroup': '0::/\n', 'cgroup/memory.max': `${512 * MIB}\n` }
  const { machine } = makeEnvironment(makeTree(t, files))
  assert.equal(connectionsInMemory({ ...machine, memoryBytes: 8192 * MIB }, false), 8192)
  assert.equal(connectionsInMemory({ ...machine, memoryBytes: 8192 * MIB }, true), 4096)
  assert.equal(connectionsInMemory({ ...machine, memoryBytes: MIB }, true), 512)
})
