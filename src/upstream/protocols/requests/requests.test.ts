/** What requests of a web server in front of us become, by FastCGI, SCGI and uwsgi; and which are refused, with which words. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginRequest, endOfStream, pairs, RecordType, record, streamRecords } from '../fastcgi-records.ts'
import { FRONTS, PARAMETERS, recordRequests, requestBytes } from './testing/recorded-requests.ts'

const { PARAMS, STDIN, GET_VALUES, ABORT_REQUEST } = RecordType

/** Its head, as `recordRequests` writes it. */
function headOf(parameters: readonly string[], content = '', length: number | null = content.length): unknown[] {
  const call = recordRequests('uwsgi', [requestBytes('uwsgi', parameters, content, length)])[0]!
  assert.ok(call.startsWith('head '), call)
  return JSON.parse(call.slice('head '.length))
}

function refused(parameters: readonly string[], front: (typeof FRONTS)[number] = 'uwsgi'): string {
  return recordRequests(front, [requestBytes(front, parameters, '', null)]).at(-1)!
}

/** `PARAMETERS` with others in their place; null: without it. */
function withParameters(changes: Readonly<Record<string, string | null>>): string[] {
  const left = PARAMETERS.flatMap((name, i, all) => (i % 2 === 0 && !(name in changes) ? [name, all[i + 1]!] : []))
  return [...left, ...Object.entries(changes).flatMap(([name, value]) => (value === null ? [] : [name, value]))]
}

for (const front of FRONTS)
  test(`${front}: a request with content`, () => {
    const calls = recordRequests(front, [
      requestBytes(front, [...withParameters({ REQUEST_METHOD: 'POST' }), 'CONTENT_TYPE', 'text/plain'], 'hello'),
    ])
    const began = front === 'fastcgi' ? ['began 1'] : []
    const headers = ['host', 'shop.test', 'accept', '*/*', 'content-type', 'text/plain', 'content-length', '5']
    const peer = { address: '203.0.113.7', port: 5000, socketAddress: '203.0.113.7' }
    const head = ['POST', '/a?b', 'shop.test', '1.1', 'http', headers, 5, front === 'fastcgi', peer, '', null]
    assert.deepEqual(calls, [...began, `head ${JSON.stringify(head)}`, 'body hello', 'end'])
  })

test('the target is REQUEST_URI, else SCRIPT_NAME, PATH_INFO and QUERY_STRING, encoded', () => {
  const of = (changes: Record<string, string | null>) => headOf(withParameters(changes))[1]
  assert.equal(of({ SCRIPT_NAME: '/never' }), '/a?b')
  const parts = { REQUEST_URI: null, SCRIPT_NAME: '/s', PATH_INFO: '/a b%?\xc3\xa9', QUERY_STRING: 'x=%20' }
  assert.equal(of(parts), '/s/a%20b%25%3F%C3%A9?x=%20')
  assert.match(refused(withParameters({ REQUEST_URI: null })), /error 400 REQUEST_URI is missing/)
})

test('scheme, user, version and host are those that the server in front says', () => {
  const of = (changes: Record<string, string | null>) => headOf(withParameters(changes))
  assert.equal(of({ HTTPS: 'on' })[4], 'https')
  assert.equal(of({ REQUEST_SCHEME: 'https' })[4], 'https')
  assert.equal(of({ HTTPS: 'off', REQUEST_SCHEME: 'https' })[4], 'http')
  assert.equal(of({ REMOTE_USER: 'anna' })[9], 'anna')
  assert.equal(of({ SERVER_PROTOCOL: 'HTTP/2.0' })[3], '2')
  assert.equal(of({ HTTP_HOST: null, SERVER_NAME: 'a.test', SERVER_PORT: '8080' })[2], 'a.test:8080')
  assert.deepEqual(of({ REMOTE_ADDR: 'unix:' })[8], { address: '', port: 5000, socketAddress: '' })
  assert.deepEqual(of({ REMOTE_ADDR: '::ffff:192.0.2.1' })[8], {
    address: '192.0.2.1',
    port: 5000,
    socketAddress: '192.0.2.1',
  })
  const tls = { HTTPS: 'on', SSL_PROTOCOL: 'TLSv1.3', SSL_CLIENT_VERIFY: 'SUCCESS', SSL_CLIENT_S_DN: 'CN=anna' }
  assert.equal(of(tls)[10], 'SUCCESS')
  // Over plain HTTP a certificate is none.
  assert.equal(of({ ...tls, HTTPS: 'off' })[10], null)
})

