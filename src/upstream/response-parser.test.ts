/** What a server may answer, and what is refused of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_FIELDS, parseResponseHead } from './response-head.ts'
import { MAX_HEAD } from './response-parser.ts'
import { recordResponses } from './testing/recorded-responses.ts'

const GET = { isHead: false, maySwitch: false }
const HEAD = { isHead: true, maySwitch: false }
const ASKS = { isHead: false, maySwitch: true }

function calls(text: string, one = GET, ends = false): string[] {
  return recordResponses([Buffer.from(text, 'latin1')], [one], ends).map(call => call.replace(/^head .*/s, 'head'))
}

function violation(text: string, one = GET): string {
  const last = recordResponses([Buffer.from(text, 'latin1')], [one]).at(-1)!
  assert.match(last, /^violation: /, text)
  return last.slice('violation: '.length)
}

test('content ends by its length, its last chunk, or the connection (RFC9112§6.3)', () => {
  assert.deepEqual(calls('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'), ['head', 'body hi', 'end []'])
  assert.deepEqual(calls('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'), ['head', 'end []'])
  assert.deepEqual(calls('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nA: b\r\n\r\n'), [
    'head',
    'body hi',
    'end ["a","b"]',
  ])
  assert.deepEqual(calls('HTTP/1.1 200 OK\r\n\r\nhi'), ['head', 'body hi'])
  assert.deepEqual(calls('HTTP/1.1 200 OK\r\n\r\nhi', GET, true), ['head', 'body hi', 'end []'])
})

test('HEAD, 204 and 304 have no content, whatever their fields say', () => {
  assert.deepEqual(calls('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', HEAD), ['head', 'end []'])
  assert.deepEqual(calls('HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n'), ['head', 'end []'])
  assert.deepEqual(calls('HTTP/1.1 304 No\r\n\r\n'), ['head', 'end []'])
  assert.match(violation('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', HEAD), /bytes behind the end/)
})

test('interim responses pass, within a bound; 101 only if it was asked for', () => {
  const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
  assert.deepEqual(calls(`${early}HTTP/1.1 204 No\r\n\r\n`), ['interim [103,["Link","</a>"]]', 'head', 'end []'])
  assert.match(violation(early.repeat(17)), /more than 16 interim/)
  const switches = 'HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nframes'
  assert.match(violation(switches), /101 to a request that asked for no other protocol/)
  assert.deepEqual(calls(switches, ASKS), ['switch []', 'tunnel frames'])
})

test('what two readers could understand differently is refused', () => {
  const head = (fields: string) => `HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`
  assert.match(violation(head('Content-Length: 2\r\nContent-Length: 2')), /several lengths/)
  assert.match(violation(head('Content-Length: 2, 2')), /not a number/)
  assert.match(violation(head('Content-Length: +2')), /not a number/)
  assert.match(violation(head('Content-Length: 2\r\nTransfer-Encoding: chunked')), /Both Content-Length and/)
  assert.match(violation(head('Transfer-Encoding: gzip')), /Only the transfer coding chunked/)
  assert.match(violation('HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'), /HTTP\/1\.0/)
  assert.match(violation(head('A: b\r\n folded')), /folded|header name/)
  assert.match(violation(head('A : b')), /header name/)
  assert.match(violation(head('no colon')), /no colon/)
  assert.match(violation(head('A: b\rC: d')), /control character/)
  assert.match(violation('HTTP/1.1 200 OK\nA: b\n\n'), /bare LF/)
  assert.match(violation('HTTP/1.1 200 OK\r\nA: b\n\r\n'), /bare LF/)
  assert.match(violation('HTTP/1.1 20 OK\r\n\r\n'), /no status line/)
  assert.match(violation('HTTP/1.1 999 OK\r\n\r\n'), /no status line/)
  assert.match(violation('SSH-2.0-OpenSSH\r\n'), /no HTTP\/1/)
  assert.match(violation('HTTP/2 200\r\n\r\n'), /no HTTP\/1/)
  assert.match(violation(`${head('Transfer-Encoding: chunked')}zz\r\n`), /chunk size/)
})

test('a head has bounds, seen before it is kept', () => {
  const long = `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(MAX_HEAD)}`
  assert.match(violation(long), /a head of more than/)
  assert.match(violation(`HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(MAX_FIELDS + 1)}\r\n`), /more than 256 header fields/)
})

test('an end in the middle is a violation, and bytes behind the end never are a response', () => {
  assert.equal(violation(''), 'closed before its response')
  assert.equal(violation('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel'), 'closed in mid-response')
  assert.equal(violation('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel'), 'closed in mid-response')
  const two = 'HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
  const both = recordResponses([Buffer.from(two)], [GET, GET])
  assert.equal(both.filter(call => call.startsWith('head')).length, 1)
  assert.match(both.at(-1)!, /bytes behind the end of its response/)
})

test('fields of the connection, and those that it names, are not passed on', () => {
  const [head] = recordResponses(
    [
      Buffer.from(
        'HTTP/1.1 204 N\r\nConnection: X-Secret, close\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nTE: x\r\nX_Y: z\r\n\r\n',
      ),
    ],
    [GET],
  )
  const { headers, keepsAlive } = JSON.parse(head!.slice('head '.length)) as { headers: string[]; keepsAlive: boolean }
  assert.deepEqual(headers, ['X_Y', 'z'])
  assert.equal(keepsAlive, false)
})

test('a head that comes again is one frozen object from the second time on, and only the very same text gets it', () => {
  const text = (date: string) => `HTTP/1.1 200 OK\r\nDate: ${date}\r\nConnection: keep-alive\r\nContent-Length: 2`
  const [first, second, third] = [1, 2, 3].map(() => parseResponseHead(text('one')))
  assert.deepEqual([first!.comesAgain, second!.comesAgain], [false, true])
  assert.equal(second, third)
  assert.ok(Object.isFrozen(second) && Object.isFrozen(second!.headers))
  assert.deepEqual({ ...second, comesAgain: false }, first)
  // As long, and another.
  const other = parseResponseHead(text('two'))
  assert.deepEqual(other.headers, ['Date', 'two', 'Content-Length', '2'])
  assert.equal(other.comesAgain, false)
  for (let i = 0; i < 3; i++) assert.throws(() => parseResponseHead('HTTP/1.1 200 OK\r\nbad'), /./)
})
