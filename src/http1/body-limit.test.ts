/** A handler limits the content of its exchange: by the declared length, and as chunks come. The protocol has no limit of its own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exchange } from '../http/exchange.ts'
import { answer, connect, GET, type Setup } from './testing/connect.ts'

const TOO_LARGE = '413 The content is larger than 10 bytes (limit-request-body)'
const LIMITS: Readonly<Record<string, number>> = { '/small': 10, '/large': 100 }
const sized = (path: string, length: number, more = '') =>
  `POST ${path} HTTP/1.1\r\nHost: t\r\n${more}Content-Length: ${length}\r\n\r\n`
const chunked = (path: string) => `POST ${path} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n`

/** As the application's handler: 413, or the content is sent back. A path without a limit is answered at once. */
function handle(exchange: Exchange): void {
  const { body, request } = exchange
  const limit = LIMITS[request.path]
  if (limit === undefined) {
    answer(exchange)
    return
  }
  const refused = body.limitTo(limit)
  if (refused !== null) {
    answer(exchange, `${refused.status} ${refused.message}`)
    return
  }
  let text = ''
  body.pull({
    onData(chunk) {
      text += chunk.toString()
      return true
    },
    onEnd: () => answer(exchange, text),
    onError: error => answer(exchange, `${(error as { status?: number }).status} ${error.message}`),
  })
}

function contentOf({ transport }: Setup): string {
  return transport.text.slice(transport.text.lastIndexOf('\r\n\r\n') + 4)
}

function assertRefused(setup: Setup): void {
  const { transport, refused } = setup
  assert.equal(contentOf(setup), TOO_LARGE)
  assert.match(transport.text, /\r\nConnection: close\r\n/)
  assert.deepEqual(refused, [TOO_LARGE.slice(4)], 'told to the log once')
  assert.equal(setup.closed(), 1)
  assert.deepEqual(setup.answered, [], 'the exchange is told to the access log as any other')
  transport.receive(GET)
  assert.equal(setup.exchanges.length, 1, 'nothing after it is read')
}

test('a declared length above the limit: refused before a byte is read and without 100 Continue', () => {
  for (const more of ['', 'Expect: 100-continue\r\n']) {
    const setup = connect(handle)
    setup.transport.receive(sized('/small', 11, more))
    assert.doesNotMatch(setup.transport.text, / 100 /)
    assertRefused(setup)
  }
})

test('a declared length above the limit, and the content came along with the head', () => {
  const setup = connect(handle)
  setup.transport.receive(`${sized('/small', 11)}01234567890${GET}`)
  assertRefused(setup)
})

for (const [what, pieces] of Object.entries({
  'in one read with the head': [`${chunked('/small')}6\r\n012345\r\n5\r\n67890\r\n0\r\n\r\n${GET}`],
  'complete, in small pieces': [...`${chunked('/small')}6\r\n012345\r\n5\r\n67890\r\n0\r\n\r\n`],
  'as a chunk that is only announced': [chunked('/small'), '6\r\n012345\r\n', '5\r\n'],
  'in one chunk that is only announced': [`${chunked('/small')}b\r\n`],
}))
  test(`chunked content above the limit, ${what}`, () => {
    const setup = connect(handle)
    for (const piece of pieces) if (setup.closed() === 0) setup.transport.receive(piece)
    assertRefused(setup)
  })

test('chunked content above the limit, and what follows is broken too: told once', () => {
  const setup = connect(handle)
  setup.transport.receive(`${chunked('/small')}b\r\n01234567890\r\n`)
  setup.transport.receive('no chunk\n')
  assertRefused(setup)
})

test('chunked content above the limit, and broken in the read of its head: no handler sees it, so no limit does', () => {
  const setup = connect(handle)
  setup.transport.receive(`${chunked('/small')}b\r\n01234567890\r\nno chunk\r\n`)
  assert.match(setup.transport.text, /^HTTP\/1\.1 400 /)
  assert.deepEqual([setup.exchanges.length, setup.refused], [0, ['A chunk size is invalid (RFC9112§7.1)']])
  assert.deepEqual(setup.transport.calls, ['end'])
})

test('content up to the limit is served, and the connection stays', () => {
  const setup = connect(handle)
  const { transport, exchanges, refused } = setup
  transport.receive(`${sized('/small', 10)}0123456789`)
  assert.equal(contentOf(setup), '0123456789')
  transport.receive(`${chunked('/small')}4\r\nabcd\r\n6\r\nefghij\r\n0\r\n\r\n`)
  assert.equal(contentOf(setup), 'abcdefghij')
  transport.receive(GET)
  assert.deepEqual([exchanges.length, refused], [3, []])
})

test('each handler has its own limit, on one connection', () => {
  const setup = connect(handle)
  const content = 'x'.repeat(100)
  setup.transport.receive(sized('/large', 100) + content)
  assert.equal(contentOf(setup), content)
  setup.transport.receive(`${chunked('/large')}64\r\n${content}\r\n0\r\n\r\n`)
  assert.equal(contentOf(setup), content)
  setup.transport.receive(sized('/small', 11))
  assert.equal(contentOf(setup), TOO_LARGE)
})

test('a limit is for one request: the next one has none before its handler gives it', () => {
  const setup = connect(handle)
  setup.transport.receive(`${chunked('/small')}1\r\na\r\n0\r\n\r\n`)
  setup.transport.receive(`${chunked('/large')}14\r\n${'x'.repeat(20)}\r\n0\r\n\r\n`)
  assert.equal(contentOf(setup), 'x'.repeat(20))
})

test('a handler without a limit answers whatever the length; content that nobody reads ends the connection', () => {
  const setup = connect(handle)
  setup.transport.receive(sized('/none', 2 ** 40))
  assert.match(setup.transport.text, / 200 /)
  for (let i = 0; i < 8; i++) setup.transport.receive('x'.repeat(10_000))
  assert.deepEqual(setup.transport.calls, ['end'])
  assert.deepEqual(setup.refused, [])
})

test('a length that no counter holds is refused for every handler (RFC9110§8.6)', () => {
  for (const length of ['9007199254740992', '99999999999999999999', `${'0'.repeat(19)}5`]) {
    const setup = connect(handle)
    setup.transport.receive(`POST /none HTTP/1.1\r\nHost: t\r\nContent-Length: ${length}\r\n\r\n`)
    assert.match(setup.transport.text, /^HTTP\/1\.1 413 /)
    assert.deepEqual(setup.refused, ['Content-Length overflows (RFC9110§8.6)'])
  }
})