test('what acts on servers of uWSGI, and fields of a connection, mean nothing', () => {
  const harmless = [
    ...['UWSGI_FILE', '/etc/passwd', 'UWSGI_SCRIPT', 'os', 'wsgi.input', 'x', 'HTTP_PROXY', 'http://evil.test'],
    ...['HTTP_TRANSFER_ENCODING', 'chunked', 'HTTP_CONTENT_LENGTH', '99', 'HTTP_EXPECT', '100-continue'],
    ...['HTTP_CONNECTION', 'upgrade', 'HTTP_UPGRADE', 'websocket', 'SCRIPT_FILENAME', '/a', 'SCRIPT_FILENAME', '/b'],
  ]
  const less = PARAMETERS.filter((_, i) => !['HTTP_ACCEPT', '*/*'].includes(PARAMETERS[i]!))
  assert.deepEqual(headOf([...less, ...harmless])[5], ['host', 'shop.test', 'content-length', '0'])
})

test('what contradicts itself is refused, with the parameter', () => {
  const cases: [Record<string, string | null>, RegExp][] = [
    [{ REMOTE_ADDR: null }, /400 REMOTE_ADDR is missing/],
    [{ REMOTE_ADDR: 'localhost' }, /400 REMOTE_ADDR is no IP address/],
    [{ REMOTE_ADDR: '192.0.2.1:80' }, /400 REMOTE_ADDR is no IP address/],
    [{ REMOTE_PORT: '70000' }, /400 REMOTE_PORT is no port/],
    [{ REQUEST_METHOD: null }, /400 REQUEST_METHOD is missing/],
    [{ REQUEST_METHOD: 'G T' }, /400 The method is invalid/],
    [{ REQUEST_URI: '/a b' }, /400 REQUEST_URI has a character/],
    [{ REQUEST_URI: `/${'x'.repeat(60)}` }, /414 /],
    [{ SERVER_PROTOCOL: 'FTP' }, /400 SERVER_PROTOCOL/],
    [{ HTTP_HOST: 'a b' }, /400 Host is malformed/],
    [{ HTTP_X: 'a\nb' }, /400 A header value/],
    [{ 'HTTP_X Y': 'a' }, /400 A header name/],
    [{ 'A B': 'a' }, /400 A parameter has an invalid name/],
    [{ REMOTE_USER: 'a\0b' }, /400 REMOTE_USER has a control character/],
    [{ HTTP_X: 'x'.repeat(200) }, /431 /],
    [{ CONTENT_LENGTH: '-1' }, /400 Content-Length is not a number/],
    [{ HTTPS: 'on', SSL_CLIENT_VERIFY: 'YES' }, /400 SSL_CLIENT_VERIFY/],
  ]
  for (const [changes, words] of cases) assert.match(refused(withParameters(changes)), words)
  assert.match(refused([...PARAMETERS, 'REQUEST_URI', '/b']), /400 REQUEST_URI is given more than once/)
  assert.match(refused([...PARAMETERS, 'HTTP_HOST', 'b.test']), /400 Host is given more than once/)
  // A client may repeat a field, and nginx before 1.23 passes it on twice.
  assert.deepEqual(headOf([...PARAMETERS, 'HTTP_ACCEPT', 'x/y'])[5], [
    'host',
    'shop.test',
    'accept',
    '*/*',
    'accept',
    'x/y',
    'content-length',
    '0',
  ])
  const many = Array.from({ length: 7 }, (_, i) => [`HTTP_X${i}`, 'a']).flat()
  assert.match(refused([...PARAMETERS, ...many]), /431 There are more than 6 headers/)
  const others = Array.from({ length: 257 }, (_, i) => [`X${i}`, '']).flat()
  assert.match(refused([...PARAMETERS, ...others]), /431 There are more than 256 parameters/)
})

