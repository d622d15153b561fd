/** Cutting the bytes of a response by FastCGI, SCGI or uwsgi anywhere changes neither the calls nor the violation. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cut } from '../../http1/testing/recorded-calls.ts'
import { recordResponses } from '../testing/recorded-responses.ts'
import { cgi } from './cgi.ts'
import { FastCgiReader } from './fastcgi-reader.ts'
import { ScriptReader } from './script-reader.ts'
import { ended, record, records } from './testing/records.ts'

const output = fc.constantFrom(
  'Content-Type: text/plain\r\n\r\nhello',
  'Status: 404 Gone\nContent-Length: 3\n\nabcdef',
  'Location: /other?x=1\n\n',
  'HTTP/1.1 201 Made\r\nA: b\r\n\r\nx',
  'no header\n\n',
  '\r\n\r\n',
  'A: b\n',
)
const junk = fc.constantFrom(
  '\n',
  '\r',
  '\0',
  ':',
  'ÿ',
  '\x01\x06\0\x01\0\x02\0\0',
  'Content-Length: 2\n',
  'Status: 5\n',
)

function withJunk(text: string, insertions: readonly (readonly [number, string])[]): Buffer {
  let changed = text
  for (const [place, what] of insertions) {
    const at = place % (changed.length + 1)
    changed = changed.slice(0, at) + what + changed.slice(at)
  }
  return Buffer.from(changed, 'latin1')
}

const insertions = fc.array(fc.tuple(fc.nat(120), junk), { maxLength: 2 })
const places = fc.array(fc.nat(200), { maxLength: 6 })
const expected = fc.record({ isHead: fc.boolean(), maySwitch: fc.constant(false) })

test('a response of FastCGI: cut anywhere, or byte by byte, the calls are the same', () => {
  const make = (sink: ConstructorParameters<typeof FastCgiReader>[0]) => new FastCgiReader(sink, true)
  const sizes = fc.array(fc.nat(12), { maxLength: 4 })
  fc.assert(
    fc.property(output, sizes, insertions, expected, places, (text, paddings, changes, one, at) => {
      const stream = records(text, paddings) + records('a warning\n', paddings, 7) + ended(paddings[0] ?? 0)
      const bytes = withJunk(stream, changes)
      const whole = recordResponses([bytes], [one], true, make)
      assert.deepEqual(recordResponses(cut(bytes, at), [one], true, make), whole)
      const single = [...bytes].map(byte => Buffer.from([byte]))
      assert.deepEqual(recordResponses(single, [one], true, make), whole)
    }),
    { numRuns: 500 },
  )
})

test('what the spawner of CGI programs says: cut anywhere, the calls are the same', () => {
  const own = fc.constantFrom(
    record(100, ''),
    record(101, '\x01\x93\0\x05why', 3),
    record(102, 'a note'),
    record(102, ''),
  )
  fc.assert(
    fc.property(
      output,
      fc.array(own, { maxLength: 3 }),
      insertions,
      expected,
      places,
      (text, before, changes, one, at) => {
        const bytes = withJunk(before.join('') + records(text) + ended(), changes)
        const whole = recordResponses([bytes], [one], true, cgi.reader)
        assert.deepEqual(recordResponses(cut(bytes, at), [one], true, cgi.reader), whole)
        const single = [...bytes].map(byte => Buffer.from([byte]))
        assert.deepEqual(recordResponses(single, [one], true, cgi.reader), whole)
      },
    ),
    { numRuns: 300 },
  )
})

test('a response of SCGI and uwsgi: cut anywhere, the calls are the same', () => {
  const make = (sink: ConstructorParameters<typeof ScriptReader>[0]) => new ScriptReader(sink, true)
  fc.assert(
    fc.property(output, insertions, expected, places, (text, changes, one, at) => {
      const bytes = withJunk(text, changes)
      const whole = recordResponses([bytes], [one], true, make)
      assert.deepEqual(recordResponses(cut(bytes, at), [one], true, make), whole)
      const single = [...bytes].map(byte => Buffer.from([byte]))
      assert.deepEqual(recordResponses(single, [one], true, make), whole)
    }),
    { numRuns: 500 },
  )
})
