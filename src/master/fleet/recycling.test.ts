import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeAge, describeExcess, describeRequests, drawAge, drawRequests } from './recycling.ts'

const OFF = { maxRequests: 0, maxRequestsJitter: 0, maxAge: 0, maxMemory: 0 }
const MEGABYTE = 1024 * 1024

test('nothing is drawn where a rule is off', () => {
  assert.equal(drawRequests({ ...OFF, maxRequestsJitter: 50 }, 0.9), 0)
  assert.equal(drawAge(OFF, 0.9), Number.POSITIVE_INFINITY)
})

test('the number of requests is spread by the jitter, both ends included', () => {
  const rules = { ...OFF, maxRequests: 1000, maxRequestsJitter: 50 }
  assert.equal(drawRequests(rules, 0), 1000)
  assert.equal(drawRequests(rules, 0.9999), 1050)
  assert.equal(drawRequests({ ...OFF, maxRequests: 1 }, 0.9999), 1)
})

test('the age is spread by a tenth and never more than was said', () => {
  assert.equal(drawAge({ ...OFF, maxAge: 1000 }, 0), 1000)
  assert.ok(Math.abs(drawAge({ ...OFF, maxAge: 1000 }, 0.9999) - 900) < 1)
})

test('the reasons name the number and the flag', () => {
  assert.equal(describeRequests({ ...OFF, maxRequests: 1000 }, 1012), '1,012 requests (--max-requests 1000)')
  assert.equal(describeRequests({ ...OFF, maxRequests: 1 }, 1), '1 request (--max-requests 1)')
  assert.equal(describeAge({ ...OFF, maxAge: 3_600_000 }, 3_400_000), '57 min old (--max-age 60 min)')
})

test('there is a reason above the limit only; it says when the limit may be too low', () => {
  const rules = { ...OFF, maxMemory: 200 * MEGABYTE }
  assert.equal(describeExcess(rules, { bytes: 200 * MEGABYTE, kind: 'PSS' }, 1), null)
  const much = { bytes: 300 * MEGABYTE, kind: 'RSS' } as const
  assert.equal(describeExcess(rules, much, 60_000), '300 MB of memory, RSS (--max-memory 200 MB)')
  assert.match(describeExcess(rules, much, 20_000)!, /200 MB\); it serves for 20 s only: the limit may be too low$/)
})
