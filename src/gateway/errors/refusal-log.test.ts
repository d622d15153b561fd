import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LimitError, ProtocolError } from '../../http/errors.ts'
import { RefusalLog, RefusedRequests } from './refusal-log.ts'

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

test('each limit has lines of its own with the name of its setting; broken HTTP is for debugging', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const lines: string[] = []
  const log = new RefusedRequests((level, message, request) => lines.push(`${level} ${request} ${message}`))
  log.tell(new LimitError(413, 'Too large', 'limit-request-body'), '10.0.0.1', 'r1')
  log.tell(new LimitError(413, 'Too large', 'limit-request-body'), '10.0.0.2', 'r2')
  log.tell(new LimitError(414, 'Too long', 'limit-request-line'), '10.0.0.3', 'r3')
  log.tell(new ProtocolError(400, 'No Host', 'RFC9112§3.2'), '10.0.0.4', 'r4')
  log.flush()
  assert.deepEqual(lines, [
    'info r1 refused 10.0.0.1: Too large (limit-request-body)',
    'info r3 refused 10.0.0.3: Too long (limit-request-line)',
    'debug r4 refused 10.0.0.4: No Host (RFC9112§3.2)',
    'info r2 refused 10.0.0.2: Too large (limit-request-body)',
  ])
})
