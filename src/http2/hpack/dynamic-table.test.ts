import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DynamicTable, ENTRY_OVERHEAD } from './dynamic-table.ts'

/** The table as RFC7541§4 tells it: the newest entry is first. */
class Model {
  entries: { size: number }[] = []
  maxSize = 300

  get size(): number {
    return this.entries.reduce((sum, entry) => sum + entry.size, 0)
  }

  add(entry: { size: number }): void {
    while (this.entries.length > 0 && this.size + entry.size > this.maxSize) this.entries.pop()
    if (entry.size <= this.maxSize) this.entries.unshift(entry)
  }

  resize(maxSize: number): void {
    this.maxSize = maxSize
    while (this.size > maxSize) this.entries.pop()
  }
}

test('it holds what RFC7541§4 says, after any additions and changes of size', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ add: fc.integer({ min: ENTRY_OVERHEAD, max: 400 }) }) },
    { weight: 5, arbitrary: fc.record({ add: fc.integer({ min: ENTRY_OVERHEAD, max: 40 }) }) },
    { weight: 1, arbitrary: fc.record({ resize: fc.nat(2000) }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), steps => {
      const model = new Model()
      const table = new DynamicTable<{ size: number }>(model.maxSize)
      let entered = 0
      for (const step of steps) {
        if ('add' in step) {
          const entry = { size: step.add }
          if (entry.size <= model.maxSize) entered++
          model.add(entry)
          table.add(entry)
        } else {
          model.resize(step.resize)
          table.resize(step.resize)
        }
        assert.equal(table.maxSize, model.maxSize)
        assert.equal(table.count, model.entries.length)
        assert.equal(table.entered, entered)
        for (let index = 0; index <= table.count; index++) assert.equal(table.get(index), model.entries[index])
      }
    }),
  )
})
