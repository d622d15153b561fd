import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainOldNode } from './node-version.ts'

test('a Node that is too old is refused in one sentence that names both versions', () => {
  assert.match(explainOldNode('20.20.2')!, /^needs Node 24 or newer, and this is Node 20\.20\.2: /)
  assert.notEqual(explainOldNode('9.0.0'), null)
  assert.notEqual(explainOldNode('23.11.1'), null)
})

test('Node 24 and newer will do', () => {
  for (const version of ['24.0.0', '26.10.0', '100.0.0-nightly']) assert.equal(explainOldNode(version), null)
})
