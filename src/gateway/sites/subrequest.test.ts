import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange } from '../../apps/testing/fake-exchange.ts'
import { ClientGoneError } from '../../http/errors.ts'
import { Subrequest } from './subrequest.ts'

const head = (status: number) => ({ status, reason: '', headers: [] })

function begin(fields = {}) {
  const client = new FakeExchange({ method: 'POST', target: '/a?b', path: '/a', query: 'b', ...fields })
  const asked = new Subrequest(client, '/auth \xff')
  const told: string[] = []
  asked.onAborted(() => told.push('aborted'))
  asked.onClosed(() => told.push('closed'))
  return { client, asked, told }
}

test('it has the fields of the client’s request but those of its content, its connection and its conditions', () => {
  const { asked } = begin({
    headers: [
      ...['host', 'x', 'cookie', 'c', 'content-length', '5', 'transfer-encoding', 'chunked', 'expect', '100-continue'],
      ...[
        'upgrade',
        'websocket',
        'connection',
        'upgrade',
        'sec-websocket-key',
        'k',
        'if-none-match',
        '*',
        'range',
        'r',
      ],
      ...['x-original-uri', '/mine', 'authorization', 'a'],
    ],
  })
  assert.deepEqual(asked.request.headers, [
    ...['host', 'x', 'cookie', 'c', 'authorization', 'a', 'x-original-uri', '/a?b', 'x-original-method', 'POST'],
  ])
  const { method, path, query, target } = asked.request
  assert.deepEqual({ method, path, query, target }, { method: 'GET', path: '/auth%20%FF', query: '', target: '/a?b' })
})

test('it ends after its response, with the head of that; the content is for nobody', async () => {
  const { asked, told } = begin()
  asked.response.start(head(204))
  assert.equal(asked.response.write(Buffer.alloc(1_000_000)), true)
  asked.response.end()
  assert.deepEqual(told, [])
  await asked.ended
  assert.deepEqual(told, ['closed'])
  assert.equal(asked.response.status, 204)
})

test('a response that is cut has no status', async () => {
  for (const isBegun of [false, true]) {
    const { asked, told } = begin()
    if (isBegun) asked.response.start(head(200))
    asked.response.abort(new Error('the worker has died'))
    await asked.ended
    assert.equal(asked.response.status, 0)
    assert.deepEqual(told, ['closed'])
  }
})

test('when the client goes, what runs for it is told first, and it closes once', async () => {
  const { client, asked, told } = begin()
  client.leave()
  await assert.rejects(asked.ended, ClientGoneError)
  asked.response.abort(new Error('nobody waits'))
  await Promise.resolve()
  assert.deepEqual(told, ['aborted', 'closed'])
})
