/** Which requests are taken, which are malformed (no handler sees them, and nobody answers), and which get a status. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LimitError, ProtocolError } from '../http/errors.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import { MalformedError, type ReceivedHead, RequestFields } from './request-fields.ts'
import { block, type Fields, requestFields } from './testing/frames.ts'

const LIMITS = { requestLine: 100, headerBytes: 500, headerCount: 8 }

function read(fields: Fields, hasEnded = true): ReceivedHead {
  const reader = new RequestFields(LIMITS, 'https')
  reader.begin(false)
  new HpackDecoder(4096).decode(block(fields), reader)
  return reader.finishHead(hasEnded)
}

function readTrailers(fields: Fields): readonly string[] {
  const reader = new RequestFields(LIMITS, 'https')
  reader.begin(true)
  new HpackDecoder(4096).decode(block(fields), reader)
  return reader.finishTrailers()
}

/** `malformed RFC9113§8.3`, `400 RFC9112§3.2`, `431 limit-request-fields`, or `taken`. */
function verdict(read: () => unknown): string {
  try {
    read()
    return 'taken'
  } catch (error) {
    if (error instanceof MalformedError) return `malformed ${error.rule}`
    if (error instanceof ProtocolError) return `${error.status} ${error.rule}`
    throw error
  }
}

const GET = requestFields('GET', '/')
const without = (name: string): Fields => GET.filter(([field]) => field !== name)
const withOther = (name: string, value: string): Fields => [...without(name), [name, value]]
const plus = (...more: Fields): Fields => [...GET, ...more]

describe('a request that is taken', () => {
  test('all that it says', () => {
    const head = read(
      [
        [':method', 'POST'],
        [':path', '/a/%20b?c=d?e'],
        [':authority', 'Example.org:8000'],
        [':scheme', 'https'],
        ['content-length', '5'],
        ['accept', 'text/html'],
        ['priority', 'u=1, i'],
      ],
      false,
    )
    const { method, target, path, query, scheme, authority, version, headers, contentLength, priority, protocol } = head
    assert.deepEqual(
      [method, target, path, query, scheme, authority, version],
      ['POST', '/a/%20b?c=d?e', '/a/%20b', 'c=d?e', 'https', 'Example.org:8000', '2'],
    )
    assert.deepEqual(headers, [
      ...['host', 'Example.org:8000', 'content-length', '5', 'accept', 'text/html', 'priority', 'u=1, i'],
    ])
    assert.deepEqual([contentLength, priority, protocol], [5, { urgency: 1, isIncremental: true }, ''])
  })

  test('the scheme is the connection’s, whatever the client says', () =>
    assert.equal(read(withOther(':scheme', 'http')).scheme, 'https'))

  test('the authority stands for Host, with which it agrees; Host stands for it (RFC9113§8.3.1)', () => {
    for (const fields of [GET, plus(['host', 'T']), [...without(':authority'), ['host', 't']] as Fields])
      assert.deepEqual([read(fields).authority, read(fields).headers], ['t', ['host', 't']])
  })

  test('cookies are one header, behind the others (RFC9113§8.2.3)', () =>
    assert.deepEqual(read(plus(['cookie', 'a=b'], ['x', 'y'], ['cookie', 'c=d'], ['cookie', 'e="; "'])).headers, [
      ...['host', 't', 'x', 'y', 'cookie', 'a=b; c=d; e="; "'],
    ]))

  test('crumbs of a cookie count as one header: clients cut it as they like', () => {
    const crumbs = Array.from({ length: 20 }, (_, i) => ['cookie', `a${i}=b`] as const)
    assert.equal(read(plus(...crumbs)).headers.length, 4)
  })

  test('names with an underscore are left out, as over HTTP/1.1', () =>
    assert.deepEqual(read(plus(['x_forwarded_for', '1'], ['x', 'y'])).headers, ['host', 't', 'x', 'y']))

  test('TE: trailers, in any case', () =>
    assert.deepEqual(read(plus(['te', 'Trailers'])).headers.slice(2), ['te', 'Trailers']))

  test('100-continue is expected only while content follows', () => {
    const fields = plus(['expect', '100-Continue'])
    assert.deepEqual([read(fields, false).expectsContinue, read(fields).expectsContinue], [true, false])
  })

  test('bytes above 0x7f in the target are percent-encoded', () => {
    const { target, path } = read(withOther(':path', '/\xe9?\xff'))
    assert.deepEqual([target, path], ['/%E9?%FF', '/%E9'])
  })

  test('OPTIONS *', () => assert.equal(read(requestFields('OPTIONS', '*')).path, '*'))

  test('extended CONNECT is a GET, as over HTTP/1.1 (RFC8441§4)', () => {
    const head = read([...requestFields('CONNECT', '/chat'), [':protocol', 'websocket']], false)
    assert.deepEqual([head.method, head.protocol, head.path], ['GET', 'websocket', '/chat'])
  })

  test('an empty value, and one with blanks within', () =>
    assert.deepEqual(read(plus(['a', ''], ['b', 'c \t d'])).headers.slice(2), ['a', '', 'b', 'c \t d']))
})

