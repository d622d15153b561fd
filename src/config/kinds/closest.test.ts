import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closest } from './closest.ts'

const FLAGS = ['--bind', '--workers', '--threads', '--timeout', '--python', '--preload', '--log-level']

for (const [typed, meant] of [
  ['--wrokers', '--workers'],
  ['--worker', '--workers'],
  ['--thread', '--threads'],
  ['--time-out', '--timeout'],
  ['--loglevel', '--log-level'],
  ['--pre', '--preload'],
  ['--py', '--python'],
] as const)
  test(`${typed} is near ${meant}`, () => assert.equal(closest(typed, FLAGS), meant))

test('what resembles nothing gets no suggestion', () => {
  assert.equal(closest('--certificate', FLAGS), null)
  assert.equal(closest('--xyz', []), null)
})

test('what is longer than any name resembles none, and costs nothing', () => {
  assert.equal(closest('workers'.repeat(1_000_000), ['workers']), null)
})
