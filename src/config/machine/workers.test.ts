import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { makeEnvironment, makeTree } from '../testing/tree.ts'
import type { Machine } from './environment.ts'
import { autoWorkers } from './workers.ts'

function auto(t: TestContext, files: Record<string, string>, changes: Partial<Machine> = {}) {
  return autoWorkers({ ...makeEnvironment(makeTree(t, files)).machine, ...changes })
}

test('without /proc and control groups: what Node says', t => {
  assert.deepEqual(auto(t, {}, { parallelism: 3 }), { workers: 3, reason: 'auto: 3 cores' })
})

test('at least two workers, and the reason says so', t => {
  assert.deepEqual(auto(t, {}, { parallelism: 1 }), { workers: 2, reason: 'auto: 1 core, at least 2' })
})

test('the affinity mask limits, and cores in it that are offline do not count', t => {
  const files = { 'proc/self/status': 'Name:\tnode\nCpus_allowed_list:\t0-1,4\n' }
  assert.deepEqual(auto(t, files, { onlineCores: 8 }), { workers: 3, reason: 'auto: 3 cores' })
  const wide = { 'proc/self/status': 'Cpus_allowed_list:\t0-127\n' }
  assert.equal(auto(t, wide, { onlineCores: 6 }).workers, 6)
})

test('version 2: a quota below the cores limits and is rounded up', t => {
  const files = { 'proc/self/cgroup': '0::/\n', 'cgroup/cpu.max': '250000 100000\n' }
  assert.deepEqual(auto(t, files), { workers: 3, reason: 'auto: CPU quota of 2.5 cores' })
})

test('version 2: a quota under two still gives two workers', t => {
  const files = { 'proc/self/cgroup': '0::/\n', 'cgroup/cpu.max': '150000 100000\n' }
  assert.deepEqual(auto(t, files), { workers: 2, reason: 'auto: CPU quota of 1.5 cores' })
  const small = { 'proc/self/cgroup': '0::/\n', 'cgroup/cpu.max': '50000 100000\n' }
  assert.deepEqual(auto(t, small), { workers: 2, reason: 'auto: CPU quota of 0.5 cores, at least 2' })
})

test('version 2: no limit, and a limit above the cores', t => {
  for (const quota of ['max 100000', '800000 100000'])
    assert.deepEqual(auto(t, { 'proc/self/cgroup': '0::/\n', 'cgroup/cpu.max': quota }), {
      workers: 4,
      reason: 'auto: 4 cores',
    })
})

test('version 2: the tightest of the groups around the own one counts', t => {
  const files = {
    'proc/self/cgroup': '0::/system.slice/shop.service\n',
    'cgroup/system.slice/cpu.max': '200000 100000',
    'cgroup/system.slice/shop.service/cpu.max': '300000 100000',
  }
  assert.equal(auto(t, files).reason, 'auto: CPU quota of 2 cores')
})

test('version 2: in a container the path is the host’s and only the root is there', t => {
  const files = { 'proc/self/cgroup': '0::/docker/0123abc\n', 'cgroup/cpu.max': '300000 100000' }
  assert.equal(auto(t, files).workers, 3)
})

test('a path that leads out of the namespace is not followed', t => {
  const files = { 'proc/self/cgroup': '0::/../../proc\n', 'proc/cpu.max': '100000 100000' }
  assert.equal(auto(t, files).reason, 'auto: 4 cores')
})

test('version 1: quota and period of the cpu controller, wherever it is mounted', t => {
  for (const mount of ['cpu', 'cpu,cpuacct']) {
    const files = {
      'proc/self/cgroup': '11:memory:/x\n4:cpu,cpuacct:/shop\n0::/\n',
      [`cgroup/${mount}/shop/cpu.cfs_quota_us`]: '300000\n',
      [`cgroup/${mount}/shop/cpu.cfs_period_us`]: '100000\n',
    }
    assert.equal(auto(t, files).reason, 'auto: CPU quota of 3 cores', mount)
  }
})

test('version 1: -1 is no limit', t => {
  const files = {
    'proc/self/cgroup': '1:cpu:/\n',
    'cgroup/cpu/cpu.cfs_quota_us': '-1\n',
    'cgroup/cpu/cpu.cfs_period_us': '100000\n',
  }
  assert.equal(auto(t, files).reason, 'auto: 4 cores')
})

test('files with nonsense are as no files', t => {
  const files = {
    'proc/self/cgroup': 'nonsense\n0::/\n1:cpu',
    'proc/self/status': 'Cpus_allowed_list:\n',
    'cgroup/cpu.max': 'many\n',
  }
  assert.deepEqual(auto(t, files), { workers: 4, reason: 'auto: 4 cores' })
})
