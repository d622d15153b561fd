import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LimitError, ProtocolError, TlsOnPlainError } from '../../http/errors.ts'
import { RefusedRequests } from './refused-requests.ts'

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

test('TLS on a plain address is told, once a second', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const lines: string[] = []
  const log = new RefusedRequests((level, message) => lines.push(`${level} ${message}`))
  for (let i = 0; i < 100; i++) log.tell(new TlsOnPlainError(), '10.0.0.1', `r${i}`)
  log.flush()
  assert.equal(lines.length, 2)
  assert.match(lines[0]!, /^info refused 10\.0\.0\.1: The client speaks TLS, and this address plain HTTP: /)
  assert.match(lines[1]!, /; and 98 others before it$/)
})
