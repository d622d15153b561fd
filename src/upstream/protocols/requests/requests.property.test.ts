/** Cutting the bytes of a request by FastCGI, SCGI or uwsgi anywhere changes neither the calls nor the error. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cut } from '../../../http1/testing/recorded-calls.ts'
import { FRONTS, PARAMETERS, recordRequests, requestBytes } from './testing/recorded-requests.ts'

const text = fc.constantFrom('', 'a', '/x', 'on', 'https', '7', 'GET', 'POST', '\0', 'é', '203.0.113.9', 'x'.repeat(70))
const name = fc.constantFrom(
  'HTTP_X',
  'HTTP_HOST',
  'HTTP_PROXY',
  'HTTP_',
  'HTTPS',
  'CONTENT_LENGTH',
  'REMOTE_ADDR',
  'SCGI',
  'UWSGI_FILE',
  'SSL_CLIENT_VERIFY',
  'PATH_INFO',
)
const insertions = fc.array(
  fc.tuple(fc.nat(400), fc.constantFrom('\0', '\x01', ':', ',', '9', '\xff', '\x01\x09\0\0\0\0\0\0')),
  {
    maxLength: 2,
  },
)
const places = fc.array(fc.nat(400), { maxLength: 6 })

for (const front of FRONTS)
  test(`${front}: cut anywhere, or byte by byte, the calls are the same`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, text), { maxLength: 3 }),
        fc.constantFrom('', 'content', 'c'.repeat(50)),
        fc.option(fc.nat(60)),
        insertions,
        places,
        (more, content, length, changes, at) => {
          // The writers refuse a NUL, and we write it as the peer of ours would not.
          const added = more.filter(([, value]) => front === 'fastcgi' || front === 'uwsgi' || value !== '\0').flat()
          const whole = requestBytes(front, [...PARAMETERS, ...added], content, length ?? content.length)
          let bytes = whole.toString('latin1')
          for (const [place, what] of changes) {
            const where = place % (bytes.length + 1)
            bytes = bytes.slice(0, where) + what + bytes.slice(where)
          }
          const all = Buffer.from(bytes, 'latin1')
          const calls = recordRequests(front, [all])
          assert.deepEqual(recordRequests(front, cut(all, at)), calls)
          const single = [...all].map(byte => Buffer.from([byte]))
          assert.deepEqual(recordRequests(front, single), calls)
        },
      ),
      { numRuns: 400 },
    )
  })
