import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeTerminal } from './terminal.ts'

const isColoured = (isTTY: boolean, variables: Record<string, string>) =>
  describeTerminal({ isTTY }, variables).title('x') !== 'x'

test('colours on a terminal', () => assert.ok(isColoured(true, { TERM: 'xterm-256color' })))
test('no colours into a pipe or a file', () => assert.ok(!isColoured(false, { TERM: 'xterm-256color' })))
test('no colours if NO_COLOR is set and not empty', () => {
  assert.ok(!isColoured(true, { NO_COLOR: '1' }))
  assert.ok(!isColoured(true, { NO_COLOR: '0' }))
  assert.ok(isColoured(true, { NO_COLOR: '' }))
})
test('no colours on a dumb terminal', () => assert.ok(!isColoured(true, { TERM: 'dumb' })))