test('lengths that lie', () => {
  for (const front of FRONTS) {
    const more = recordRequests(front, [requestBytes(front, PARAMETERS, 'content', 3)])
    assert.match(more.at(-1)!, /400 There is more than CONTENT_LENGTH says/, front)
  }
  assert.match(
    recordRequests('fastcgi', [requestBytes('fastcgi', PARAMETERS, 'con', 7)]).at(-1)!,
    /400 There is less than CONTENT_LENGTH says/,
  )
  const packet = requestBytes('uwsgi', PARAMETERS)
  packet.writeUInt16LE(0xffff, 4)
  assert.match(recordRequests('uwsgi', [packet]).at(-1)!, /400 A parameter is longer than its packet/)
  packet.writeUInt16LE(0xffff, 1)
  assert.deepEqual(recordRequests('uwsgi', [packet]), [
    'error 431 The parameters are longer than 33328 bytes (limit-request-header-size)',
  ])
  const scgi = requestBytes('scgi', PARAMETERS).toString('latin1')
  assert.match(recordRequests('scgi', [Buffer.from(scgi.replace(/^\d+/, '20'))]).at(-1)!, /400 .*no comma follows/)
  assert.match(recordRequests('scgi', [Buffer.from('99999:')]).at(-1)!, /431 /)
  assert.match(recordRequests('scgi', [Buffer.from('GET / HTTP/1.1')]).at(-1)!, /400 What it sent is no SCGI/)
  assert.match(recordRequests('uwsgi', [Buffer.from('GET / HTTP/1.1')]).at(-1)!, /400 .*looks like HTTP/)
  assert.match(recordRequests('uwsgi', [Buffer.from([22, 0, 0, 0])]).at(-1)!, /400 Modifier 22 is not spoken here/)
  assert.match(recordRequests('fastcgi', [Buffer.from('GET')]).at(-1)!, /400 What it sent is no FastCGI/)
})

test('FastCGI: content without CONTENT_LENGTH has the length of its stream, and a limit', () => {
  const without = (content: string) => recordRequests('fastcgi', [requestBytes('fastcgi', PARAMETERS, content, null)])
  assert.match(without('')[1]!, /,0,true,/)
  assert.match(without('hello')[1]!, /,null,true,/)
  assert.deepEqual(without('hello').slice(2), ['body hello', 'end'])
  assert.match(without('x'.repeat(41)).at(-1)!, /413 /)
})

test('FastCGI: records about the connection, other requests, other roles', () => {
  const asked = recordRequests('fastcgi', [
    record(GET_VALUES, pairs(['FCGI_MPXS_CONNS', '', 'OTHER', '']), 0),
    record(99, Buffer.alloc(3), 0),
  ])
  const result = record(RecordType.GET_VALUES_RESULT, pairs(['FCGI_MPXS_CONNS', '0']), 0).toString('hex')
  assert.deepEqual(asked, [`answer ${result}`, `answer ${'010b000000080000'}6300000000000000`])
  const other = beginRequest(true)
  other.writeUInt16BE(2, 2)
  const head = Buffer.concat([beginRequest(true), streamRecords(PARAMS, pairs(PARAMETERS)), endOfStream(PARAMS)])
  const skipped = record(PARAMS, Buffer.from('junk'), 2)
  const calls = recordRequests('fastcgi', [Buffer.concat([head, other, skipped, endOfStream(STDIN)])])
  assert.deepEqual([calls[1], calls.at(-1)], ['answer 01030002000800000000000001000000', 'end'])
  assert.match(recordRequests('fastcgi', [Buffer.concat([head, beginRequest(true)])]).at(-1)!, /begins twice/)
  assert.equal(
    recordRequests('fastcgi', [Buffer.concat([head, record(ABORT_REQUEST, Buffer.alloc(0))])]).at(-1),
    'aborted',
  )
  const authorizer = beginRequest(false)
  authorizer[9] = 2
  assert.match(recordRequests('fastcgi', [authorizer]).at(-1)!, /The role 2 is not played here/)
  const flood = Buffer.concat(Array.from({ length: 33 }, () => record(99, Buffer.alloc(0), 0)))
  assert.match(recordRequests('fastcgi', [flood]).at(-1)!, /asks more than 32 times/)
})
