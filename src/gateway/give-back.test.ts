import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { MemoryBudget } from '../base/memory-budget.ts'
import { GiveBack } from './give-back.ts'

const MIB = 1024 * 1024

test('memory is given back once when a wave is over, and never for a small one', () => {
  const memory = new MemoryBudget()
  const account = memory.open('', null)
  let given = 0
  const one = new GiveBack(memory, { collect() {}, giveBack: () => given++ })
  for (const [held, expected] of [
    [20 * MIB, 0],
    [0, 0],
    [100 * MIB, 0],
    [50 * MIB, 0],
    [20 * MIB, 1],
    [0, 1],
    [200 * MIB, 1],
    [0, 2],
  ] as const) {
    account.set(held)
    one.check()
    assert.equal(given, expected)
  }
})

test('several threads share out how much each may keep', async () => {
  const others = { threads: 4, used: () => 0, tell() {}, ask() {} }
  const memory = new MemoryBudget({ limit: 1024 * MIB, others, onEvict() {} })
  const account = memory.open('', null)
  const done: string[] = []
  const one = new GiveBack(memory, { collect: () => done.push('collect'), giveBack: () => done.push('give back') })
  account.set(10 * MIB)
  one.check()
  account.set(0)
  one.check()
  one.evicted(5 * MIB)
  await new Promise(setImmediate)
  assert.deepEqual(done, ['give back', 'collect'])
})

test('garbage is collected after many evicted bytes, at the end of the turn', async () => {
  let collected = 0
  const one = new GiveBack(new MemoryBudget(), { collect: () => collected++, giveBack() {} })
  one.evicted(10 * MIB)
  await new Promise(setImmediate)
  assert.equal(collected, 0)
  one.evicted(10 * MIB)
  assert.equal(collected, 0)
  await new Promise(setImmediate)
  assert.equal(collected, 1)
})

/** Runs in a process of its own, so that no other test changes its memory. The buffers are small: the C library keeps only small ones. */
const SCRIPT = `
  const { giveBack } = await import(process.argv[1])
  let held = Array.from({ length: 8000 }, () => Buffer.allocUnsafeSlow(16000).fill(1))
  const before = process.memoryUsage.rss()
  held = Buffer.alloc(100)
  const isGiven = await giveBack()
  console.log(JSON.stringify({ isGiven, before, after: process.memoryUsage.rss() }))
`

test('the memory of freed buffers leaves the process', t => {
  const module = new URL('give-back.ts', import.meta.url).href
  const options = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', SCRIPT, module]
  const output = execFileSync(process.execPath, options, { encoding: 'utf8' })
  const { isGiven, before, after } = JSON.parse(output) as { isGiven: boolean; before: number; after: number }
  if (!isGiven) t.skip('this Node has no node:ffi, or its C library no malloc_trim')
  else assert.ok(before - after > 100 * MIB, `${before} bytes before, ${after} after`)
})
