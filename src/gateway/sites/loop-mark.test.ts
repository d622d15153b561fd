/** Requests that go in a circle: what the next server is told, and when it is enough. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpError } from '../../http/errors.ts'
import { loopMark } from './loop-mark.ts'

test('each pass adds to what others have written, and the eleventh is refused', () => {
  let mark = 'other; v=1, not-jumak'
  for (let passes = 0; passes < 10; passes++) mark = loopMark(['host', 'a', 'cdn-loop', mark], 'back')
  assert.equal(mark, `other; v=1, not-jumak${', jumak'.repeat(10)}`)
  // In several lines it is the same.
  const lines = ['cdn-loop', 'jumak,jumak , jumak', 'cdn-loop', 'jumak, jumak, jumak, jumak, jumak, jumak, jumak']
  assert.throws(
    () => loopMark(lines, 'back'),
    (error: HttpError) => error instanceof HttpError && error.status === 508 && /^back leads back/.test(error.logged),
  )
})
