/** Which answer to a health check is a good one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HealthCheck } from '../sites/upstream-model.ts'
import { HealthAnswer } from './health-answer.ts'
import type { UpstreamHead } from './response-head.ts'

const CHECK: HealthCheck = {
  path: '/up',
  interval: 5000,
  timeout: 2000,
  fails: 1,
  passes: 1,
  leastStatus: 200,
  mostStatus: 299,
  header: null,
  body: null,
  tls: null,
}

function answer(more: Partial<HealthCheck> = {}): HealthAnswer {
  return new HealthAnswer({ ...CHECK, ...more })
}

function head(status: number, ...headers: string[]): UpstreamHead {
  return { status, headers } as unknown as UpstreamHead
}

test('a status alone is enough where nothing else is asked for', () => {
  assert.equal(answer().head(head(204)), null)
  assert.equal(answer().head(head(503)), 'was answered with 503')
  assert.equal(answer({ body: 'well' }).head(head(503)), 'was answered with 503')
})

test('a field must be there, and have its value in one of its lines', () => {
  const any = { header: { name: 'x-state', value: null } }
  assert.equal(answer(any).head(head(200, 'X-State', 'whatever')), null)
  assert.equal(answer(any).head(head(200, 'X-Other', 'up')), 'was answered without the field x-state')
  const up = { header: { name: 'x-state', value: 'up' } }
  assert.equal(answer(up).head(head(200, 'X-STATE', 'down', 'x-state', 'up')), null)
  assert.equal(answer(up).head(head(200, 'X-State', 'upper')), 'was answered without x-state: up')
})

test('a text is found wherever the content is cut, and in bytes of UTF-8', () => {
  const content = Buffer.from('{"state": "läuft gut"}')
  for (let cut = 0; cut <= content.length; cut++) {
    const one = answer({ body: 'läuft' })
    assert.equal(one.head(head(200)), undefined)
    const isFoundAtOnce = one.body(content.subarray(0, cut)) === null
    assert.ok(isFoundAtOnce || one.body(content.subarray(cut)) === null, String(cut))
  }
  const bytes = answer({ body: 'läuft' })
  bytes.head(head(200))
  for (const byte of content) if (bytes.body(Buffer.from([byte])) === null) return
  assert.fail('not found byte by byte')
})

test('content without the text is bad at its end, or after 64 KiB', () => {
  const short = answer({ body: 'well' })
  short.head(head(200))
  assert.equal(short.body(Buffer.from('we')), undefined)
  assert.equal(short.end(), "was answered without the text 'well'")
  const endless = answer({ body: 'well' })
  endless.head(head(200))
  assert.equal(endless.body(Buffer.alloc(64 * 1024 - 2, ' ')), undefined)
  assert.equal(endless.body(Buffer.from('  well')), "was answered without the text 'well'")
})
