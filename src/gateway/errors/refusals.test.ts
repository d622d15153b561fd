import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AddressFullError } from '../../apps/pool/address-limit.ts'
import { FakeExchange } from '../../apps/testing/fake-exchange.ts'
import { FileCutError, HttpError } from '../../http/errors.ts'
import { AppRefusals, Refusals } from './refusals.ts'

function recorded() {
  const lines: string[] = []
  const log = (level: string, message: string, request = '') => lines.push(`${level} ${request} ${message}`)
  return { lines, log, refusals: new Refusals(log) }
}

test('only errors that the operator can do something about are logged', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { lines, log } = recorded()
  const refusals = new AppRefusals(log, 5)
  const exchange = new FakeExchange({ path: '/a' })
  const { id } = exchange
  refusals.failed(exchange, new HttpError(404, 'Not there', 'client'))
  refusals.failed(exchange, new HttpError(500, 'It failed', 'application'))
  refusals.failed(exchange, new HttpError(503, 'The queue is full', 'operator'))
  refusals.failed(exchange, new FileCutError('/srv/a', 1, 2, null))
  refusals.failed(exchange, new AddressFullError())
  assert.equal(lines.length, 3)
  assert.equal(lines[0], `warn ${id} GET /a was refused: The queue is full`)
  assert.match(lines[1]!, new RegExp(`^warn ${id} the answer to GET /a was cut: .*/srv/a`))
  assert.match(
    lines[2]!,
    /GET \/a from 192\.0\.2\.1 was refused: 5 requests .*\(limit-requests-per-address\); .*trusted-proxies/,
  )
})

test('refusals of one application leave those of another their line', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { lines, log } = recorded()
  const full = new HttpError(503, 'The queue is full', 'operator')
  for (const refusals of [new AppRefusals(log, 5), new AppRefusals(log, 5)]) refusals.failed(new FakeExchange(), full)
  assert.equal(lines.length, 2)
})

test('each kind has its own line once a second; the others are counted, and logged at the end', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { lines, refusals } = recorded()
  for (let i = 0; i < 3; i++) {
    refusals.connection(10)
    refusals.connectionFrom('10.0.0.1', 5)
    refusals.content(3 * 1024 ** 2)
  }
  assert.equal(lines.length, 3)
  assert.match(lines[0]!, /10 are open.*\(limit-connections\)/)
  assert.match(lines[1]!, /from 10\.0\.0\.1 .* 5 open.*\(limit-connections-per-address\)/)
  assert.match(lines[2]!, /hold 3 MB.*\(limit-temp-bytes\)/)
  refusals.flush()
  assert.equal(lines.length, 6)
  for (const line of lines.slice(3)) assert.match(line, /; and 1 other before it$/)
})
