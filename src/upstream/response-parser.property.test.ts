/** Cutting the bytes of a response anywhere changes neither the calls nor the violation. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cut } from '../http1/testing/recorded-calls.ts'
import { recordResponses } from './testing/recorded-responses.ts'

const good = fc.constantFrom(
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\n',
  'HTTP/1.0 200\r\n\r\nuntil the end',
  'HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nframes',
)
const junk = fc.constantFrom(
  '\n',
  '\r',
  '\0',
  ' ',
  ':',
  'x',
  '\r\n',
  'ÿ',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  ' folded\r\n',
  'HTTP/1.1 ',
)
const streams = fc
  .tuple(good, fc.array(fc.tuple(fc.nat(120), junk), { maxLength: 2 }))
  .map(([response, insertions]) => {
    let text = response
    for (const [place, what] of insertions) {
      const at = place % (text.length + 1)
      text = text.slice(0, at) + what + text.slice(at)
    }
    return Buffer.from(text, 'latin1')
  })
const expected = fc.record({ isHead: fc.boolean(), maySwitch: fc.boolean() })

test('cut anywhere, or byte by byte, the calls and the violation are the same', () => {
  fc.assert(
    fc.property(streams, expected, fc.array(fc.nat(200), { maxLength: 6 }), (bytes, one, places) => {
      const whole = recordResponses([bytes], [one])
      assert.deepEqual(recordResponses(cut(bytes, places), [one]), whole)
      assert.deepEqual(
        recordResponses(
          [...bytes].map(byte => Buffer.from([byte])),
          [one],
        ),
        whole,
      )
    }),
    { numRuns: 2000 },
  )
})

test('whatever the bytes are, it makes calls or one violation, and nothing after it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), expected, (bytes, one) => {
      const calls = recordResponses([Buffer.from(bytes)], [one])
      assert.ok(calls.findIndex(call => call.startsWith('violation')) === -1 || calls.at(-1)!.startsWith('violation'))
    }),
    { numRuns: 1000 },
  )
})
