import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpError } from '../http/errors.ts'
import { negotiate, readOffers } from './handshake.ts'

const VERSION = ['sec-websocket-version', '13']
const NOTHING = { subprotocol: '', headers: [] }

function refusal(action: () => unknown): HttpError {
  try {
    action()
  } catch (error) {
    assert.ok(error instanceof HttpError, String(error))
    return error
  }
  throw new Error('not refused')
}

for (const [what, headers] of [
  ['no version', []],
  ['an old version', ['sec-websocket-version', '8']],
  ['two versions', ['sec-websocket-version', '13', 'sec-websocket-version', '8']],
  ['a list of versions', ['sec-websocket-version', '13, 8']],
] as const) {
  test(`RFC6455§4.2.2 ${what}: 426, and which one there is`, () => {
    const error = refusal(() => readOffers(headers))
    assert.deepEqual([error.status, error.culprit], [426, 'client'])
    assert.deepEqual(error.headers, ['Upgrade', 'websocket', 'Sec-WebSocket-Version', '13'])
  })
}

for (const [name, value] of [
  ['sec-websocket-protocol', ''],
  ['sec-websocket-protocol', 'a,,b'],
  ['sec-websocket-protocol', 'a b'],
  ['sec-websocket-protocol', 'a, a'],
  ['sec-websocket-extensions', ''],
  ['sec-websocket-extensions', 'permessage-deflate; ='],
  ['sec-websocket-extensions', 'x; a="'],
] as const) {
  test(`RFC6455§4.2.1 malformed is 400: ${name}: ${JSON.stringify(value)}`, () => {
    const error = refusal(() => readOffers([...VERSION, name, value]))
    assert.deepEqual([error.status, error.culprit], [400, 'client'])
    assert.match(error.message, new RegExp(`${name} is malformed`))
  })
}

test('RFC6455§4.2.2 the subprotocol is one that was offered, in any of several lines', () => {
  const request = [...VERSION, 'sec-websocket-protocol', 'chat, Super', 'sec-websocket-protocol', 'v2.x']
  for (const subprotocol of ['chat', 'Super', 'v2.x'])
    assert.deepEqual(negotiate(request, { subprotocol, headers: [] }).headers, ['Sec-WebSocket-Protocol', subprotocol])
  assert.deepEqual(negotiate(request, NOTHING).headers, [])
  for (const subprotocol of ['super', 'other', 'chat, Super']) {
    const error = refusal(() => negotiate(request, { subprotocol, headers: [] }))
    assert.deepEqual([error.status, error.culprit], [500, 'application'])
    assert.match(error.message, /did not offer/)
  }
})

test("the application's headers, but for those that are not its own", () => {
  const ours = ['Sec-WebSocket-Accept', 'Sec-WebSocket-Protocol', 'sec-websocket-extensions', 'Connection', 'Upgrade']
  const headers = [...ours, 'Content-Length', 'Transfer-Encoding', 'Set-Cookie', 'X-A'].flatMap(name => [name, 'x'])
  assert.deepEqual(negotiate(VERSION, { subprotocol: '', headers }).headers, ['Set-Cookie', 'x', 'X-A', 'x'])
})

for (const [name, value] of [
  ['X A', 'x'],
  ['X-A:', 'x'],
  ['', 'x'],
  ['X-A', 'x\r\nSet-Cookie: y'],
  ['X-A', 'x\0'],
  ['X-A', '€'],
  ['Connection', 'a\nb'],
] as const) {
  test(`a header that would split the response is refused: ${JSON.stringify(`${name}: ${value}`)}`, () => {
    const error = refusal(() => negotiate(VERSION, { subprotocol: '', headers: [name, value] }))
    assert.deepEqual([error.status, error.culprit], [500, 'application'])
  })
}

test('RFC7692§5 no compression is agreed on where it is off', () => {
  const offer = [...VERSION, 'sec-websocket-extensions', 'permessage-deflate']
  const accept = { subprotocol: '', headers: [] }
  assert.notEqual(negotiate(offer, accept).deflate, null)
  assert.deepEqual(negotiate(offer, accept, false), { headers: [], deflate: null })
})
