import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CallTable } from './call-table.ts'

const begin = (table: CallTable<{ id: number }>) => {
  const one = { id: table.newId() }
  table.add(one)
  return one
}

test('numbers are unique, and each finds its call while others come and go', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { maxLength: 600 }), steps => {
      const table = new CallTable<{ id: number }>()
      const there = new Map<number, { id: number }>()
      for (const step of steps) {
        const oldest = there.values().next().value
        if (step === 0 && oldest !== undefined) {
          table.delete(oldest)
          there.delete(oldest.id)
          assert.equal(table.get(oldest.id), null)
        } else {
          const one = begin(table)
          assert.ok(!there.has(one.id))
          there.set(one.id, one)
        }
      }
      assert.equal(table.size, there.size)
      for (const one of there.values()) assert.equal(table.get(one.id), one)
      assert.deepEqual(new Set(table.values()), new Set(there.values()))
    }),
  )
})

test('a number whose place is taken is passed over: a call that stays for long keeps its place', () => {
  const table = new CallTable<{ id: number }>()
  const stays = begin(table)
  for (let i = 0; i < 1000; i++) table.delete(begin(table))
  assert.equal(table.get(stays.id), stays)
  assert.equal(table.size, 1)
})

test('a number that was never given is known as such, and a second deletion does nothing', () => {
  const table = new CallTable<{ id: number }>()
  const one = begin(table)
  assert.ok(table.mayHaveBeen(one.id))
  assert.ok(!table.mayHaveBeen(one.id + 1))
  table.delete(one)
  table.delete(one)
  assert.equal(table.size, 0)
})
