import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpError, ProtocolError } from '../../http/errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import { MemoryExchange } from '../../http/testing/memory-response.ts'
import { renderWords, respondWithError } from './error-response.ts'

function answerTo(error: Error, accept?: string) {
  const exchange = new MemoryExchange('GET', accept === undefined ? [] : ['accept', accept])
  respondWithError(exchange as unknown as Exchange, error)
  const { status, headers, content } = exchange.client.outcome
  return { status, body: content, header: (name: string) => headers[headers.indexOf(name) + 1] }
}

test('a deliberate error says its message and the request id', () => {
  const answer = answerTo(new HttpError(503, 'The queue is full', 'operator', 3))
  assert.equal(answer.status, 503)
  assert.equal(answer.header('Retry-After'), '3')
  assert.match(answer.body, /^503 Service Unavailable\nThe queue is full\. Request memory-1\.\n$/)
  assert.equal(Number(answer.header('Content-Length')), Buffer.byteLength(answer.body))
})

test('an unexpected error is a 500 without its message', () => {
  const answer = answerTo(new TypeError('secret is undefined'))
  assert.equal(answer.status, 500)
  assert.ok(!answer.body.includes('secret'))
})

test("request content that breaks the protocol is answered with the protocol's status", () => {
  assert.equal(answerTo(new ProtocolError(413, 'Too large', 'RFC9110§15.5.14')).status, 413)
})

test('a response that has begun can only be cut', () => {
  const exchange = new MemoryExchange()
  exchange.response.start({ status: 200, reason: '', headers: [] })
  respondWithError(exchange as unknown as Exchange, new HttpError(502, 'gone', 'application'))
  assert.deepEqual([exchange.client.status, exchange.client.state], [200, 'aborted'])
})

test('in HTML, text of a stranger is escaped', () => {
  const { contentType, body } = renderWords(400, 'text/html', '<script>alert("x")</script> & co')
  assert.match(contentType, /text\/html/)
  assert.ok(!body.toString().includes('<script>'))
  assert.ok(body.toString().includes('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; co'))
})

test('as JSON (RFC9457)', () => {
  const { contentType, body } = renderWords(404, 'application/json', 'nothing "here"')
  assert.equal(contentType, 'application/problem+json')
  assert.deepEqual(JSON.parse(body.toString()), { status: 404, title: 'Not Found', detail: 'nothing "here"' })
})
