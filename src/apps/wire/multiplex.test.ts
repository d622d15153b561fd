/** `test/vectors/multiplex.json` is read by this test and by a test in Python. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { applicationRoot } from '../../http/application-root.ts'
import { FakeExchange, type FakeRequest } from '../testing/fake-exchange.ts'
import { FrameWriter } from './frame-writer.ts'
import { MAX_CONTENT, MESSAGE_MORE, MESSAGE_TEXT, MultiplexType, WINDOW } from './multiplex.ts'
import { MultiplexDecoder, type WireState } from './multiplex-decode.ts'
import * as encode from './multiplex-encode.ts'
import { ScopeWriter } from './scope.ts'
import { WireViolation } from './violation.ts'

interface Frame {
  readonly type: keyof typeof MultiplexType
  readonly exchange: number
  // biome-ignore lint/suspicious/noExplicitAny: fields depend on the type
  readonly [field: string]: any
}

interface Vector {
  readonly name: string
  readonly from: 'gateway' | 'worker'
  readonly hex: string
  readonly frames: readonly Frame[]
  /** For a vector that is one REQUEST. The test in Python compares the scope, whose bytes are hexadecimal here. */
  readonly request?: FakeRequest
  readonly rootPath?: string
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../../../test/vectors/multiplex.json', import.meta.url), 'utf8'),
)
const of = (from: Vector['from']) => vectors.filter(vector => vector.from === from)

function write(writer: FrameWriter, { type, exchange, ...frame }: Frame): void {
  switch (type) {
    case 'HELLO':
      encode.writeHello(writer, frame['hello'].build)
      break
    case 'BODY':
      encode.writeBody(writer, exchange, Buffer.from(frame['data'], 'hex'))
      break
    case 'BODY_END':
      encode.writeBodyEnd(writer, exchange)
      break
    case 'DISCONNECT':
      encode.writeDisconnect(writer, exchange, frame['code'], frame['reason'])
      break
    case 'CREDIT':
      encode.writeCredit(writer, exchange, frame['bytes'])
      break
    case 'CANCEL':
      encode.writeCancel(writer, exchange)
      break
    case 'PING':
      encode.writePing(writer, frame['token'])
      break
    case 'ATTACH':
      writer.raw(encode.encodeAttach(frame['token']))
      break
    case 'FILE_OPENED':
      encode.writeFileOpened(writer, exchange, frame['opened'])
      break
    case 'MESSAGE': {
      const flags = (frame['text'] ? 1 : 2) + (frame['more'] ? MESSAGE_MORE : 0)
      encode.writeMessage(writer, exchange, flags, Buffer.from(frame['data'], 'hex'))
      break
    }
    default:
      throw new Error(`the gateway sends no ${type}`)
  }
}

for (const { name, frames, hex, request, rootPath } of of('gateway')) {
  test(`gateway: ${name}`, () => {
    const writer = new FrameWriter()
    if (request === undefined) for (const frame of frames) write(writer, frame)
    else {
      const { exchange, bodyFollows, body } = frames[0]!
      const inline = bodyFollows ? null : Buffer.from(body, 'hex').toString('latin1')
      encode.writeRequest(
        writer,
        exchange,
        Object.assign(new FakeExchange(request), { id: 'r-1' }),
        new ScopeWriter(applicationRoot(rootPath!, '')),
        { inline, bodyLength: -1 },
      )
    }
    assert.equal(writer.bytes().toString('hex'), hex)
  })
}

class State implements WireState {
  stage: WireState['stage'] = 'head'
  granted = WINDOW
  readonly isWebSocket: boolean
  readonly id: number
  constructor(id: number, isWebSocket: boolean) {
    this.id = id
    this.isWebSocket = isWebSocket
  }
}

