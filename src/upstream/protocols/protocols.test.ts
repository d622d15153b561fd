/** What goes to servers of FastCGI, SCGI and uwsgi, byte by byte, and what they may answer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OutgoingHead } from '../request-head.ts'
import { recordResponses } from '../testing/recorded-responses.ts'
import { cgi } from './cgi.ts'
import { fastcgi } from './fastcgi.ts'
import { pairs, streamRecords } from './fastcgi-records.ts'
import { scgi } from './scgi.ts'
import { ended, record, records } from './testing/records.ts'
import { uwsgi } from './uwsgi.ts'

const GET = { isHead: false, maySwitch: false }

function head(headers: string[], contentLength = 0): OutgoingHead {
  return { method: 'GET', target: '', headers, contentLength, webSocketKey: null }
}

function calls(bytes: string, ends = true, keepsAlive = false): string[] {
  const all = recordResponses([Buffer.from(bytes, 'latin1')], [GET], ends, fastcgi(keepsAlive).reader)
  return all.map(call => call.replace(/^head .*"status":(\d+).*/s, 'head $1'))
}

test('a request of FastCGI: BEGIN_REQUEST, PARAMS, STDIN', () => {
  const { head: write, content, tail } = fastcgi(true)
  const long = 'v'.repeat(200)
  const bytes = (write(head(['A', 'b', 'LONG', long], 3)) as Buffer).toString('latin1')
  const begin = record(1, '\0\x01\x01\0\0\0\0\0')
  const params = `\x01\x01Ab\x04\x80\0\0\xc8LONG${long}`
  assert.equal(bytes, begin + record(4, params) + record(4, ''))
  assert.equal(content(head([], 3), Buffer.from('abc')).toString('latin1'), record(5, 'abc'))
  assert.equal(tail(head([], 3)).toString('latin1'), record(5, ''))
  assert.ok((fastcgi(false).head(head([])) as Buffer).toString('latin1').endsWith(record(5, '')))
  assert.equal(streamRecords(5, Buffer.alloc(70_000)).length, 70_000 + 2 * 8)
  assert.equal(pairs([]).length, 0)
})

test('a request of SCGI is a netstring with CONTENT_LENGTH first; of uwsgi a packet with modifier 0', () => {
  assert.equal(scgi.head(head(['A', 'b'], 27)), '29:CONTENT_LENGTH\x0027\0SCGI\x001\0A\0b\0,')
  assert.throws(() => scgi.head(head(['A', 'b\0C'])), /NUL/)
  // Its low byte is one.
  assert.throws(() => scgi.head(head(['A', 'b\u0100C'])), /NUL/)
  assert.deepEqual([...(uwsgi.head(head(['A', 'bc'])) as Buffer)], [0, 7, 0, 0, 1, 0, 65, 2, 0, 98, 99])
  assert.throws(() => uwsgi.head(head(['A', 'b'.repeat(65_536)])), /65535/)
})

test('a response of FastCGI: output, notes, padding, END_REQUEST', () => {
  const response = `${record(7, 'PHP Warning: x\n', 3)}${records('Status: 201 Made\r\nX-A: b\r\n\r\nhi', [1, 7])}${ended(4)}`
  assert.deepEqual(calls(response), ['note says: PHP Warning: x', 'head 201', 'body hi', 'end []'])
  assert.deepEqual(calls(`${record(10, 'about the connection', 0, 0)}${records('A: b\n\n')}${ended()}`), [
    'head 200',
    'end []',
  ])
  const many = 'line\n'.repeat(30)
  assert.equal(calls(`${record(7, many)}${records('A: b\n\n')}${ended()}`).filter(one => /^note/.test(one)).length, 21)
})

const ofSpawner = (bytes: string): string[] =>
  recordResponses([Buffer.from(bytes, 'latin1')], [GET], true, cgi.reader).map(call =>
    call.replace(/^head .*"status":(\d+).*/s, 'head $1'),
  )

test('what the spawner of CGI programs says beside FastCGI', () => {
  const runs = record(100, '')
  assert.deepEqual(
    ofSpawner(
      `${runs}${record(7, 'careful\n')}${record(102, 'exited with code 3')}${records('HTTP/1.1 202 X\n\n')}${ended()}`,
    ),
    ['interim [100,[]]', 'note says: careful', 'note exited with code 3', 'head 202', 'end []'],
  )
  // Who is asked stops reading there.
  assert.equal(ofSpawner(`${record(101, '\x01\x93\0\x05not \xc3\xa4')}`)[0], 'refused 403 5 not ä')
  assert.match(ofSpawner(record(101, 'a')).at(-1)!, /a refusal without a status/)
  assert.match(ofSpawner(record(102, 'x'.repeat(3000))).at(-1)!, /a record 102 of 3000 bytes/)
  // Others know no such records.
  assert.deepEqual(calls(`${record(101, '\x01\x93\0\x05')}${records('A: b\n\n')}${ended()}`), ['head 200', 'end []'])
})

test('what is no response of FastCGI is a violation', () => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ['HTTP/1.1 200 OK\r\n\r\n', /no FastCGI/],
    [records('no header'), /closed before/],
    [`${records('hello\n\n')}`, /A header line has no colon \(RFC9112§5\): "hello"/],
    [`${records('')}${ended()}`, /ended without a response/],
    [`${records('A: b\n\nhi')}`, /closed in mid-response/],
    [`${records('Content-Length: 5\n\nhi')}${ended()}`, /ended 3 bytes before its Content-Length/],
    [ended(0, 2), /overloaded/],
    [record(6, 'x', 0, 2), /request 2, which there is not/],
    [record(3, 'short'), /END_REQUEST of 5 bytes/],
    [`${records('A: b\n\n')}${ended()}more`, /bytes behind the end/],
    [records(`A: ${'x'.repeat(65_000)}`) + records('y'.repeat(1000)), /a head of more than 65536 bytes/],
    [records('Status: 99\n\n'), /a Status that is none: "99" \(RFC3875§6.3.3\)/],
  ]
  for (const [bytes, expected] of bad) assert.match(calls(bytes).at(-1)!, expected)
})

test('a response of SCGI ends with its length or with the connection', () => {
  const read = (text: string, ends: boolean) =>
    recordResponses([Buffer.from(text)], [GET], ends, scgi.reader).map(call => call.replace(/^head .*/s, 'head'))
  assert.deepEqual(read('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', false), ['head', 'body hi', 'end []'])
  assert.deepEqual(read('A: b\n\nhi', true), ['head', 'body hi', 'end []'])
  assert.match(read('A: b', true)[0]!, /ended within the head/)
})
