import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { OutOfMemoryKills } from './out-of-memory-kills.ts'

const KILLED = 'was killed by SIGKILL'

/** Control groups and `/proc` in one directory. */
function machine(t: TestContext, files: Readonly<Record<string, string>>) {
  const root = mkdtempSync(join(tmpdir(), 'jumak-cgroup-'))
  t.after(() => rmSync(root, { recursive: true }))
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  for (const [name, text] of Object.entries(files)) write(name, text)
  const counter = new OutOfMemoryKills(join(root, 'cgroup'), join(root, 'proc'))
  t.after(() => counter.stop())
  return { root, write, counter }
}

const events = (kills: number) => `low 0\nhigh 0\nmax 12\noom 3\noom_kill ${kills}\noom_group_kill 0\n`

test('a SIGKILL came from the kernel when the counter of our group has grown, once for each kill', t => {
  const path = 'cgroup/shop.service/memory.events'
  const { root, write, counter } = machine(t, { 'proc/self/cgroup': '0::/shop.service\n', [path]: events(2) })
  assert.equal(counter.explain(KILLED), KILLED, 'those before our time are nobody’s')
  write(path, events(3))
  assert.equal(counter.explain('exited with code 1'), 'exited with code 1')
  assert.equal(counter.explain(KILLED), `${KILLED}: out of memory, says ${join(root, path)}`)
  assert.equal(counter.explain(KILLED), KILLED)
})

test('in a container the root is our own group; version 1 counts in memory.oom_control', t => {
  const inside = machine(t, { 'proc/self/cgroup': '0::/docker/abc\n', 'cgroup/memory.events': events(0) })
  inside.write('cgroup/memory.events', events(1))
  assert.match(inside.counter.explain(KILLED), /out of memory/)

  const path = 'cgroup/memory/shop/memory.oom_control'
  const text = (kills: number) => `oom_kill_disable 0\nunder_oom 0\noom_kill ${kills}\n`
  const old = machine(t, { 'proc/self/cgroup': '5:devices:/x\n4:memory:/shop\n0::/\n', [path]: text(7) })
  old.write(path, text(8))
  assert.match(old.counter.explain(KILLED), /out of memory, says .*memory\.oom_control/)
})

test('an old kill of another process explains nothing', t => {
  const path = 'cgroup/memory.events'
  const { write, counter } = machine(t, { 'proc/self/cgroup': '0::/\n', [path]: events(0) })
  write(path, events(1))
  counter.forgetOld()
  counter.forgetOld()
  assert.equal(counter.explain(KILLED), KILLED)
})

test('without control groups nothing is said', t => {
  assert.equal(machine(t, {}).counter.explain(KILLED), KILLED)
})
