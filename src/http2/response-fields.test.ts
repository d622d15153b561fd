import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ResponseHead } from '../http/exchange.ts'
import { interimLines, responseFields, trailerLines } from './response-fields.ts'

const head = (status: number, headers: string[], more: Partial<ResponseHead> = {}): ResponseHead => ({
  status,
  reason: '',
  headers,
  ...more,
})
/** Without `date`, which each has. */
function linesOf(head: ResponseHead, isHead = false): string[] {
  const { lines } = responseFields(head, isHead)
  const at = lines.indexOf('date')
  assert.ok(at >= 0 && at === lines.lastIndexOf('date'))
  return lines.filter((_, i) => i !== at && i !== at + 1)
}

test('names are lower-case; what belongs to a connection is dropped (RFC9113§8.2)', () =>
  assert.deepEqual(
    linesOf(
      head(200, [
        'Content-Type',
        'text/html',
        'Connection',
        'close',
        'Keep-Alive',
        '5',
        'Proxy-Connection',
        'x',
        'Transfer-Encoding',
        'chunked',
        'TE',
        'trailers',
        'Upgrade',
        'h2c',
        'X-A',
        'B',
      ]),
    ),
    ['content-type', 'text/html', 'x-a', 'B'],
  ))

test('the application’s Date stays', () =>
  assert.deepEqual(responseFields(head(200, ['Date', 'now']), false).lines, ['date', 'now']))

for (const [status, isHead, length, lines] of [
  [200, false, 5, ['content-length', '5']],
  [200, true, 5, ['content-length', '5']],
  [304, false, 5, ['content-length', '5']],
  [204, false, 5, []],
  [205, false, 5, ['content-length', '0']],
] as const)
  test(`content and its length: ${status}${isHead ? ' for HEAD' : ''}`, () => {
    const fields = responseFields(head(status, ['Content-Length', '5']), isHead)
    assert.deepEqual([linesOf(head(status, ['Content-Length', '5']), isHead), fields.length], [lines, length])
    assert.equal(fields.mayHaveContent, status === 200 && !isHead)
  })

test('values have no blanks at their ends: clients drop such fields (RFC9113§8.2.1)', () => {
  const padded = ['Set-Cookie', ' a=b; c ', 'X', '\t', 'Y', '', 'Z', '\xa0']
  const trimmed = ['set-cookie', 'a=b; c', 'x', '', 'y', '', 'z', '\xa0']
  assert.deepEqual(linesOf(head(200, padded)), trimmed)
  assert.deepEqual(interimLines(head(103, padded)), trimmed)
  assert.deepEqual(trailerLines(['X', ' 1\t']), ['x', '1'])
  assert.deepEqual(linesOf(head(200, ['Trailer', ' A '], { hasTrailers: true })), ['trailer', 'A'])
})

test('Content-Length twice is one if both agree', () => {
  assert.deepEqual(linesOf(head(200, ['Content-Length', '5', 'content-length', '5'])), ['content-length', '5'])
  assert.throws(() => linesOf(head(200, ['Content-Length', '5', 'content-length', '6'])))
  assert.throws(() => linesOf(head(200, ['Content-Length', '-5'])))
  assert.equal(responseFields(head(200, []), false).length, -1)
})

test('Trailer is sent when trailers are', () => {
  const announced = ['Trailer', 'A', 'Trailer', 'B']
  assert.deepEqual(linesOf(head(200, announced, { hasTrailers: true })), ['trailer', 'A, B'])
  assert.deepEqual(linesOf(head(200, announced)), [])
  assert.deepEqual(linesOf(head(200, announced, { hasTrailers: true }), true), [])
})

test('what would split a response is refused', () => {
  for (const headers of [
    ['A', 'b\r\nC: d'],
    ['A', '\n'],
    ['A', '\0'],
    ['A', '\u010a'],
    ['A\r', 'b'],
    ['', 'b'],
    [':status', '200'],
    ['a b', 'c'],
  ])
    assert.throws(() => responseFields(head(200, headers), false), Error, JSON.stringify(headers))
  assert.throws(() => responseFields(head(200, ['Trailer', 'a\n'], { hasTrailers: true }), false))
  for (const status of [0, 100, 101, 199, 1000]) assert.throws(() => responseFields(head(status, []), false))
})

test('interim responses: 100, 103, never 101 (RFC9110§15.2)', () => {
  assert.deepEqual(interimLines(head(103, ['Link', '<a>', 'Content-Length', '5', 'Connection', 'x', 'Trailer', 'a'])), [
    'link',
    '<a>',
  ])
  for (const status of [99, 101, 200]) assert.throws(() => interimLines(head(status, [])))
  assert.throws(() => interimLines(head(103, ['Link', 'a\n'])))
})

test('trailers: without what must come before content', () => {
  assert.deepEqual(trailerLines(['X', '1', 'Content-Type', 'a', 'Set-Cookie', 'b', 'TE', 'c', 'Grpc-Status', '0']), [
    'x',
    '1',
    'grpc-status',
    '0',
  ])
  assert.throws(() => trailerLines(['X', 'a\r']))
})

test('a head that comes again is made once a second', t => {
  const again = head(200, ['A', 'b'], { comesAgain: true })
  const first = responseFields(again, false)
  assert.ok(first.comesAgain)
  assert.equal(responseFields(again, false).lines, first.lines)
  assert.ok(!responseFields(again, true).comesAgain)
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 5000 })
  assert.ok(responseFields(again, false).comesAgain)
})
