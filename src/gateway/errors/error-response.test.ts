import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpError, ProtocolError } from '../../http/errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import { renderWords, respondWithError } from './error-response.ts'

interface Answer {
  status: number
  headers: Record<string, string>
  body: string
  aborted: boolean
}

function answerTo(error: Error, accept?: string, state = 'idle'): Answer {
  const answer: Answer = { status: 0, headers: {}, body: '', aborted: false }
  const exchange = {
    id: 'abc-1',
    request: { headers: accept === undefined ? [] : ['accept', accept] },
    response: {
      state,
      start(head: { status: number; headers: string[] }) {
        answer.status = head.status
        for (let i = 0; i < head.headers.length; i += 2) answer.headers[head.headers[i]!] = head.headers[i + 1]!
      },
      write(chunk: Buffer) {
        answer.body += chunk.toString()
        return true
      },
      end() {},
      abort() {
        answer.aborted = true
      },
    },
  } as unknown as Exchange
  respondWithError(exchange, error)
  return answer
}

test('a deliberate error says what it is, and the request id', () => {
  const answer = answerTo(new HttpError(503, 'The queue is full', 'operator', 3))
  assert.equal(answer.status, 503)
  assert.equal(answer.headers['Retry-After'], '3')
  assert.match(answer.body, /^503 Service Unavailable\nThe queue is full\. Request abc-1\.\n$/)
  assert.equal(Number(answer.headers['Content-Length']), Buffer.byteLength(answer.body))
})

test('an error that nobody expected is a 500 without its message', () => {
  const answer = answerTo(new TypeError('secret is undefined'))
  assert.equal(answer.status, 500)
  assert.ok(!answer.body.includes('secret'))
})

test("content that broke the protocol has the protocol's status", () => {
  assert.equal(answerTo(new ProtocolError(413, 'Too large', 'RFC9110§15.5.14')).status, 413)
})

test('a response that has begun can only be cut', () => {
  const answer = answerTo(new HttpError(502, 'gone', 'application'), undefined, 'started')
  assert.deepEqual([answer.status, answer.aborted], [0, true])
})

test('as HTML, what a stranger wrote is text', () => {
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
