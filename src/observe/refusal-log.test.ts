import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusalLog, RefusalLogs } from './refusal-log.ts'

test('one line a second, with the number of refusals that have no line', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const lines: string[] = []
  const log = new RefusalLog((_level, message, request) => lines.push(`${request} ${message}`))
  for (let i = 1; i <= 10; i++) log.report('refused', `r${i}`)
  t.mock.timers.tick(1000)
  log.report('refused', 'r11')
  t.mock.timers.tick(1000)
  t.mock.timers.tick(1000)
  log.report('refused', 'r12')
  assert.deepEqual(lines, ['r1 refused', 'r10 refused; and 8 others before it', 'r11 refused', 'r12 refused'])
})

test('the end of a burst gets a line without another refusal, and at the end of the program at once', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const lines: string[] = []
  const log = new RefusalLog((_level, message) => lines.push(message))
  for (let i = 0; i < 3; i++) log.report('refused')
  log.flush()
  log.flush()
  assert.deepEqual(lines, ['refused', 'refused; and 1 other before it'])
})

test('kinds are bounded: a kind for each text of a stranger would be a line for each', () => {
  const lines: string[] = []
  const logs = new RefusalLogs((_level, message) => lines.push(message))
  for (let i = 0; i < 1000; i++) logs.report(`kind ${i}`, `refused ${i}`)
  assert.equal(lines.length, 65)
  logs.flush()
  assert.deepEqual(lines.slice(65), ['refused 999; and 934 others before it'])
})
