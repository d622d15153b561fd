import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Encrypted, WatchedRecords } from './record-floods.ts'

const LOOK_MS = 500

/** Looks after each step of `[records, content]` bytes. Returns the number of the step that ended it; 0: none. */
function ended(steps: Iterable<readonly [number, number]>): number {
  const sum = { encryptedBytes: 0, contentBytes: 0 } satisfies Encrypted
  const watched = new WatchedRecords(sum, () => {})
  let step = 0
  for (const [encrypted, content] of steps) {
    step++
    sum.encryptedBytes += encrypted
    sum.contentBytes += content
    if (watched.look(LOOK_MS)) return step
  }
  return 0
}

function* times(count: number, step: readonly [number, number]) {
  for (let i = 0; i < count; i++) yield step
}

const KIB = 1024

test('records without content end a connection, at once or little by little', () => {
  assert.equal(ended([[129 * KIB, 0]]), 0)
  assert.equal(ended([[140 * KIB, 0]]), 1)
  assert.equal(ended(times(100, [8 * KIB, 0])), 22)
  assert.equal(ended(times(1000, [2 * KIB, 0])), 0)
})

test('small records with content do not: requests, uploads, WINDOW_UPDATE, small messages of WebSockets', () => {
  assert.equal(ended(times(1000, [10_000 * (22 + 60), 10_000 * 60])), 0)
  assert.equal(ended(times(1000, [100_000 * (22 + 13), 100_000 * 13])), 0)
  assert.equal(ended(times(1000, [100_000 * (22 + 8), 100_000 * 8])), 0)
  assert.equal(ended(times(1000, [500 * (22 + 6), 500 * 6])), 0)
  assert.equal(ended(times(1000, [50_000_000 * 1.002, 50_000_000])), 0)
})

test('content that came long ago is no excuse', () => {
  assert.equal(ended([[1e9 + 1e6, 1e9], ...times(100, [20 * KIB, 0])]), 9)
})
