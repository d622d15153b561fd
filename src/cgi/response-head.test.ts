/** What the head of a script's response means, RFC 3875. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCgiHead } from './response-head.ts'

const of = (text: string, mayHaveStatusLine = false) => parseCgiHead(text, mayHaveStatusLine)

test('status and redirects (RFC3875§6.2, §6.3)', () => {
  assert.equal(of('Content-Type: text/plain').status, 200)
  const stated = of('Status: 404 Not here\r\nX-A: b')
  assert.deepEqual([stated.status, stated.reason, stated.headers], [404, 'Not here', ['X-A', 'b']])
  // §6.2.2: local redirect.
  const local = of('Location: /other?x=1')
  assert.equal(local.localRedirect, '/other?x=1')
  // §6.2.3, §6.2.4: client redirects.
  const client = of('Location: https://example.kr/')
  assert.deepEqual(
    [client.status, client.localRedirect, client.headers],
    [302, null, ['Location', 'https://example.kr/']],
  )
  assert.equal(of('Status: 301 Moved\nLocation: /other').localRedirect, null)
  assert.equal(of('Location: //example.kr/').localRedirect, null)
})

test('fields of a connection are no fields of a response', () => {
  const { headers, length } = of('Transfer-Encoding: chunked\nConnection: close\nContent-Length: 5\nKeep-Alive: 1')
  assert.deepEqual([headers, length], [['Content-Length', '5'], 5])
})

test('a status line is for servers that write it', () => {
  assert.deepEqual([of('HTTP/1.1 201 Made\r\nA: b', true).status, of('HTTP/1.0 204\r\n', true).status], [201, 204])
  assert.throws(() => of('HTTP/1.1 201 Made\r\nA: b'), /no colon/)
  assert.throws(() => of('HTTP/1.1 101 Switching\r\n', true), /a status line that is none/)
})

test('what is no head is refused', () => {
  assert.throws(() => of(''), /without a field \(RFC3875§6.3\)/)
  assert.throws(() => of('Content-Length: 1\nContent-Length: 2'), /Content-Length is both 1 and 2/)
  assert.throws(() => of(' folded: x'), /folded/)
  assert.throws(() => of('A: b\0'), /./)
  assert.throws(() => of('A: b\n'.repeat(257).trimEnd()), /more than 256/)
})