/** In the vectors exchange 8 is a WebSocket, 7 and 9 are not. */
function makeDecoder() {
  const frames: Frame[] = []
  const states = new Map([7, 8, 9].map(id => [id, new State(id, id === 8)]))
  const add = (type: Frame['type'], { id: exchange }: { id: number }, rest: object) =>
    frames.push({ type, exchange, ...rest })
  const end = ({ id }: State) => states.delete(id)
  const none = { id: 0 }
  const decoder: MultiplexDecoder<State> = new MultiplexDecoder<State>({
    find: id => {
      if (id > 9) throw new WireViolation('an exchange that never was')
      return states.get(id) ?? null
    },
    onHello: hello => add('HELLO', none, { hello }),
    onPong: token => add('PONG', none, { token }),
    onResponse: (state, { status, headers, hasTrailers }, body, complete, runMicros) => {
      const flags = hasTrailers ? { complete, hasTrailers } : { complete }
      add('RESPONSE', state, { status, ...flags, runMicros, headers, body: body.toString('hex') })
      if (complete) end(state)
    },
    // Content comes in pieces, wherever its frames begin.
    onChunk: (state, data) => {
      const last = frames.at(-1)
      const isMore = last?.type === 'CHUNK' && last.exchange === state.id
      const before = isMore ? frames.pop()!['data'] : ''
      add('CHUNK', state, { data: before + data.toString('hex') })
    },
    onEnd: (state, runMicros, trailers) => {
      add('END', state, { runMicros, trailers })
      end(state)
    },
    onFile: (state, file) => {
      add('FILE', state, { ...file, device: `${file.device}`, inode: `${file.inode}` })
      state.stage = 'content'
    },
    onInform: (state, { status, headers }) => add('INFORM', state, { status, headers }),
    onFailed: (state, reason, runMicros) => {
      add('FAILED', state, { runMicros, reason })
      end(state)
    },
    onCredit: (state, bytes) => add('CREDIT', state, { bytes }),
    onAccept: (state, subprotocol, headers) => add('ACCEPT', state, { subprotocol, headers }),
    onMessage: (state, data, flags) =>
      add('MESSAGE', state, {
        text: (flags & MESSAGE_TEXT) !== 0,
        more: (flags & MESSAGE_MORE) !== 0,
        data: data.toString('hex'),
      }),
    onTaken: (state, token, waits) => add('TAKEN', state, { token, waits }),
    onClose: (state, code, reason) => {
      add('CLOSE', state, { code, reason })
      end(state)
    },
  })
  return { frames, decoder }
}

const hello = Buffer.from(of('worker')[0]!.hex, 'hex')

/** The calls that the bytes make, cut at the given places. Calls of the frames before the vector's own are dropped. */
function decode(bytes: Buffer, cuts: readonly number[]): Frame[] {
  const { decoder, frames } = makeDecoder()
  const isHello = bytes[4] === MultiplexType.HELLO
  if (!isHello) decoder.push(hello)
  frames.length = 0
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    // The buffer is overwritten, so the decoder must not have kept a part of it.
    const shared = Buffer.from(bytes.subarray(from, cut))
    decoder.push(shared)
    shared.fill(0xee)
    from = cut
  }
  return frames
}

function frame(type: number, exchange: number, payload: Buffer | string = ''): Buffer {
  const data = Buffer.from(payload as string, 'latin1')
  const header = Buffer.alloc(9)
  header.writeUInt32LE(data.length, 0)
  header[4] = type
  header.writeUInt32LE(exchange, 5)
  return Buffer.concat([header, data])
}

const T = MultiplexType
const cutsOf = (bytes: Buffer) =>
  fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 12 }).map(cuts => cuts.sort((a, b) => a - b))

for (const { name, frames, hex } of of('worker')) {
  test(`worker: ${name}`, () => {
    const bytes = Buffer.from(hex, 'hex')
    const everywhere = Array.from({ length: bytes.length }, (_, i) => i)
    assert.deepEqual(decode(bytes, []), frames)
    assert.deepEqual(decode(bytes, everywhere), frames)
    fc.assert(
      fc.property(cutsOf(bytes), cuts => assert.deepEqual(decode(bytes, cuts), frames)),
      { numRuns: 20 },
    )
  })
}

