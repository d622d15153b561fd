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

test('a word that is near to no name gets no suggestion', () => {
  assert.equal(closest('--certificate', FLAGS), null)
  assert.equal(closest('--xyz', []), null)
})

test('a word that is longer than any name gets no suggestion, and costs nothing', () => {
  assert.equal(closest('workers'.repeat(1_000_000), ['workers']), null)
})
