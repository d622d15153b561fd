import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryBudget } from '../base/memory-budget.ts'
import { ReceiveWindow } from './receive-window.ts'

const FIRST = 65_535
const LARGE = 512 * 1024

test('it grows to half a megabyte for content that is taken, in large steps', () => {
  const window = new ReceiveWindow(new MemoryBudget(), false)
  assert.equal(window.growth(undefined), LARGE - FIRST)
  assert.ok(window.receive(200_000))
  assert.equal(window.growth(undefined), 0)
  assert.ok(window.receive(100_000))
  assert.equal(window.growth(undefined), 300_000)
})

test('it grows to what is still to come, and not at all when there is room for that', () => {
  const window = new ReceiveWindow(new MemoryBudget(), false)
  assert.equal(window.growth(FIRST), 0)
  assert.equal(window.growth(100_000), 0, 'half of it is left')
  assert.ok(window.receive(60_000))
  assert.equal(
    window.growth(100_000),
    100_001 - 5535,
    'a byte more: nghttp2 does not end a stream whose window is shut',
  )
})

test('for a WebSocket it stays as it is; while memory is short, too', () => {
  const memory = new MemoryBudget({ limit: 1000, onEvict() {} })
  memory.open('', null).set(500)
  for (const window of [new ReceiveWindow(new MemoryBudget(), true), new ReceiveWindow(memory, false)]) {
    assert.equal(window.growth(undefined), 0)
    assert.ok(window.receive(FIRST))
    assert.equal(window.growth(undefined), FIRST)
    assert.ok(window.receive(FIRST))
    assert.ok(!window.receive(1))
  }
})

test('whatever comes: what was given is what was used and what is left, and there is always room to go on', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(16_384), { maxLength: 200 }),
      fc.option(fc.nat(2_000_000), { nil: undefined }),
      fc.boolean(),
      (frames, length, isTunnel) => {
        const window = new ReceiveWindow(new MemoryBudget(), isTunnel)
        let [given, used] = [FIRST, 0]
        for (const bytes of frames) {
          if (length !== undefined && used + bytes > length) break
          assert.equal(window.receive(bytes), used + bytes <= given)
          used += bytes
          const rest = length === undefined ? undefined : length - used
          given += window.growth(rest)
          assert.ok(given - used >= Math.min(rest ?? FIRST / 2, FIRST / 2 - 1))
          assert.ok(given - used <= LARGE)
        }
      },
    ),
    { numRuns: 500 },
  )
})