test('whatever a worker sends, the decoder passes it on or refuses it, the same for every cutting', () => {
  const outcome = (bytes: Buffer, cuts: readonly number[]): unknown => {
    try {
      return decode(bytes, cuts)
    } catch (error) {
      assert.ok(error instanceof WireViolation)
      return error.message
    }
  }
  const good = of('worker')
    .slice(1)
    .map(({ hex }) => Buffer.from(hex, 'hex'))
  const mutated = fc
    .tuple(
      fc.array(fc.constantFrom(...good), { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
    )
    .map(([pieces, changes]) => {
      const bytes = Buffer.concat(pieces)
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      return bytes
    })
  fc.assert(
    fc.property(
      mutated.chain(bytes => fc.tuple(fc.constant(bytes), cutsOf(bytes))),
      ([bytes, cuts]) => {
        assert.deepEqual(outcome(bytes, cuts), outcome(bytes, []))
      },
    ),
    { numRuns: 500 },
  )
})

const accept = frame(T.ACCEPT, 8)
const begin = frame(T.RESPONSE, 7, '\xc8\0\0\0\0\0\0\0\0\0\0')
const fullChunk = frame(T.CHUNK, 7, Buffer.alloc(MAX_CONTENT))
const violations: [string, Buffer[]][] = [
  ['a second hello', [hello]],
  ['a type that only the gateway sends', [frame(T.REQUEST, 7)]],
  ['an exchange of number 0', [frame(T.CHUNK, 0)]],
  ['a PONG for an exchange', [frame(T.PONG, 7, '\0\0\0\0')]],
  ['an exchange that never was', [frame(T.CREDIT, 99, '\0\0\0\0')]],
  ['content before a head', [frame(T.CHUNK, 7, 'x')]],
  ['two heads', [begin, begin]],
  ['an interim response after the head', [begin, frame(T.INFORM, 7, '\x67\0')]],
  ['interim status 101', [frame(T.INFORM, 7, '\x65\0')]],
  ['a message before ACCEPT', [frame(T.MESSAGE, 8, '\x01x')]],
  ['ACCEPT of what is no WebSocket', [frame(T.ACCEPT, 7)]],
  ['a response after ACCEPT', [accept, frame(T.RESPONSE, 8, '\xc8\0\x01\0\0\0\0\0\0\0\0')]],
  ['a message that is neither text nor binary', [accept, frame(T.MESSAGE, 8, '\x03x')]],
  ['a chunk that is too long', [begin, frame(T.CHUNK, 7, Buffer.alloc(MAX_CONTENT + 1))]],
  ['content beyond its credit', [begin, ...Array.from({ length: 5 }, () => fullChunk)]],
  ['empty messages beyond the credit', [accept, ...Array.from({ length: 8193 }, () => frame(T.MESSAGE, 8, '\x02'))]],
  ['a trailer that splits', [begin, frame(T.END, 7, '\0\0\0\0x\0a\r\nb')]],
  ['a head longer than its frame', [frame(T.RESPONSE, 7, '\xc8\0\x01\0\0\0\0\xff\0\0\0')]],
]
for (const [name, frames] of violations)
  test(`refused: ${name}`, () => {
    const bytes = Buffer.concat([hello, ...frames])
    const { decoder } = makeDecoder()
    assert.throws(() => decoder.push(bytes), WireViolation)
  })

test('a first frame other than HELLO is refused', () => {
  assert.throws(() => makeDecoder().decoder.push(frame(T.PONG, 0, '\0\0\0\0')), WireViolation)
})

test('frames of an exchange that is over are skipped', () => {
  const ended = frame(T.RESPONSE, 7, '\xc8\0\x01\0\0\0\0\0\0\0\0')
  const after = [frame(T.CHUNK, 7, 'late'), frame(T.END, 7, '\0\0\0\0'), frame(T.FAILED, 7, '\0\0\0\0why')]
  const frames = decode(Buffer.concat([ended, ...after, frame(T.PONG, 0, '\x05\0\0\0')]), [])
  assert.deepEqual(
    frames.map(({ type }) => type),
    ['RESPONSE', 'PONG'],
  )
})

test('a chunk that begins within its credit is within it, wherever a read cuts it', () => {
  const oneByte = frame(T.RESPONSE, 7, '\xc8\0\0\0\0\0\0\0\0\0\0x')
  // The window ends a byte before the last of these.
  const chunks = Array.from({ length: WINDOW / MAX_CONTENT }, () => fullChunk)
  const bytes = Buffer.concat([hello, oneByte, ...chunks])
  const { decoder } = makeDecoder()
  decoder.push(bytes.subarray(0, -1))
  decoder.push(bytes.subarray(-1))
  assert.throws(() => decoder.push(frame(T.CHUNK, 7, 'x')), WireViolation)
})

test('as much content as the window holds may come at once, and no byte more', () => {
  const { decoder, frames } = makeDecoder()
  const four = Array.from({ length: WINDOW / MAX_CONTENT }, () => fullChunk)
  decoder.push(Buffer.concat([hello, begin, ...four]))
  assert.equal(frames.at(-1)!['data'].length, 2 * WINDOW)
  assert.throws(() => decoder.push(frame(T.CHUNK, 7, 'x')), WireViolation)
})
