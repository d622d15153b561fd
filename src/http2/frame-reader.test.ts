import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FrameReader } from './frame-reader.ts'
import { ConnectionError, errorName, FrameType, PREFACE } from './frames.ts'
import { BEGIN, data, frame, ping, settings } from './testing/frames.ts'
import { pieces, recordFrames } from './testing/recorded-frames.ts'

const MAX = 16_384

describe('frames as calls', () => {
  test('whole frames, with what nobody knows', () =>
    assert.deepEqual(recordFrames([Buffer.concat([BEGIN, ping('12345678'), frame(0x77, 3, 5, Buffer.alloc(9))])]), [
      'frame 4 0 0 ',
      'frame 6 0 0 3132333435363738',
      'frame 119 3 5 ',
    ]))

  test('DATA: content as it comes, without padding', () =>
    assert.deepEqual(
      recordFrames([
        Buffer.concat([PREFACE, data(1, 'abc'), data(3, 'de', true, 4), data(5, ''), data(7, '', true, 0)]),
      ]),
      [
        'data 1 0 3',
        'content 1 abc',
        'data end 1 0',
        'data 3 9 7',
        'content 3 de',
        'data end 3 9',
        'data 5 0 0',
        'data end 5 0',
        'data 7 9 1',
        'data end 7 9',
      ],
    ))

  test('the reserved bit of a stream’s number is ignored', () => {
    const bytes = ping()
    bytes[5] = 0x80
    assert.equal(recordFrames([Buffer.concat([PREFACE, bytes])])[0]!.slice(0, 9), 'frame 6 0')
  })

  test('the largest frame', () =>
    assert.equal(recordFrames([Buffer.concat([PREFACE, frame(FrameType.HEADERS, 4, 1, Buffer.alloc(MAX))])]).length, 1))
})

describe('a mistake', () => {
  for (const [name, bytes, error] of [
    ['a preface that is another', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r!'), 'PROTOCOL_ERROR RFC9113§3.4'],
    [
      'a frame that is too large',
      frame(FrameType.HEADERS, 4, 1, Buffer.alloc(MAX + 1)),
      'FRAME_SIZE_ERROR RFC9113§4.2',
    ],
    ['an unknown one that is too large', frame(0x77, 0, 0, Buffer.alloc(MAX + 1)), 'FRAME_SIZE_ERROR RFC9113§4.2'],
    ['PING of 9 bytes', frame(FrameType.PING, 0, 0, Buffer.alloc(9)), 'FRAME_SIZE_ERROR RFC9113§6'],
    ['RST_STREAM of 3 bytes', frame(FrameType.RST_STREAM, 0, 1, Buffer.alloc(3)), 'FRAME_SIZE_ERROR RFC9113§6'],
    ['WINDOW_UPDATE of 5 bytes', frame(FrameType.WINDOW_UPDATE, 0, 0, Buffer.alloc(5)), 'FRAME_SIZE_ERROR RFC9113§6'],
    ['PRIORITY of 4 bytes', frame(FrameType.PRIORITY, 0, 1, Buffer.alloc(4)), 'FRAME_SIZE_ERROR RFC9113§6'],
    ['SETTINGS of 7 bytes', frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(7)), 'FRAME_SIZE_ERROR RFC9113§6.5'],
    [
      'SETTINGS with an answer’s flag and content',
      frame(FrameType.SETTINGS, 1, 0, Buffer.alloc(6)),
      'FRAME_SIZE_ERROR RFC9113§6.5',
    ],
    ['GOAWAY of 7 bytes', frame(FrameType.GOAWAY, 0, 0, Buffer.alloc(7)), 'FRAME_SIZE_ERROR RFC9113§6.8'],
    [
      'PRIORITY_UPDATE of 3 bytes',
      frame(FrameType.PRIORITY_UPDATE, 0, 0, Buffer.alloc(3)),
      'FRAME_SIZE_ERROR RFC9113§7.1 of RFC9218',
    ],
    ['DATA on stream 0', data(0, 'x'), 'PROTOCOL_ERROR RFC9113§6.1'],
    ['padding without a length', frame(FrameType.DATA, 8, 1), 'FRAME_SIZE_ERROR RFC9113§6.1'],
    ['padding as long as the payload', frame(FrameType.DATA, 8, 1, Buffer.from([2, 0])), 'PROTOCOL_ERROR RFC9113§6.1'],
  ] as const)
    test(`${name}: told before the payload has come, whole or byte by byte, and nothing behind it is read`, () => {
      const all = name.startsWith('a preface') ? bytes : Buffer.concat([PREFACE, bytes, ping()])
      for (const cut of [[all], pieces(all, 1)]) assert.deepEqual(recordFrames(cut).at(-1), `error ${error}`)
    })

  test('an error has the name of its code', () => {
    assert.deepEqual([errorName(2), errorName(0x99)], ['INTERNAL_ERROR', '0x99'])
    const error = new ConnectionError(0xb, 'Too many', 'RFC9113§10.5')
    assert.deepEqual([error.status, error.message], [400, 'Too many (RFC9113§10.5)'])
  })
})

test('what is kept of a frame in part: its payload, as soon as its size is known', () => {
  const reader = new FrameReader(MAX, { onFrame() {}, onDataFrame() {}, onContent() {}, onDataEnd() {} })
  reader.receive(Buffer.concat([PREFACE, settings()]))
  const bytes = frame(FrameType.HEADERS, 4, 1, Buffer.alloc(5000))
  assert.equal(reader.keptBytes, 0)
  reader.receive(bytes.subarray(0, 4))
  assert.equal(reader.keptBytes, 9)
  reader.receive(bytes.subarray(4, 20))
  assert.equal(reader.keptBytes, 5000)
  reader.receive(bytes.subarray(20))
  assert.equal(reader.keptBytes, 0)
  reader.receive(data(1, 'x'.repeat(5000)).subarray(0, 4000))
  assert.equal(reader.keptBytes, 0, 'content is handed on')
})

test('stopped from within any call, nothing more is called', () => {
  const all = Buffer.concat([
    BEGIN,
    ping(),
    frame(0x99, 0, 1, Buffer.alloc(3)),
    data(1, 'abc', false, 3),
    data(1, ''),
    ping(),
  ])
  for (const size of [1, 5, 1000])
    for (let stopAt = 1; stopAt < 9; stopAt++) {
      let calls = 0
      const called = () => {
        calls++
        if (calls === stopAt) reader.stop()
      }
      const reader: FrameReader = new FrameReader(MAX, {
        onFrame: called,
        onDataFrame: called,
        onContent: called,
        onDataEnd: called,
      })
      for (const piece of pieces(all, size)) reader.receive(piece)
      assert.equal(calls, stopAt)
      assert.equal(reader.keptBytes, 0)
    }
})
