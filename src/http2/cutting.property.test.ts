/** Cutting the bytes of a connection anywhere changes neither the calls nor the errors. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameType, PREFACE } from './frames.ts'
import { answer, connect, pull } from './testing/connect.ts'
import {
  BEGIN,
  data,
  frame,
  get,
  goAway,
  headers,
  ping,
  post,
  priorityUpdate,
  requestFields,
  reset,
  Setting,
  settings,
  trailers,
  windowUpdate,
} from './testing/frames.ts'
import { cutAt, pieces, recordFrames } from './testing/recorded-frames.ts'

const MAX_FRAME = 100
const anyFrame = fc
  .record({
    type: fc.oneof(fc.nat(10), fc.constant(0x10), fc.nat(255)),
    flags: fc.oneof(fc.constantFrom(0, 1, 4, 5, 8, 9, 0x2d), fc.nat(255)),
    stream: fc.oneof(fc.nat(9), fc.nat(0x7fff_ffff)),
    payload: fc.oneof(
      fc.constantFrom(0, 3, 4, 5, 6, 8, 12).map(length => Buffer.alloc(length, 1)),
      fc.uint8Array({ maxLength: MAX_FRAME + 2 }).map(bytes => Buffer.from(bytes)),
    ),
  })
  .map(({ type, flags, stream, payload }) => frame(type, flags, stream, payload))
const begins = fc.oneof(
  { weight: 9, arbitrary: fc.constant(PREFACE) },
  { weight: 1, arbitrary: fc.uint8Array().map(bytes => Buffer.from(bytes)) },
)
const streams = fc.tuple(begins, fc.array(anyFrame, { maxLength: 8 }), fc.nat(9)).map(([begin, frames, missing]) => {
  const all = Buffer.concat([begin, ...frames])
  return all.subarray(0, Math.max(0, all.length - missing))
})
const places = fc.array(fc.nat(1000), { maxLength: 8 })

test('frames: cut anywhere, and byte by byte', () => {
  fc.assert(
    fc.property(streams, places, (bytes, cuts) => {
      const whole = recordFrames([bytes], MAX_FRAME)
      assert.deepEqual(recordFrames(cutAt(bytes, cuts), MAX_FRAME), whole)
      assert.deepEqual(recordFrames(pieces(bytes, 1), MAX_FRAME), whole)
    }),
    { numRuns: 3000 },
  )
})

const FRAMES: readonly Buffer[] = [
  get(1),
  post(1),
  get(3, '/b', [
    ['cookie', 'a'],
    ['x', 'y'],
  ]),
  post(3, '/b', [['content-length', '5']]),
  get(5, '/*'),
  headers(5, requestFields('GET', '/c', [['a', 'b']]), { pieces: 3, padding: 7, dependsOn: 1 }),
  headers(7, requestFields('GET', 'no path')),
  headers(7, requestFields('OPTIONS', '*')),
  headers(7, requestFields('GET', '/', [['host', 'other']])),
  headers(9, requestFields('GET', '/', [['content-length', 'x']]), { isLast: false }),
  get(2),
  data(1, 'hello'),
  data(1, 'hello', true),
  data(1, 'hello', false, 30),
  data(3, 'hello', true),
  data(3, 'hello and more'),
  data(3, '', true, 0),
  data(5, 'late'),
  trailers(1, [['a', 'b']]),
  trailers(3, [[':a', 'b']]),
  reset(1),
  reset(3),
  windowUpdate(0, 1000),
  windowUpdate(1, 1000),
  windowUpdate(3, 0),
  settings([Setting.INITIAL_WINDOW_SIZE, 3]),
  settings([Setting.INITIAL_WINDOW_SIZE, 100_000], [Setting.HEADER_TABLE_SIZE, 0]),
  ping(),
  ping('12345678', true),
  priorityUpdate(1, 'u=1, i'),
  frame(0x33, 1, 1, Buffer.alloc(20)),
  frame(FrameType.PRIORITY, 0, 3, Buffer.alloc(5)),
  goAway(),
]

/** What handlers and the log are told, and what the client gets, but for windows. */
async function record(cut: readonly Buffer[], answersAtOnce: boolean): Promise<unknown> {
  const content: string[] = []
  const setup = connect(
    exchange => {
      const { method, path, headers, authority } = exchange.request
      const at = content.push(`${method} ${path} ${authority} ${headers.join(' ')}: `) - 1
      if (answersAtOnce) answer(exchange)
      else
        exchange.body.pull({
          onData: chunk => {
            content[at]! += chunk
            return true
          },
          onEnd: trailers => {
            content[at]! += ` end ${trailers.join(' ')}`
            answer(exchange)
          },
          onError: error => {
            // How much of it was handed on before is a matter of pieces.
            content[at] = `${method} ${path} error ${error.message}`
          },
        })
    },
    { begins: false },
  )
  for (const piece of cut) setup.transport.receive(piece)
  const said = (await setup.client.said()).filter(line => !line.startsWith('WINDOW_UPDATE'))
  return {
    content,
    said,
    refused: setup.refused,
    closed: setup.closed(),
    calls: setup.transport.calls,
    answered: setup.answered.map(({ request, response }) => [request.target, response.status]),
  }
}

test('connections: cut anywhere, and byte by byte', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...FRAMES), { maxLength: 10 }),
      places,
      fc.boolean(),
      async (frames, cuts, answersAtOnce) => {
        const bytes = Buffer.concat([BEGIN, ...frames])
        const whole = await record([bytes], answersAtOnce)
        assert.deepEqual(await record(cutAt(bytes, cuts), answersAtOnce), whole)
        assert.deepEqual(await record(pieces(bytes, 1), answersAtOnce), whole)
      },
    ),
    { numRuns: 500 },
  )
})

test('content that its handler asks for later: cut anywhere, it is the same', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(3000), { minLength: 1, maxLength: 8 }),
      places,
      fc.nat(9),
      async (sizes, cuts, when) => {
        const setup = connect()
        setup.client.send(post(1))
        const frames = sizes.map((size, i) =>
          data(1, Buffer.alloc(size, i), i === sizes.length - 1, size % 3 === 0 ? size % 200 : undefined),
        )
        const got: string[] = []
        const cut = cutAt(Buffer.concat(frames), cuts)
        for (const [i, piece] of [...cut, Buffer.alloc(0)].entries()) {
          if (i === Math.min(when, cut.length)) pull(setup.exchanges[0]!, got)
          setup.client.send(piece)
        }
        assert.equal(got.pop(), 'end')
        assert.ok(
          Buffer.from(got.join(''), 'latin1').equals(Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, i)))),
        )
      },
    ),
    { numRuns: 300 },
  )
})