describe('a request that is malformed: its stream is reset', () => {
  const upper = (name: string) => name.toUpperCase()
  const cases: Readonly<Record<string, Fields>> = {
    'no method': without(':method'),
    'no scheme': without(':scheme'),
    'no path': without(':path'),
    'an empty path': withOther(':path', ''),
    'two methods': plus([':method', 'GET']),
    'two schemes': plus([':scheme', 'http']),
    'two paths': plus([':path', '/']),
    'two authorities, the same': plus([':authority', 't']),
    'two protocols': [...requestFields('CONNECT', '/'), [':protocol', 'websocket'], [':protocol', 'websocket']],
    'two protocols, the first empty': [...requestFields('CONNECT', '/'), [':protocol', ''], [':protocol', 'websocket']],
    'an empty protocol': plus([':protocol', '']),
    'a protocol for GET': plus([':protocol', 'websocket']),
    'a pseudo-header of responses': plus([':status', '200']),
    'an unknown pseudo-header': plus([':foo', 'bar']),
    'only a colon': plus([':', 'bar']),
    'a pseudo-header behind a header': [['x', 'y'], ...GET],
    'a scheme that is neither': withOther(':scheme', 'ftp'),
    'a path without a slash': withOther(':path', 'a/b'),
    'an absolute URL as path': withOther(':path', 'http://other/'),
    '* for GET': withOther(':path', '*'),
    'Host is another': plus(['host', 'other']),
    'Host is empty': plus(['host', '']),
    connection: plus(['connection', 'close']),
    'keep-alive': plus(['keep-alive', '5']),
    'proxy-connection': plus(['proxy-connection', 'x']),
    'transfer-encoding': plus(['transfer-encoding', 'chunked']),
    upgrade: plus(['upgrade', 'websocket']),
    'TE: gzip': plus(['te', 'gzip']),
    'TE: trailers, gzip': plus(['te', 'trailers, gzip']),
    'a name in upper case': plus(['Accept', '*/*']),
    'a pseudo-header in upper case': [...without(':path'), [upper(':path'), '/']],
    'an empty name': plus(['', 'x']),
    'a name with a space': plus(['a b', 'x']),
    'a name with a colon': plus(['a:b', 'x']),
    'a name with CR LF': plus(['a\r\nb', 'x']),
    'a name with NUL': plus(['a\0', 'x']),
    'a name that is not ASCII': plus(['a\xe9', 'x']),
    'a value with CR LF': plus(['a', 'b\r\nhost: other']),
    'a value with CR': plus(['a', 'b\rc']),
    'a value with LF': plus(['a', 'b\nc']),
    'a value with NUL': plus(['a', 'b\0c']),
    'a value with a blank before it': plus(['a', ' b']),
    'a value with a tab behind it': plus(['a', 'b\t']),
    'a path with LF': withOther(':path', '/a\nb'),
    'an authority with CR': withOther(':authority', 't\r'),
    'a method with a blank behind it': withOther(':method', 'GET '),
    'content that is announced, and does not come': plus(['content-length', '5']),
  }
  for (const [name, fields] of Object.entries(cases))
    test(name, () =>
      assert.match(
        verdict(() => read(fields)),
        /^malformed RFC(?:9113§8|8441§4)/,
      ),
    )
})

