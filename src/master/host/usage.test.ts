import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { measure } from './usage.ts'

const isLinux = process.platform === 'linux'

test('a process that computes uses a core, and has memory', { skip: !isLinux && 'needs /proc' }, async t => {
  const child = spawn(process.execPath, ['-e', 'process.stdout.write("."); for (;;);'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const used = (await measure([child.pid!])).get(child.pid!)!
  assert.ok(used.cpu! > 0, JSON.stringify(used))
  assert.ok(used.memory! > 1024 * 1024, JSON.stringify(used))
})

test('a process that has gone has neither', async () => {
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
  await once(child, 'close')
  assert.deepEqual((await measure([child.pid!])).get(child.pid!), { memory: null, cpu: null })
})

test('nothing to measure', async () => assert.equal((await measure([])).size, 0))
