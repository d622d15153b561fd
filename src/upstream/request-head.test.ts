/** What goes on the wire to an upstream: a request is never two, whatever a client has sent. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chunkOf, passedFields, serializeRequest } from './request-head.ts'

const HEAD = { method: 'GET', target: '/', headers: ['Host', 'a'], contentLength: 0, webSocketKey: null }

test('the framing is ours', () => {
  assert.equal(serializeRequest(HEAD), 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.match(serializeRequest({ ...HEAD, method: 'POST', contentLength: 0 }), /\r\nContent-Length: 0\r\n\r\n$/)
  assert.match(serializeRequest({ ...HEAD, contentLength: 5 }), /\r\nContent-Length: 5\r\n\r\n$/)
  assert.match(serializeRequest({ ...HEAD, contentLength: undefined }), /\r\nTransfer-Encoding: chunked\r\n\r\n$/)
  assert.match(
    serializeRequest({ ...HEAD, webSocketKey: 'k' }),
    /Key: k\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n$/,
  )
  assert.equal(chunkOf(Buffer.from('0123456789abcdef')).toString(), '10\r\n0123456789abcdef\r\n')
})

test('fields of the client’s connection are left out, and what its Connection names', () => {
  const sent = [
    'host',
    'evil',
    'content-length',
    '3',
    'transfer-encoding',
    'chunked',
    'te',
    'trailers',
    'expect',
    '100-continue',
  ]
  const more = [
    'connection',
    'close, X-Own, content-length',
    'x-own',
    '1',
    'upgrade',
    'h2c',
    'http2-settings',
    'x',
    'cookie',
    'c',
  ]
  assert.deepEqual(passedFields([...sent, ...more], new Set(['http2-settings'])), ['cookie', 'c'])
})

test('what would be a second line is refused', () => {
  assert.throws(() => serializeRequest({ ...HEAD, target: '/a b' }), /target/)
  assert.throws(() => serializeRequest({ ...HEAD, target: '/a\r\nX: y' }), /target/)
  assert.throws(() => serializeRequest({ ...HEAD, headers: ['A', 'b\r\nC: d'] }), /does not allow/)
})