describe('a request that gets a status, as over HTTP/1.1', () => {
  const cases: readonly (readonly [string, Fields, string])[] = [
    ['no authority, no Host', without(':authority'), '400 RFC9112§3.2'],
    ['two Hosts', plus(['host', 't'], ['host', 't']), '400 RFC9112§3.2'],
    ['two Hosts, without authority', [...without(':authority'), ['host', 't'], ['host', 'u']], '400 RFC9112§3.2'],
    ['an empty authority', withOther(':authority', ''), '400 RFC9112§3.2'],
    ['an authority with user', withOther(':authority', 'a@b'), '400 RFC9112§3.2'],
    ['an authority that is none', withOther(':authority', 'a b'), '400 RFC9112§3.2'],
    ['an authority with a path', withOther(':authority', 'a/b'), '400 RFC9112§3.2'],
    ['a method that is no token', withOther(':method', 'G T'), '400 RFC9110§9.1'],
    ['an empty method', withOther(':method', ''), '400 RFC9110§9.1'],
    ['CONNECT', requestFields('CONNECT', '/'), '501 RFC9110§9.3.6'],
    ['a path with a space', withOther(':path', '/a b'), '400 RFC9113§8.3.1'],
    ['a path with a fragment', withOther(':path', '/a#b'), '400 RFC9112§3.2'],
    ['content-length twice', plus(['content-length', '0'], ['content-length', '0']), '400 RFC9112§6.3'],
    ['content-length as a list', plus(['content-length', '0, 0']), '400 RFC9110§8.6'],
    ['content-length with a sign', plus(['content-length', '+0']), '400 RFC9110§8.6'],
    ['content-length that is empty', plus(['content-length', '']), '400 RFC9110§8.6'],
    ['content-length that overflows', plus(['content-length', '99999999999999999999']), '413 RFC9110§8.6'],
    ['another expectation', plus(['expect', 'cookies']), '417 RFC9110§10.1.1'],
    ['two expectations', plus(['expect', '100-continue'], ['expect', '100-continue']), '417 RFC9110§10.1.1'],
    ['a target that is too long', withOther(':path', `/${'a'.repeat(97)}`), '414 limit-request-line'],
    ['too many headers', plus(...Array.from({ length: 9 }, () => ['a', 'b'] as const)), '431 limit-request-fields'],
    ['headers that are too long', plus(['a', 'b'.repeat(487)]), '431 limit-request-header-size'],
    ['an authority that is too long', withOther(':authority', 'a'.repeat(493)), '431 limit-request-header-size'],
    ['a cookie that is too long', plus(['cookie', 'b'.repeat(482)]), '431 limit-request-header-size'],
    [
      'names that are left out count',
      plus(...Array.from({ length: 9 }, () => ['a_b', ''] as const)),
      '431 limit-request-fields',
    ],
  ]
  for (const [name, fields, expected] of cases)
    test(name, () =>
      assert.equal(
        verdict(() => read(fields)),
        expected,
      ),
    )

  test('exactly at the limits', () => {
    read(withOther(':path', `/${'a'.repeat(96)}`))
    read(plus(...Array.from({ length: 8 }, () => ['a', 'b'] as const)))
    // With `host: t`.
    read(plus(['a', 'b'.repeat(486)]))
    read(withOther(':authority', 'a'.repeat(492)))
  })
})

test('the first mistake counts, and what is behind it is not kept', () => {
  const reader = new RequestFields(LIMITS, 'https')
  reader.begin(false)
  const fields = plus(['accept', 'json'], ['upgrade', 'x'], ['te', 'y'], ['secret', 'z'.repeat(1000)])
  new HpackDecoder(4096).decode(block(fields), reader)
  assert.throws(() => reader.finishHead(true), /upgrade/)
  assert.ok(reader.headersSoFar.includes('json') && !reader.headersSoFar.includes('secret'))
})

test('nothing of a head is left for the next one', () => {
  const reader = new RequestFields(LIMITS, 'https')
  const decoder = new HpackDecoder(4096)
  for (const bad of [
    plus(['cookie', 'a=b'], ['expect', 'x']),
    plus(['content-length', '7'], ['host', 'other'], ['priority', 'i']),
  ]) {
    reader.begin(false)
    decoder.decode(block(bad), reader)
    assert.throws(() => reader.finishHead(false))
    reader.begin(false)
    decoder.decode(block(GET), reader)
    assert.deepEqual(reader.finishHead(true), read(GET))
  }
})

describe('trailers', () => {
  test('what they may have', () =>
    assert.deepEqual(
      readTrailers([
        ['a', 'b'],
        ['content-length', '1'],
        ['host', 'x'],
        ['cookie', 'c'],
        ['x_y', 'z'],
        ['te', 'trailers'],
        ['e', ''],
      ]),
      ['a', 'b', 'te', 'trailers', 'e', ''],
    ))

  for (const [name, fields, expected] of [
    ['a pseudo-header', [[':path', '/']], 'malformed RFC9113§8.3'],
    ['a field of the connection', [['connection', 'close']], 'malformed RFC9113§8.2.2'],
    ['upper case', [['A', 'b']], 'malformed RFC9113§8.2.1'],
    ['CR', [['a', 'b\r']], 'malformed RFC9113§8.2.1'],
    ['too many', Array.from({ length: 9 }, () => ['a', 'b']), '431 limit-request-fields'],
    ['too long', [['a', 'b'.repeat(500)]], '431 limit-request-header-size'],
  ] as readonly (readonly [string, Fields, string])[])
    test(`refused: ${name}`, () =>
      assert.equal(
        verdict(() => readTrailers(fields)),
        expected,
      ))
})

test('a limit names its setting', () =>
  assert.throws(
    () => read(plus(['a', 'b'.repeat(1000)])),
    (error: Error) => error instanceof LimitError && /limit-request-header-size/.test(error.message),
  ))
