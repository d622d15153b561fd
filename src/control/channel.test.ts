import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_LINE, openPreloaderChannel, openWorkerChannel } from './channel.ts'
import type { PreloaderToMaster } from './messages.ts'

/** The stream of a channel. Keeps in `written` what the channel writes. */
class FakeStream extends Duplex {
  readonly written: string[] = []
  accepting = true
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk.toString())
    if (this.accepting) done()
  }
}

function openPreloader(stream: FakeStream) {
  const channel = openPreloaderChannel(stream)
  const messages: PreloaderToMaster[] = []
  const closed = Promise.withResolvers<string>()
  channel.onMessage(message => messages.push(message))
  channel.onClosed(closed.resolve)
  return { channel, messages, closed: closed.promise }
}

const MESSAGES: PreloaderToMaster[] = [
  { type: 'waiting' },
  { type: 'load-failed', message: 'kein Modul „größe“', traceback: 'a\nb\u{1F40E}' },
  { type: 'exited', worker: 7, pid: 1, code: null, signal: 'SIGKILL' },
]

test('cutting the bytes anywhere changes no message', async () => {
  const bytes = Buffer.from(MESSAGES.map(message => `${JSON.stringify(message)}\n`).join(''))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 20 }), async cuts => {
      const stream = new FakeStream()
      const { messages, closed } = openPreloader(stream)
      let from = 0
      for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
        stream.push(bytes.subarray(from, cut))
        from = cut
      }
      stream.push(null)
      assert.equal(await closed, '')
      assert.deepEqual(messages, MESSAGES)
    }),
    { numRuns: 50 },
  )
})

test('an unfinished line at the end is no message', async () => {
  const stream = new FakeStream()
  const { messages, closed } = openPreloader(stream)
  stream.push('{"type":"waiting"}')
  stream.push(null)
  assert.equal(await closed, '')
  assert.deepEqual(messages, [])
})

for (const [what, line, reason] of [
  ['text that is not JSON', 'hello\n', /not JSON/],
  ['no object', '7\n', /not an object/],
  ['an unknown type', '{"type":"sudo"}\n', /unknown message type "sudo"/],
  ['a type of Object.prototype', '{"type":"toString"}\n', /unknown message type/],
  ['a wrong field', '{"type":"forked","worker":"7","pid":1,"output":"x"}\n', /field 'worker' of message 'forked'/],
  ['a missing field', '{"type":"unsafe","hazards":[{"kind":"thread"}]}\n', /field 'hazards\[0\]\.what'/],
  ['a line that never ends', 'x'.repeat(MAX_LINE + 1), /longer than/],
  ['a line that is too long and ends', `${'x'.repeat(MAX_LINE + 1)}\n`, /longer than/],
] as const) {
  test(`${what} closes the channel with a reason and nothing after it is delivered`, async () => {
    const stream = new FakeStream()
    const { messages, closed } = openPreloader(stream)
    stream.push(`${line}{"type":"waiting"}\n`)
    assert.match(await closed, reason)
    assert.ok(stream.destroyed)
    assert.deepEqual(messages, [])
  })
}

test('a peer that reads nothing is cut off', async () => {
  const stream = new FakeStream()
  stream.accepting = false
  const { channel, closed } = openPreloader(stream)
  for (let worker = 0; worker < 200_000; worker++) channel.send({ type: 'fork', worker, token: 't' })
  assert.match(await closed, /unread/)
})

test('messages leave as one line each, and sending after the end is harmless', async () => {
  const stream = new FakeStream()
  const { channel, closed } = openPreloader(stream)
  channel.send({ type: 'fork', worker: 1, token: 't' })
  channel.send({ type: 'signal', worker: 1, signal: 'KILL' })
  channel.close()
  await closed
  channel.send({ type: 'fork', worker: 2, token: 't' })
  assert.deepEqual(stream.written, [
    '{"type":"fork","worker":1,"token":"t"}\n',
    '{"type":"signal","worker":1,"signal":"KILL"}\n',
  ])
})

test('nothing is lost that arrives before the first listener', async () => {
  const stream = new FakeStream()
  const channel = openWorkerChannel(stream)
  stream.push('{"type":"hello","build":"b","worker":3,"pid":4,"token":"t"}\n')
  await new Promise(setImmediate)
  const message = await new Promise(resolve => channel.onMessage(resolve))
  assert.deepEqual(message, { type: 'hello', build: 'b', worker: 3, pid: 4, token: 't' })
  channel.close()
  await once(stream, 'close')
})
